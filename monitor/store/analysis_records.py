"""What the analysis reads: one clinician's stored records as tables."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.records import CALLED_OFF, Kind
from monitor.analysis.records import RECORD_COLUMNS, Records
from monitor.store.events import REMOVED

if TYPE_CHECKING:
    import pandas as pd

_CALLED_OFF = tuple(sorted(status.value for status in CALLED_OFF))
# A record counts as long as its source is that clinician's. When an entry was called off is the source's own word, if
# it says anything newer than the entry as it last stood, else when it was first seen so; an entry that was never seen
# standing leaves it unknown. It was moved if it was ever seen beginning at another time.
EVENTS = f"""
WITH version AS (
    SELECT source_id, uid_key, max(seen_at) FILTER (WHERE status NOT IN {_CALLED_OFF}) AS stood_at,
           min(seen_at) FILTER (WHERE status IN {_CALLED_OFF}) AS off_at, count(DISTINCT start_at) > 1 AS moved
    FROM event_history WHERE clinician_id = :clinician GROUP BY source_id, uid_key)
SELECT source_id AS source, uid_key, start_at AS start, end_at AS end, booked_end_at AS booked_end, all_day, status,
       kind, coalesce(client_id, -1) AS client, excluded, first_seen_at AS known_at,
       coalesce(meeting, '') AS meeting,
       CASE WHEN status NOT IN {_CALLED_OFF} THEN NULL
            WHEN edited_at > coalesce(stood_at, 0) AND edited_at <= coalesce(off_at, edited_at) THEN edited_at
            ELSE off_at END AS cancelled_at, coalesce(moved, 0) AS moved
FROM event JOIN source_clinician USING (clinician_id, source_id) LEFT JOIN version USING (source_id, uid_key)
WHERE clinician_id = :clinician AND status <> '{REMOVED}' ORDER BY start_at, source_id, uid_key"""
_EVIDENCE = """
SELECT source_id AS source, grade, started_at, ended_at, coalesce(uid_key, '') AS uid_key,
       coalesce(meeting, '') AS meeting
FROM evidence JOIN source_clinician USING (clinician_id, source_id)
WHERE clinician_id = :clinician ORDER BY source_id, evidence_key"""
# What is needed of the events to see which session a true time is about: of the entries that can be sessions.
_SESSION_ENTRIES = f"""
SELECT source_id AS source, uid_key, start_at AS start, end_at AS end, booked_end_at AS booked_end, all_day, status,
       kind, coalesce(client_id, -1) AS client, excluded, coalesce(meeting, '') AS meeting
FROM event JOIN source_clinician USING (clinician_id, source_id)
WHERE clinician_id = :clinician AND kind = '{Kind.SESSION.value}' AND status <> '{REMOVED}'
ORDER BY start_at, source_id, uid_key"""
_MAY_BE_SESSION = f"""entry.kind = '{Kind.SESSION.value}' AND entry.status <> '{REMOVED}'
    AND NOT entry.all_day AND entry.excluded IS NULL AND entry.end_at > entry.start_at"""
# True times that need no looking for: all of somebody's name an entry of the only source that has sessions of theirs,
# share time with it, and do not begin at its very start, as what a record system fills in by itself does.
# The entry is looked up by the table's own key: a common table of entries would be copied first.
_UNAMBIGUOUS_EVIDENCE = f"""
WITH teller AS MATERIALIZED (
    SELECT clinician_id, min(source_id) AS teller_id
    FROM event AS entry JOIN source_clinician USING (clinician_id, source_id) WHERE {_MAY_BE_SESSION}
    GROUP BY clinician_id HAVING min(source_id) = max(source_id)),
told AS (
    SELECT evidence.clinician_id, evidence.source_id, count(*) AS number, count(entry.start_at) AS plain
    FROM evidence JOIN source_clinician USING (clinician_id, source_id)
    LEFT JOIN teller USING (clinician_id)
    LEFT JOIN event AS entry ON entry.clinician_id = evidence.clinician_id AND entry.source_id = teller_id
        AND entry.uid_key = evidence.uid_key AND {_MAY_BE_SESSION} AND started_at < ended_at AND started_at <> start_at
        AND started_at < booked_end_at AND ended_at > start_at
    GROUP BY evidence.clinician_id, evidence.source_id)
