"""Numbers, days and lists in plain English, independent of the machine's locale. A missing value is a dash, never 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reports.models import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

ASSUMED_HOURS = "Your hours are assumed until you set them: Monday to Friday, 8:00 to 18:00."
"""Stands wherever numbers are shown that rest on hours which nobody declared."""

OVERDUE = "Nothing new has arrived for more than 48 hours, so what you see may be old."

DASH = "–"
MINUS = "−"
NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def quantity(value: float | None, unit: Unit) -> str:
    """Return a value with its unit: "8", "38 min", "2 h 41", "18.5 h", "25 %", "12 days", "21.4"; a dash if missing."""
    if value is None or not math.isfinite(value):
        return DASH
    sign = MINUS if value < 0 and _number(abs(value), unit) != _number(0, unit) else ""
    return sign + _number(abs(value), unit)


def _number(size: float, unit: Unit) -> str:
    match unit:
        # Short averages keep a decimal; from ten minutes on whole minutes say enough.
        case Unit.MINUTES if size < 9.95 and abs(size - _whole(size)) > 0.05:
            return f"{size:.1f} min"
        case Unit.MINUTES:
            hours, minutes = divmod(_whole(size), 60)
            if not hours:
                return f"{minutes} min"
            return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"
        case Unit.HOURS:
            return f"{_trimmed(size)} h"
        case Unit.PERCENT:
            return f"{_whole(size)} %"
        case Unit.DAYS:
            return counted(_whole(size), "day")
        case Unit.LOAD:
            return f"{size:.1f}"
        case Unit.COUNT:
            return _trimmed(size)


def _whole(size: float) -> int:
    # Half rounds up: Python's round() goes to the even number.
    return math.floor(size + 0.5)


def _trimmed(size: float) -> str:
    return f"{size:.1f}".removesuffix(".0")


def value_range(low: float | None, high: float | None, unit: Unit) -> str:
    """Return both ends of a range, a shared unit written once: "1 h 06 – 1 h 41", "38 – 52 min", "7 – 12"."""
    first, last = quantity(low, unit), quantity(high, unit)
    if first == last:
        return first
    for shared in (" min", " h", " %", " days"):
        if first.endswith(shared) and last.endswith(shared):
            first = first.removesuffix(shared)
            break
    # A dash beside a minus sign is hard to read.
    return f"{first} to {last}" if MINUS in first + last else f"{first} – {last}"


def signed_percent(value: float | None) -> str:
    """Return a difference in per cent: "+22 %", "−4 %", "0 %"."""
    text = quantity(value, Unit.PERCENT)
    return f"+{text}" if value is not None and text[0] not in f"0{MINUS}{DASH}" else text


def signed(number: int) -> str:
    """Return a whole number with its sign: "+14", "−3", "0"."""
    return f"{number:+,}".replace("-", MINUS) if number else "0"


def signed_minutes(minutes: float) -> str:
    """Return minutes after (+) or before (−) a booked end: "+14 min", "−3 min", "0 min"."""
    text = quantity(minutes, Unit.MINUTES)
    return text if text.startswith((MINUS, "0 ")) else f"+{text}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: "1 session", "24 sessions", "1,260 events"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def spelled(number: int) -> str:
    """Return a small number as a word, for the middle of a sentence: "six", "twelve", "13"."""
    return NUMBERS[number] if 0 <= number < len(NUMBERS) else f"{number:,}"


def listed(items: Sequence[str]) -> str:
    """Return a list in words: "phone", "phone and portal", "phone, portal and fax"."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def weekday(day: date) -> str:
    """Return the day's name: "Monday"."""
    return WEEKDAYS[day.weekday()]


def short_weekday(day: date) -> str:
    """Return the day's short name: "Mon"."""
    return weekday(day)[:3]


def day_and_month(day: date) -> str:
    """Return a date without its year: "3 November"."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def full_date(day: date) -> str:
    """Return a date: "3 November 2025"."""
    return f"{day_and_month(day)} {day.year}"


def days_between(first: date, last: date) -> str:
    """Return two days and the span between: "3 November", "3 to 5 November", "30 November to 2 December"."""
    if first == last:
        return day_and_month(first)
    begun = str(first.day) if (first.year, first.month) == (last.year, last.month) else day_and_month(first)
    return f"{begun} to {day_and_month(last)}"


def iso_week(day: date) -> str:
    """Return the ISO week of a date: "2025-W45"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def moment(instant: datetime) -> str:
    """Return a local instant of a week: "Thursday 14:05", late evenings as "Sunday night"."""
    # From 23:00 on the evening is over for all that a reader cares about.
    if instant.hour >= 23:
        return f"{weekday(instant)} night"
    return f"{weekday(instant)} {instant:%H:%M}"


def hour(of_work_day: int) -> str:
    """Return an hour of the work day on an axis, 24 being midnight: "6 am", "noon", "3 pm", "midnight"."""
    clock = of_work_day % 24
    if clock % 12 == 0:
        return "noon" if clock else "midnight"
    return f"{clock % 12} {'am' if clock < 12 else 'pm'}"


def clock(hours: float) -> str:
    """Return local hours as a time of day: 9.0 is "9:00", 18.5 is "18:30", 25.0 is "1:00"."""
    whole_hours, minutes = divmod(_whole(hours * 60), 60)
    return f"{whole_hours if whole_hours == 24 else whole_hours % 24}:{minutes:02d}"
