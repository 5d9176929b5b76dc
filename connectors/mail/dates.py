"""Dates of mail: nearly always in one form, and otherwise in many."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MONTHS = {
    month: f"{number:02}"
    for number, month in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_COMMON = re.compile(
    rf"(?:[A-Z][a-z]{{2}}, )?([0-3 ]?[0-9])([ -])({'|'.join(_MONTHS)})\2([12][0-9]{{3}}) "
    r"([0-2][0-9]:[0-5][0-9]:[0-5][0-9]) ([+-][0-9]{4})"
)
_DAY_NAME = re.compile(r"^\D*,\s*")
_LEAP_SECOND = re.compile(r"(:\d\d):60\b")
_LONGEST = 200


def parse_common_date(text: str) -> datetime | None:
    """Return the instant of ``Tue, 01 Sep 2026 18:30:00 +0200`` or of ``01-Sep-2026 18:30:00 +0200`` in UTC.

    ``None`` for any other form, and for an impossible date.
    """
    match = _COMMON.fullmatch(text)
    if match is None:
        return None
    day, _, month, year, time, zone = match.groups()
    try:
        return datetime.fromisoformat(f"{year}-{_MONTHS[month]}-{day.strip().zfill(2)}T{time}{zone}").astimezone(UTC)
    except ValueError:
        return None


def parse_date(text: str) -> datetime | None:
    """Return the instant of a Date field or of an mbox separator line in UTC.

    A time without a zone, with ``-0000``, or with a zone name that RFC 5322 does not define counts as UTC, as that RFC
    says. The name of the day, in whatever language, is ignored; a leap second is the second before it. Anything else
    that is impossible (a zone of +9900, 30 February) gives ``None``.
    """
    if common := parse_common_date(text):
        return common
    # The standard library refuses second 60, and a day's name of several words.
    text = _LEAP_SECOND.sub(r"\1:59", _DAY_NAME.sub("", text[:_LONGEST]))
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
