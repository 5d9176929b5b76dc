"""One function a metric: from a clinician's frames to the value, n and coverage of each of their weeks."""
