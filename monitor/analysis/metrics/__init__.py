"""One function a metric: from a clinician's frames to a weekly table of value, n and coverage."""
