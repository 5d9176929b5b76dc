"""Freshness of the caseload that a director sees: up to when it is complete, and whose caseload is stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.base import RecordType
from monitor.analysis.calendar import day_number, last_complete_week
from monitor.analysis.clock import local_time
from monitor.config import Config
from monitor.readiness import OVERDUE_AFTER, calendars_to, settings_checksum, source_states, week_end
from monitor.roster import Clinician
from monitor.store import computations, sources
from monitor.store.database import Connection
from reports.models import StaleCaseload

WEEKS_BACK = 104
"""Weeks in which the last complete one is looked for."""


@dataclass(frozen=True, slots=True)
class CaseloadFreshness:
    """Up to when the caseload is complete for everybody who is not among ``stale_caseloads``.

    ``overdue`` is true where nothing newer has arrived for anybody.
    """

    complete_through: datetime | None
    overdue: bool
    stale_caseloads: tuple[StaleCaseload, ...]


@dataclass(frozen=True, slots=True)
class CaseloadState:
    """Up to when somebody's calendars were read and computed, and the last complete week; ``None`` is never."""

    person: Clinician
    through: int | None
    week: int | None


def freshness(config: Config, connection: Connection, people: Sequence[Clinician], now: datetime) -> CaseloadFreshness:
    """Return the freshness of these people's caseload: the older of read and computed, calendar by calendar.

    A caseload is stale whose calendars were not read, or whose numbers were not computed, to the end of the last week
    that is complete for anybody. People without a calendar in the configuration are left out. No record is opened.
    """
    states = [state for person in people if (state := caseload_state(config, connection, person, now)) is not None]
    week = max((state.week for state in states if state.week is not None), default=None)
    current = [state for state in states if week is not None and state.week == week]
    newest_through = max((state.through for state in states if state.through), default=None)
    zone = config.practice.zone
    stale = []
    for state in states:
        if newest_through is not None and state not in current:
            day = None if state.through is None else datetime.fromtimestamp(state.through, zone).date()
            stale.append(StaleCaseload(state.person.key, state.person.name, day))
    complete_through = min((state.through for state in current if state.through), default=None)
    return CaseloadFreshness(
        None if complete_through is None else datetime.fromtimestamp(complete_through, zone),
        newest_through is not None and now.timestamp() - newest_through > OVERDUE_AFTER.total_seconds(),
        tuple(stale),
    )


def caseload_state(config: Config, connection: Connection, person: Clinician, now: datetime) -> CaseloadState | None:
    """Return the state of somebody's caseload; ``None`` where no calendar is configured for them."""
    states = source_states(config, person, sources.source_progress(connection, person.key), {})
    calendars = [source for source in states if RecordType.CALENDAR in source.record_types]
    if not calendars:
        return None
    computation = computations.computation(connection, person.key)
    if (
        any(source.read_to is None for source in calendars)
        or computation.week is None
        or computation.calendars_to is None
    ):
        return CaseloadState(person, None, None)
    day_starts_at = config.practice.day_starts_at
    last_week = day_number(last_complete_week(local_time(person, now.timestamp()), day_starts_at))
    read_to = min(calendars_to(calendars), int(now.timestamp()))
    has_current_settings = computation.settings_checksum == settings_checksum(config, person)
    complete_week = None
    # From the last week that is over backwards: the first complete one is the newest.
    for week in range(last_week, last_week - 7 * WEEKS_BACK, -7):
        end = week_end(person, week, day_starts_at)
        is_computed = has_current_settings and computation.week >= week and computation.calendars_to >= end
        is_unchanged = computation.dirty_from is None or computation.dirty_from >= end
        if is_computed and is_unchanged and read_to >= end:
            complete_week = week
            break
    is_newest = complete_week == last_week and computation.dirty_from is None
    # Read is not computed: behind the last computation nothing is known yet.
    through = read_to if is_newest else min(read_to, computation.computed_at or 0)
    return CaseloadState(person, through, complete_week)
