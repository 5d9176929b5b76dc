"""Single values in words, shared by the figures and the tables below them so that both always agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import wording
from reports.models import EndState, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from reports.models import CaseloadRow, ComparedMetric, EndsDay, OwnRange, RhythmDay, SelfReportScale, SessionEnd

OWN_RANGES = "You, compared only with you"
ENDS = {
    EndState.WITHIN: "within time or buffer",
    EndState.PAST: "past your buffer",
    EndState.PLANNED: "as planned",
}


def outside_hours(day: RhythmDay) -> str:
    """Return a day's work outside the agreed hours, or "leave"."""
    return "leave" if day.leave and not day.outside_minutes else wording.quantity(day.outside_minutes, Unit.MINUTES)


def session_end(session: SessionEnd) -> str:
    """Return when a session ended, relative to the booked end and the buffer."""
    return f"{wording.signed_minutes(session.minutes)}, {ENDS[session.state]}"


def ends_past_grace(day: EndsDay) -> str:
    """Return how many of a day's sessions ended past the buffer, of those with a known end that were not planned so."""
    # What was planned to end late is neither inside nor past the buffer.
    compared = [session for session in day.ends if session.state is not EndState.PLANNED]
    count = sum(session.state is EndState.PAST for session in compared)
    return f"{count} of {len(compared)}" if compared else wording.DASH


def this_week(measure: OwnRange) -> str:
    """Return the metric's value in the reported week."""
    return wording.quantity(measure.values[-1] if measure.values else None, measure.unit)


def week_value(measure: OwnRange, index: int) -> str:
    """Return one week of a metric."""
    value = wording.quantity(measure.values[index], measure.unit)
    return f"{measure.title}, week of {wording.day_and_month(measure.weeks[index])}: {value}"


def usual_range(measure: OwnRange) -> str:
    """Return the person's own range of a metric: "usually 7 – 12"."""
    if measure.low is None or measure.high is None:
        return "no usual range yet"
    return f"usually {wording.value_range(measure.low, measure.high, measure.unit)}"


def range_standing(measure: OwnRange) -> str:
    """Return the place of this week relative to the person's own range; empty while there is no range."""
    value = measure.values[-1] if measure.values else None
    if value is None:
        return "no value this week"
    if measure.low is None or measure.high is None:
        return ""
    if value > measure.high:
        return "above your range"
    return "below your range" if value < measure.low else "in your range"


def fte(row: CaseloadRow) -> str:
    """Return the full-time equivalent: "1.0", "0.75"."""
    return f"{row.fte:.2f}".removesuffix("0")


def load(row: CaseloadRow) -> str:
    """Return one clinician's load, with its difference from an equal share."""
    against = f", {wording.signed_percent(row.difference)} against an equal share" if row.difference is not None else ""
    return f"{row.name}: {wording.quantity(row.load, Unit.LOAD)}{against}"


def load_before(row: CaseloadRow) -> str:
    """Return one clinician's load of the two blocks before."""
    return f"{row.name}, the two blocks before: {wording.quantity(row.load_before, Unit.LOAD)}"


def band_name(scale: SelfReportScale, value: float) -> str:
    """Return the published name of a scale's value; empty where none is published."""
    # Bands are ordered by their first value; the last one reached is the value's band.
    return next((name for low, name in reversed(scale.bands) if value >= low), "")


def self_report(scale: SelfReportScale, index: int) -> str:
    """Return one answer of a scale."""
    day, value = scale.points[index]
    text = f"{scale.title}, {wording.day_and_month(day)}: {wording.quantity(value, Unit.COUNT)}"
    return ", ".join(filter(None, (text, band_name(scale, value))))


def week_of_metric(measure: ComparedMetric, week: date, value: float) -> str:
    """Return one week of a metric that is compared with the answers."""
    return f"{measure.title}, week of {wording.day_and_month(week)}: {wording.quantity(value, measure.unit)}"


def latest_value(measure: ComparedMetric, weeks: Sequence[date]) -> tuple[str, str]:
    """Return the latest known value of a metric, and its week; dashes where there is none."""
    known_weeks = [(week, value) for week, value in zip(weeks, measure.values, strict=True) if value is not None]
    if not known_weeks:
        return wording.DASH, "no value"
    week, value = known_weeks[-1]
    return wording.quantity(value, measure.unit), f"week of {week.day} {wording.MONTHS[week.month - 1][:3]}"
