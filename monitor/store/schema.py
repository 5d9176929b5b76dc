"""The schema, read from top to bottom, and the mechanism that will change it after the first release.

docs/schema.md is made of the same text: ``python -m monitor.store.schema > docs/schema.md``. A test compares them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

SCHEMA_VERSION = 16
"""Raised with every change. Before the first release a change is made in the text below and older files are refused."""

migrations = Migrations("evenhours")

SCHEMA = """
-- # The practice
-- Instants are UTC epoch seconds, days are day numbers from 1970-01-01, weeks the day number of their Monday. Nobody's
-- name, address, title or subject has a column. What is written in one transaction: a page of records with its cursor,
-- and a person's numbers with the state in which they were computed. Tables are STRICT, so that a column holds what it
-- says and a text never slips into a number; where rows are found by their key alone the table has no second one
-- (WITHOUT ROWID).

-- Whose database it is.
-- * key_check: a keyed digest of a constant. It differs under another practice's key, and then nothing is read.
CREATE TABLE practice (id INTEGER PRIMARY KEY CHECK (id = 1), key_check TEXT NOT NULL) STRICT;

-- # Who and where from
-- Names and addresses stay in the configuration.

-- The key by which the configuration names somebody.
CREATE TABLE clinician (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;

-- A source as it was read, or one owner's account of it.
-- * owner_id: whose account it is where each owner of a source has one, read on its own; 0 where it is one for all.
-- * cursor: the connector's own text.
-- * policy: under which it holds; another one begins the source again.
-- * skipped_before, skipped_after: the nearest instants of what the window left out since.
-- * held: how many messages or rows the source last had in all.
-- * reading: how often the source was read from its beginning.
-- * seen_from, seen_to: the unbroken span that has been read to its end; seen_to is how fresh the source is.
-- * renamed_at: when it last came with new names for everything that it had told before.
CREATE TABLE source (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner_id INTEGER NOT NULL DEFAULT 0, kind TEXT NOT NULL,
    cursor TEXT, policy TEXT, skipped_before INTEGER, skipped_after INTEGER, held INTEGER NOT NULL DEFAULT 0,
    reading INTEGER NOT NULL DEFAULT 0, seen_from INTEGER, seen_to INTEGER, attempted_at INTEGER,
    succeeded_at INTEGER, fault TEXT, renamed_at INTEGER,
    UNIQUE (name, owner_id)
) STRICT;

-- Whose times a source holds now. What it told of anybody else before stays stored and counts no more.
-- * holds: whether it ever told something of the clinician.
-- * own_mail: whether they were ever recognised in it as who writes or is written to.
CREATE TABLE source_clinician (
    source_id INTEGER NOT NULL, clinician_id INTEGER NOT NULL, holds INTEGER NOT NULL DEFAULT 0,
    own_mail INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, clinician_id)
) STRICT, WITHOUT ROWID;

-- A pseudonym is stored once; everything else points here, so that the key can be rotated in one table.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, pseudonym TEXT NOT NULL,
    UNIQUE (clinician_id, pseudonym)
) STRICT;

-- What could not be used, by place and reason, never by content.
CREATE TABLE kept_aside (
    source_id INTEGER NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL, seen_at INTEGER NOT NULL,
    PRIMARY KEY (source_id, place, reason)
) STRICT, WITHOUT ROWID;

-- # What the sources said

-- A calendar's entries as they stand now.
-- * booked_end_at: the end as it was booked, which a change made after the session began does not move.
-- * meeting: the keyed code of a video meeting, by which a call finds its entry.
-- * series: the keyed name of the series that an instance belongs to.
CREATE TABLE event (
    clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, uid_key TEXT NOT NULL,
    start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, booked_end_at INTEGER NOT NULL, all_day INTEGER NOT NULL,
    status TEXT NOT NULL, kind TEXT NOT NULL, client_id INTEGER, set_aside TEXT, edited_at INTEGER,
    first_seen_at INTEGER NOT NULL, meeting TEXT, series TEXT,
    PRIMARY KEY (clinician_id, source_id, uid_key)
) STRICT, WITHOUT ROWID;

