"""The database schema as one text, and the migrations that will change it after the first release.

docs/schema.md is generated from the same text: ``python -m monitor.store.schema > docs/schema.md``. A test compares
them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

SCHEMA_VERSION = 17
"""The version of the schema, raised with every change.

Before the first release a change is made in the text below, and older files are refused.
"""

migrations = Migrations("evenhours")

SCHEMA = """
-- # The practice
-- Instants are UTC epoch seconds. Days are day numbers from 1970-01-01, and a week is the day number of its Monday. No
-- column contains a name, an address, a title or a subject. A page of records is written in one transaction with its
-- cursor, a clinician's numbers in one with the state in which they were computed. Tables are STRICT, so that no text
-- gets into a column of numbers. Tables whose rows are found by their primary key alone are WITHOUT ROWID, which saves
-- a second index.

-- The practice that the database belongs to: one row.
-- * key_check: a keyed digest of a constant. Under another practice's key it differs, and the database is refused.
CREATE TABLE practice (id INTEGER PRIMARY KEY CHECK (id = 1), key_check TEXT NOT NULL) STRICT;

-- # People and sources
-- Names and addresses stay in the configuration.

-- Clinicians by their key in the configuration.
CREATE TABLE clinician (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;

-- Sources, each with how far it was read. A source that is read for each owner separately has one row an account.
-- * owner_id: the clinician whose account it is; 0 for a source without accounts.
-- * cursor: how far the source has been read, as text that only its connector understands.
-- * policy: the settings of the practice under which the cursor is valid. When they change, the source is read from the
--   beginning.
-- * skipped_before, skipped_after: the nearest instants of records that were left out before and after the window.
-- * size: how many messages or rows the source contained when it was last counted.
-- * generation: how often the source has been read from the beginning.
-- * read_from, read_to: the unbroken span of time that has been read; read_to is how fresh the source is.
-- * error: why the last attempt failed; empty after a successful one.
-- * renamed_at: when the source last came with new identifiers for all entries that it contained before.
CREATE TABLE source (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner_id INTEGER NOT NULL DEFAULT 0, kind TEXT NOT NULL,
    cursor TEXT, policy TEXT, skipped_before INTEGER, skipped_after INTEGER, size INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0, read_from INTEGER, read_to INTEGER, attempted_at INTEGER,
    succeeded_at INTEGER, error TEXT, renamed_at INTEGER,
    UNIQUE (name, owner_id)
) STRICT;

-- The owners of each source as it is configured now. Records of a former owner stay stored and no longer count.
-- * has_records: 1 once the source has contained a record of the clinician.
-- * recognised: 1 once the clinician has been recognised as the sender or recipient of a message in the source.
CREATE TABLE source_clinician (
    source_id INTEGER NOT NULL, clinician_id INTEGER NOT NULL, has_records INTEGER NOT NULL DEFAULT 0,
    recognised INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, clinician_id)
) STRICT, WITHOUT ROWID;

-- Pseudonyms, each stored once. All other tables refer to them by id, so that rotating the key changes this table only.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, pseudonym TEXT NOT NULL,
    UNIQUE (clinician_id, pseudonym)
) STRICT;

-- Records that could not be used, by place and reason, never by content.
CREATE TABLE rejected_record (
    source_id INTEGER NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL, seen_at INTEGER NOT NULL,
    PRIMARY KEY (source_id, place, reason)
) STRICT, WITHOUT ROWID;

-- # Records from the sources

-- Calendar entries as they are now. An entry that was removed at its source stays, with the status "removed".
-- * booked_end_at: the end as booked. A change that is made after the session began does not move it.
-- * excluded: the reason why the event takes no part in the analysis; empty where it does.
-- * meeting: the keyed code of a video meeting, which connects a call to its entry.
-- * series: the keyed identifier of the series that an instance belongs to.
CREATE TABLE event (
    clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, uid_key TEXT NOT NULL,
    start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, booked_end_at INTEGER NOT NULL, all_day INTEGER NOT NULL,
    status TEXT NOT NULL, kind TEXT NOT NULL, client_id INTEGER, excluded TEXT, edited_at INTEGER,
    first_seen_at INTEGER NOT NULL, meeting TEXT, series TEXT,
    PRIMARY KEY (clinician_id, source_id, uid_key)
) STRICT, WITHOUT ROWID;

