"""How fresh the caseload is that a director sees: of everybody, and of whom somebody may be behind the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from connectors.base import RecordType
from monitor.analysis.calendar import day_number, last_complete_week
from monitor.analysis.clock import local_time
from monitor.config import Config
from monitor.readiness import OVERDUE_AFTER, calendars_to, settings_checksum, source_states, week_end
from monitor.roster import Clinician
from monitor.store import computations, sources
from monitor.store.computations import Computation
from monitor.store.database import Connection
from reports.models import StaleCaseload

WEEKS_BACK = 104
"""How far back a last whole week is looked for."""


@dataclass(frozen=True, slots=True)
class CaseloadFreshness:
    """``complete_through`` holds for everybody but those ``behind``; ``overdue``: for nobody anything is newer.

    ``week`` is the last week (its Monday) of which the caseload is known of everybody but those behind, ``None`` where
    there is none.
    """

    complete_through: datetime | None
    overdue: bool
    stale_caseloads: tuple[StaleCaseload, ...]
    week: int | None


@dataclass(frozen=True, slots=True)
class CaseloadState:
    """How far somebody's calendars were read and computed: up to when, and the last whole week; ``None``: never."""

    person: Clinician
    through: int | None
    week: int | None


def freshness(config: Config, connection: Connection, people: Sequence[Clinician], now: datetime) -> CaseloadFreshness:
    """Return how fresh the caseload of these people is: the older of read and computed, calendar by calendar.

    Somebody is behind whose calendars were not read, or whose numbers were not computed, to the end of the last week
    that is known of anybody. Who has no calendar in the configuration is passed over. No record is opened.
    """
    found = [one for person in people if (one := caseload_state(config, connection, person, now)) is not None]
    week = max((one.week for one in found if one.week is not None), default=None)
    in_time = [one for one in found if week is not None and one.week == week]
    newest = max((one.through for one in found if one.through), default=None)
    zone = config.practice.zone
    return CaseloadFreshness(
        min((_moment(one.through, zone) for one in in_time if one.through), default=None),
        newest is not None and now.timestamp() - newest > OVERDUE_AFTER.total_seconds(),
        tuple(
            StaleCaseload(one.person.key, one.person.name, _day(one.through, zone))
            for one in found
            if newest is not None and one not in in_time
        ),
        week,
    )


def caseload_state(config: Config, connection: Connection, person: Clinician, now: datetime) -> CaseloadState | None:
    """Return how far somebody's caseload is known; ``None`` where no calendar is configured for them."""
    states = source_states(config, person, sources.source_progress(connection, person.key), {})
    own = [source for source in states if RecordType.CALENDAR in source.parts]
    if not own:
        return None
    done = computations.computation(connection, person.key)
    if any(source.read_to is None for source in own) or done.week is None or done.calendars_to is None:
        return CaseloadState(person, None, None)
    day_starts_at = config.practice.day_starts_at
    last_over = day_number(last_complete_week(local_time(person, now.timestamp()), day_starts_at))
    read_to = min(calendars_to(own), int(now.timestamp()))
    settings = settings_checksum(config, person)
    known = [
        week
        for week in range(last_over, last_over - 7 * WEEKS_BACK, -7)
        if _is_week_complete(done, week, week_end(person, week, day_starts_at), read_to, settings)
    ]
    is_newest = bool(known) and known[0] == last_over and done.dirty_from is None
    through = read_to if is_newest else min(read_to, done.computed_at or 0)
    return CaseloadState(person, through, known[0] if known else None)


def _is_week_complete(done: Computation, week: int, end: int, read_to: int, settings: str) -> bool:
    computed = done.settings_checksum == settings and (done.week or 0) >= week and (done.calendars_to or 0) >= end
    return computed and read_to >= end and (done.dirty_from is None or done.dirty_from >= end)


def _moment(instant: int | None, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant or 0, zone)


def _day(instant: int | None, zone: ZoneInfo) -> date | None:
    return None if instant is None else datetime.fromtimestamp(instant, zone).date()
