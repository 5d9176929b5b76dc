"""Readiness of a clinician's numbers: how far the sources were read, what was computed, and what is missing.

Every page, report and command that shows numbers checks it first, so that none reports a good week that was not read or
computed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256

from connectors.base import RecordType
from connectors.registry import source_kind
from monitor.analysis.calendar import DAY_SECONDS, date_of, last_complete_week_of
from monitor.analysis.catalogue import DEFINITIONS_VERSION
from monitor.analysis.records import FOREVER, ReadSpan
from monitor.config import Config
from monitor.config.public_holidays import days_off
from monitor.roster import Clinician, ReferralPreferences
from monitor.store import computations, sources
from monitor.store.computations import Computation
from monitor.store.database import Connection
from monitor.store.sources import RecordCounts, SourceProgress, SourceRecordCounts

OVERDUE_AFTER = timedelta(hours=48)
"""Pages warn of a source that was not read, or of numbers that were not computed, for longer than this."""


class GapKind(StrEnum):
    """The kinds of gaps: something is missing, so that a page cannot say that nothing stood out."""

    OWNER_UNKNOWN = "owner unknown"  # a mailbox without a message sent by the clinician
    NO_SESSIONS = "no sessions"  # a calendar in which no entry is a session
    CALENDAR_EMPTY = "calendar empty"  # one is configured, and nothing has been read from it
    NO_CALENDAR = "no calendar"
    MESSAGES_EMPTY = "messages empty"
    NO_MESSAGES = "no messages"
    HOURS_ASSUMED = "hours assumed"


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap of one clinician.

    ``source`` is the source concerned, or the one configured to fill the gap from which nothing was read; ``number`` is
    the number of messages or entries concerned.
    """

    kind: GapKind
    source: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class SourceState:
    """A configured source of a clinician, with its record types and the instant to which it was read (epoch seconds).

    ``read_to`` is ``None`` if it was never read to its end. ``busy_only`` marks another job's calendar, of which
    only the times are used.
    """

    name: str
    record_types: frozenset[RecordType]
    busy_only: bool
    read_to: int | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """State of one clinician's numbers at an instant: what was read, what was computed, and what is missing.

    Attributes:
        clinician: The clinician.
        sources: Their configured sources; a shared one only if it contains records of theirs.
        gaps: The gaps, the most serious first.
        last_week: Their last week that is over (day number of its Monday).
        last_week_end: The end of that week (epoch seconds).
        settings_checksum: Checksum of the configuration and of the definitions of the metrics.
        sources_checksum: Checksum of the spans that have been read.
        computation: The state from which the stored numbers were last computed.
        now: The instant (epoch seconds).
        spans: The span in which each record type was read; ``None`` if nothing can be concluded from it.
        other_jobs_read_to: The instant to which the calendars of other jobs were read.
    """

    clinician: Clinician
    sources: tuple[SourceState, ...]
    gaps: tuple[Gap, ...]
    last_week: int
    last_week_end: int
    settings_checksum: str
    sources_checksum: str
    computation: Computation
    now: int
    day_starts_at: int
    spans: Mapping[RecordType, ReadSpan]
    other_jobs_read_to: int

    @property
    def read_to(self) -> int:
        """The instant to which all sources that were ever read have been read; ``FOREVER`` if none can become old."""
        return min((source.read_to for source in self.sources if source.read_to is not None), default=FOREVER)

    @property
    def calendars_to(self) -> int:
        """The instant to which the calendars have been read."""
        return calendars_to(self.sources)

    @property
    def anything_read(self) -> bool:
        """True if any source was ever read to its end."""
        return any(source.read_to is not None for source in self.sources)

    @property
    def unread_sources(self) -> tuple[str, ...]:
        """The sources that were never read to their end."""
        return tuple(source.name for source in self.sources if source.read_to is None)

    @property
    def is_current(self) -> bool:
        """True if the stored numbers are those that would be computed now."""
        return self._has_same_basis and self.computation.dirty_from is None

    @property
    def changed_only_later(self) -> bool:
        """True if the stored numbers include the last week, and all changed records are later than its end."""
        dirty_from = self.computation.dirty_from
        return self._has_same_basis and dirty_from is not None and dirty_from > self.last_week_end

    @property
    def _has_same_basis(self) -> bool:
        """True if the last week, the settings and the spans read are those of the computation."""
        computation = self.computation
        return (computation.week, computation.settings_checksum, computation.sources_checksum) == (
            self.last_week,
            self.settings_checksum,
            self.sources_checksum,
        )

    def is_computed(self, week: int) -> bool:
        """Return whether the stored numbers of a week are those that would be computed now from the stored records."""
        computation, end = self.computation, self.week_end(week)
        if (
            computation.week is None
            or computation.settings_checksum != self.settings_checksum
            or computation.week < week
        ):
            return False
        unchanged = computation.dirty_from is None or computation.dirty_from >= end
        return unchanged and (self.is_current or (computation.read_to or 0) >= min(end, self.read_to))

    def incomplete_sources(self, week: int) -> tuple[SourceState, ...]:
        """Return the sources that have been read, but not to the end of a week."""
        end = self.week_end(week)
        return tuple(source for source in self.sources if source.read_to is not None and source.read_to < end)

    def is_complete(self, week: int) -> bool:
        """Return whether a week was read and computed to its end."""
        return self.is_computed(week) and not self.incomplete_sources(week)

    @property
    def last_complete_week(self) -> int | None:
        """The last week that was read and computed to its end (its Monday); ``None`` if there is none."""
        first = self.last_week - 7 * 520  # ten years
        return next((week for week in range(self.last_week, first, -7) if self.is_complete(week)), None)

    @property
    def fresh_to(self) -> int | None:
        """The instant to which the shown numbers are valid (epoch seconds); ``None`` if there are none.

        It is the older of reading and computing.
        """
        if not self.anything_read:
            return None
        read_to = min(self.read_to, self.now)
        return read_to if self.is_current else min(read_to, self.computation.computed_at or 0) or None

    @property
    def overdue_sources(self) -> tuple[SourceState, ...]:
        """The sources that have not been read for two days."""
        since = self.now - OVERDUE_AFTER.total_seconds()
        return tuple(source for source in self.sources if source.read_to is not None and source.read_to < since)

    @property
    def is_overdue(self) -> bool:
        """True if a source has not been read, or the numbers have not been computed, for two days."""
        if self.overdue_sources:
            return True
        computed_at = self.computation.computed_at
        is_late = computed_at is None or self.now - computed_at > OVERDUE_AFTER.total_seconds()
        return self.anything_read and not self.is_current and is_late

    def week_end(self, week: int) -> int:
        """Return the instant at which a week is over; an overnight span may extend the last one."""
        if week == self.last_week:
            return self.last_week_end
        return week_end(self.clinician, week, self.day_starts_at)


