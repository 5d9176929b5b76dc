"""A checksum of the records after an instant that the numbers up to that instant depend on.

A week's numbers depend on more than the week: on sessions booked ahead by its end, on leave that continues, on a call
that was still going on, on whether the calendar ever marks a missed session. A change to a record up to the instant is
not covered here: it marks its owner dirty. As long as the clinician is not dirty and the checksum stays the same, the
numbers would be the same if they were computed again::

    change to a record    here: the owner is dirty | here: the checksum differs
    -----------------------------------------------|--------------------------->
                                           end of the week
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from connectors.records import CALLED_OFF, Kind, Status
from monitor.analysis.terms import NOT_A_CLIENT
from monitor.store.analysis_records import EVENTS_SQL
from monitor.store.events import REMOVED
from monitor.store.keys import stored_clinician_id

SILENT_SECONDS = 13 * 86_400  # one day less than the days after which a source counts as silent (analysis.periods)
NEAR_SECONDS = 2 * 3600  # records further apart than this do not affect one another: no gap or call lasts that long
GLOBAL_KINDS = frozenset({Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY})
"""Kinds of events that affect the whole calendar, however far ahead they are."""

MARKED_STATUSES = (Status.NO_SHOW.value, Status.LATE_CANCELLED.value, Status.CLINICIAN_CANCELLED.value)
"""Statuses of which the analysis asks whether a source ever uses them."""

Part = tuple[object, ...]
"""One row of what the checksum is made of."""

_ENTERED = {
    "client_term": "client_id, term, from_day, value, entered_at",
    "client_person": "client_id, person",
    "ledger": "id, day, kind, client_id",
    "correction": "uid_key, ended_at",
    "emergency_thread": "node",
}
"""What a clinician enters that their numbers depend on: tables with their columns."""


class _UpcomingEvent(NamedTuple):
    """An event after the instant, as the analysis reads it."""

    source: int
    uid_key: str
    start: int
    end: int
    booked_end: int
    all_day: int
    status: str
    kind: str
    client: int
    excluded: str | None
    known_at: int
    meeting: str
    cancelled_at: int | None
    moved: int

    @property
    def may_be_session(self) -> bool:
        """Return ``True`` if the event counts as a session, provided it takes place."""
        return self.kind == Kind.SESSION and not self.all_day and self.excluded is None and self.end > self.start

    def as_booking(self, end: int) -> Part:
        """Return what was known of the booking at ``end``; a later cancellation was not."""
        is_off = self.status in CALLED_OFF and (self.cancelled_at is None or self.cancelled_at <= end)
        return self.source, self.start, self.client, self.known_at, is_off and (self.cancelled_at or 0)


def upcoming_checksum(connection: sqlite3.Connection, clinician: str, end: int) -> str:
    """Return the checksum of the records after ``end`` that a clinician's numbers up to then depend on."""
    binding = {"clinician": stored_clinician_id(connection, clinician), "end": end}
    events = [
        _UpcomingEvent(*row) for row in connection.execute(f"SELECT * FROM ({EVENTS_SQL}) WHERE start > :end", binding)
    ]
    global_events = [
        (
            event.kind, event.start, event.end, event.all_day, event.status in CALLED_OFF, event.excluded,
            min(event.known_at, end),
        )
        for event in events
        if event.kind in GLOBAL_KINDS
    ]  # fmt: skip
    # Everything that the clinician entered: a term that starts later already makes some metrics known.
    entered = [
        (table, *row)
        for table, columns in _ENTERED.items()
        for row in connection.execute(f"SELECT {columns} FROM {table} WHERE clinician_id = :clinician", binding)
    ]
    # The mailboxes with messages, if the clinician was recognised there, and if each was silent at the end.
    mailboxes = connection.execute(
        """SELECT source_id, max(recognised OR (outgoing AND NOT automatic)), min(max(sent_at), :silent_from)
           FROM message JOIN source_clinician USING (clinician_id, source_id)
           WHERE clinician_id = :clinician GROUP BY source_id""",
        {**binding, "silent_from": end - SILENT_SECONDS},
    )
    parts: dict[str, Iterable[Part]] = {
        "entered": entered,
        "kinds": _kinds(connection, binding),
        "mail": mailboxes,
        "global": global_events,
        "bookings": _bookings(events, end),
        "across": _across_the_end(connection, binding, events),
        "linked": _linked_across(connection, binding, events),
    }
    # Rows hold values of different types and None, which cannot be sorted as they are.
    content = [(name, sorted(repr(row) for row in rows)) for name, rows in parts.items()]
    return sha256(repr(content).encode()).hexdigest()[:16]


