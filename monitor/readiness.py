"""What can be said of one clinician: how far their sources were read, what was computed of it, and what is missing.

Every page, report and command that shows numbers asks here first, so that none of them says that all is well over a
week that nobody read or computed.
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
from monitor.config import Config, SourceConfig
from monitor.config.public_holidays import days_off
from monitor.roster import Clinician, ReferralPreferences
from monitor.store import computations, sources
from monitor.store.computations import Computation
from monitor.store.database import Connection
from monitor.store.sources import RecordCounts, SourceProgress, SourceRecordCounts

OVERDUE_AFTER = timedelta(hours=48)
"""From then on a source that was not read, or numbers that were not computed, are told on every page."""


class GapKind(StrEnum):
    """What keeps a page from saying that nothing stood out, from the first day on until somebody fills it."""

    OWNER_UNKNOWN = "owner unknown"  # a mailbox in which not one message is the clinician's own
    NO_SESSIONS = "no sessions"  # a calendar of which no entry is a session
    CALENDAR_EMPTY = "calendar empty"  # one is configured, and nothing was read from it so far
    NO_CALENDAR = "no calendar"
    MESSAGES_EMPTY = "messages empty"
    NO_MESSAGES = "no messages"
    HOURS_ASSUMED = "hours assumed"


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap of one clinician.

    ``source`` is the one that it is about, or that is configured to fill it and has brought nothing yet; ``number`` is
    how many messages or entries it is about.
    """

    kind: GapKind
    source: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class SourceState:
    """A configured source of a clinician's: the parts it tells of, and up to when it was read (epoch seconds).

    ``read_to`` is ``None`` where it was never read to its end. ``busy_only`` marks another job's calendar, of which
    only the times are used.
    """

    name: str
    parts: frozenset[RecordType]
    busy_only: bool
    read_to: int | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """What can be said of one clinician at an instant.

    Attributes:
        clinician: Who it is.
        sources: Their sources of the configuration; a shared one only where it holds something of theirs.
        gaps: The gaps, the gravest first.
        last_week: Their last week that is over (the day number of its Monday), and ``last_week_end`` when it was.
        settings_checksum: That of the configuration and the definitions of the metrics.
        sources_checksum: That of the spans that have been read.
        computation: The state in which they were last computed.
        now: The instant (epoch seconds).
        spans: From when to when each part was read; ``None`` where it says nothing.
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
    elsewhere_to: int

    @property
    def read_to(self) -> int:
        """Up to when everything of theirs that was ever read has been; ``FOR_EVER`` where nothing can grow old."""
        return min((source.read_to for source in self.sources if source.read_to is not None), default=FOREVER)

    @property
    def calendars_to(self) -> int:
        """Up to when their calendars have been read."""
        return calendars_to(self.sources)

    @property
    def anything_read(self) -> bool:
        """Whether any source was ever read to its end."""
        return any(source.read_to is not None for source in self.sources)

    @property
    def unread_sources(self) -> tuple[str, ...]:
        """The sources that were never read to their end."""
        return tuple(source.name for source in self.sources if source.read_to is None)

    @property
    def is_current(self) -> bool:
        """Whether the stored numbers are those that would be computed now."""
        return self._is_as_now and self.computation.dirty_from is None

    @property
    def changed_only_later(self) -> bool:
        """Whether the stored numbers are of the last week that is over, and all records that changed are of later."""
        since = self.computation.dirty_from
        return self._is_as_now and since is not None and since > self.last_week_end

    @property
    def _is_as_now(self) -> bool:
        """Whether the week, the rules and what had been read are those under which the numbers were computed."""
        done = self.computation
        return (done.week, done.settings_checksum, done.sources_checksum) == (
            self.last_week,
            self.settings_checksum,
            self.sources_checksum,
        )

    def is_computed(self, week: int) -> bool:
        """Whether the stored numbers of a week are those that would be computed now from what has been read."""
        done, end = self.computation, self.week_end(week)
        if done.week is None or done.settings_checksum != self.settings_checksum or done.week < week:
            return False
        unchanged = done.dirty_from is None or done.dirty_from >= end
        return unchanged and (self.is_current or (done.read_to or 0) >= min(end, self.read_to))

    def incomplete_sources(self, week: int) -> tuple[SourceState, ...]:
        """Return the sources that were read once, and not to the end of a week."""
        end = self.week_end(week)
        return tuple(source for source in self.sources if source.read_to is not None and source.read_to < end)

    def is_complete(self, week: int) -> bool:
        """Whether a week was read and computed to its end."""
        return self.is_computed(week) and not self.incomplete_sources(week)

    @property
    def last_complete_week(self) -> int | None:
        """The last week that was read and computed to its end (its Monday), ``None`` where none was."""
        first = self.last_week - 7 * 520
        return next((week for week in range(self.last_week, first, -7) if self.is_complete(week)), None)

    @property
    def fresh_to(self) -> int | None:
        """The older of read and computed (epoch seconds): up to when what is shown is known; ``None``: nothing is."""
        if not self.anything_read:
            return None
        read_to = min(self.read_to, self.now)
        return read_to if self.is_current else min(read_to, self.computation.computed_at or 0) or None

    @property
    def overdue_sources(self) -> tuple[SourceState, ...]:
        """The sources that were not read for two days."""
        since = self.now - OVERDUE_AFTER.total_seconds()
        return tuple(source for source in self.sources if source.read_to is not None and source.read_to < since)

    @property
    def is_overdue(self) -> bool:
        """Whether a source was not read, or the numbers were not computed, for two days."""
        if self.overdue_sources:
            return True
        computed = self.computation.computed_at
        late = computed is None or self.now - computed > OVERDUE_AFTER.total_seconds()
        return self.anything_read and not self.is_current and late

    def week_end(self, week: int) -> int:
        """The instant at which a week is over; the last one's may be drawn out by an overnight span."""
        if week == self.last_week:
            return self.last_week_end
        return week_end(self.clinician, week, self.day_starts_at)