-- Versions of the events that changed, each with when it was first seen. A source itself has only the latest version.
CREATE TABLE event_history (
    clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, uid_key TEXT NOT NULL, seen_at INTEGER NOT NULL,
    start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (clinician_id, source_id, uid_key, seen_at)
) STRICT, WITHOUT ROWID;

-- Actual times of sessions, as far as a source contains them.
-- * grade: the kind of evidence.
-- * uid_key, meeting: the calendar entry that the times belong to, where the source names it.
CREATE TABLE evidence (
    clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, evidence_key TEXT NOT NULL, grade TEXT NOT NULL,
    started_at INTEGER, ended_at INTEGER, uid_key TEXT, meeting TEXT,
    PRIMARY KEY (clinician_id, source_id, evidence_key)
) STRICT, WITHOUT ROWID;

-- Messages, and messages that others refer to. Of the latter only the thread is known, all other columns are empty. One
-- message of one clinician is one row, however many copies there are, in whatever folders and with whatever times.
-- * node: the keyed number of the message.
-- * thread: the smallest node of its thread; empty where the source has no threads.
-- * generation: that of the source when the copy was read.
CREATE TABLE node (
    clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, thread INTEGER, sent_at INTEGER, source_id INTEGER,
    generation INTEGER NOT NULL, outgoing INTEGER NOT NULL, automatic INTEGER NOT NULL, counterpart_kind TEXT NOT NULL,
    channel TEXT NOT NULL, counterpart_id INTEGER,
    PRIMARY KEY (clinician_id, node)
) STRICT, WITHOUT ROWID;

-- Finds the nodes of a thread when two threads are joined. The node that names the thread is found by the primary key.
CREATE INDEX thread_members ON node (clinician_id, thread) WHERE thread <> node;

-- The nodes that are messages themselves.
CREATE VIEW message AS SELECT * FROM node WHERE sent_at IS NOT NULL;

-- # Entered by the clinician
-- For their owner alone. entered_at is when somebody entered it.

-- The ends of sessions as the clinician states them.
CREATE TABLE correction (
    clinician_id INTEGER NOT NULL, uid_key TEXT NOT NULL, ended_at INTEGER NOT NULL, entered_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, uid_key)
) STRICT, WITHOUT ROWID;

-- Client keys (identities) that the clinician joined to one person. A key without a row is a person of its own.
CREATE TABLE client_person (
    clinician_id INTEGER NOT NULL, client_id INTEGER NOT NULL, person INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, client_id)
) STRICT, WITHOUT ROWID;

-- Pairs of client keys that the clinician said are different people, so that joining them is not proposed again. The
-- smaller id comes first.
CREATE TABLE different_people (
    clinician_id INTEGER NOT NULL, first_id INTEGER NOT NULL, second_id INTEGER NOT NULL, entered_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, first_id, second_id)
) STRICT, WITHOUT ROWID;

-- The dated terms of agreements with clients. On a day the latest row from that day or an earlier one applies; an empty
-- value ends the term. monitor/analysis/terms.py declares the terms and their values.
CREATE TABLE client_term (
    clinician_id INTEGER NOT NULL, client_id INTEGER NOT NULL, term TEXT NOT NULL, from_day INTEGER NOT NULL,
    value TEXT, entered_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, client_id, term, from_day)
) STRICT, WITHOUT ROWID;

-- Events that no calendar shows, by kind and day. client_id is empty where an entry concerns no single client.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, day INTEGER NOT NULL, kind TEXT NOT NULL,
    client_id INTEGER, entered_at INTEGER NOT NULL
) STRICT;

-- Threads that the clinician marked as an emergency, each by one of its nodes, so that the mark stays when threads are
-- joined.
CREATE TABLE emergency_thread (
    clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, entered_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, node)
) STRICT, WITHOUT ROWID;

-- Scale values of questionnaires. The answers to single questions are not stored.
CREATE TABLE self_report (
    clinician_id INTEGER NOT NULL, day INTEGER NOT NULL, instrument TEXT NOT NULL, scale TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (clinician_id, day, instrument, scale)
) STRICT, WITHOUT ROWID;