-- Every version of an event that changed, with when it was seen: a source itself shows only the last.
CREATE TABLE event_history (
    clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, uid_key TEXT NOT NULL, seen_at INTEGER NOT NULL,
    start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (clinician_id, source_id, uid_key, seen_at)
) STRICT, WITHOUT ROWID;

-- When sessions truly began and ended, as far as a source told.
-- * grade: what kind of source that was.
-- * uid_key, meeting: of which entry it is, where the source says so.
CREATE TABLE evidence (
    clinician_id INTEGER NOT NULL, source_id INTEGER NOT NULL, evidence_key TEXT NOT NULL, grade TEXT NOT NULL,
    started_at INTEGER, ended_at INTEGER, uid_key TEXT, meeting TEXT,
    PRIMARY KEY (clinician_id, source_id, evidence_key)
) STRICT, WITHOUT ROWID;

-- Every message that is held or referred to; of the latter only the thread is known. One message of one person is
-- one row, whatever copy or folder it came from and whatever time that copy says.
-- * thread: the smallest node that it is tied to; none where its source has no threads.
CREATE TABLE node (
    clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, thread INTEGER, sent_at INTEGER, source_id INTEGER,
    reading INTEGER NOT NULL, outgoing INTEGER NOT NULL, automatic INTEGER NOT NULL, counterpart_kind TEXT NOT NULL,
    channel TEXT NOT NULL, counterpart_id INTEGER,
    PRIMARY KEY (clinician_id, node)
) STRICT, WITHOUT ROWID;

-- Two threads that turn out to be one are renamed by this. The node that a thread is named by is found without.
CREATE INDEX thread_members ON node (clinician_id, thread) WHERE thread <> node;

-- The messages that are held.
CREATE VIEW message AS SELECT * FROM node WHERE sent_at IS NOT NULL;

-- # What the clinician said
-- For their owner alone.

-- When a session truly ended, as the clinician says.
CREATE TABLE correction (
    clinician_id INTEGER NOT NULL, uid_key TEXT NOT NULL, ended_at INTEGER NOT NULL, made_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, uid_key)
) STRICT, WITHOUT ROWID;

-- Keys (identities) of one person, joined by the clinician; a key that is not here is a person of its own.
CREATE TABLE client_person (
    clinician_id INTEGER NOT NULL, client_id INTEGER NOT NULL, person INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, client_id)
) STRICT, WITHOUT ROWID;

-- Of whom a clinician said that they are not one person, the smaller number first, so that nobody asks again.
CREATE TABLE client_apart (
    clinician_id INTEGER NOT NULL, one INTEGER NOT NULL, other INTEGER NOT NULL, said_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, one, other)
) STRICT, WITHOUT ROWID;

-- What holds on a day is the latest at or before it; no value: nothing holds from that day on. The names and the
-- values that can stand here are those of monitor/analysis/terms.py.
CREATE TABLE client_term (
    clinician_id INTEGER NOT NULL, client_id INTEGER NOT NULL, term TEXT NOT NULL, from_day INTEGER NOT NULL,
    value TEXT, said_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, client_id, term, from_day)
) STRICT, WITHOUT ROWID;

-- What no calendar shows, by kind and day; client_id is empty where it is about no single client.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, day INTEGER NOT NULL, kind TEXT NOT NULL,
    client_id INTEGER, made_at INTEGER NOT NULL
) STRICT;

-- Threads that a clinician marked as an emergency, by a node of theirs: it stays where threads are joined.
CREATE TABLE emergency_thread (
    clinician_id INTEGER NOT NULL, node INTEGER NOT NULL, marked_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, node)
) STRICT, WITHOUT ROWID;

-- The number of a scale, never a single answer of a questionnaire.
CREATE TABLE self_report (
    clinician_id INTEGER NOT NULL, day INTEGER NOT NULL, instrument TEXT NOT NULL, scale TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (clinician_id, day, instrument, scale)
) STRICT, WITHOUT ROWID;

