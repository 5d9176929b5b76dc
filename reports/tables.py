"""Tables of the numbers in each figure, for readers without the picture."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.models import TextTable, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from reports.models import (
        Comparison,
        FairnessReport,
        OwnRange,
        Rhythm,
        SessionEnds,
    )


OLD_SLOTS = "slots older than eight weeks"


def rhythm(week: Rhythm) -> TextTable:
    """Return minutes of work by hour and day; "+" marks minutes outside the agreed hours."""
    columns = ("", *(wording.short_weekday(day.day) for day in week.days))
    hours = tuple(
        (wording.hour(hour), *(_cell(day.inside[index], day.outside[index]) for day in week.days))
        for index, hour in enumerate(week.hours)
    )
    worked_rows = tuple(row for row in hours if any(row[1:]))
    outside = ("outside", *(value_texts.outside_hours(day) for day in week.days))
    agreed = ["agreed"]
    for day in week.days:
        spans = ", ".join(f"{wording.clock(start)}–{wording.clock(end)}" for start, end in day.agreed)
        agreed.append("leave" if day.leave else spans or wording.DASH)
    return TextTable(columns, (*worked_rows, outside, tuple(agreed)))


def _cell(inside: float, outside: float) -> str:
    parts = [f"{inside:.0f}"] if inside > 0 else []
    return " ".join([*parts, f"+{outside:.0f}"] if outside > 0 else parts)


def session_ends(week: SessionEnds) -> TextTable:
    """Return one row a session: the day, the booked end, the actual end; sessions with unknown ends are counted."""
    rows = []
    for day in week.days:
        name = wording.weekday(day.day)
        rows += [(name, f"{end.booked_end:%H:%M}", value_texts.session_end(end)) for end in day.ends]
        # Counted, so that the rows add up to the sessions held.
        if unknown := day.sessions_held - len(day.ends):
            rows.append((name, wording.DASH, f"end unknown for {wording.counted(unknown, 'session')}"))
    return TextTable(("Day", "Booked end", "Ended"), tuple(rows))


def own_ranges(measures: Sequence[OwnRange]) -> TextTable:
    """Return one row a week, the newest first, then the usual range; one column a metric."""
    weeks = sorted({week for measure in measures for week in measure.weeks}, reverse=True)
    by_week = [dict(zip(measure.weeks, measure.values, strict=True)) for measure in measures]
    rows = [
        (
            wording.day_and_month(week),
            *(
                wording.quantity(values.get(week), measure.unit)
                for measure, values in zip(measures, by_week, strict=True)
            ),
        )
        for week in weeks
    ]
    usual = ("usually", *(wording.value_range(measure.low, measure.high, measure.unit) for measure in measures))
    middle = ("middle", *(wording.quantity(measure.middle, measure.unit) for measure in measures))
    return TextTable(("Week of", *(measure.title for measure in measures)), (*rows, usual, middle))


def this_week(measures: Sequence[OwnRange]) -> TextTable:
    """Return one row a metric: this week, the usual range, its place in it."""
    rows = (
        (
            measure.title,
            value_texts.this_week(measure),
            value_texts.usual_range(measure),
            value_texts.range_standing(measure),
        )
        for measure in measures
    )
    return TextTable(("Measure", "This week", "", ""), tuple(rows))


def shares(report: FairnessReport) -> TextTable:
    """Return one row a clinician: the load per full-time equivalent, now and before, with that person's own band."""
    columns = ("Clinician", "FTE", "Load", "Before", "Vs share", "Band", "Standing")
    rows = (
        (
            row.name,
            value_texts.fte(row),
            wording.quantity(row.load, Unit.LOAD),
            wording.quantity(row.load_before, Unit.LOAD),
            wording.signed_percent(row.difference),
            wording.DASH if row.low is None else wording.value_range(row.low, row.high, Unit.LOAD),
            row.standing.value,
        )
        for row in report.rows
    )
    return TextTable(columns, tuple(rows))


def people(report: FairnessReport) -> TextTable:
    """Return one row a clinician by name, so that the table ranks nobody: all else that a director may know."""
    columns = ("Clinician", "Clients", "New", "Slots: day", "evening", "trauma", "Supervision", "")
    rows = (
        (
            row.name,
            wording.quantity(row.active_clients, Unit.COUNT),
            wording.quantity(row.intakes, Unit.COUNT),
            wording.quantity(row.day_slots, Unit.COUNT),
            wording.quantity(row.evening_slots, Unit.COUNT),
            wording.quantity(row.trauma_slots, Unit.COUNT),
            row.supervision.value,
            "; ".join(filter(None, (row.note, OLD_SLOTS if row.slots_are_old else ""))),
        )
        for row in sorted(report.rows, key=lambda row: row.name.casefold())
    )
    return TextTable(columns, tuple(rows))


def practice(report: FairnessReport) -> TextTable:
    """Return the numbers of the practice as a whole; none below five people."""
    if report.sessions_held is None and report.nothing_booked is None:
        return TextTable(("Practice", "Number"), ())
    unknown = "not known: a calendar had not been read by then"
    rows = (
        ("Sessions held in the four weeks", wording.quantity(report.sessions_held, Unit.COUNT)),
        (
            "Clients with nothing booked at the end of the block",
            unknown if report.nothing_booked is None else wording.quantity(report.nothing_booked, Unit.COUNT),
        ),
    )
    return TextTable(("Practice", "Number"), rows)


def evenness(report: FairnessReport) -> TextTable:
    """Return the indices, each with its meaning; none below four clinicians."""
    if report.hoover is None:
        return TextTable(("Measure", "Value"), ())
    rows = [
        (
            "Weighted sessions a week that would be with other people",
            wording.quantity(report.sessions_to_move, Unit.LOAD),
        ),
        (
            "The same if all loads were truly equal (chance alone)",
            wording.quantity(report.sessions_to_move_by_chance, Unit.LOAD),
        ),
        ("Share of all load that would move (Hoover)", wording.quantity(report.hoover * 100, Unit.PERCENT)),
    ]
    if report.gini is not None and report.gini_low is not None and report.gini_high is not None:
        rows += [
            ("Gini, corrected for small numbers", f"{report.gini:.2f}"),
            ("Its 90 % interval", f"{report.gini_low:.2f} to {report.gini_high:.2f}"),
        ]
    else:
        rows.append(("Gini", "not shown: with so few people, chance decides too much"))
    return TextTable(("Measure", "Value"), tuple(rows))


def comparison(data: Comparison) -> TextTable:
    """Return one row a week, the newest first: the answers in it, and the measured values."""
    columns = ("Week of", *(scale.title for scale in data.self_reports), *(metric.title for metric in data.measures))
    # The answers of each scale in words, by the Monday of the week in which they were given.
    answers_by_week: list[dict[date, list[str]]] = [{} for _ in data.self_reports]
    for scale, answers in zip(data.self_reports, answers_by_week, strict=True):
        for day, value in scale.points:
            monday = day - timedelta(days=day.weekday())
            answers.setdefault(monday, []).append(wording.quantity(value, Unit.COUNT))
    rows = (
        (
            wording.full_date(week),
            *(", ".join(answers.get(week, [wording.DASH])) for answers in answers_by_week),
            *(wording.quantity(metric.values[index], metric.unit) for metric in data.measures),
        )
        for index, week in enumerate(data.weeks)
    )
    return TextTable(columns, tuple(rows)[::-1])
