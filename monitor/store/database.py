"""Open the practice's one file; one way to write, one way to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import StoreError

SCHEMA_VERSION = 10  # equals monitor.schema.SCHEMA_VERSION, which is slow to import; a test compares them
_HEADER = b"SQLite format 3\0"
APPLICATION = 0x4556454E  # "EVEN": marks the file as ours
BUSY_SECONDS = 30

Connection = sqlite3.Connection
"""For annotations elsewhere: only this package and the schema import sqlite3."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open database. Writing happens in :meth:`write` alone, reading that must agree with itself in :meth:`read`."""

    path: Path
    connection: sqlite3.Connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its beginning; rolled back if anything is raised."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the database, whatever is written meanwhile; a read within it shares the view."""
        if self.connection.in_transaction:
            yield self.connection
            return
        try:
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error

    def close(self) -> None:
        """Close the file; the log is folded back into it."""
        self.connection.close()


@contextmanager
def opened(path: Path, *, create: bool = False) -> Iterator[Store]:
    """The store at ``path`` for the length of a ``with``; ``create`` allows a new one, private to its owner."""
    store = open_store(path, create=create)
    try:
        yield store
    finally:
        store.close()


def open_store(path: Path, *, create: bool = False) -> Store:
    """Open and, where needed, upgrade the database.

    Raises:
        StoreError: missing, not a database, another program's, read-only, damaged, or made by a newer version; the file
            stays as it is, byte for byte.
    """
    try:
        if not path.exists():
            _begin(path, create=create)
        _refuse_other_files(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise StoreError(f"The database at {path} cannot be opened: {reason}. Check its folder and rights.") from error
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    try:
        return _checked(Store(path, connection))
    except sqlite3.Error as error:
        connection.close()
        raise _translated(path, error) from error
    except BaseException:
        connection.close()
        raise


def _begin(path: Path, *, create: bool) -> None:
    if not create:
        raise StoreError(f"There is no database at {path} yet. Run: evenhours init, then: evenhours ingest")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)


def _refuse_other_files(path: Path) -> None:
    """Look before SQLite does, which takes a short file of any kind for an empty database and writes over it."""
    with path.open("rb") as file:
        if file.read(len(_HEADER)) not in {b"", _HEADER}:
            raise StoreError(_SENTENCES["SQLITE_NOTADB"].format(path=path))


def _checked(store: Store) -> Store:
    """The store, ready for use: looked at before anything is set, because setting the journal's mode writes."""
    found = _version(store)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
        store.connection.execute(f"PRAGMA {pragma}")
    if found < SCHEMA_VERSION:
        from monitor.schema import upgrade

        with store.write() as connection:
            upgrade(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
    return store


def _version(store: Store) -> int:
    """The version of the file's schema, 0 if it is still empty; refuses what is not ours to write."""
    (version,), (application,), (tables,) = (
        store.connection.execute(sql).fetchone()
        for sql in ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
    )
    if application != APPLICATION and (application or version or tables):
        raise StoreError(
            f"{store.path} is the database of another program. Nothing was changed. "
            "Point [practice] database at a file of its own."
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{store.path} was made by a newer version of Evenhours (schema {version}; this one knows "
            f"{SCHEMA_VERSION}). Nothing was changed. Install that version, or restore a backup made with this one."
        )
    return int(version)


def _translated(path: Path, error: sqlite3.Error) -> StoreError:
    """SQLite's error as a sentence with the way out."""
    name = getattr(error, "sqlite_errorname", "") or ""
    for prefix, sentence in _SENTENCES.items():
        if name.startswith(prefix):
            return StoreError(sentence.format(path=path))
    return StoreError(f"The database at {path} could not be used ({name or type(error).__name__}): {error}.")


_SENTENCES = {
    "SQLITE_NOTADB": "{path} is no database. Point [practice] database at another file, or put a backup in its place.",
    "SQLITE_CORRUPT": "{path} is damaged. Nothing was written. Put a backup in its place.",
    "SQLITE_READONLY": "{path} cannot be written. Check that this user owns the file and its folder.",
    "SQLITE_CANTOPEN": "{path} cannot be opened. Check that the folder exists and that this user may write there.",
    "SQLITE_FULL": "The disk of {path} is full. Nothing of this page was stored. Make room and run the command again.",
    "SQLITE_IOERR": "The disk of {path} reported an error. Nothing of this page was stored. Check it, then run again.",
    "SQLITE_BUSY": "Another program has been writing to {path} for more than half a minute. Try again later.",
}
