"""A comparison of detectors on simulated people, for whom the truth is known: ``make validity``."""