-- # What was computed

-- Whose numbers have to be computed again, and from which instant on.
CREATE TABLE dirty (clinician_id INTEGER PRIMARY KEY, from_at INTEGER NOT NULL) STRICT;

-- A number that is raised by each write that a person's numbers depend on. It is compared before numbers are saved,
-- so that what was computed from an older state is computed again instead of being stored over a newer one.
CREATE TABLE data_version (clinician_id INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;

-- The state in which a clinician's numbers were last computed, and when: the last week that was over, the rules
-- (configuration and definitions), what had been read, and up to when all of their sources, and their calendars
-- alone, had been.
-- * failed_at, fault: when a later attempt failed, and by which kind of error.
-- * ahead: a checksum of what lay after that week and bears on the numbers all the same (monitor/store/ahead.py).
CREATE TABLE computation (
    clinician_id INTEGER PRIMARY KEY, week INTEGER, rules TEXT, reading TEXT, read_to INTEGER, calendars_to INTEGER,
    computed_at INTEGER, failed_at INTEGER, fault TEXT, ahead TEXT
) STRICT;

-- The weekly numbers, in two wings. From this one the director's blocks are made.
CREATE TABLE workload_week (
    clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, key TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
    coverage REAL NOT NULL,
    PRIMARY KEY (clinician_id, week, key)
) STRICT, WITHOUT ROWID;

-- The other wing, for its owner alone.
CREATE TABLE wellbeing_week (
    clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, key TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
    coverage REAL NOT NULL,
    PRIMARY KEY (clinician_id, week, key)
) STRICT, WITHOUT ROWID;

-- # What the director sees
-- Blocks of four calendar weeks, written once. A later correction changes none of them.

-- The practice as a whole.
-- * sessions_held, nothing_booked: none below five people of whom they are known; the second is the last week's.
CREATE TABLE block (
    start INTEGER PRIMARY KEY, published_at INTEGER NOT NULL, sessions_held INTEGER,
    nothing_booked INTEGER
) STRICT;

-- Everybody who was employed in a block.
-- * load: weighted sessions a week for each full-time equivalent, of the weeks in which it was known; none where
--   somebody was not computed whole in time.
-- * fte: the contract's at the block's end.
-- * shared_by: the mean by which load is shared, less in somebody's first twelve weeks.
-- * active_clients: at its end.
CREATE TABLE block_person (
    block INTEGER NOT NULL, clinician_id INTEGER NOT NULL, load REAL, fte REAL NOT NULL, shared_by REAL NOT NULL,
    active_clients INTEGER, intakes INTEGER, supervision TEXT NOT NULL,
    PRIMARY KEY (block, clinician_id)
) STRICT, WITHOUT ROWID;

-- New clients somebody could take by day and in the evening, and how many of these together for trauma-focused work.
CREATE TABLE open_slots (
    clinician_id INTEGER PRIMARY KEY, day INTEGER NOT NULL, evening INTEGER NOT NULL, trauma INTEGER NOT NULL,
    set_at INTEGER NOT NULL
) STRICT;

-- Referrals as the director assigned them.
CREATE TABLE assignment (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, assigned_at INTEGER NOT NULL,
    weight REAL NOT NULL
) STRICT;

-- # Notices

-- What was noticed of a week. A line of a single day has no ratio but a number, measured. No id is given twice, so
-- that an answer in a page that is older than the last night finds its notice or none.
-- * about: the term, the kind of entry or the family that such a line is about; else empty.
-- * seen: how far a measure moved as it was counted, beside the ratio that allows for chance.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT, clinician_id INTEGER NOT NULL, week INTEGER NOT NULL, tier TEXT NOT NULL,
    family TEXT NOT NULL, key TEXT NOT NULL, client_id INTEGER NOT NULL DEFAULT 0, about TEXT NOT NULL DEFAULT '',
    ratio REAL, low REAL, high REAL, since INTEGER NOT NULL, measured REAL, seen REAL,
    UNIQUE (clinician_id, week, family, client_id, about)
) STRICT;

