"""What lies after an instant, as far as numbers up to that instant may rest on it, as one checksum.

A week's numbers rest on more than the week: on what was booked ahead by its end, on leave that goes on, on a call that
was still going on, on whether anybody was ever said to have stayed away. Records up to the instant are no part of it:
who changes one marks its owner dirty from there on. As long as neither changes, the numbers are what they would be if
they were computed again::

    records      changed: dirty from there on | here: this checksum
    ------------------------------------------|--------------------------->
                                         the week's end
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from connectors.records import CALLED_OFF, Kind, Status
from monitor.analysis.terms import NOT_A_CLIENT
from monitor.store.analysis_records import EVENTS
from monitor.store.events import REMOVED

QUIET = 13 * 86_400  # seconds: a day less than after which a source counts as silent (monitor.analysis.periods)
NEAR = 2 * 3600  # seconds: what lies no further apart may bear on one another (gaps between sessions, pieces of a call)
WHOLE = frozenset({Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY})
"""Entries that all of the calendar rests on, however far ahead they lie."""

TOLD_AT_ALL = (Status.NO_SHOW.value, Status.LATE_CANCELLED.value, Status.CLINICIAN_CANCELLED.value)
"""What it matters of whether a source ever says so."""

Part = tuple[object, ...]


class _Entry(NamedTuple):
    """An entry after the instant, as the analysis reads it."""

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
        """Whether it counts as a session if it takes place."""
        return self.kind == Kind.SESSION and not self.all_day and self.excluded is None and self.end > self.start

    def as_booking(self, end: int) -> Part:
        """What was known of a booking at ``end``: one that was called off later stood."""
        off = self.status in CALLED_OFF and (self.cancelled_at is None or self.cancelled_at <= end)
        return self.source, self.start, self.client, self.known_at, off and (self.cancelled_at or 0)


def upcoming_checksum(connection: sqlite3.Connection, clinician: str, end: int) -> str:
    """Return the checksum of what lies after ``end`` and bears on a clinician's numbers up to then."""
    row = connection.execute("SELECT id FROM clinician WHERE key = ?", (clinician,)).fetchone()
    binding = {"clinician": row[0] if row else -1, "end": end}
    entries = [_Entry(*row) for row in connection.execute(f"SELECT * FROM ({EVENTS}) WHERE start > :end", binding)]
    parts: dict[str, Sequence[Part]] = {
        "said": _said(connection, binding),
        "kinds": _kinds(connection, binding),
        "mail": _mail(connection, binding),
        "whole": [
            (e.kind, e.start, e.end, e.all_day, e.status in CALLED_OFF, e.excluded, min(e.known_at, end))
            for e in entries
            if e.kind in WHOLE
        ],
        "bookings": list(_bookings(entries, end)),
        "border": list(_across(connection, binding, entries)),
        "named": list(_named(connection, binding, entries)),
    }
    told = [(name, sorted(repr(row) for row in rows)) for name, rows in parts.items()]
    return sha256(repr(told).encode()).hexdigest()[:16]


def _said(connection: sqlite3.Connection, binding: dict[str, int]) -> list[Part]:
    """Everything that the clinician said: that a term was ever said, be it from a day ahead on, makes numbers known."""
    columns = {
        "client_term": "client_id, term, from_day, value, entered_at",
        "client_person": "client_id, person",
        "ledger": "id, day, kind, client_id",
        "correction": "uid_key, ended_at",
        "emergency_thread": "node",
    }
    return [
        (table, *row)
        for table, names in columns.items()
        for row in connection.execute(f"SELECT {names} FROM {table} WHERE clinician_id = :clinician", binding)
    ]


def _kinds(connection: sqlite3.Connection, binding: dict[str, int]) -> list[Part]:
    """With whom and of which kinds there are entries at all, and what became of any, whenever that was.

    Beside each stands its last start, as far as that says that the calendar was silent before the end; of somebody who
    is no client the start itself, because such entries count as none.
    """
    last: dict[Part, int] = {}
    found: set[Part] = set()
    strangers = _strangers(connection, binding)
    for source, status, kind, client, plain, start in connection.execute(
        f"""SELECT source_id, status, kind, client_id, NOT all_day AND excluded IS NULL AND end_at > start_at,
                   max(start_at)
            FROM event JOIN source_clinician USING (clinician_id, source_id)
            WHERE clinician_id = :clinician AND status <> '{REMOVED}' GROUP BY 1, 2, 3, 4, 5""",
        binding,
    ):
        if status in TOLD_AT_ALL:
            found.add((source, status))
        if kind not in {Kind.BUSY, Kind.OTHER}:
            key = kind, client, plain
            last[key] = max(start, last.get(key, start))
    quiet = binding["end"] - QUIET
    return [*found, *((*key, at if key[1] in strangers else min(at, quiet)) for key, at in last.items())]


