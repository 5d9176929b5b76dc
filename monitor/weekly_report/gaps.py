"""What is missing, in words: for the person it is about, and for whoever looks after the computer.

And how much of one week is known, so that no sentence says more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from connectors.base import RecordType
from monitor.analysis.calendar import date_of
from monitor.analysis.clock import local_time
from monitor.readiness import Gap, GapKind, Readiness, SourceState
from monitor.roster import Clinician
from reports.weekly import week_title
from reports.wording import counted, day_and_month, listed, weekday

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@dataclass(frozen=True, slots=True)
class GapTexts:
    """A gap in words. ``{number}``, ``{source}`` and ``{person}`` (a key) stand for what it is about.

    clause       in the headline of the person's own page
    title, text  on that page: what is hidden, and what would make it known
    found, mend  for ``doctor`` and the night
    """

    clause: str
    title: str
    text: str
    found: str
    remedy: str


GAP_TEXTS: Mapping[GapKind, GapTexts] = {
    GapKind.OWNER_UNKNOWN: GapTexts(
        "no message was recognised as yours",
        "Which address is yours?",
        "None of the {number} in {source} looks like one that you sent, so replies and evenings are not known. Your "
        "address has to be added to the configuration; whoever looks after Evenhours sees which one is probably "
        "missing by: evenhours ingest --source {source} --full",
        "none of the {number} in {source} was sent by {person}, as far as the configuration knows",
        "One of their addresses is missing. evenhours ingest --source {source} --full names the one that stands in "
        'most messages; add it to addresses below key = "{person}".',
    ),
    GapKind.NO_SESSIONS: GapTexts(
        "no entry of your calendar was recognised as a session",
        "Which entries are sessions?",
        "None of the {number} of your calendar was recognised as a session, so sessions, breaks and days off are not "
        "known. The rules are in the configuration, under [[kinds]]; evenhours classify --try shows what they make of "
        "your calendar.",
        "none of the {number} in the calendar of {person} is a session by the rules",
        "Look at: evenhours classify --try, and correct the [[kinds]] of the configuration.",
    ),
    GapKind.CALENDAR_EMPTY: GapTexts(
        "nothing was found in your calendar yet",
        "Nothing was found in your calendar",
        "{source} is configured as your calendar, and no entry of it was read so far. Whoever looks after the computer "
        "sees why by: evenhours doctor",
        "no entry was read from {source} for {person}",
        "Check its path, its window and whose it is.",
    ),
    GapKind.NO_CALENDAR: GapTexts(
        "no calendar is connected",
        "Where is your calendar?",
        "No calendar is connected, so sessions, breaks and days off are not known. What messages alone prove is told "
        "as “at least”.",
        "no calendar is connected for {person}",
        "Add a [[source]] of a calendar to the configuration.",
    ),
    GapKind.MESSAGES_EMPTY: GapTexts(
        "nothing was found in your messages yet",
        "Nothing was found in your messages",
        "{source} is configured for your messages, and none was read so far. Whoever looks after the computer sees why "
        "by: evenhours doctor",
        "no message was read from {source} for {person}",
        "Check its path and whose it is.",
    ),
    GapKind.NO_MESSAGES: GapTexts(
        "no messages are connected",
        "Where are your messages?",
        "No messages are connected, so replies and evenings are not known. They can be added to the configuration as a "
        "[[source]] of their own.",
        "no messages are connected for {person}",
        "Replies and evenings stay unknown, and the page says so. A [[source]] of messages would tell.",
    ),
    GapKind.HOURS_ASSUMED: GapTexts(
        "your hours are assumed",
        "When is work?",
        "Until you say so, Monday to Friday, 8:00 to 18:00 is assumed. Your hours go into the configuration, as hours "
        "below your [[clinician]]; then this page can say what lay outside them.",
        "nobody declared the hours of {person}; Monday to Friday, 08:00 to 18:00 is assumed",
        'Write hours = [...] below key = "{person}".',
    ),
}

OPTIONAL_GAPS = frozenset({GapKind.NO_MESSAGES})
"""Gaps that somebody may want: nothing is wrong, and the page says what it does not know."""


def headline(gaps: Sequence[Gap]) -> str:
    """Return one sentence that names every gap, in the place of "Nothing stood out"."""
    said = listed(list(dict.fromkeys(GAP_TEXTS[gap.kind].clause for gap in gaps)))
    return f"{said[:1].upper()}{said[1:]}, so this page cannot say whether your week was usual."


def page_texts(gap: Gap) -> tuple[str, str]:
    """Return a gap for the person it is about: a heading, and what is hidden with what would make it known."""
    return GAP_TEXTS[gap.kind].title, _fill(GAP_TEXTS[gap.kind].text, gap, "")


def operator_texts(person: Clinician, gap: Gap) -> tuple[str, str]:
    """Return a gap as ``doctor`` and the night say it: what was found, and what to do about it."""
    words = GAP_TEXTS[gap.kind]
    return _fill(words.found, gap, person.key), _fill(words.remedy, gap, person.key)


def _fill(words: str, gap: Gap, person: str) -> str:
    one, many = ("entry", "entries") if gap.kind is GapKind.NO_SESSIONS else ("message", "messages")
    return words.format(number=counted(gap.number, one, many), source=gap.source, person=person)


RECORD_TYPE_NAMES = {
    RecordType.CALENDAR: "your calendar",
    RecordType.MESSAGES: "your messages",
    RecordType.TIMES: "the log of true session times",
}


def incomplete_sentence(ready: Readiness, week: int) -> str:
    """Return which part of a week was not read or not computed, empty if nothing is missing."""
    if ready.is_complete(week):
        return ""
    said = _last_read(ready, ready.incomplete_sources(week))
    if not ready.is_computed(week):
        since = ready.computation.computed_at
        failed = "could not be computed" if ready.computation.failed_at is not None else "are not computed yet"
        last = f" (the last time that they were is {_day(ready, since)})" if since else ""
        said.append(f"its numbers {failed}{last}")
    words = week_title(date_of(week))
    return f"The {words[:1].lower()}{words[1:]} is not complete: {listed(said)}."


def warnings_with_week(ready: Readiness) -> tuple[str, ...]:
    """Return what a page has to say of what it does not know, where no headline tells of the last week."""
    newest = incomplete_sentence(ready, ready.last_week) if ready.anything_read else ""
    return (*([newest] if newest else []), *warnings(ready))


def warnings(ready: Readiness) -> tuple[str, ...]:
    """Return what a page has to say of what it does not know, beside the headline that tells of the week itself."""
    return tuple(_warnings(ready))


def _warnings(ready: Readiness) -> Iterator[str]:
    if not ready.anything_read:
        return
    if ready.unread_sources:
        yield f"Not read so far: {', '.join(ready.unread_sources)}."
    newest = ready.last_week
    silent = [source for source in ready.overdue_sources if source not in ready.incomplete_sources(newest)]
    if silent:
        told = listed(_last_read(ready, silent))
        yield f"{told[:1].upper()}{told[1:]}, so what you see may be old."
    elif ready.is_overdue and not ready.overdue_sources and ready.is_complete(newest):
        yield "Your numbers were not computed for more than 48 hours, so what you see may be old."


def _last_read(ready: Readiness, sources: Sequence[SourceState]) -> list[str]:
    """Return when each source was last read, in one phrase for those of one day."""
    if len(sources) > 1 and len(sources) == sum(source.read_to is not None for source in ready.sources):
        days = {_day(ready, source.read_to) for source in sources}
        if len(days) == 1:
            return [f"nothing was read since {days.pop()}"]
    by_day: dict[str, list[SourceState]] = {}
    for source in sources:
        by_day.setdefault(_day(ready, source.read_to), []).append(source)
    return [
        f"{listed([_source_name(source) for source in those])} {_were(those)} last read on {day}"
        for day, those in by_day.items()
    ]


def _source_name(source: SourceState) -> str:
    if source.busy_only:
        return f"your other job’s calendar ({source.name})"
    part = next((part for part in RecordType if part in source.parts), None)
    return f"{RECORD_TYPE_NAMES[part]} ({source.name})" if part else source.name


def _were(sources: Sequence[SourceState]) -> str:
    plural = len(sources) > 1 or (
        RecordType.MESSAGES in sources[0].parts and RecordType.CALENDAR not in sources[0].parts
    )
    return "were" if plural else "was"


def _day(ready: Readiness, instant: int | None) -> str:
    local = local_time(ready.clinician, instant or 0)
    return f"{weekday(local.date())} {day_and_month(local.date())}"


@dataclass(frozen=True, slots=True)
class WeekCompleteness:
    """What is known of a week.

    Attributes:
        incomplete: The sentence that says which part was not read or computed; empty where nothing is missing.
        newer: The same of the last week that is over, where the page leads with an earlier one.
        computed: Whether its numbers were computed.
        whole: Whether everything was read and computed to its end.
        sessions: Whether its calendars were, and the numbers.
        gaps: The gaps of the person.
        nothing_read: Whether nothing of the person was ever read.
        messages: Whether messages say something of this week.
    """

    incomplete_sentence: str
    is_computed: bool
    is_complete: bool
    sessions_known: bool
    gaps: tuple[Gap, ...]
    nothing_read: bool
    messages_seen: bool
    newer_sentence: str = ""

    @classmethod
    def of(cls, ready: Readiness, frames: Frames, week: int, newer: str = "") -> Self:
        """Return what is known of a week (its Monday)."""
        computed = ready.is_computed(week)
        calendars = any(RecordType.CALENDAR in source.parts for source in ready.incomplete_sources(week))
        weeks = frames.weeks
        return cls(
            incomplete_sentence=incomplete_sentence(ready, week) if ready.anything_read else "",
            is_computed=computed,
            is_complete=ready.is_complete(week),
            sessions_known=computed and not calendars,
            gaps=ready.gaps if ready.anything_read else (),
            nothing_read=not ready.anything_read,
            messages_seen=week in weeks.index and bool(weeks.loc[week, "messages_observed"]),
            newer_sentence=newer,
        )

    @property
    def can_judge_hours(self) -> bool:
        """Whether it can be said that nothing lay outside the hours: they were chosen, and all work is seen."""
        return self.is_complete and self.messages_seen and not self.gaps and not self.newer_sentence

    def has_gap(self, kind: GapKind) -> bool:
        """Whether the person has that gap."""
        return any(gap.kind is kind for gap in self.gaps)