-- The measures that moved together, where there are several; the notice itself holds the first of them.
CREATE TABLE notice_signal (
    clinician_id INTEGER NOT NULL, notice_id INTEGER NOT NULL, key TEXT NOT NULL, ratio REAL NOT NULL,
    low REAL NOT NULL, high REAL NOT NULL, since INTEGER NOT NULL, seen REAL,
    PRIMARY KEY (notice_id, key)
) STRICT, WITHOUT ROWID;

-- Every answer is kept. The latest that was not taken back counts.
-- * until_day: the last day of an exception.
CREATE TABLE answer (
    id INTEGER PRIMARY KEY, clinician_id INTEGER NOT NULL, notice_id INTEGER NOT NULL, answer TEXT NOT NULL,
    until_day INTEGER, answered_at INTEGER NOT NULL, undone_at INTEGER
) STRICT;

-- The answers to a notice, the latest last.
CREATE INDEX answer_to ON answer (notice_id, answered_at);

-- # How it ran

-- Each night, kept for 30 days with what it read.
CREATE TABLE run (
    id INTEGER PRIMARY KEY, command TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
    exit_code INTEGER
) STRICT;

-- What a run read, source by source (or account of it): how long that took, how many rows it changed and could not
-- use, and why the source could not be read, if so.
CREATE TABLE run_source (
    run_id INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, seconds REAL NOT NULL,
    changed INTEGER NOT NULL, kept_aside INTEGER NOT NULL, fault TEXT,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- What keeps a page from saying that all is well, and since when, so that a night says it when it begins.
CREATE TABLE gap (
    clinician_id INTEGER NOT NULL, gap TEXT NOT NULL, source TEXT NOT NULL, since_at INTEGER NOT NULL,
    PRIMARY KEY (clinician_id, gap, source)
) STRICT, WITHOUT ROWID;

-- # Sign-in
-- Only hashes of tokens are kept.

-- A link that signs somebody in once.
CREATE TABLE signin_link (
    token_hash TEXT PRIMARY KEY, subject TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A browser that is signed in. What it holds lies here and never in the cookie; lists are JSON.
-- * messages: what the session's next page says, once.
-- * consent: the secrets of a provider's page that was begun and not answered yet.
CREATE TABLE web_session (
    token_hash TEXT PRIMARY KEY, subject TEXT NOT NULL, started_at INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    messages TEXT NOT NULL DEFAULT '[]', consent TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
"""


def paragraphs() -> Iterator[tuple[str, str]]:
    """Yield the comment of each paragraph of the schema and its statement, which is empty where a part begins."""
    for paragraph in SCHEMA.strip().split("\n\n"):
        lines = paragraph.splitlines()
        comment = [line.removeprefix("-- ").removeprefix("--") for line in lines if line.startswith("--")]
        yield "\n".join(comment), "\n".join(lines[len(comment) :])


@migrations()
def version_16(db: Database) -> None:
    """Create every table."""
    for _, statement in paragraphs():
        if statement:
            db.execute(statement)


def upgrade(connection: sqlite3.Connection) -> None:
    """Apply every pending migration inside the caller's transaction, so that all of them happen or none."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def schema_markdown() -> str:
    """Return all of docs/schema.md."""
    parts = []
    for comment, statement in paragraphs():
        if not statement:
            heading, *text = comment.splitlines()
            parts += [f"#{heading}", "\n".join(text)] if text else [f"#{heading}"]  # below the page's own heading
        else:
            kind, name = statement.split()[1:3]
            remarks = comment.replace("\n* ", "\n\n* ", 1)  # a list is a paragraph of its own
            parts += [f"### {name}" if kind == "TABLE" else f"### {name} ({kind.lower()})", remarks]
            parts += [f"```sql\n{statement}\n```"]
    return "# The database\n\n" + "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(schema_markdown(), end="")  # noqa: T201 - this is the program
