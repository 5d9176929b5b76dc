"""The practice's database file: opening it under the practice's key, write transactions and consistent reads."""

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
from monitor.config import Config
from monitor.credentials import create_key, read_key
from monitor.errors import DiskFullError, StoreError

SCHEMA_VERSION = 17  # equals monitor.store.schema.SCHEMA_VERSION, which is slow to import; a test compares them
OLDEST_VERSION = 17  # the oldest schema that can be upgraded; older files are refused
APPLICATION = 0x4556454E  # "EVEN": identifies the file as a database of Evenhours
BUSY_SECONDS = 30  # how long to wait for a lock
CHECKPOINT_BUSY_SECONDS = 2  # how long to wait for readers before the log is left as it is
MIN_BYTES = 512  # the smallest page size of SQLite

Connection = sqlite3.Connection
"""The connection type for annotations outside this package, which alone imports sqlite3."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open database. Write in :meth:`write` only, and read in :meth:`read` where several queries must agree."""

    path: Path
    connection: sqlite3.Connection

    @contextmanager
    def write(self, *, erases: bool = False) -> Iterator[sqlite3.Connection]:
        """Run one transaction that has the write lock from the beginning; roll it back if anything is raised.

        With ``erases`` the write-ahead log is emptied afterwards, so that deleted data is in no file any more.
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
            raise _store_error(self.path, error) from error
        if erases:
            self.empty_log()

    def empty_log(self) -> None:
        """Write the write-ahead log back to the database file and empty it; until then it contains old pages.

        If another process reads for longer than a moment, this is left to the next call or to whoever closes the file
        last.
        """
        with suppress(sqlite3.Error):
            self.connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_BUSY_SECONDS * 1000}")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Provide one consistent view of the database, whatever is written meanwhile; nested reads share the view."""
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
            raise _store_error(self.path, error) from error

    def _roll_back(self) -> None:
        """Roll back, unless SQLite has done so itself: then a second error would hide the first."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def damage(self) -> str:
        """Return the first problem that SQLite's integrity check reports, or an empty text."""
        try:
            result = str(self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            return str(error)
        return "" if result == "ok" else result

    def close(self) -> None:
        """Close the file; SQLite writes the log back to it."""
        self.connection.close()


@contextmanager
def opened(path: Path, key: bytes | None = None, *, create: bool = False, read_only: bool = False) -> Iterator[Store]:
    """Open a store as :func:`open_store` does and close it at the end of the ``with`` block."""
    store = open_store(path, key, create=create, read_only=read_only)
    try:
        yield store
    finally:
        store.close()


def open_store(path: Path, key: bytes | None = None, *, create: bool = False, read_only: bool = False) -> Store:
    """Open the database at ``path``.

    Only SQLite opens the file: closing any other descriptor of it would release all locks of this process
    (https://sqlite.org/howtocorrupt.html, 2.2).

    Args:
        path: The file.
        key: The practice's key; a database that was created with another one is refused. ``None`` skips the check.
        create: Create a new database, private to its owner, if there is no file.
        read_only: Write nothing, not even to upgrade the schema.

    Raises:
        StoreError: The file is missing, empty, damaged, not a database, or belongs to another program, practice or
            version. It is not changed.
    """
    try:
        if create and not os.path.lexists(path):
            _create(path, key)
        if not os.path.lexists(path):
            raise StoreError(
                f"There is no database at {path}. Put a backup in its place, or, to begin a new practice, run: "
                "evenhours init"
            )
        size = path.stat().st_size if path.is_file() else MIN_BYTES
        if size == 0:
            raise StoreError(
                f"The database at {path} is empty (0 bytes). Put a backup in its place, or, to begin a new practice, "
                "remove the file and run: evenhours init"
            )
        if size < MIN_BYTES:  # SQLite would take it for an empty database
            raise StoreError(_MESSAGES["SQLITE_NOTADB"].format(path=path))
        # Without mode=rw SQLite would create a missing file, which would look like a practice without data.
        address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        # With isolation_level=None Python begins no transactions by itself: write() and read() do.
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except OSError as error:
        found = f"The database at {path} cannot be opened: {write_error_reason(path.parent, error)}."
        if is_disk_full(error):
            raise DiskFullError(f"{found} Make room and run the command again.") from error
        raise StoreError(f"{found} Check that the folder exists and that this user may write there.") from error
    except sqlite3.Error as error:
        raise _store_error(path, error) from error
    try:
        return _prepared(Store(path, connection), key, read_only=read_only)
    except sqlite3.Error as error:
        connection.close()
        raise _store_error(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes bytes of the file
        connection.close()
        raise StoreError(_MESSAGES["SQLITE_CORRUPT"].format(path=path)) from error
    except BaseException:
        connection.close()
        raise


def open_practice(config: Config, key: bytes | None = None, *, read_only: bool = False) -> Store:
    """Open the practice's database, which must exist and belong to the practice's key.

    Args:
        config: The configuration with the paths of the database and the key.
        key: The key, if it has been read before.
        read_only: Refuse to write.

    Raises:
        StoreError: There is no database, it cannot be used, or it belongs to another key.
        KeyFileError: The key is missing or cannot be used.
    """
    return open_store(config.database, key or read_key(config.key_file), read_only=read_only)


def begin_practice(config: Config, *, renew: bool = False) -> tuple[Store, bool]:
    """Open the practice's database and return it with ``True`` if the practice is new and its key was created.

    A practice is new if there is neither a key nor a database; then both are created. If there is a key without a
    database, the database was lost. That is an error unless ``renew`` asks for a new one.

    Raises:
        StoreError, KeyFileError: As :func:`open_practice`.
    """
    is_new = not config.database.exists() and not config.key_file.exists()
    if is_new:
        create_key(config.key_file)
    try:
        return open_store(config.database, read_key(config.key_file), create=is_new or renew), is_new
    except StoreError:
        if is_new and not config.database.exists():  # else the next run would take the database for lost
            config.key_file.unlink(missing_ok=True)
        raise


def _create(path: Path, key: bytes | None) -> None:
    """Create a complete database in a temporary file and move it to ``path``, so that no incomplete one is left there.

    It has no write-ahead log yet: on a full disk SQLite could not write that back on closing, and reports no error.
    """
    from monitor.store.schema import upgrade

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    temporary = Path(name)
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        try:
            with Store(path, connection).write():
                upgrade(connection)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                if key is not None:
                    connection.execute("INSERT INTO practice VALUES (1, ?)", (_key_check(key),))
        finally:
            connection.close()
        temporary.replace(path)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{name}{suffix}").unlink(missing_ok=True)


def _key_check(key: bytes) -> str:
    """Return a digest that differs for every key and does not reveal the key."""
    return hashlib.blake2b(b"evenhours", key=key, person=b"evenhours.check", digest_size=16).hexdigest()


def _prepared(store: Store, key: bytes | None, *, read_only: bool) -> Store:
    """Check the file and make the store ready for use. The checks come first, since setting journal_mode writes.

    Raises:
        StoreError: This version of Evenhours cannot use the file, or it belongs to another key.
    """
    # A file that is damaged or not a database shows on reading the schema. The pragmas alone read only the header.
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
            f"{store.path} was made by a newer version of Evenhours (schema {version}; this one uses "
            f"{SCHEMA_VERSION}). Nothing was changed. Install that version, or restore a backup made with this one."
        )
    if version < OLDEST_VERSION:
        raise StoreError(
            f"{store.path} was made before the first release of Evenhours (schema {version}) and cannot be read by "
            "this version. Nothing was changed. Rename the file, keep the key, and run: evenhours init, then evenhours "
            "nightly, which reads the sources again."
        )
    if version == SCHEMA_VERSION and key is not None:
        _refuse_another_key(store, key)
    if read_only:
        return store
    # WAL lets pages be read while a run writes, and NORMAL is safe with it. secure_delete overwrites deleted data.
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
            f"{store.path} was created with another key. Nothing was read or written, since every name would be stored "
            "a second time under another pseudonym. Put back the key that belongs to this database, or the database "
            "that belongs to this key."
        )


