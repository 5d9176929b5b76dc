"""The weekly report of one therapist as a page, a file, plain text and Markdown, all with the same sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from reports import outline, tables, value_texts, wording
from reports.models import TextTable
from reports.outline import ReportOutline, Section

if TYPE_CHECKING:
    from reports.models import BuiltFrom, Card, OwnRange, Rhythm, WeeklyReport

PRIVACY = (
    "Private to you: in Evenhours nobody else can open it. (Whoever administers the computer could.) "
    "Your director sees caseload totals, never this report."
)
CLOSING = "This report counts times. It cannot know how you feel, and it is not a health assessment."
RANGES = value_texts.OWN_RANGES
RANGES_BASIS = "Shaded: your own usual range, the middle 80 % of your earlier weeks. No one else’s numbers are used."
TRY = "One thing to try, if it fits:"
BASED_ON, WEEKS = "What this is based on", "Week by week"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in its page: both widths, and its numbers. ``note`` explains how to read the numbers."""

    title: str
    subtitle: str
    wide: str
    narrow: str
    numbers: TextTable
    note: str = ""


def html(
    report: WeeklyReport,
    *,
    actions: str | None = None,
    csrf_token: str = "",
    weeks: str | None = None,
    data: str | None = None,
    until: tuple[date, date] | None = None,
) -> str:
    """Return the page's body, for the caller's frame.

    ``actions`` is the address under which a notice is answered: each answer is posted to ``actions/NOTICE`` as
    ``answer`` with ``csrf_token``; without it there are no buttons. ``weeks`` is an address to which an ISO week is
    appended; without it there are no links to other weeks. ``data`` is the address of what is stored about the reader.
    ``until`` are the first and the last day that an answer can name as the end of an exception.
    """
    from reports.shell import fragment

    neighbours = [
        (text, weeks + wording.iso_week(week))
        for text, week in (("Week before", report.previous), ("Week after", report.following))
        if week is not None and weeks is not None
    ]
    return fragment(
        "weekly.html",
        report=report,
        sentences=_shared_sentences(report),
        figures=_figures(report),
        actions=actions.rstrip("/") if actions is not None else None,
        csrf_token=csrf_token,
        around=neighbours,
        data=data,
        days=until,
    )


def standalone(report: WeeklyReport) -> str:
    """Return the report as one file that loads nothing."""
    from reports.shell import standalone as file

    return file(f"Evenhours, {week_title(report.week)}", html(report))


