"""Tests of a key and a database that do not fit: what is refused, with its remedy, and that nothing is changed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from monitor.credentials import create_key
from tests.monitor.office import Office

COMMANDS = (["ingest"], ["analyse"], ["nightly"], ["export", "events"], ["doctor"], ["report", "fairness"])


DAMAGE = (
    "is damaged", "is not a database", "another program", "another key", "could not be used", "newer version",
    "before the first release",
)  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    assert office("nightly").code == 0
    return office


@pytest.fixture
def database(office: Office) -> Path:
    return office.folder / "evenhours.db"


@pytest.fixture
def key(office: Office) -> Path:
    return office.folder / "evenhours.key"


def content(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("command", COMMANDS)
def test_under_another_key_nothing_is_read_or_written(
    office: Office, database: Path, key: Path, command: list[str]
) -> None:
    before = content(database)
    key.unlink()
    create_key(key)

    answer = office(*command)

    assert answer.code == 1
    assert "was created with another key" in answer.out + answer.err
    assert "Put back the key that belongs to this database" in answer.out + answer.err
    assert content(database) == before


@pytest.mark.parametrize("command", [*COMMANDS, ["serve", "--as", "ana"]])
def test_a_database_that_is_missing_beside_its_key_is_an_error_and_no_new_practice(
    office: Office, database: Path, command: list[str]
) -> None:
    database.unlink()

    answer = office(*command)

    assert answer.code == 1
    assert "There is no database at" in answer.out + answer.err
    assert "Put a backup in its place, or, to begin a new practice, run: evenhours init" in answer.out + answer.err
    assert not database.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_without_a_byte_is_no_new_practice_either(office: Office, database: Path, command: list[str]) -> None:
    database.write_bytes(b"")

    answer = office(*command)

    assert answer.code == 1
    assert "is empty (0 bytes)" in answer.out + answer.err
    assert database.read_bytes() == b""


def test_only_init_creates_a_database_beside_an_old_key(office: Office, database: Path, key: Path) -> None:
    database.rename(database.with_suffix(".before"))
    before = key.read_bytes()

    assert office("init").code == 0
    assert office("nightly").code == 0

    assert key.read_bytes() == before
    assert office("export", "sessions").out.count("\n") > 2


def test_the_remedy_for_a_lost_key_works(office: Office, database: Path, key: Path) -> None:
    key.unlink()
    refused = office("nightly")
    assert refused.code == 1
    assert "No key file at" in refused.err
    assert "rename the database, then run: evenhours init, and: evenhours nightly" in refused.err
    assert not key.exists(), "no new key is made beside an old database"

    database.rename(database.with_suffix(".before"))
    assert office("init").code == 0
    assert office("nightly").code == 0


@pytest.mark.parametrize("seed", range(12))
def test_doctor_finds_forty_flipped_bits_in_the_pages_structure(office: Office, database: Path, seed: int) -> None:
    damaged = flipped(database, seed, lambda _: range(8), first=1)

    answer = office("doctor")

    assert answer.code == 1
    assert any(words in answer.out for words in DAMAGE), answer.out
    assert database.read_bytes() == damaged, "looking changes nothing"


@pytest.mark.slow
def test_doctor_finds_most_flipped_bits_and_never_fails(office: Office, database: Path) -> None:
    """Without checksums a flipped bit inside a value or in free space cannot be detected: 2 of 60 were not."""
    intact, detected = database.read_bytes(), 0
    for seed in range(60):
        flipped(database, seed, range)
        detected += any(words in office("doctor").out for words in DAMAGE)
        database.write_bytes(intact)

    assert detected >= 54


def flipped(database: Path, seed: int, places: Callable[[int], Sequence[int]], first: int = 0) -> bytes:
    """Flip forty bits at the given ``places`` of pages from the ``first`` on; return the new content of the file."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    chance, damaged = random.Random(seed), bytearray(database.read_bytes())
    for _ in range(40):
        page = chance.randrange(first, len(damaged) // size)
        damaged[page * size + chance.choice(places(size))] ^= 1 << chance.randrange(8)
    database.write_bytes(damaged)
    return bytes(damaged)


def test_doctor_changes_nothing_and_brings_no_file_to_another_version(office: Office, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 10")
    before = database.read_bytes()

    answer = office("doctor")

    assert answer.code == 1
    assert "was made before the first release" in answer.out
    assert database.read_bytes() == before


def test_doctor_writes_nothing_into_a_practice_that_is_well(office: Office, database: Path) -> None:
    before = content(database)
    office("doctor")
    assert content(database) == before
