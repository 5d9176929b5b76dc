"""Opening the database of a practice under its key, for commands and pages alike."""

from __future__ import annotations

from monitor.config import Config
from monitor.credentials import create_key, read_key
from monitor.errors import StoreError
from monitor.store.database import Store, open_store


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
