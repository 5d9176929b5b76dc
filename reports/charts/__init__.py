"""The figures of the reports, each in two widths: 7.6 inches, and 4.75 with larger text for phones.

Every function takes its part of the model and a key unique in the page, and returns one ``<svg>``. Amber is part of a
notice and nothing else; what lies beyond the person's own hours, buffer or range is slate or teal.
"""

from reports.charts.ends import session_ends
from reports.charts.ranges import own_ranges
from reports.charts.rhythm import rhythm
from reports.charts.self_report import comparison
from reports.charts.shares import shares

__all__ = ["comparison", "own_ranges", "rhythm", "session_ends", "shares"]