def week_end(clinician: Clinician, week: int, day_starts_at: int) -> int:
    """Return the instant at which a week (its Monday) is over for a clinician, in epoch seconds."""
    day = date_of(week + 7)
    # Noon is the same day in every zone but the outermost.
    zone = clinician.zone_at(datetime.combine(day, time(12), UTC))
    return int((datetime.combine(day, time(), zone) + timedelta(seconds=day_starts_at)).timestamp())


def readiness_of(
    config: Config,
    connection: Connection,
    clinician: Clinician,
    now: datetime,
    *,
    record_counts: SourceRecordCounts | None = None,
) -> Readiness:
    """Return the readiness of a clinician at ``now``; pass ``record_counts`` to check many without counting again."""
    instant = int(now.timestamp())
    progress = sources.source_progress(connection, clinician.key)
    if record_counts is None:
        record_counts = sources.record_counts(connection, clinician.key)
    counts = record_counts.get(clinician.key, {})
    stored = [(source, counts.get(source.id, RecordCounts())) for source in progress]
    states = source_states(config, clinician, progress, counts)
    spans = {record_type: _span(record_type, stored, states) for record_type in RecordType}
    last_week, end = last_complete_week_of(
        clinician, instant, day_starts_at=config.practice.day_starts_at, holidays=holidays_of(config, [instant])
    )
    other_jobs_read_to = min((s.read_to for s in states if s.busy_only and s.read_to is not None), default=FOREVER)
    # Cut at the week's end: reading further changes no number of that week.
    read_spans = [span and (span[0], min(span[1], end)) for span in spans.values()]
    return Readiness(
        clinician=clinician,
        sources=states,
        gaps=tuple(_gaps(config, clinician, stored)),
        last_week=last_week,
        last_week_end=end,
        settings_checksum=settings_checksum(config, clinician),
        sources_checksum=_checksum((read_spans, min(other_jobs_read_to, end))),
        computation=computations.computation(connection, clinician.key),
        now=instant,
        day_starts_at=config.practice.day_starts_at,
        spans=spans,
        other_jobs_read_to=other_jobs_read_to,
    )


def calendars_to(sources: Sequence[SourceState]) -> int:
    """Return the instant to which the calendars among some sources have been read."""
    ends = (source.read_to for source in sources if RecordType.CALENDAR in source.record_types)
    return min((end for end in ends if end is not None), default=FOREVER)


