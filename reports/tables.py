"""The numbers of each figure as rows of words, for readers without the picture: the same values."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.models import TextTable, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from reports.models import (
        Comparison,
        EndsDay,
        FairnessReport,
        OwnRange,
        Rhythm,
        RhythmDay,
        SelfReportScale,
        SessionEnds,
    )


def rhythm(week: Rhythm) -> TextTable:
    """Minutes of work by hour and day; "+" marks minutes outside the agreed hours."""
    columns = ("", *(wording.short_weekday(day.day) for day in week.days))
    hours = tuple(
        (wording.hour(hour), *(_cell(day.inside[n], day.outside[n]) for day in week.days))
        for n, hour in enumerate(week.hours)
    )
    worked = tuple(row for row in hours if any(row[1:]))
    agreed = ("agreed", *(_agreed(day) for day in week.days))
    return TextTable(columns, (*worked, ("outside", *(value_texts.outside_hours(day) for day in week.days)), agreed))


def _cell(inside: float, outside: float) -> str:
    parts = [f"{inside:.0f}"] if inside > 0 else []
    return " ".join([*parts, f"+{outside:.0f}"] if outside > 0 else parts)


def _agreed(day: RhythmDay) -> str:
    spans = [f"{wording.clock(start)}–{wording.clock(end)}" for start, end in day.agreed]
    return "leave" if day.leave else ", ".join(spans) or wording.DASH


def session_ends(week: SessionEnds) -> TextTable:
    """One row a session: the day, the booked end, where it ended; sessions of unknown end are counted."""
    return TextTable(("Day", "Booked end", "Ended"), tuple(row for day in week.days for row in _ends(day)))


def _ends(day: EndsDay) -> Iterator[tuple[str, str, str]]:
    for end in day.ends:
        yield wording.weekday(day.day), f"{end.booked_end:%H:%M}", value_texts.session_end(end)
    if unknown := day.held - len(day.ends):
        yield wording.weekday(day.day), wording.DASH, f"end unknown for {wording.counted(unknown, 'session')}"


def own_ranges(measures: Sequence[OwnRange]) -> TextTable:
    """One row a week, the newest first, then the usual range; one column a measure."""
    weeks = sorted({week for measure in measures for week in measure.weeks}, reverse=True)
    by_week = [dict(zip(measure.weeks, measure.values, strict=True)) for measure in measures]
    rows = [
        (
            wording.day_and_month(week),
            *(wording.quantity(v.get(week), m.unit) for m, v in zip(measures, by_week, strict=True)),
        )
        for week in weeks
    ]
    usual = ("usually", *(wording.value_range(measure.low, measure.high, measure.unit) for measure in measures))
    middle = ("middle", *(wording.quantity(measure.middle, measure.unit) for measure in measures))
    return TextTable(("Week of", *(measure.title for measure in measures)), (*rows, usual, middle))


def this_week(measures: Sequence[OwnRange]) -> TextTable:
    """One row a measure: this week, the usual range, where it lies."""
    rows = (
        (m.title, value_texts.this_week(m), value_texts.usual_range(m), value_texts.range_standing(m)) for m in measures
    )
    return TextTable(("Measure", "This week", "", ""), tuple(rows))


def shares(report: FairnessReport) -> TextTable:
    """One row a clinician: the load per full-time equivalent, now and before, beside that person's own band."""
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
    """One row a clinician by name, so that the table ranks nobody: what else a director may know; then the practice."""
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


OLD_SLOTS = "slots older than eight weeks"


def practice(report: FairnessReport) -> TextTable:
    """What is said of the practice as a whole alone; nothing below five people."""
    if report.sessions_held is None and report.nothing_booked is None:
        return TextTable(("Practice", "Number"), ())
    unknown = "not known: a calendar was not read yet then"
    rows = (
        ("Sessions held in the four weeks", wording.quantity(report.sessions_held, Unit.COUNT)),
        (
            "Clients with nothing booked at their end",
            unknown if report.nothing_booked is None else wording.quantity(report.nothing_booked, Unit.COUNT),
        ),
    )
    return TextTable(("Practice", "Number"), rows)


def evenness(report: FairnessReport) -> TextTable:
    """The indices, each beside what it means; nothing below four clinicians."""
    if report.hoover is None:
        return TextTable(("Measure", "Value"), ())
    rows = [
        ("Weighted sessions a week that would sit elsewhere", wording.quantity(report.sessions_to_move, Unit.LOAD)),
        (
            "The same, were all loads truly equal (chance alone)",
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
        rows.append(("Gini", "not said: so few people leave too much to chance"))
    return TextTable(("Measure", "Value"), tuple(rows))


def comparison(data: Comparison) -> TextTable:
    """One row a week, the newest first: what was answered in it, and what was measured."""
    columns = ("Week of", *(felt.title for felt in data.self_reports), *(measure.title for measure in data.measures))
    answered = [_by_week(felt) for felt in data.self_reports]
    rows = (
        (
            wording.full_date(week),
            *(", ".join(values.get(week, [wording.DASH])) for values in answered),
            *(wording.quantity(measure.values[at], measure.unit) for measure in data.measures),
        )
        for at, week in enumerate(data.weeks)
    )
    return TextTable(columns, tuple(rows)[::-1])


def _by_week(felt: SelfReportScale) -> dict[date, list[str]]:
    """The results of a scale in words, by the Monday of the week in which it was answered."""
    weeks: dict[date, list[str]] = {}
    for day, value in felt.points:
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(wording.quantity(value, Unit.COUNT))
    return weeks