-- # Computed numbers

-- Clinicians whose numbers must be computed again, and the earliest instant that a change affects.
CREATE TABLE dirty (clinician_id INTEGER PRIMARY KEY, from_at INTEGER NOT NULL) STRICT;

-- A counter that every write raises which the clinician's numbers depend on. It is compared before numbers are saved:
-- if it changed during the computation, they are computed again and do not replace newer ones.
CREATE TABLE data_version (clinician_id INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;

-- The state of data and settings from which a clinician's numbers were last computed.
-- * week: the last week that was over at that time.
-- * settings_checksum: of the configuration and the definitions of the metrics.
-- * sources_checksum: of the spans that had been read of each type of record.
-- * read_to, calendars_to: the instant up to which all sources, and all calendars, had been read.
-- * failed_at, error: when a later attempt failed, and the class of the error.
-- * upcoming_checksum: of the records after that week which its numbers depend on (monitor/store/upcoming.py).
CREATE TABLE computation (
    clinician_id INTEGER PRIMARY KEY, week INTEGER, settings_checksum TEXT, sources_checksum TEXT, read_to INTEGER,
    calendars_to INTEGER, computed_at INTEGER, failed_at INTEGER, error TEXT, upcoming_checksum TEXT
) STRICT;

-- Weekly values of the workload metrics. The director's blocks are made from these.
CREATE TABLE workload_week (
    clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, key TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
    coverage REAL NOT NULL,
    PRIMARY KEY (clinician_id, week, key)
) STRICT, WITHOUT ROWID;

-- Weekly values of the wellbeing metrics, for their owner alone.
CREATE TABLE wellbeing_week (
    clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, key TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
    coverage REAL NOT NULL,
    PRIMARY KEY (clinician_id, week, key)
) STRICT, WITHOUT ROWID;

-- # Published to the director
-- Blocks of four calendar weeks, published once. Later corrections do not change them.

-- Blocks with the numbers of the whole practice.
-- * sessions_held, nothing_booked: empty where they are known of fewer than five people; nothing_booked is that of the
--   last week.
CREATE TABLE block (
    start INTEGER PRIMARY KEY, published_at INTEGER NOT NULL, sessions_held INTEGER,
    nothing_booked INTEGER
) STRICT;

-- The clinicians who were employed in a block.
-- * load: weighted sessions a week for each full-time equivalent, over the weeks in which it is known; empty where the
--   clinician's numbers were not complete in time.
-- * fte: the contract's at the end of the block.
-- * phased_in_fte: the mean FTE by which load is shared; it grows over a clinician's first twelve weeks.
-- * active_clients: at the end of the block.
CREATE TABLE block_person (
    block INTEGER NOT NULL, clinician_id INTEGER NOT NULL, load REAL, fte REAL NOT NULL, phased_in_fte REAL NOT NULL,
    active_clients INTEGER, intakes INTEGER, supervision TEXT NOT NULL,
    PRIMARY KEY (block, clinician_id)
) STRICT, WITHOUT ROWID;

-- The new clients that a clinician can take by day and in the evening, and how many of these for trauma-focused work.
CREATE TABLE open_slots (
    clinician_id INTEGER PRIMARY KEY, day INTEGER NOT NULL, evening INTEGER NOT NULL, trauma INTEGER NOT NULL,
    entered_at INTEGER NOT NULL
) STRICT;

-- Referrals that the director assigned.
CREATE TABLE assignment (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, assigned_at INTEGER NOT NULL,
    weight REAL NOT NULL
) STRICT;

-- # Notices

-- Notices of a week. A notice about a rule has a measured number and no ratio. AUTOINCREMENT never gives an id twice:
-- an answer from a page that was loaded before the last run reaches its own notice or none.
-- * topic: the term, the kind of ledger entry or the family that the notice is about, where the family does not say so.
-- * ratio, low, high: how far the metric moved from its usual, allowing for chance, with the 90 % interval.
-- * observed: how far it moved as counted.
-- * since: the week from which on it moved.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT, clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, tier TEXT NOT NULL,
    family TEXT NOT NULL, key TEXT NOT NULL, client_id INTEGER NOT NULL DEFAULT 0, topic TEXT NOT NULL DEFAULT '',
    ratio REAL, low REAL, high REAL, since INTEGER NOT NULL, measured REAL, observed REAL,
    UNIQUE (clinician_id, week, family, client_id, topic)
) STRICT;

