"""Instants as mail spells them: nearly always in one way, and otherwise in many."""

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
_USUAL = re.compile(
    rf"(?:[A-Z][a-z]{{2}}, )?([0-3 ]?[0-9])([ -])({'|'.join(_MONTHS)})\2([12][0-9]{{3}}) "
    r"([0-2][0-9]:[0-5][0-9]:[0-5][0-9]) ([+-][0-9]{4})"
)
_DAY_NAME = re.compile(r"^\D*,\s*")
_LEAP_SECOND = re.compile(r"(:\d\d):60\b")
_LONGEST = 200


def usual_instant(text: str) -> datetime | None:
    """The instant of ``Tue, 01 Sep 2026 18:30:00 +0200`` or of ``01-Sep-2026 18:30:00 +0200``, in UTC.

    ``None`` for any other spelling, and for what does not add up.
    """
    match = _USUAL.fullmatch(text)
    if match is None:
        return None
    day, _, month, year, time, zone = match.groups()
    try:
        return datetime.fromisoformat(f"{year}-{_MONTHS[month]}-{day.strip().zfill(2)}T{time}{zone}").astimezone(UTC)
    except ValueError:
        return None


def instant_from(text: str) -> datetime | None:
    """The instant of a Date field or of a mailbox's From_ line, in UTC.

    A time without a zone, with ``-0000`` or with a zone's name that RFC 5322 does not know counts as UTC, as that RFC
    says. The day's name, in whatever language, is not looked at; a leap second is the second before it. Everything
    else that does not add up (a zone of +9900, 30 February) gives ``None``.
    """
    return usual_instant(text) or _unusual_instant(text)


def _unusual_instant(text: str) -> datetime | None:
    text = _LEAP_SECOND.sub(r"\1:59", _DAY_NAME.sub("", text[:_LONGEST]))
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