def source_states(
    config: Config, clinician: Clinician, progress: Sequence[SourceProgress], counts: Mapping[int, RecordCounts]
) -> tuple[SourceState, ...]:
    """Return the configured sources of a clinician; a shared one only if it contains records of theirs."""
    by_account = {(stored.name, stored.account): stored for stored in progress}
    states = []
    for source in config.sources:
        if clinician.key not in source.clinicians:
            continue
        stored = by_account.get((source.name, clinician.key if source.per_owner else None))
        is_shared = len(source.clinicians) > 1 and not source.per_owner
        if is_shared and not (stored and stored.has_records):
            continue  # for example a practice's common export in which this clinician does not appear

        # The record types that its kind always has, and those that were read from it.
        always = frozenset() if source.busy_only else source_kind(source.kind).record_types(source.options)
        stored_counts = counts.get(stored.id, RecordCounts()) if stored else RecordCounts()
        numbers = {
            RecordType.CALENDAR: stored_counts.sessions,
            RecordType.MESSAGES: stored_counts.messages,
            RecordType.TIMES: stored_counts.evidence,
        }
        record_types = always | {record_type for record_type, number in numbers.items() if number}

        read_to, last = stored.read_to if stored else None, source.window[1]
        if read_to is not None and last is not None and read_to >= datetime.combine(last, time(), UTC).timestamp():
            read_to = FOREVER  # read to the end of its window, it is never out of date
        states.append(SourceState(source.name, record_types, source.busy_only, read_to))
    return tuple(states)


StoredSource = tuple[SourceProgress, RecordCounts]
"""A stored source with its numbers of records."""


def _span(record_type: RecordType, stored: Sequence[StoredSource], states: Sequence[SourceState]) -> ReadSpan:
    """Return the span in which a record type was read, or ``None``.

    ::

        calendar 1   |------------------|
        calendar 2          |----------------|
        span         |==================|

    The earliest start and the earliest end: what was booked before a source begins is not missing from it, but what
    comes after its end may be. A mailbox without a message of the clinician's own and a calendar without a session do
    not count.
    """
    relevant = []
    for source, counts in stored:
        has_evidence = {
            RecordType.CALENDAR: counts.events > counts.busy,
            RecordType.MESSAGES: counts.sent > 0,
            RecordType.TIMES: counts.evidence > 0,
        }[record_type]
        if has_evidence and source.read_from is not None:
            relevant.append(source)
    if not relevant or (record_type is RecordType.CALENDAR and not any(counts.sessions for _, counts in stored)):
        return None
    names = {source.name for source in relevant}
    ends = [
        state.read_to
        for state in states
        if state.name in names and record_type in state.record_types and state.read_to is not None
    ]
    return min(source.read_from or 0 for source in relevant), min(ends, default=FOREVER)


def _gaps(config: Config, clinician: Clinician, stored: Sequence[StoredSource]) -> list[Gap]:
    own = [source for source in config.sources if clinician.key in source.clinicians and not source.busy_only]
    configured = {
        record_type: source.name
        for source in own
        if len(source.clinicians) == 1 or source.per_owner  # a shared source may have nothing of this clinician
        for record_type in source_kind(source.kind).record_types(source.options)
    }
    anything_sent = any(counts.sent for _, counts in stored)
    entries = sum(counts.events - counts.busy for _, counts in stored)
    gaps = [
        Gap(GapKind.OWNER_UNKNOWN, source.name, counts.messages)
        for source, counts in stored
        if counts.messages and not counts.sent and not (source.recognised and anything_sent)
    ]
    if entries and not any(counts.sessions for _, counts in stored):
        gaps.append(Gap(GapKind.NO_SESSIONS, number=entries))
    if not entries:
        name = configured.get(RecordType.CALENDAR)
        gaps.append(Gap(GapKind.CALENDAR_EMPTY, name) if name else Gap(GapKind.NO_CALENDAR))
    if not any(counts.messages for _, counts in stored):
        name = configured.get(RecordType.MESSAGES)
        gaps.append(Gap(GapKind.MESSAGES_EMPTY, name) if name else Gap(GapKind.NO_MESSAGES))
    if clinician.has_assumed_hours:
        gaps.append(Gap(GapKind.HOURS_ASSUMED))
    return gaps


def settings_checksum(config: Config, clinician: Clinician) -> str:
    """Return a checksum of the settings and metric definitions that affect a clinician's numbers."""
    practice = config.practice
    settings = (
        practice.country,
        practice.subdivision,
        practice.region,
        practice.day_starts_at,
        practice.supervision_group,
        practice.weights,
    )
    # Without what affects no number. Sets are left out because the order of their repr differs from run to run.
    relevant = replace(clinician, name="", addresses=frozenset(), referral_preferences=ReferralPreferences())
    return _checksum((DEFINITIONS_VERSION, relevant, settings))


def _checksum(values: object) -> str:
    return sha256(repr(values).encode()).hexdigest()[:16]


def holidays_of(config: Config, instants: Sequence[int]) -> Collection[date]:
    """Return the public holidays of the practice over all years of these instants; none without a country."""
    practice = config.practice
    if not practice.country:
        return ()
    years = [date_of(at // DAY_SECONDS).year for at in instants]
    return days_off(practice.country, practice.subdivision, range(min(years) - 1, max(years) + 2))
