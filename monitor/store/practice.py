"""Open the database of a practice under the practice's key: the one way in for commands and pages."""

from __future__ import annotations

from monitor.config import Config
from monitor.credentials import create_key, read_key
from monitor.errors import StoreError
from monitor.store.database import Store, open_store


def open_practice(config: Config, key: bytes | None = None, *, read_only: bool = False) -> Store:
    """Open the practice's database, which must be there and belong to the practice's key.

    Args:
        config: Says where the database and the key are.
        key: The key, where it has been read before.
        read_only: Write nothing.

    Raises:
        StoreError: There is no database, it cannot be used, or it belongs to another key.
        KeyFileError: The key is missing or cannot be used.
    """
    return open_store(config.database, key or read_key(config.key_file), read_only=read_only)


def begin_practice(config: Config, *, renew: bool = False) -> tuple[Store, bool]:
    """Open the practice's database and make it where the practice begins, with its key; say whether a key was made.

    A practice begins where neither a key nor a database is there. A missing database beside a key was lost, and is an
    error, unless ``renew`` says that a new one is wanted.

    Raises:
        StoreError, KeyFileError: As :func:`open_practice`.
    """
    begins = not config.database.exists() and not config.key_file.exists()
    if begins:
        create_key(config.key_file)
    try:
        return open_store(config.database, read_key(config.key_file), create=begins or renew), begins
    except StoreError:
        if begins and not config.database.exists():  # else the next run would miss a database that never was
            config.key_file.unlink(missing_ok=True)
        raise
