"""The stored records of one clinician, as the tables that the analysis takes."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING

from connectors.records import CALLED_OFF, Kind
from monitor.analysis.records import RECORD_COLUMNS, Records
from monitor.store.events import REMOVED
from monitor.store.keys import stored_clinician_id

if TYPE_CHECKING:
    import pandas as pd

_CALLED_OFF = tuple(sorted(status.value for status in CALLED_OFF))
# The join with source_clinician leaves out records of a source that no longer belongs to the clinician.
# cancelled_at is the source's own edit time if that is later than the last version before the cancellation, else the
# time when the cancellation was first seen. It stays unknown for an event that was cancelled when it was first seen.
# moved: the event was seen with another start at some time.
EVENTS_SQL = f"""
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
# The columns of possible sessions that the matching of evidence to sessions needs.
_SESSION_ENTRIES = f"""
SELECT source_id AS source, uid_key, start_at AS start, end_at AS end, booked_end_at AS booked_end, all_day, status,
       kind, coalesce(client_id, -1) AS client, excluded, coalesce(meeting, '') AS meeting
FROM event JOIN source_clinician USING (clinician_id, source_id)
WHERE clinician_id = :clinician AND kind = '{Kind.SESSION.value}' AND status <> '{REMOVED}'
ORDER BY start_at, source_id, uid_key"""
_MAY_BE_SESSION = f"""entry.kind = '{Kind.SESSION.value}' AND entry.status <> '{REMOVED}'
    AND NOT entry.all_day AND entry.excluded IS NULL AND entry.end_at > entry.start_at"""
# Clinicians all of whose evidence needs no matching: it names an event, in the only source that contains sessions of
# theirs, overlaps it, and does not begin exactly at its start, as times that a record system fills in by default do.
# The event is joined by the table's primary key: a common table expression of events would be copied first.
_UNAMBIGUOUS_EVIDENCE = f"""
WITH only_source AS MATERIALIZED (
    SELECT clinician_id, min(source_id) AS event_source_id
    FROM event AS entry JOIN source_clinician USING (clinician_id, source_id) WHERE {_MAY_BE_SESSION}
    GROUP BY clinician_id HAVING min(source_id) = max(source_id)),
counted AS (
    SELECT evidence.clinician_id, evidence.source_id, count(*) AS number, count(entry.start_at) AS unambiguous
    FROM evidence JOIN source_clinician USING (clinician_id, source_id)
    LEFT JOIN only_source USING (clinician_id)
    LEFT JOIN event AS entry ON entry.clinician_id = evidence.clinician_id AND entry.source_id = event_source_id
        AND entry.uid_key = evidence.uid_key AND {_MAY_BE_SESSION} AND started_at < ended_at AND started_at <> start_at
        AND started_at < booked_end_at AND ended_at > start_at
    GROUP BY evidence.clinician_id, evidence.source_id)
SELECT key, source_id, number FROM counted JOIN clinician ON clinician.id = clinician_id
WHERE clinician_id NOT IN (SELECT clinician_id FROM counted WHERE unambiguous < number) ORDER BY key, source_id"""
_CORRECTIONS = "SELECT uid_key, ended_at FROM correction WHERE clinician_id = :clinician ORDER BY uid_key"
# Messages of a source in which the clinician was never recognised are left out: they would look unanswered.
_MESSAGES = """
SELECT sent_at, outgoing, automatic, coalesce(counterpart_id, -1) AS counterpart, counterpart_kind, channel,
       coalesce(thread, 0) AS thread, source_id AS source, thread IS NOT NULL AND thread IN (
           SELECT member.thread FROM emergency_thread AS marked JOIN node AS member USING (clinician_id, node)
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
_STATEMENTS = {
    "events": EVENTS_SQL, "evidence": _EVIDENCE, "corrections": _CORRECTIONS, "messages": _MESSAGES,
    "persons": _PERSONS, "terms": _TERMS, "ledger": _LEDGER,
}  # fmt: skip


def load_records(connection: sqlite3.Connection, clinician: str) -> Records:
    """Return all stored records of a clinician; call it within one read transaction, so that they are consistent."""
    id_ = stored_clinician_id(connection, clinician)
    return Records(**{name: _table(connection, name, sql, id_) for name, sql in _STATEMENTS.items()})


def session_evidence(connection: sqlite3.Connection, clinician: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return a clinician's possible sessions and all their evidence, or ``None`` if there is no evidence."""
    id_ = stored_clinician_id(connection, clinician)
    evidence = _table(connection, "evidence", _EVIDENCE, id_)
    return None if evidence.empty else (_table(connection, "events", _SESSION_ENTRIES, id_), evidence)


def unambiguous_evidence_counts(connection: sqlite3.Connection) -> dict[str, dict[int, int]]:
    """Return the number of evidence rows by clinician and source, for clinicians all of whose evidence is unambiguous.

    Each of these rows certainly belongs to a session, so :func:`monitor.analysis.sessions.count_linked_evidence` need
    not be called for these clinicians.
    """
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for clinician, source, number in connection.execute(_UNAMBIGUOUS_EVIDENCE):
        counts[clinician][source] = number
    return dict(counts)


def _table(connection: sqlite3.Connection, name: str, sql: str, clinician: int) -> pd.DataFrame:
    """Return the rows of a statement with the column types of the table ``name``. Columns may be left out."""
    import pandas as pd

    cursor = connection.execute(sql, {"clinician": clinician})
    columns = [column[0] for column in cursor.description]
    table = pd.DataFrame.from_records(cursor.fetchall(), columns=columns)
    return table.astype({column: RECORD_COLUMNS[name][column] for column in columns})


def pseudonyms(connection: sqlite3.Connection, clinician: str) -> dict[int, str]:
    """Return the pseudonyms of a clinician's counterparts by identity id."""
    sql = "SELECT identity.id, pseudonym FROM identity JOIN clinician ON clinician.id = clinician_id WHERE key = ?"
    return dict(connection.execute(sql, (clinician,)).fetchall())
