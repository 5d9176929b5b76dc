"""The whole schema, readable as one text, and the migrations that build it.

Instants are UTC epoch seconds, weeks the day number of their Monday. Nobody's name, address, title or subject has a
column. Each migration is one decorated function; all pending ones run in one transaction that also records them.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

SCHEMA_VERSION = 10

migrations = Migrations("evenhours")


@migrations()
def first_light(db: Database) -> None:
    """Sources, records, weekly numbers in two separate wings, notices, sign-in."""
    for statement in FIRST_LIGHT:
        db.execute(statement)


FIRST_LIGHT = (
    # Who and where from. Names and addresses stay in the configuration.
    "CREATE TABLE clinician (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    # cursor: the connector's own text. reading: how often the source was read from its beginning.
    # seen_from, seen_to: what the source has been asked for so far.
    """CREATE TABLE source (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, cursor TEXT,
        reading INTEGER NOT NULL DEFAULT 0, seen_from INTEGER, seen_to INTEGER,
        attempted_at INTEGER, succeeded_at INTEGER, fault TEXT) STRICT""",
    # Whose times a source holds now. What it told of anybody else before stays stored and counts no more.
    """CREATE TABLE source_clinician (
        source_id INTEGER NOT NULL, clinician_id INTEGER NOT NULL,
        PRIMARY KEY (source_id, clinician_id)) STRICT, WITHOUT ROWID""",
    # A pseudonym is stored once; everything else points here, so that the key can be rotated in one table.
    """CREATE TABLE identity (
        id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, pseudonym TEXT NOT NULL,
        UNIQUE (clinician_id, pseudonym)) STRICT""",
    # booked_end_at: the end as it was booked, which a change made after the session began does not move.
    """CREATE TABLE event (
        clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, uid_key TEXT NOT NULL,
        start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, booked_end_at INTEGER NOT NULL, all_day INTEGER NOT NULL,
        status TEXT NOT NULL, kind TEXT NOT NULL, client_id INTEGER, set_aside TEXT, edited_at INTEGER,
        first_seen_at INTEGER NOT NULL,
        PRIMARY KEY (clinician_id, source_id, uid_key)) STRICT, WITHOUT ROWID""",
    # Every version of an event that changed, with when it was seen: a source itself shows only the last.
    """CREATE TABLE event_history (
        clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, uid_key TEXT NOT NULL, seen_at INTEGER NOT NULL,
        start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, status TEXT NOT NULL,
        PRIMARY KEY (clinician_id, source_id, uid_key, seen_at)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE evidence (
        clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, evidence_key TEXT NOT NULL, grade TEXT NOT NULL,
        started_at INTEGER, ended_at INTEGER, uid_key TEXT,
        PRIMARY KEY (clinician_id, source_id, evidence_key)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE correction (
        clinician_id INTEGER NOT NULL, uid_key TEXT NOT NULL, ended_at INTEGER NOT NULL, made_at INTEGER NOT NULL,
        PRIMARY KEY (clinician_id, uid_key)) STRICT, WITHOUT ROWID""",
    # Clustered by person and time, so that a week is one short read.
    """CREATE TABLE message (
        clinician_id INTEGER NOT NULL, sent_at INTEGER NOT NULL, node INTEGER NOT NULL, source_id INTEGER NOT NULL,
        reading INTEGER NOT NULL, outgoing INTEGER NOT NULL, automatic INTEGER NOT NULL, counterpart_id INTEGER,
        counterpart_kind TEXT NOT NULL, channel TEXT NOT NULL,
        PRIMARY KEY (clinician_id, sent_at, node)) STRICT, WITHOUT ROWID""",
    # One message of one person is one row, whatever copy or folder it came from and whatever time that copy says.
    "CREATE UNIQUE INDEX message_once ON message (clinician_id, node)",
    # Every message that is held or referred to, with the smallest node of its thread.
    """CREATE TABLE thread_node (
        clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, thread INTEGER NOT NULL,
        PRIMARY KEY (clinician_id, node)) STRICT, WITHOUT ROWID""",
    # Two threads that turn out to be one are renamed by this.
    "CREATE INDEX thread_members ON thread_node (clinician_id, thread)",
    # What could not be used, by place and reason, never by content.
    """CREATE TABLE kept_aside (
        source_id INTEGER NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL, seen_at INTEGER NOT NULL,
        PRIMARY KEY (source_id, place, reason)) STRICT, WITHOUT ROWID""",
    # Whose numbers have to be computed again, and from which instant on.
    "CREATE TABLE dirty (clinician_id INTEGER PRIMARY KEY, from_at INTEGER NOT NULL) STRICT",
    # Up to which week, and under which hours and rules, a clinician's numbers were computed.
    "CREATE TABLE analysed (clinician_id INTEGER PRIMARY KEY, week INTEGER NOT NULL, fingerprint TEXT NOT NULL) STRICT",
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY, command TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
        exit_code INTEGER) STRICT""",
    # The two wings. The director's pages read the first and never the second.
    """CREATE TABLE workload_week (
        clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, key TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
        coverage REAL NOT NULL, PRIMARY KEY (clinician_id, week, key)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE wellbeing_week (
        clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, key TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
        coverage REAL NOT NULL, PRIMARY KEY (clinician_id, week, key)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE notice (
        id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, tier TEXT NOT NULL,
        family TEXT NOT NULL, key TEXT NOT NULL, client_id INTEGER NOT NULL DEFAULT 0, ratio REAL NOT NULL,
        low REAL NOT NULL, high REAL NOT NULL, since INTEGER NOT NULL, answer TEXT, answered_at INTEGER,
        UNIQUE (clinician_id, week, family, client_id)) STRICT""",
    # Sign-in: only hashes of tokens are kept.
    """CREATE TABLE signin_link (
        token_hash TEXT PRIMARY KEY, subject TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE web_session (
        token_hash TEXT PRIMARY KEY, subject TEXT NOT NULL, started_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
)


@migrations()
def own_word(db: Database) -> None:
    """What a person answered about themself."""
    # In the wellbeing wing and for its owner alone: the number of a scale, never a single answer.
    db.execute(
        """CREATE TABLE self_report (
            clinician_id INTEGER NOT NULL, day INTEGER NOT NULL, instrument TEXT NOT NULL, scale TEXT NOT NULL,
            value REAL NOT NULL, PRIMARY KEY (clinician_id, day, instrument, scale)) STRICT, WITHOUT ROWID"""
    )


@migrations()
def what_was_answered(db: Database) -> None:
    """Lines beside notices, several measures behind one notice, and every answer that was ever given."""
    for statement in WHAT_WAS_ANSWERED:
        db.execute(statement)


WHAT_WAS_ANSWERED = (
    # Every answer is kept. The latest that was not taken back counts. until_day: the last day of an exception.
    """CREATE TABLE answer (
        id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, notice_id INTEGER NOT NULL, answer TEXT NOT NULL,
        until_day INTEGER, answered_at INTEGER NOT NULL, undone_at INTEGER) STRICT""",
    "CREATE INDEX answer_to ON answer (notice_id, answered_at)",
    """INSERT INTO answer (clinician_id, notice_id, answer, answered_at)
       SELECT clinician_id, id, answer, answered_at FROM notice WHERE answer IS NOT NULL""",
    # A line has no ratio but a number, measured. The table is written anew: SQLite cannot take a NOT NULL back.
    # No number is given twice, so that an answer in a page that is older than the last night finds its notice or none.
    """CREATE TABLE notice_anew (
        id INTEGER PRIMARY KEY AUTOINCREMENT, clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, tier TEXT NOT NULL,
        family TEXT NOT NULL, key TEXT NOT NULL, client_id INTEGER NOT NULL DEFAULT 0, ratio REAL, low REAL, high REAL,
        since INTEGER NOT NULL, measured REAL, UNIQUE (clinician_id, week, family, client_id)) STRICT""",
    """INSERT INTO notice_anew
       SELECT id, clinician_id, week, tier, family, key, client_id, ratio, low, high, since, NULL FROM notice""",
    "DROP TABLE notice",
    "ALTER TABLE notice_anew RENAME TO notice",
    # The measures that moved together, where there are several; the notice itself holds the first of them.
    """CREATE TABLE notice_sign (
        clinician_id INTEGER NOT NULL, notice_id INTEGER NOT NULL, key TEXT NOT NULL, ratio REAL NOT NULL,
        low REAL NOT NULL, high REAL NOT NULL, since INTEGER NOT NULL,
        PRIMARY KEY (notice_id, key)) STRICT, WITHOUT ROWID""",
)


@migrations()
def accounts_and_meetings(db: Database) -> None:
    """A source may be read account by account; entries and calls may name their video meeting."""
    for statement in ACCOUNTS_AND_MEETINGS:
        db.execute(statement)


ACCOUNTS_AND_MEETINGS = (
    # owner_id: whose account it is where each owner of a source has one, read on its own; 0 where it is one for all.
    "ALTER TABLE source RENAME TO source_before",
    """CREATE TABLE source (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner_id INTEGER NOT NULL DEFAULT 0, kind TEXT NOT NULL,
        cursor TEXT, reading INTEGER NOT NULL DEFAULT 0, seen_from INTEGER, seen_to INTEGER, attempted_at INTEGER,
        succeeded_at INTEGER, fault TEXT, UNIQUE (name, owner_id)) STRICT""",
    """INSERT INTO source SELECT id, name, 0, kind, cursor, reading, seen_from, seen_to, attempted_at, succeeded_at,
       fault FROM source_before""",
    "DROP TABLE source_before",
    # meeting: the keyed code of a video meeting, by which a call finds its entry.
    "ALTER TABLE event ADD COLUMN meeting TEXT",
    "ALTER TABLE evidence ADD COLUMN meeting TEXT",
)


@migrations()
def what_is_agreed(db: Database) -> None:
    """Who is one person, what was agreed with whom and from which day on, and the ledger. For their owner alone."""
    for statement in WHAT_IS_AGREED:
        db.execute(statement)


WHAT_IS_AGREED = (
    # Keys (identities) of one person, joined by the clinician; a key that is not here is a person of its own.
    """CREATE TABLE client_person (
        clinician_id INTEGER NOT NULL, client_id INTEGER NOT NULL, person INTEGER NOT NULL,
        PRIMARY KEY (clinician_id, client_id)) STRICT, WITHOUT ROWID""",
    # What holds on a day is the latest at or before it; no value: nothing holds from that day on. The names and the
    # values that can stand here are those of monitor/analysis/terms.py.
    """CREATE TABLE client_term (
        clinician_id INTEGER NOT NULL, client_id INTEGER NOT NULL, term TEXT NOT NULL, from_day INTEGER NOT NULL,
        value TEXT, said_at INTEGER NOT NULL,
        PRIMARY KEY (clinician_id, client_id, term, from_day)) STRICT, WITHOUT ROWID""",
    # What no calendar shows, by kind and day; client_id is empty where it is about no single client.
    """CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, day INTEGER NOT NULL, kind TEXT NOT NULL,
        client_id INTEGER, made_at INTEGER NOT NULL) STRICT""",
)


@migrations()
def two_people(db: Database) -> None:
    """Of whom a clinician said that they are not one person, the smaller number first, so that nobody asks again."""
    db.execute(
        """CREATE TABLE client_apart (
            clinician_id INTEGER NOT NULL, one INTEGER NOT NULL, other INTEGER NOT NULL, said_at INTEGER NOT NULL,
            PRIMARY KEY (clinician_id, one, other)) STRICT, WITHOUT ROWID"""
    )


@migrations()
def what_a_line_is_about(db: Database) -> None:
    """Two lines of one week and client are two if they are about two things."""
    for statement in WHAT_A_LINE_IS_ABOUT:
        db.execute(statement)


WHAT_A_LINE_IS_ABOUT = (
    # about: the term, the kind of entry or the family that a line of a single day is about; else empty.
    """CREATE TABLE notice_anew (
        id INTEGER PRIMARY KEY AUTOINCREMENT, clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, tier TEXT NOT NULL,
        family TEXT NOT NULL, key TEXT NOT NULL, client_id INTEGER NOT NULL DEFAULT 0, about TEXT NOT NULL DEFAULT '',
        ratio REAL, low REAL, high REAL, since INTEGER NOT NULL, measured REAL,
        UNIQUE (clinician_id, week, family, client_id, about)) STRICT""",
    # The last number given goes along, so that none is given twice.
    "INSERT INTO sqlite_sequence SELECT 'notice_anew', seq FROM sqlite_sequence WHERE name = 'notice'",
    # What a line of before was about is what came in its week; an answer to it stays an answer to the same line.
    """INSERT INTO notice_anew SELECT id, clinician_id, week, tier, family, key, client_id, CASE family
         WHEN 'review' THEN coalesce((
             SELECT term FROM client_term LEFT JOIN client_person USING (clinician_id, client_id)
             WHERE clinician_id = notice.clinician_id AND coalesce(person, client_id) = notice.client_id
               AND term IN ('review_on', 'modified_until')
               AND julianday(value) - julianday('1970-01-01') BETWEEN notice.week AND notice.week + 6), 'unknown')
         WHEN 'exception ended' THEN coalesce((
             SELECT ended.family FROM answer JOIN notice AS ended ON ended.id = notice_id
             WHERE ended.clinician_id = notice.clinician_id AND ended.client_id = notice.client_id
               AND undone_at IS NULL AND until_day BETWEEN notice.week AND notice.week + 6), 'unknown')
         WHEN 'just this once' THEN coalesce((
             SELECT kind FROM ledger LEFT JOIN client_person USING (clinician_id, client_id)
             WHERE clinician_id = notice.clinician_id AND coalesce(person, client_id) = notice.client_id
               AND kind IN ('exception', 'gift', 'request_accepted', 'fee_waived')
               AND day BETWEEN notice.week AND notice.week + 6 ORDER BY day DESC), 'one client')
         ELSE '' END,
       ratio, low, high, since, measured FROM notice""",
    "DROP TABLE notice",
    "ALTER TABLE notice_anew RENAME TO notice",
)


@migrations()
def emergency_threads(db: Database) -> None:
    """Threads that a clinician marked as an emergency, by a node of theirs: it stays where threads are joined."""
    db.execute(
        """CREATE TABLE emergency_thread (
            clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, marked_at INTEGER NOT NULL,
            PRIMARY KEY (clinician_id, node)) STRICT, WITHOUT ROWID"""
    )


@migrations()
def what_was_counted(db: Database) -> None:
    """How far a measure moved in the weeks of its notice as they were counted, beside what allows for chance."""
    for table in ("notice", "notice_sign"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN seen REAL")


@migrations()
def one_row_a_message(db: Database) -> None:
    """What is known of a message, and of one that is only referred to, stands in one row."""
    for statement in ONE_ROW_A_MESSAGE:
        db.execute(statement)


ONE_ROW_A_MESSAGE = (
    # Every message that is held or referred to; of the latter only the thread is known. thread: the smallest node that
    # it is tied to; none where its source has no threads. One message of one person is one row, whatever copy or folder
    # it came from and whatever time that copy says.
    """CREATE TABLE node (
        clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, thread INTEGER, sent_at INTEGER, source_id INTEGER,
        reading INTEGER NOT NULL, outgoing INTEGER NOT NULL, automatic INTEGER NOT NULL, counterpart_kind TEXT NOT NULL,
        channel TEXT NOT NULL, counterpart_id INTEGER, PRIMARY KEY (clinician_id, node)) STRICT, WITHOUT ROWID""",
    """INSERT INTO node SELECT clinician_id, node, thread, NULL, NULL, 0, 0, 0, '', '', NULL FROM thread_node""",
    """INSERT OR REPLACE INTO node
       SELECT clinician_id, node, thread, sent_at, source_id, reading, outgoing, automatic, counterpart_kind, channel,
              counterpart_id
       FROM message LEFT JOIN thread_node USING (clinician_id, node)""",
    "DROP TABLE message",
    "DROP TABLE thread_node",
    # Two threads that turn out to be one are renamed by this. The node that a thread is named by is found without.
    "CREATE INDEX thread_members ON node (clinician_id, thread) WHERE thread <> node",
    # The messages that are held.
    "CREATE VIEW message AS SELECT * FROM node WHERE sent_at IS NOT NULL",
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Apply every pending migration inside the caller's transaction, so that all of them happen or none."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
