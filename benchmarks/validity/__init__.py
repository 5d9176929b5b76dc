"""A simulated practice life, in which the truth is known, and a race of methods on it: ``make validity``."""
