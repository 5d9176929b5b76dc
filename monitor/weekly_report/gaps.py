"""Gaps in sentences: what is missing, for the person concerned and for whoever looks after the computer.

Also the completeness of one week, so that no sentence claims more than is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Texts for one kind of gap. ``{number}``, ``{source}`` and ``{person}`` (a key) are filled in.

    clause         for the headline of the person's own page
    title, text    for the same page: what is hidden, and what would make it known
    found, remedy  for ``doctor`` and the night
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
        "None of the {number} in {source} was sent from an address known as yours, so replies and evenings are not "
        "known. Your address has to be added to the configuration. Whoever looks after Evenhours can find it with: "
        "evenhours ingest --source {source} --full",
        "none of the {number} in {source} was sent from a configured address of {person}",
        "One of their addresses is missing. evenhours ingest --source {source} --full shows the address found in "
        'most messages; add it to addresses below key = "{person}".',
    ),
    GapKind.NO_SESSIONS: GapTexts(
        "no entry of your calendar was recognised as a session",
        "Which entries are sessions?",
        "None of the {number} of your calendar was recognised as a session, so sessions, breaks and days off are not "
        "known. The rules are in the configuration, under [[kinds]]; evenhours classify --try shows how they sort your "
        "entries.",
        "none of the {number} in the calendar of {person} is a session by the rules",
        "Run evenhours classify --try, and correct the [[kinds]] of the configuration.",
    ),
    GapKind.CALENDAR_EMPTY: GapTexts(
        "nothing was found in your calendar yet",
        "Nothing was found in your calendar",
        "{source} is configured as your calendar, but no entry has been read from it so far. Whoever looks after the "
        "computer can see why with: evenhours doctor",
        "no entry was read from {source} for {person}",
        "Check its path, its window and its clinician.",
    ),
    GapKind.NO_CALENDAR: GapTexts(
        "no calendar is connected",
        "Where is your calendar?",
        "No calendar is connected, so sessions, breaks and days off are not known. Work that is known from messages "
        "alone is shown as “at least”.",
        "no calendar is connected for {person}",
        "Add a calendar to the configuration, as a [[source]].",
    ),
    GapKind.MESSAGES_EMPTY: GapTexts(
        "nothing was found in your messages yet",
        "Nothing was found in your messages",
        "{source} is configured for your messages, but none has been read from it so far. Whoever looks after the "
        "computer can see why with: evenhours doctor",
        "no message was read from {source} for {person}",
        "Check its path and its clinician.",
    ),
    GapKind.NO_MESSAGES: GapTexts(
        "no messages are connected",
        "Where are your messages?",
        "No messages are connected, so replies and evenings are not known. They can be added to the configuration as a "
        "[[source]] of their own.",
        "no messages are connected for {person}",
        "Replies and evenings stay unknown, and the page says so. To know them, add a [[source]] of messages.",
    ),
    GapKind.HOURS_ASSUMED: GapTexts(
        "your hours are assumed",
        "When is work?",
        "Until you set your hours, Monday to Friday, 8:00 to 18:00 is assumed. They go into the configuration, as "
        "hours below your [[clinician]]; then this page can say how much work lay outside them.",
        "nobody declared the hours of {person}; Monday to Friday, 08:00 to 18:00 is assumed",
        'Write hours = [...] below key = "{person}".',
    ),
}

OPTIONAL_GAPS = frozenset({GapKind.NO_MESSAGES})
"""Gaps that somebody may want: nothing is wrong, and the page states what it does not know."""


def headline(gaps: Sequence[Gap]) -> str:
    """Return one sentence that names every gap, in the place of "Nothing stood out"."""
    # Two sources can have the same gap; it is named once.
    clauses = listed(list(dict.fromkeys(GAP_TEXTS[gap.kind].clause for gap in gaps)))
    return f"{clauses[:1].upper()}{clauses[1:]}, so this page cannot say whether your week was usual."


def page_texts(gap: Gap) -> tuple[str, str]:
    """Return a heading and a text for the page of the person concerned."""
    return GAP_TEXTS[gap.kind].title, _fill(GAP_TEXTS[gap.kind].text, gap, "")


def operator_texts(person: Clinician, gap: Gap) -> tuple[str, str]:
    """Return what was found and its remedy, for ``doctor`` and the night."""
    texts = GAP_TEXTS[gap.kind]
    return _fill(texts.found, gap, person.key), _fill(texts.remedy, gap, person.key)


def _fill(text: str, gap: Gap, person: str) -> str:
    singular, plural = ("entry", "entries") if gap.kind is GapKind.NO_SESSIONS else ("message", "messages")
    return text.format(number=counted(gap.number, singular, plural), source=gap.source, person=person)


RECORD_TYPE_NAMES = {
    RecordType.CALENDAR: "your calendar",
    RecordType.MESSAGES: "your messages",
    RecordType.TIMES: "the log of true session times",
}


def incomplete_sentence(ready: Readiness, week: int) -> str:
    """Return the sentence that names what was not read or not computed of a week, empty if nothing is missing."""
    if ready.is_complete(week):
        return ""
    missing = _last_read(ready, ready.incomplete_sources(week))
    if not ready.is_computed(week):
        computed_at = ready.computation.computed_at
        state = "could not be computed" if ready.computation.failed_at is not None else "are not computed yet"
        last_time = f" (they were last computed on {_day(ready, computed_at)})" if computed_at else ""
        missing.append(f"its numbers {state}{last_time}")
    title = week_title(date_of(week))
    return f"The {title[:1].lower()}{title[1:]} is not complete: {listed(missing)}."


def warnings_with_week(ready: Readiness) -> tuple[str, ...]:
    """Return the warnings of a page whose headline is not about the last week, that week's own included."""
    newest = incomplete_sentence(ready, ready.last_week) if ready.anything_read else ""
    return (*([newest] if newest else []), *warnings(ready))