-- The signals of a notice with several metrics. The notice itself has the numbers of the first one.
CREATE TABLE notice_signal (
    clinician_id INTEGER NOT NULL, notice_id INTEGER NOT NULL, key TEXT NOT NULL, ratio REAL NOT NULL,
    low REAL NOT NULL, high REAL NOT NULL, since INTEGER NOT NULL, observed REAL,
    PRIMARY KEY (notice_id, key)
) STRICT, WITHOUT ROWID;

-- All answers to notices. The latest one that was not undone counts.
-- * until_day: the last day of an exception.
CREATE TABLE answer (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, notice_id INTEGER NOT NULL, answer TEXT NOT NULL,
    until_day INTEGER, answered_at INTEGER NOT NULL, undone_at INTEGER
) STRICT;

-- Finds the answers to a notice in the order in which they were given.
CREATE INDEX answer_to ON answer (notice_id, answered_at);

-- # Runs

-- Runs of the last 30 days.
CREATE TABLE run (
    id INTEGER PRIMARY KEY, command TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
    exit_code INTEGER
) STRICT;

-- The sources (or accounts) that a run read: how long each took, how many rows changed, how many records were rejected,
-- and why it could not be read.
CREATE TABLE run_source (
    run_id INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, seconds REAL NOT NULL,
    changed INTEGER NOT NULL, rejected INTEGER NOT NULL, error TEXT,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- What is missing before a page may say that all is well, and since when. A run reports a gap when it is new.
CREATE TABLE gap (
    clinician_id INTEGER NOT NULL, gap TEXT NOT NULL, source TEXT NOT NULL, since_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, gap, source)
) STRICT, WITHOUT ROWID;

-- # Sign-in
-- Tokens are stored as hashes only.

-- Links that sign a person in once.
CREATE TABLE signin_link (
    token_hash TEXT PRIMARY KEY, subject TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Browsers that are signed in. What belongs to the session is stored here, never in the cookie. Lists are JSON.
-- * subject: a clinician's key, or the director.
-- * messages: sentences that the next page shows once.
-- * consent: secrets of a provider's consent page that has not been answered yet.
CREATE TABLE web_session (
    token_hash TEXT PRIMARY KEY, subject TEXT NOT NULL, started_at INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    messages TEXT NOT NULL DEFAULT '[]', consent TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
"""


def paragraphs() -> Iterator[tuple[str, str]]:
    """Yield the comment and the statement of each paragraph; the statement is empty for the heading of a section."""
    for paragraph in SCHEMA.strip().split("\n\n"):
        lines = paragraph.splitlines()
        comment = [line.removeprefix("-- ").removeprefix("--") for line in lines if line.startswith("--")]
        yield "\n".join(comment), "\n".join(lines[len(comment) :])


@migrations()
def version_17(db: Database) -> None:
    """Create every table."""
    for _, statement in paragraphs():
        if statement:
            db.execute(statement)


def upgrade(connection: sqlite3.Connection) -> None:
    """Apply all pending migrations in the caller's transaction, so that all or none of them take effect."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def schema_markdown() -> str:
    """Return the content of docs/schema.md."""
    parts = []
    for comment, statement in paragraphs():
        if not statement:
            heading, *text = comment.splitlines()
            parts += [f"#{heading}", "\n".join(text)] if text else [f"#{heading}"]  # one level below the title
        else:
            kind, name = statement.split()[1:3]
            remarks = comment.replace("\n* ", "\n\n* ", 1)  # Markdown needs an empty line before a list
            parts += [f"### {name}" if kind == "TABLE" else f"### {name} ({kind.lower()})", remarks]
            parts += [f"```sql\n{statement}\n```"]
    return "# The database\n\n" + "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(schema_markdown(), end="")  # noqa: T201 - this is the program
