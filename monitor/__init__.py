"""Evenhours: when clinicians work, told to each of them alone."""

__version__ = "0.1.0"