def _kinds(connection: sqlite3.Connection, binding: dict[str, int]) -> list[Part]:
    """Return the kinds and clients of all events and the statuses of :data:`MARKED_STATUSES` in use, at any time.

    Each kind and client comes with its last start, but no later than the instant from which on the calendar would count
    as silent at the end. For somebody who is not a client it is the start itself, because such events do not count.
    """
    last_starts: dict[Part, int] = {}
    statuses: set[Part] = set()
    for source, status, kind, client, is_plain, start in connection.execute(
        f"""SELECT source_id, status, kind, client_id, NOT all_day AND excluded IS NULL AND end_at > start_at,
                   max(start_at)
            FROM event JOIN source_clinician USING (clinician_id, source_id)
            WHERE clinician_id = :clinician AND status <> '{REMOVED}' GROUP BY 1, 2, 3, 4, 5""",
        binding,
    ):
        if status in MARKED_STATUSES:
            statuses.add((source, status))
        if kind not in {Kind.BUSY, Kind.OTHER}:
            key = kind, client, is_plain
            last_starts[key] = max(start, last_starts.get(key, start))
    # All keys of the people who the clinician said are not clients.
    sql = "SELECT client_id, person FROM client_person WHERE clinician_id = :clinician"
    persons = dict(connection.execute(sql, binding))
    sql = "SELECT client_id FROM client_term WHERE clinician_id = :clinician AND term = 'standing' AND value = :value"
    non_clients = {persons.get(key, key) for (key,) in connection.execute(sql, {**binding, "value": NOT_A_CLIENT})}
    non_clients |= {key for key, person in persons.items() if person in non_clients}
    silent_from = binding["end"] - SILENT_SECONDS
    return [
        *statuses,
        *(
            (*key, start if key[1] in non_clients else min(start, silent_from))
            for key, start in last_starts.items()
        ),
    ]  # fmt: skip


def _bookings(events: Sequence[_UpcomingEvent], end: int) -> Iterator[Part]:
    """Yield the sessions that were booked by the end, and what other sources contain of the same time.

    ::

        known by the end    |-----|        |-----|
        known later                           |-----|    |-----|
        yielded             |-----|        |--------|             the last one was not booked by then
    """
    name_counts = Counter(event.uid_key for event in events)
    for group in _overlapping_groups([event for event in events if event.may_be_session]):
        has_several_sources = len({event.source for event in group}) > 1
        if has_several_sources and any(event.known_at <= end for event in group):
            yield from group
        for event in () if has_several_sources else group:
            if name_counts[event.uid_key] > 1:
                yield event
            elif event.known_at <= end:
                yield event.as_booking(end)


def _overlapping_groups(events: Sequence[_UpcomingEvent]) -> Iterator[list[_UpcomingEvent]]:
    """Yield groups of events that overlap one another directly or through others."""
    group: list[_UpcomingEvent] = []
    group_end = 0
    for event in sorted(events, key=lambda event: event.start):
        if group and event.start >= group_end:
            yield group
            group = []
        group.append(event)
        group_end = max(group_end if len(group) > 1 else 0, event.booked_end)
    if group:
        yield group


def _across_the_end(
    connection: sqlite3.Connection, binding: dict[str, int], events: Sequence[_UpcomingEvent]
) -> Iterator[Part]:
    """Yield, whole, the records that follow the end so closely that they may belong to what was going on then.

    ::

        sessions, calls   |---| |--------|    |----|         |----|
                                    the end                       too far away
    """
    evidence = connection.execute(
        """SELECT ifnull(started_at, ended_at) AS at, ifnull(ended_at, started_at), evidence.*
           FROM evidence JOIN source_clinician USING (clinician_id, source_id)
           WHERE clinician_id = :clinician AND max(ifnull(started_at, ended_at), ifnull(ended_at, started_at)) > :end
           ORDER BY at""",
        binding,
    ).fetchall()
    running = connection.execute(
        """SELECT max(end_at, booked_end_at) FROM event JOIN source_clinician USING (clinician_id, source_id)
           WHERE clinician_id = :clinician AND kind = :session AND NOT all_day AND start_at <= :end
           AND max(end_at, booked_end_at) > :end""",
        {**binding, "session": Kind.SESSION.value},
    )
    reached = max((running_until for (running_until,) in running), default=binding["end"])
    following = [
        (event.start, max(event.end, event.booked_end), tuple(event)) for event in events if event.may_be_session
    ]
    following += [(min(first, last), max(first, last), tuple(row)) for first, last, *row in evidence]
    for start, stop, row in sorted(following, key=lambda item: item[0]):
        if start > reached + NEAR_SECONDS:
            return
        reached = max(reached, stop)
        yield row


def _linked_across(
    connection: sqlite3.Connection, binding: dict[str, int], events: Sequence[_UpcomingEvent]
) -> Iterator[Part]:
    """Yield later evidence of earlier events, and later events with earlier evidence or a correction."""
    earlier_events = f"""SELECT uid_key FROM event JOIN source_clinician USING (clinician_id, source_id)
                         WHERE clinician_id = :clinician AND start_at <= :end AND status <> '{REMOVED}'"""
    yield from connection.execute(
        f"""SELECT evidence.* FROM evidence JOIN source_clinician USING (clinician_id, source_id)
            WHERE clinician_id = :clinician AND coalesce(max(started_at, ended_at), started_at, ended_at) > :end
            AND uid_key IN ({earlier_events})""",
        binding,
    )
    named_events = {
        uid_key
        for (uid_key,) in connection.execute(
            """SELECT uid_key FROM evidence WHERE clinician_id = :clinician AND uid_key IS NOT NULL
               AND ifnull(min(started_at, ended_at), ifnull(started_at, ended_at)) <= :end
               UNION SELECT uid_key FROM correction WHERE clinician_id = :clinician""",
            binding,
        )
    }
    yield from (event for event in events if event.uid_key in named_events)
