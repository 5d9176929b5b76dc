"""Open the practice's one file; one way to write, one way to read."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from connectors.private import disk_full_message, is_disk_full, write_error_reason
from monitor.errors import DiskFullError, StoreError

SCHEMA_VERSION = 17  # equals monitor.store.schema.SCHEMA_VERSION, which is slow to import; a test compares them
OLDEST_VERSION = 17  # what can be brought to this version; older files are refused
APPLICATION = 0x4556454E  # "EVEN": marks the file as ours
BUSY_SECONDS = 30
MOMENT_SECONDS = 2
LEAST_BYTES = 512  # SQLite's smallest page

Connection = sqlite3.Connection
"""For annotations elsewhere: only this package imports sqlite3."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open database. Writing happens in :meth:`write` alone, reading that must agree with itself in :meth:`read`."""

    path: Path
    connection: sqlite3.Connection

    @contextmanager
    def write(self, *, erases: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its beginning; rolled back if anything is raised.

        What it ``erases`` is gone from the write-ahead log, too, when it has ended.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error
        if erases:
            self.empty_log()

    def empty_log(self) -> None:
        """Fold the write-ahead log into the file and empty it: pages as they were before lie in it until then.

        Where somebody reads for longer than a moment, the next one who does this, or who closes the file last, does it.
        """
        with suppress(sqlite3.Error):
            self.connection.execute(f"PRAGMA busy_timeout = {MOMENT_SECONDS * 1000}")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

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
                self._roll_back()
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error

    def _roll_back(self) -> None:
        """End the transaction, unless SQLite has ended it by itself: then its own error is the one to be told."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def damage(self) -> str:
        """Return the first thing that SQLite's own integrity check finds wrong with the file, empty if nothing is."""
        try:
            found = str(self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            return str(error)
        return "" if found == "ok" else found

    def close(self) -> None:
        """Close the file; the log is folded back into it."""
        self.connection.close()


@contextmanager
def opened(path: Path, key: bytes | None = None, *, create: bool = False, read_only: bool = False) -> Iterator[Store]:
    """As :func:`open_store`, for the length of a ``with``."""
    store = open_store(path, key, create=create, read_only=read_only)
    try:
        yield store
    finally:
        store.close()


def open_store(path: Path, key: bytes | None = None, *, create: bool = False, read_only: bool = False) -> Store:
    """Open the database at ``path``.

    Nothing here opens the file but SQLite itself: closing any other descriptor of it would drop all locks that this
    process holds on it (https://sqlite.org/howtocorrupt.html, 2.2).

    Args:
        path: The file.
        key: The practice's key; a database that was begun under another one is refused. ``None`` asks for no key.
        create: Allow a new database, private to its owner, where there is no file at all.
        read_only: Write nothing, not even to bring the file to this version's schema.

    Raises:
        StoreError: The file is missing, empty, not a database, another program's, another practice's, damaged, or made
            by another version. It stays as it is, byte for byte.
    """
    try:
        if create and not os.path.lexists(path):
            _create(path, key)
        _refuse_missing(path)
        # A connection is never allowed to make the file: an empty one would look like a practice without data.
        address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except OSError as error:
        found = f"The database at {path} cannot be opened: {write_error_reason(path.parent, error)}."
        if is_disk_full(error):
            raise DiskFullError(f"{found} Make room and run the command again.") from error
        raise StoreError(f"{found} Check its folder and rights.") from error
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    try:
        return _checked(Store(path, connection), key, read_only=read_only)
    except sqlite3.Error as error:
        connection.close()
        raise _translated(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes bytes of the file
        connection.close()
        raise StoreError(_SENTENCES["SQLITE_CORRUPT"].format(path=path)) from error
    except BaseException:
        connection.close()
        raise


def _refuse_missing(path: Path) -> None:
    if not os.path.lexists(path):
        raise StoreError(
            f"There is no database at {path}. Put a backup in its place, or, where a practice begins, run: "
            "evenhours init"
        )
    size = path.stat().st_size if path.is_file() else None
    if size is not None and 0 < size < LEAST_BYTES:  # SQLite would take it for a database without anything in it
        raise StoreError(_SENTENCES["SQLITE_NOTADB"].format(path=path))
    if size == 0:
        raise StoreError(
            f"The database at {path} is empty (0 bytes). Put a backup in its place, or, where a practice begins, "
            "remove the file and run: evenhours init"
        )


def _create(path: Path, key: bytes | None) -> None:
    """Make a whole database beside ``path`` and move it there, so that a half one never stands in its place.

    It is made without a write-ahead log: on a full disk that could not be folded back into it when it is closed, and
    SQLite is silent about that.
    """
    from monitor.store.schema import upgrade

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    beside = Path(name)
    try:
        connection = sqlite3.connect(beside, isolation_level=None)
        try:
            with Store(path, connection).write():
                upgrade(connection)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                if key is not None:
                    connection.execute("INSERT INTO practice VALUES (1, ?)", (_key_check(key),))
        finally:
            connection.close()
        beside.replace(path)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{name}{suffix}").unlink(missing_ok=True)


def _key_check(key: bytes) -> str:
    """Return what tells one practice's key from another's and says nothing of the key."""
    return hashlib.blake2b(b"evenhours", key=key, person=b"evenhours.check", digest_size=16).hexdigest()


def _checked(store: Store, key: bytes | None, *, read_only: bool) -> Store:
    """Return the store, ready for use: looked at before anything is set, because setting the journal's mode writes."""
    version = _version(store)
    if version == SCHEMA_VERSION and key is not None:
        _refuse_another_key(store, key)
    if read_only:
        return store
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
        store.connection.execute(f"PRAGMA {pragma}")
    if version < SCHEMA_VERSION:
        from monitor.store.schema import upgrade

        with store.write() as connection:
            upgrade(connection)
        if key is not None:
            _refuse_another_key(store, key)
    return store


def _refuse_another_key(store: Store, key: bytes) -> None:
    row = store.connection.execute("SELECT key_check FROM practice").fetchone()
    if row is None or not hmac.compare_digest(row[0], _key_check(key)):
        raise StoreError(
            f"{store.path} was begun under another key than the one beside it. Nothing was read or written: every name "
            "would be stored a second time under another pseudonym. Put back the key that belongs to this database, or "
            "the database that belongs to this key."
        )


def _version(store: Store) -> int:
    """Return the version of the file's schema; refuse what is not ours to write."""
    # What is no database, or is damaged, shows when the schema is first read: the pragmas alone do not look that far.
    store.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (version,), (application,) = (
        store.connection.execute(sql).fetchone() for sql in ("PRAGMA user_version", "PRAGMA application_id")
    )
    if application != APPLICATION:
        raise StoreError(
            f"{store.path} is the database of another program. Nothing was changed. "
            "Point [practice] database at a file of its own."
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{store.path} was made by a newer version of Evenhours (schema {version}; this one knows "
            f"{SCHEMA_VERSION}). Nothing was changed. Install that version, or restore a backup made with this one."
        )
    if version < OLDEST_VERSION:
        raise StoreError(
            f"{store.path} was made before the first release of Evenhours (schema {version}) and cannot be read by "
            "this version. Nothing was changed. Rename the file, keep the key, and run: evenhours init, then evenhours "
            "nightly, which reads again what the sources still hold."
        )
    return int(version)


def _translated(path: Path, error: sqlite3.Error) -> StoreError:
    """Return SQLite's error as a sentence with the way out."""
    name = getattr(error, "sqlite_errorname", "") or ""
    folder = min((path.parent, _temporary_folder()), key=_free)
    if name == "SQLITE_FULL" or (name.startswith(_PERHAPS_FULL) and _free(path.parent) < _LEAST_ROOM):
        found = f"{path} cannot be written: {disk_full_message(folder)}."
        return DiskFullError(f"{found} Nothing of this page was stored. Make room and run the command again.")
    for prefix, sentence in _SENTENCES.items():
        if name.startswith(prefix):
            return StoreError(sentence.format(path=path))
    return StoreError(f"The database at {path} could not be used ({name or type(error).__name__}): {error}.")


def _free(folder: Path) -> int:
    """Return the bytes that are free on a folder's disk for this user."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return sys.maxsize
    return status.f_bavail * status.f_frsize if status.f_favail or not status.f_files else 0


def _temporary_folder() -> Path:
    """Return where SQLite sorts what is larger than its memory (https://sqlite.org/tempfiles.html, 5)."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108
    return next((Path(name) for name in named if name and os.access(name, os.W_OK | os.X_OK)), Path())


_LEAST_ROOM = 64 * 1024
_PERHAPS_FULL = ("SQLITE_IOERR", "SQLITE_CANTOPEN")
"""What SQLite says where there is no room for the log's index, or for another file."""

_SENTENCES = {
    "SQLITE_NOTADB": "{path} is no database. Point [practice] database at another file, or put a backup in its place.",
    "SQLITE_CORRUPT": "{path} is damaged. Nothing was written. Put a backup in its place.",
    "SQLITE_READONLY": "{path} cannot be written. Check that this user owns the file and its folder.",
    "SQLITE_CANTOPEN": "{path} cannot be opened. Check that the folder exists and that this user may write there.",
    "SQLITE_IOERR": "The disk of {path} reported an error. Nothing of this page was stored. Check it, then run again.",
    "SQLITE_BUSY": "Another program has been writing to {path} for more than half a minute. Try again later.",
}