def warnings(ready: Readiness) -> tuple[str, ...]:
    """Return the warnings of a page whose headline is about the week itself."""
    if not ready.anything_read:
        return ()
    sentences = []
    # A source that was never read has no day since when it is missing.
    if ready.unread_sources:
        sentences.append(f"Not read so far: {', '.join(ready.unread_sources)}.")
    newest = ready.last_week
    # A source that the headline names already is not named twice.
    silent = [source for source in ready.overdue_sources if source not in ready.incomplete_sources(newest)]
    if silent:
        last_read = listed(_last_read(ready, silent))
        sentences.append(f"{last_read[:1].upper()}{last_read[1:]}, so what you see may be old.")
    elif ready.is_overdue and not ready.overdue_sources and ready.is_complete(newest):
        sentences.append("Your numbers were not computed for more than 48 hours, so what you see may be old.")
    return tuple(sentences)


def _last_read(ready: Readiness, sources: Sequence[SourceState]) -> list[str]:
    """Return when each source was last read, in one phrase for those of the same day."""
    by_day: dict[str, list[SourceState]] = {}
    for source in sources:
        by_day.setdefault(_day(ready, source.read_to), []).append(source)
    # Every source that was ever read stopped on the same day: most likely the night did not run.
    are_all = len(sources) == sum(source.read_to is not None for source in ready.sources)
    if len(sources) > 1 and len(by_day) == 1 and are_all:
        return [f"nothing was read since {day}" for day in by_day]

    phrases = []
    for day, day_sources in by_day.items():
        names = []
        for source in day_sources:
            name = next((name for type_, name in RECORD_TYPE_NAMES.items() if type_ in source.record_types), "")
            if source.busy_only:  # another job's calendar shows busy times only, and is named apart
                name = "your other job’s calendar"
            names.append(f"{name} ({source.name})" if name else source.name)
        first = day_sources[0].record_types
        is_plural = len(names) > 1 or (RecordType.MESSAGES in first and RecordType.CALENDAR not in first)
        phrases.append(f"{listed(names)} {'were' if is_plural else 'was'} last read on {day}")
    return phrases


def _day(ready: Readiness, instant: int | None) -> str:
    local = local_time(ready.clinician, instant or 0)
    return f"{weekday(local.date())} {day_and_month(local.date())}"


@dataclass(frozen=True, slots=True)
class WeekCompleteness:
    """The completeness of one week of a person.

    Attributes:
        incomplete_sentence: What was not read or not computed of the week; empty where nothing is missing.
        newer_sentence: The same for the last week that is over, where the page leads with an earlier one.
        is_computed: True if its numbers were computed.
        is_complete: True if everything was read and computed to its end.
        sessions_known: True if its calendars were read to its end and its numbers computed.
        gaps: The gaps of the person.
        nothing_read: True if nothing of the person was ever read.
        messages_seen: True if messages were seen in this week.
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
        """Return the completeness of a week (its Monday)."""
        is_computed = ready.is_computed(week)
        calendars_incomplete = any(
            RecordType.CALENDAR in source.record_types for source in ready.incomplete_sources(week)
        )
        weeks = frames.time.weeks
        return cls(
            incomplete_sentence=incomplete_sentence(ready, week) if ready.anything_read else "",
            is_computed=is_computed,
            is_complete=ready.is_complete(week),
            sessions_known=is_computed and not calendars_incomplete,
            gaps=ready.gaps if ready.anything_read else (),
            nothing_read=not ready.anything_read,
            messages_seen=week in weeks.index and bool(weeks.loc[week, "messages_observed"]),
            newer_sentence=newer,
        )

    @property
    def can_judge_hours(self) -> bool:
        """True if "nothing outside your hours" can be said: the hours were chosen, and all work was seen."""
        return self.is_complete and self.messages_seen and not self.gaps and not self.newer_sentence

    def has_gap(self, kind: GapKind) -> bool:
        """Return whether the person has a gap of that kind."""
        return any(gap.kind is kind for gap in self.gaps)