def _store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Return an error of SQLite as a StoreError with a remedy."""
    name = getattr(error, "sqlite_errorname", "") or ""
    # Where SQLite writes its temporary files (https://sqlite.org/tempfiles.html, 5); their disk may be the full one.
    candidates = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108
    usable = (Path(name) for name in candidates if name and os.access(name, os.W_OK | os.X_OK))
    folder = min((path.parent, next(usable, Path())), key=_free_bytes)
    if name == "SQLITE_FULL" or (name.startswith(_POSSIBLY_FULL) and _free_bytes(path.parent) < _MIN_FREE_BYTES):
        found = f"{path} cannot be written: {disk_full_message(folder)}."
        return DiskFullError(f"{found} The last change was not stored. Make room and run the command again.")
    for prefix, sentence in _MESSAGES.items():
        if name.startswith(prefix):
            return StoreError(sentence.format(path=path))
    return StoreError(f"The database at {path} could not be used ({name or type(error).__name__}): {error}.")


def _free_bytes(folder: Path) -> int:
    """Return the number of bytes that this user can still write on a folder's disk."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return sys.maxsize
    return status.f_bavail * status.f_frsize if status.f_favail or not status.f_files else 0


_MIN_FREE_BYTES = 64 * 1024
_POSSIBLY_FULL = ("SQLITE_IOERR", "SQLITE_CANTOPEN")
"""Errors of SQLite that may come from a full disk: no room for the index of the log, or for another file."""

_MESSAGES = {
    "SQLITE_NOTADB": (
        "{path} is not a database. Point [practice] database at another file, or put a backup in its place."
    ),
    "SQLITE_CORRUPT": "{path} is damaged. Nothing was written. Put a backup in its place.",
    "SQLITE_READONLY": "{path} cannot be written. Check that this user owns the file and its folder.",
    "SQLITE_CANTOPEN": "{path} cannot be opened. Check that the folder exists and that this user may write there.",
    "SQLITE_IOERR": "The disk of {path} reported an error. The last change was not stored. Check it, then run again.",
    "SQLITE_BUSY": "Another program has been writing to {path} for more than half a minute. Try again later.",
}
