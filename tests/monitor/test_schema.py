"""The schema, the migrations, and the refusal of files that Evenhours must not write."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlite_utils import Database

from monitor.errors import StoreError
from monitor.store import database, schema
from monitor.store.database import Store, open_store, opened

NOBODY = 65534
PAGE = Path(__file__).parents[2] / "docs" / "schema.md"

# Every column that can contain text, and what that is. A column that is missing here fails the test, so that no place
# for content is added by accident.
TEXT = {
    "clinician": {"key": "the configuration's"},
    "source": {
        "name": "the configuration's",
        "kind": "the registry's",
        "cursor": "the connector's: counts, keyed names, checksums",
        "policy": "our phrase, with the numbers of the configuration",
        "error": "our sentence",
    },
    "identity": {"pseudonym": "keyed"},
    "event": {
        "uid_key": "keyed",
        "status": "a word of ours",
        "kind": "a word of ours",
        "excluded": "our phrase",
        "meeting": "keyed",
        "series": "keyed",
    },
    "event_history": {"uid_key": "keyed", "status": "a word of ours"},
    "evidence": {"evidence_key": "keyed", "grade": "a word of ours", "uid_key": "keyed", "meeting": "keyed"},
    "correction": {"uid_key": "keyed"},
    "node": {"counterpart_kind": "a word of ours", "channel": "the configuration's"},
    "rejected_record": {"place": "a count", "reason": "our phrase"},
    "practice": {"key_check": "keyed"},
    "computation": {
        "settings_checksum": "a checksum",
        "sources_checksum": "a checksum",
        "error": "the name of a class",
        "upcoming_checksum": "a checksum",
    },
    "gap": {"gap": "a word of ours", "source": "the configuration's"},
    "run": {"command": "ours"},
    "run_source": {"name": "the configuration's", "error": "a sentence of ours"},
    "workload_week": {"key": "the catalogue's"},
    "wellbeing_week": {"key": "the catalogue's"},
    "block_person": {"supervision": "a word of ours"},
    "self_report": {"instrument": "a word of ours", "scale": "a word of ours"},
    "notice": {"tier": "ours", "family": "ours", "key": "the catalogue's", "topic": "a word of ours"},
    "notice_signal": {"key": "the catalogue's"},
    "answer": {"answer": "one of our answers"},
    "client_term": {"term": "a declared term's name", "value": "a number, a date or a word of a declared list"},
    "ledger": {"kind": "a declared kind"},
    "signin_link": {"token_hash": "a hash", "subject": "a clinician's key or the director"},
    "web_session": {
        "token_hash": "a hash",
        "subject": "a clinician's key or the director",
        "messages": "sentences of the pages, until they are shown",
        "consent": "secrets of a page of Google's",
    },
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "evenhours.db", create=True) as fresh:
        yield fresh


def tables(store: Store) -> dict[str, bool]:
    """Return the tables by name, with ``True`` for a strict one."""
    rows = store.connection.execute(
        "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    )
    return {name: bool(strict) for name, strict in rows if not name.startswith("sqlite_")}


def test_docs_schema_is_generated_from_the_schema() -> None:
    assert PAGE.read_text(encoding="utf-8") == schema.schema_markdown()


def test_every_table_has_a_comment() -> None:
    assert [statement for comment, statement in schema.paragraphs() if statement and not comment] == []


def test_every_table_of_ours_is_strict(store: Store) -> None:
    assert {name for name, strict in tables(store).items() if not strict} == {"_sqlite_migrations"}


def test_no_column_can_hold_content(store: Store) -> None:
    columns = {
        (table, column)
        for table in tables(store)
        if table != "_sqlite_migrations"
        for column, kind in store.connection.execute(f"SELECT name, type FROM pragma_table_info('{table}')")
        if kind not in {"INTEGER", "REAL"}
    }
    assert columns == {(table, column) for table, names in TEXT.items() for column in names}


def test_wellbeing_and_workload_are_tables_of_their_own(store: Store) -> None:
    assert {"wellbeing_week", "workload_week"} <= tables(store).keys()


def test_the_file_is_private_has_a_write_ahead_log_and_is_marked_as_ours(store: Store) -> None:
    pragmas = ("journal_mode", "user_version", "application_id", "secure_delete")
    values = [store.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    assert values == ["wal", schema.SCHEMA_VERSION, database.APPLICATION, 1]
    files = [path for path in store.path.parent.iterdir() if path.name.startswith("evenhours.db")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_both_schema_versions_are_equal_and_each_version_has_its_migration(store: Store) -> None:
    applied = store.connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0]
    assert database.SCHEMA_VERSION == schema.SCHEMA_VERSION == database.OLDEST_VERSION + applied - 1


def test_opening_again_changes_nothing(store: Store) -> None:
    before = list(store.connection.iterdump())
    with opened(store.path) as again:
        assert list(again.connection.iterdump()) == before


def test_a_migration_that_fails_leaves_nothing_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(db: Database) -> None:
        db.execute("CREATE TABLE half (applied INTEGER) STRICT")
        db.execute("INSERT INTO nowhere VALUES (1)")

    added = [*schema.migrations._migrations, schema.migrations._Migration("breaks", breaks)]
    monkeypatch.setattr(schema.migrations, "_migrations", added)
    path = tmp_path / "evenhours.db"
    with pytest.raises(StoreError):
        open_store(path, create=True)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    with opened(path, create=True) as created:
        assert "event" in tables(created)


def test_a_second_migration_that_fails_leaves_the_first_versions_database(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(db: Database) -> None:
        db.execute("DROP TABLE event")
        db.execute("INSERT INTO nowhere VALUES (1)")

    before = list(store.connection.iterdump())
    monkeypatch.setattr(database, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    added = [*schema.migrations._migrations, schema.migrations._Migration("breaks", breaks)]
    monkeypatch.setattr(schema.migrations, "_migrations", added)
    with pytest.raises(StoreError):
        open_store(store.path)
    assert list(store.connection.iterdump()) == before


# Files that Evenhours must not write


def ours(path: Path, *statements: str) -> None:
    """Create a database of Evenhours and run these statements in it."""
    with opened(path, create=True) as fresh:
        for statement in statements:
            fresh.connection.execute(statement)


def newer(path: Path) -> None:
    ours(path, "PRAGMA user_version = 99")


def older(path: Path) -> None:
    ours(path, "PRAGMA user_version = 10")


def without_a_byte(path: Path) -> None:
    path.touch()


def newer_in_another_journal(path: Path) -> None:
    ours(path, "PRAGMA user_version = 99", "PRAGMA journal_mode = DELETE")


def of_another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE moz_places (url TEXT)")
    connection.close()


def text(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000)


def short_text(path: Path) -> None:
    path.write_text("x")


def damaged(path: Path) -> None:
    ours(path)
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    ours(path)
    path.write_bytes(path.read_bytes()[: 5 * 4096])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (newer, f"(schema 99; this one uses {schema.SCHEMA_VERSION}). Nothing was changed."),
        (newer_in_another_journal, "made by a newer version"),
        (older, "was made before the first release of Evenhours (schema 10)"),
        (without_a_byte, "is empty (0 bytes)."),
        (of_another_program, "is the database of another program. Nothing was changed."),
        (text, "is not a database."),
        (short_text, "is not a database."),
        (damaged, "is damaged."),
        (cut_off, "is damaged."),
    ],
)
def test_an_unusable_file_is_refused_with_a_sentence_and_stays_unchanged(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "evenhours.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError) as refused:
        open_store(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "evenhours.db")


def in_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("no folder")


@pytest.mark.parametrize("make", [a_folder, a_link_to_nowhere, in_a_file])
def test_an_unusable_path_is_refused_with_a_sentence(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "folder" / "evenhours.db"
    path.parent.mkdir()
    make(path)
    with pytest.raises(StoreError, match="cannot be opened") as refused:
        open_store(path, create=True)
    assert "\n" not in str(refused.value)


def test_a_missing_database_is_created_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evenhours.db"
    with pytest.raises(StoreError, match=r"There is no database at .*to begin a new practice, run: evenhours init"):
        open_store(path)
    assert not path.parent.exists()
    open_store(path, create=True).close()
    assert path.exists()


@pytest.fixture
def denied() -> Iterator[Path]:
    """Yield a folder whose permissions are enforced: root, who may write anywhere, runs as another user meanwhile."""
    user = os.geteuid()
    with TemporaryDirectory() as folder:
        os.chown(folder, user or NOBODY, -1)
        os.seteuid(user or NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("rights", [0o400, 0o000])
def test_an_unwritable_file_is_refused_with_a_sentence(denied: Path, rights: int) -> None:
    path = denied / "evenhours.db"
    ours(path)
    before = path.read_bytes()
    path.chmod(rights)
    with (
        pytest.raises(StoreError, match=r"cannot be (written|opened)"),
        opened(path) as store,
        store.write() as connection,
    ):
        connection.execute("INSERT INTO clinician (key) VALUES ('ana')")
    path.chmod(0o600)
    assert path.read_bytes() == before


@pytest.mark.parametrize("rights", [0o500, 0o000])
def test_an_unwritable_folder_is_refused_with_a_sentence(denied: Path, rights: int) -> None:
    path = denied / "evenhours.db"
    denied.chmod(rights)
    with pytest.raises(StoreError, match=r"cannot be (written|opened)"), opened(path, create=True):
        pass
    denied.chmod(0o700)
    assert list(denied.iterdir()) == []


# Writing and reading


def test_a_failed_write_stores_nothing_and_the_next_one_succeeds(store: Store) -> None:
    def half() -> None:
        with store.write() as connection:
            connection.execute("INSERT INTO clinician (key) VALUES ('ana')")
            raise LookupError

    with pytest.raises(LookupError):
        half()
    with store.write() as connection:
        connection.execute("INSERT INTO clinician (key) VALUES ('ben')")
    assert store.connection.execute("SELECT key FROM clinician").fetchall() == [("ben",)]


def test_a_read_sees_one_state_whatever_is_written_meanwhile(store: Store) -> None:
    count = "SELECT count(*) FROM clinician"
    with opened(store.path) as other, store.read() as view:
        assert view.execute(count).fetchone() == (0,)
        with other.write() as connection:
            connection.execute("INSERT INTO clinician (key) VALUES ('ana')")
        assert view.execute(count).fetchone() == (0,)
    assert store.connection.execute(count).fetchone() == (1,)


def test_a_write_waits_for_another_writer_and_then_fails_with_a_remedy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0)
    with opened(store.path) as other, store.write(), pytest.raises(StoreError, match="Another program"):
        other.write().__enter__()


@pytest.mark.parametrize(
    "name", ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY_DBMOVED", "SQLITE_CORRUPT_INDEX"]
)
def test_errors_of_sqlite_become_sentences_with_a_remedy(store: Store, name: str) -> None:
    error: Any = sqlite3.OperationalError("a word of SQLite's")
    error.sqlite_errorname = name

    def fails() -> None:
        with store.write():
            raise error

    with pytest.raises(StoreError) as raised:
        fails()
    assert str(store.path) in str(raised.value)
    assert "SQLite" not in str(raised.value)