def week_end(clinician: Clinician, week: int, day_starts_at: int) -> int:
    """Return the instant at which a week (its Monday) is over for somebody; work days begin so many seconds in."""
    day = date_of(week + 7)
    zone = clinician.zone_at(datetime.combine(day, time(12), UTC))
    return int((datetime.combine(day, time(), zone) + timedelta(seconds=day_starts_at)).timestamp())


def readiness_of(
    config: Config,
    connection: Connection,
    clinician: Clinician,
    now: datetime,
    *,
    holdings: SourceRecordCounts | None = None,
) -> Readiness:
    """Return what can be said of a clinician at ``now``; ``holdings`` are given by who asks for many clinicians."""
    at = int(now.timestamp())
    readings = sources.source_progress(connection, clinician.key)
    held = (sources.record_counts(connection, clinician.key) if holdings is None else holdings).get(clinician.key, {})
    known = [(reading, held.get(reading.id, RecordCounts())) for reading in readings]
    states = source_states(config, clinician, readings, held)
    spans = {part: _span(part, known, states) for part in RecordType}
    last_week, end = last_complete_week_of(
        clinician, at, day_starts_at=config.practice.day_starts_at, holidays=holidays_of(config, [at])
    )
    elsewhere = min((s.read_to for s in states if s.busy_only and s.read_to is not None), default=FOREVER)
    read = [span and (span[0], min(span[1], end)) for span in spans.values()]
    return Readiness(
        clinician=clinician,
        sources=states,
        gaps=tuple(_gaps(config, clinician, known)),
        last_week=last_week,
        last_week_end=end,
        settings_checksum=settings_checksum(config, clinician),
        sources_checksum=_checksum((read, min(elsewhere, end))),
        computation=computations.computation(connection, clinician.key),
        now=at,
        day_starts_at=config.practice.day_starts_at,
        spans=spans,
        elsewhere_to=elsewhere,
    )


def calendars_to(sources: Sequence[SourceState]) -> int:
    """Return up to when the calendars among some sources have been read."""
    ends = (source.read_to for source in sources if RecordType.CALENDAR in source.parts)
    return min((end for end in ends if end is not None), default=FOREVER)


def source_states(
    config: Config, clinician: Clinician, readings: Sequence[SourceProgress], holdings: Mapping[int, RecordCounts]
) -> tuple[SourceState, ...]:
    """Return the configured sources of a clinician; a shared one only where it told something of them."""
    found = {(reading.name, reading.account): reading for reading in readings}
    states = []
    for source in config.sources:
        if clinician.key not in source.clinicians:
            continue
        reading = found.get((source.name, clinician.key if source.per_owner else None))
        shared = len(source.clinicians) > 1 and not source.per_owner
        if shared and not (reading and reading.has_records):
            continue  # it tells nothing of this person, whose it is no more than anybody's
        parts = _parts(source, holdings.get(reading.id, RecordCounts()) if reading else RecordCounts())
        states.append(SourceState(source.name, parts, source.busy_only, _read_to(source, reading)))
    return tuple(states)