def _strangers(connection: sqlite3.Connection, binding: dict[str, int]) -> set[int]:
    """Return every key of whom it was said that they are no client."""
    persons = dict(
        connection.execute("SELECT client_id, person FROM client_person WHERE clinician_id = :clinician", binding)
    )
    sql = "SELECT client_id FROM client_term WHERE clinician_id = :clinician AND term = 'standing' AND value = :said"
    said = {persons.get(key, key) for (key,) in connection.execute(sql, {**binding, "said": NOT_A_CLIENT})}
    return said | {key for key, person in persons.items() if person in said}


def _mail(connection: sqlite3.Connection, binding: dict[str, int]) -> list[Part]:
    """Which mailboxes say something of the clinician, and whether any was silent before the end."""
    return [
        (source, telling, min(last, binding["end"] - QUIET))
        for source, telling, last in connection.execute(
            """SELECT source_id, max(recognised OR (outgoing AND NOT automatic)), max(sent_at)
               FROM message JOIN source_clinician USING (clinician_id, source_id)
               WHERE clinician_id = :clinician GROUP BY source_id""",
            binding,
        )
    ]


def _bookings(entries: Sequence[_Entry], end: int) -> Iterator[Part]:
    """Sessions that were booked by the end, with all that other sources tell of the same time since.

    ::

        known by the end     |-----|        |-----|
        known since                            |-----|    |-----|     the second tells of the same session, the last is
        counts               |-----|        |--------|                none that anybody had booked by then
    """
    names = Counter(entry.uid_key for entry in entries)
    for group in _together([entry for entry in entries if entry.may_be_session]):
        several = len({entry.source for entry in group}) > 1
        if several and any(entry.known_at <= end for entry in group):
            yield from group
        for entry in () if several else group:
            if names[entry.uid_key] > 1:
                yield entry
            elif entry.known_at <= end:
                yield entry.as_booking(end)


def _together(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Entries whose times hang together."""
    group: list[_Entry] = []
    reach = 0
    for entry in sorted(entries, key=lambda entry: entry.start):
        if group and entry.start >= reach:
            yield group
            group = []
        group.append(entry)
        reach = max(reach if len(group) > 1 else 0, entry.booked_end)
    if group:
        yield group


def _across(connection: sqlite3.Connection, binding: dict[str, int], entries: Sequence[_Entry]) -> Iterator[Part]:
    """What follows the end so closely that it may be a part of what was going on then, whole.

    ::

        sessions, calls   |---| |--------|    |----|         |----|
                                    the end                       too far away
    """
    times = connection.execute(
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
    reach = max((until for (until,) in running), default=binding["end"])
    following = [
        (entry.start, max(entry.end, entry.booked_end), tuple(entry)) for entry in entries if entry.may_be_session
    ]
    following += [(min(first, last), max(first, last), tuple(rest)) for first, last, *rest in times]
    for start, until, row in sorted(following, key=lambda one: one[0]):
        if start > reach + NEAR:
            return
        reach = max(reach, until)
        yield row


def _named(connection: sqlite3.Connection, binding: dict[str, int], entries: Sequence[_Entry]) -> Iterator[Part]:
    """Where a name leads across the end: true times of later about an entry of before, and the other way round."""
    before = f"""SELECT uid_key FROM event JOIN source_clinician USING (clinician_id, source_id)
                 WHERE clinician_id = :clinician AND start_at <= :end AND status <> '{REMOVED}'"""
    yield from connection.execute(
        f"""SELECT evidence.* FROM evidence JOIN source_clinician USING (clinician_id, source_id)
            WHERE clinician_id = :clinician AND coalesce(max(started_at, ended_at), started_at, ended_at) > :end
            AND uid_key IN ({before})""",
        binding,
    )
    names = {
        name
        for (name,) in connection.execute(
            """SELECT uid_key FROM evidence WHERE clinician_id = :clinician AND uid_key IS NOT NULL
               AND ifnull(min(started_at, ended_at), ifnull(started_at, ended_at)) <= :end
               UNION SELECT uid_key FROM correction WHERE clinician_id = :clinician""",
            binding,
        )
    }
    yield from (entry for entry in entries if entry.uid_key in names)
