"""The next block of four weeks: its days, whose caseload it waits for, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from monitor.analysis.calendar import BLOCK_DAYS, block_start, date_of, day_number, monday_of
from monitor.config import Config
from monitor.fairness_report.freshness import caseload_state
from monitor.roster import Clinician
from monitor.store import blocks
from monitor.store.database import Connection

MAX_WAIT = timedelta(days=14)
"""Longest wait for a caseload after a block's end; one that is incomplete then stays unknown in the block."""


@dataclass(frozen=True, slots=True)
class NextBlock:
    """A block that is not published yet: its first Monday, the instant of its end, and the latest time of publishing.

    ``complete`` are the people whose caseload was read and computed to its end, ``awaited`` those whose is not.
    Somebody without a calendar is neither.
    """

    start: int
    ends_at: datetime
    publish_by: datetime
    people: tuple[Clinician, ...]
    complete: frozenset[str]
    awaited: tuple[Clinician, ...]

    def is_due(self, now: datetime) -> bool:
        """Return whether to publish it: it is over, and every caseload is complete or was waited for long enough."""
        return now >= self.ends_at and (not self.awaited or now >= self.publish_by)


def next_block(config: Config, connection: Connection, now: datetime) -> NextBlock:
    """Return the block to publish next: the one after the last, or the first whose weeks are all known.

    Where a practice brings a history with it, the weeks in which its first calendars are connected are waited for.
    """
    last = blocks.last_block_start(connection)
    if last is not None:
        start = last + BLOCK_DAYS
    else:
        today = day_number(now.astimezone(config.practice.zone).date())
        first_known = blocks.first_known_week(connection)
        week = int(monday_of(today)) if first_known is None else first_known
        start = block_start(week) if block_start(week) == week else block_start(week) + BLOCK_DAYS
    ends_at = begins_at(config, start + BLOCK_DAYS)
    # A practice that connects its first calendars later has its whole waiting time from then on.
    first_read_at = blocks.first_read_at(connection) if last is None else None
    wait_from = (
        ends_at if first_read_at is None else max(ends_at, datetime.fromtimestamp(first_read_at, ends_at.tzinfo))
    )
    people = employed(config.clinicians, start, start + BLOCK_DAYS - 1)
    # A person without a calendar has no state, and is not waited for.
    states = {person.key: caseload_state(config, connection, person, now) for person in people}
    last_week = start + BLOCK_DAYS - 7
    complete = {key for key, state in states.items() if state and state.week is not None and state.week >= last_week}
    awaited = tuple(person for person in people if states[person.key] is not None and person.key not in complete)
    return NextBlock(start, ends_at, wait_from + MAX_WAIT, tuple(people), frozenset(complete), awaited)


def employed(people: Sequence[Clinician], first: int, last: int) -> list[Clinician]:
    """Return the people who are with the practice on any of these days."""
    return [
        person
        for person in people
        if (person.starts is None or day_number(person.starts) <= last)
        and (person.ends is None or day_number(person.ends) > first)
    ]


def begins_at(config: Config, day: int) -> datetime:
    """Return the instant at which a day begins at the practice."""
    midnight = datetime.combine(date_of(day), time(), config.practice.zone)
    return midnight + timedelta(seconds=config.practice.day_starts_at)