def _parts(source: SourceConfig, held: RecordCounts) -> frozenset[RecordType]:
    """Return the parts that a source tells of: what its kind surely brings, and what it was seen to hold."""
    brings = frozenset() if source.busy_only else source_kind(source.kind).record_types(source.options)
    numbers = {RecordType.CALENDAR: held.sessions, RecordType.MESSAGES: held.messages, RecordType.TIMES: held.times}
    return brings | {part for part, number in numbers.items() if number}


def _read_to(source: SourceConfig, reading: SourceProgress | None) -> int | None:
    """Return up to when a source was read; one whose window lies in the past is an archive, and complete."""
    if reading is None or reading.read_to is None:
        return None
    last = source.window[1]
    if last is not None and reading.read_to >= int(datetime.combine(last, time(), UTC).timestamp()):
        return FOREVER
    return reading.read_to


Known = tuple[SourceProgress, RecordCounts]
"""A source as it was read, with how much it holds."""


def _span(part: RecordType, known: Sequence[Known], states: Sequence[SourceState]) -> ReadSpan:
    """Return from when to when a part was read: to the end only as far as each of its sources was.

    A mailbox in which nothing is the clinician's own, and a calendar without a single session, say nothing of it.
    """
    telling = [reading for reading, held in known if reading.read_from is not None and _tells(held, part)]
    if not telling or (part is RecordType.CALENDAR and not any(held.sessions for _, held in known)):
        return None
    names = {reading.name for reading in telling}
    ends = [s.read_to for s in states if s.name in names and part in s.parts and s.read_to is not None]
    return min(reading.read_from or 0 for reading in telling), min(ends, default=FOREVER)


def _tells(held: RecordCounts, part: RecordType) -> bool:
    match part:
        case RecordType.CALENDAR:
            return held.entries > held.busy
        case RecordType.MESSAGES:
            return held.sent > 0
        case RecordType.TIMES:
            return held.times > 0


def _gaps(config: Config, clinician: Clinician, known: Sequence[Known]) -> list[Gap]:
    own = [source for source in config.sources if clinician.key in source.clinicians and not source.busy_only]
    brought = {
        part: source.name
        for source in own
        if len(source.clinicians) == 1 or source.per_owner  # a shared one that told nothing of somebody is not theirs
        for part in source_kind(source.kind).record_types(source.options)
    }
    anything_sent = any(held.sent for _, held in known)
    entries = sum(held.entries - held.busy for _, held in known)
    found = [
        Gap(GapKind.OWNER_UNKNOWN, reading.name, held.messages)
        for reading, held in known
        if held.messages and not held.sent and not (reading.recognised and anything_sent)
    ]
    if entries and not any(held.sessions for _, held in known):
        found.append(Gap(GapKind.NO_SESSIONS, number=entries))
    if not entries:
        source = brought.get(RecordType.CALENDAR)
        found.append(Gap(GapKind.CALENDAR_EMPTY, source) if source else Gap(GapKind.NO_CALENDAR))
    if not any(held.messages for _, held in known):
        source = brought.get(RecordType.MESSAGES)
        found.append(Gap(GapKind.MESSAGES_EMPTY, source) if source else Gap(GapKind.NO_MESSAGES))
    if clinician.has_assumed_hours:
        found.append(Gap(GapKind.HOURS_ASSUMED))
    return found


def settings_checksum(config: Config, clinician: Clinician) -> str:
    """Return a checksum of what the numbers are computed under besides the records."""
    rules = config.practice
    holidays = (rules.country, rules.subdivision)
    practice = (*holidays, rules.region, rules.day_starts_at, rules.supervision_group, rules.weights)
    # What referrals somebody takes is in no number, and a set's order differs from run to run.
    known = replace(clinician, name="", addresses=frozenset(), referral_preferences=ReferralPreferences())
    return _checksum((DEFINITIONS_VERSION, known, practice))


def _checksum(values: object) -> str:
    return sha256(repr(values).encode()).hexdigest()[:16]


def holidays_of(config: Config, instants: Sequence[int]) -> Collection[date]:
    """Return the public holidays of the practice over all years of these instants; none without a country."""
    practice = config.practice
    if not practice.country:
        return ()
    years = [date_of(at // DAY_SECONDS).year for at in instants]
    return days_off(practice.country, practice.subdivision, range(min(years) - 1, max(years) + 2))