def text(report: WeeklyReport) -> str:
    """Return the report in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: WeeklyReport) -> str:
    """Return the report in Markdown."""
    return outline.markdown(_outline(report))


def week_title(monday: date) -> str:
    """Return a week by its days: "Week of 3 to 9 November 2025"."""
    sunday = monday + timedelta(days=6)
    # The shortest form that is unambiguous: month and year are named once where both days share them.
    if monday.year != sunday.year:
        return f"Week of {wording.full_date(monday)} to {wording.full_date(sunday)}"
    first = str(monday.day) if monday.month == sunday.month else wording.day_and_month(monday)
    return f"Week of {first} to {wording.full_date(sunday)}"


def basis_sentence(built: BuiltFrom, week: date) -> str:
    """Return what the report rests on, what it does not see, and up to when it is complete."""
    events = wording.counted(built.calendar_events, "calendar event")
    times = wording.counted(built.message_times, "message time")
    sentences = [f"Built from {events} and {times}.", "No message or note is read."]
    if not built.messages_connected:
        sentences = [f"Built from {events}.", "No messages are connected, so replies and evenings are missing."]
    if built.not_seen:
        sentences.append(f"Not seen: {', '.join(built.not_seen)}.")
    through = built.complete_through
    if through is None:
        freshness = "Nothing has arrived yet."
    elif through.date() > week + timedelta(days=6):
        freshness = "Complete through Sunday night."
    elif through.date() < week:
        freshness = f"Complete through {wording.day_and_month(through.date())}, before this week began."
    else:
        freshness = f"Complete through {wording.moment(through)}."
    return " ".join([*sentences, freshness])


@dataclass(frozen=True, slots=True)
class SharedSentences:
    """Sentences that the page and the text share."""

    privacy: str
    week: str
    basis: str
    warnings: tuple[str, ...]
    try_label: str
    closing: str
    definitions: str


def _shared_sentences(report: WeeklyReport) -> SharedSentences:
    built = report.built_from
    # Assumed hours touch every number on the page, so they are said at the top.
    warnings = [*report.warnings, *([wording.ASSUMED_HOURS] if built.assumed_hours else [])]
    definitions = f"Definitions, version {report.definitions_version}."
    week = week_title(report.week)
    return SharedSentences(
        PRIVACY, week, basis_sentence(built, report.week), tuple(warnings), TRY, CLOSING, definitions
    )


def _figures(report: WeeklyReport) -> list[Figure]:
    """Return the figures of the page that have anything to draw, in its order."""
    from reports import charts

    figures = []
    if week := report.rhythm:
        wide, narrow = charts.rhythm(week, "rhythm"), charts.rhythm(week, "rhythm-narrow", narrow=True)
        note = "Minutes of work in each hour; a plus sign marks those outside your agreed hours."
        figures.append(Figure(week.title, week.subtitle, wide, narrow, tables.rhythm(week), note))
    if ends := report.ends:
        wide, narrow = "", ""
        # With too few known ends there is a title and a table, and nothing to draw.
        if ends.days:
            wide, narrow = charts.session_ends(ends, "ends"), charts.session_ends(ends, "ends-narrow", narrow=True)
        note = "Minutes after the booked end."
        figures.append(Figure(ends.title, ends.subtitle, wide, narrow, tables.session_ends(ends), note))
    if ranges := report.ranges:
        wide, narrow = charts.own_ranges(ranges, "ranges"), charts.own_ranges(ranges, "ranges-narrow", narrow=True)
        figures.append(Figure(RANGES, _basis(ranges), wide, narrow, tables.own_ranges(ranges)))
    return figures


def _basis(measures: tuple[OwnRange, ...]) -> str:
    """Return how the range is made, where there is one."""
    return RANGES_BASIS if any(measure.low is not None for measure in measures) else "No one else’s numbers are used."


def _outline(report: WeeklyReport) -> ReportOutline:
    shared = _shared_sentences(report)
    sections = [Section(sentences=(f"{shared.week}. {shared.basis}", *shared.warnings))]
    if report.card:
        sections += _card_sections(report.card)
    if week := report.rhythm:
        sections.append(Section(week.title, _sentences(week.subtitle), picture=rhythm_picture(week)))
    if ends := report.ends:
        rows = tuple(
            (
                wording.weekday(day.day),
                value_texts.ends_past_grace(day),
                ", ".join(wording.signed(round(end.minutes)) for end in day.ends) or wording.DASH,
            )
            for day in ends.days
        )
        table = TextTable(("Day", "Past buffer", "Minutes after the booked end"), rows)
        sections.append(Section(ends.title, _sentences(ends.subtitle), table=table))
    if report.ranges:
        # Nothing is shaded in plain text.
        basis = _basis(report.ranges).removeprefix("Shaded: your own usual range,").strip()
        basis = f"Your range is {basis}" if basis.startswith("the middle") else basis
        sections.append(Section(RANGES, (basis,), table=tables.this_week(report.ranges)))
    sections += [Section(gap.title, (gap.text,)) for gap in report.gaps]
    lists = (
        ("What protects", report.protective_facts),
        ("Looking ahead", report.looking_ahead),
        ("Notes", report.notes),
        ("People to talk to", report.contacts),
    )
    sections += [Section(heading, items=items) for heading, items in lists if items]
    sections.append(Section(sentences=(shared.closing, shared.definitions)))
    return ReportOutline((shared.privacy,), report.headline, tuple(sections))


def _sentences(sentence: str) -> tuple[str, ...]:
    return (sentence,) if sentence else ()


def _card_sections(card: Card) -> list[Section]:
    """Return the notice, its evidence, its weeks, and what follows from it; absent parts are left out."""
    sections = [Section(card.title, (card.text,))]
    if card.evidence.rows:
        sections.append(Section(sentences=(f"{BASED_ON}:",), table=card.evidence))
    if card.weeks:
        sections.append(Section(sentences=(f"{WEEKS}:",), table=card.weeks))
    after = [f"{TRY} {card.try_this}"] if card.try_this else []
    after += [f"Your answer: {card.answer}."] if card.answer else []
    if after:
        sections.append(Section(sentences=tuple(after)))
    return sections


def rhythm_picture(week: Rhythm) -> str:
    """Return the week by hour in letters, two columns an hour."""
    headings = (f"{hour % 24:<6}" for hour in week.hours if hour % 3 == 0)
    # The first hour divisible by three gets a label; each hour is two columns wide.
    first_heading = next((column for column, hour in enumerate(week.hours) if hour % 3 == 0), 0)
    rows = [f"{' ' * (5 + 2 * first_heading)}{''.join(headings)}".rstrip()]
    letters = {(True, True): "*", (True, False): "#", (False, True): "+"}  # work inside, and outside agreed hours
    for day in week.days:
        cells = []
        for hour, inside, outside in zip(week.hours, day.inside, day.outside, strict=True):
            is_agreed = any(start < hour + 1 and hour < end for start, end in day.agreed)
            cells.append(letters.get((inside > 0, outside > 0), "." if is_agreed else " "))
        rows.append(f"{wording.short_weekday(day.day):<5}{' '.join(cells)}  {value_texts.outside_hours(day)}")
    return "\n".join([*rows, "", "     # work inside agreed hours, + outside, * both, . agreed, no work"])
