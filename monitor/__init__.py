"""Evenhours: when clinicians work, shown to each of them alone."""

__version__ = "0.1.0"