SELECT key, source_id, number FROM told JOIN clinician ON clinician.id = clinician_id
WHERE clinician_id NOT IN (SELECT clinician_id FROM told WHERE plain < number) ORDER BY key, source_id"""
_CORRECTIONS = "SELECT uid_key, ended_at FROM correction WHERE clinician_id = :clinician ORDER BY uid_key"
# A mailbox in which the clinician was never recognised says nothing of how they answer.
_MESSAGES = """
SELECT sent_at, outgoing, automatic, coalesce(counterpart_id, -1) AS counterpart, counterpart_kind, channel,
       coalesce(thread, 0) AS thread, source_id AS source, thread IS NOT NULL AND thread IN (
           SELECT named.thread FROM emergency_thread AS marked JOIN node AS named USING (clinician_id, node)
           WHERE marked.clinician_id = :clinician) AS emergency
FROM message JOIN source_clinician USING (clinician_id, source_id)
WHERE clinician_id = :clinician AND (recognised OR source_id IN (
    SELECT source_id FROM message WHERE clinician_id = :clinician AND outgoing AND NOT automatic))
ORDER BY sent_at, node"""
_PERSONS = "SELECT client_id AS client, person FROM client_person WHERE clinician_id = :clinician ORDER BY client_id"
_TERMS = """
SELECT client_id AS client, term, from_day AS day, value, entered_at FROM client_term
WHERE clinician_id = :clinician ORDER BY client_id, term, from_day"""
_LEDGER = """
SELECT coalesce(client_id, -1) AS client, kind, day FROM ledger WHERE clinician_id = :clinician ORDER BY day, id"""
_SENTENCES = {
    "events": EVENTS, "evidence": _EVIDENCE, "corrections": _CORRECTIONS, "messages": _MESSAGES, "persons": _PERSONS,
    "terms": _TERMS, "ledger": _LEDGER,
}  # fmt: skip


def load_records(connection: sqlite3.Connection, clinician: str) -> Records:
    """Return everything that is stored of a clinician; the caller's transaction makes it one consistent read."""
    binding = _binding(connection, clinician)
    return Records(**{name: _table(connection, name, sql, binding) for name, sql in _SENTENCES.items()})


def session_evidence(connection: sqlite3.Connection, clinician: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return a clinician's entries that can be sessions, and all true times; ``None`` where there is no true time."""
    binding = _binding(connection, clinician)
    evidence = _table(connection, "evidence", _EVIDENCE, binding)
    return None if evidence.empty else (_table(connection, "events", _SESSION_ENTRIES, binding), evidence)


def unambiguous_evidence_counts(connection: sqlite3.Connection) -> dict[str, dict[int, int]]:
    """Return by clinician and source how many true times there are, of whom all of them plainly tell of a session.

    Of these :func:`monitor.analysis.sessions.count_linked_evidence` would find that each says how one went.
    """
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for clinician, source, number in connection.execute(_UNAMBIGUOUS_EVIDENCE):
        found[clinician][source] = number
    return dict(found)


def _binding(connection: sqlite3.Connection, clinician: str) -> dict[str, int]:
    row = connection.execute("SELECT id FROM clinician WHERE key = ?", (clinician,)).fetchone()
    return {"clinician": row[0] if row else -1}


def _table(connection: sqlite3.Connection, name: str, sql: str, binding: Mapping[str, int]) -> pd.DataFrame:
    """Return the rows of a sentence with the types of that table of records; it may leave columns out."""
    import pandas as pd

    cursor = connection.execute(sql, binding)
    columns = [column[0] for column in cursor.description]
    table = pd.DataFrame.from_records(cursor.fetchall(), columns=columns)
    return table.astype({column: RECORD_COLUMNS[name][column] for column in columns})


def pseudonyms(connection: sqlite3.Connection, clinician: str) -> dict[int, str]:
    """The pseudonym behind each identity number of a clinician."""
    sql = "SELECT identity.id, pseudonym FROM identity JOIN clinician ON clinician.id = clinician_id WHERE key = ?"
    return dict(connection.execute(sql, (clinician,)).fetchall())
