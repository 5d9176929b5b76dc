"""Tests that ``config.example.toml`` explains every existing option, and no other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from connectors.registry import KINDS, kind_names, source_kind
from monitor.config import load
from monitor.config.reader import keys_of
from monitor.config.tables import (
    ClinicianTable,
    HoursTable,
    KindTable,
    PracticeTable,
    SourceTable,
    WeightsTable,
    WindowTable,
    ZoneTable,
)
from monitor.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
EXAMPLE_TEXT = EXAMPLE.read_text(encoding="utf-8")
UNCOMMENTED = re.sub(r"^#(?=\S|  \{)", "", EXAMPLE_TEXT, flags=re.MULTILINE)
TABLES: dict[str, Any] = tomllib.loads(UNCOMMENTED)

SHAPES: list[tuple[str, type[Any], list[dict[str, Any]]]] = [
    ("practice", PracticeTable, [TABLES["practice"]]),
    ("kinds", KindTable, TABLES["kinds"]),
    ("clinician", ClinicianTable, TABLES["clinician"]),
    (
        "clinician.hours",
        HoursTable,
        [version for clinician in TABLES["clinician"] for version in clinician.get("hours", [])],
    ),
    (
        "clinician.zones",
        ZoneTable,
        [version for clinician in TABLES["clinician"] for version in clinician.get("zones", [])],
    ),
    ("weights", WeightsTable, TABLES["weights"]),
    ("source", SourceTable, TABLES["source"]),
    ("source.window", WindowTable, [source["window"] for source in TABLES["source"] if "window" in source]),
]


def option_tables(
    place: str, shape: type[Any], tables: list[dict[str, Any]]
) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield a shape's keys and those in the example, then the same for every shape inside it."""
    yield place, set(keys_of(shape)), set().union(*tables)
    for name, hint in get_type_hints(shape).items():
        for inner in filter(is_dataclass, (hint, *get_args(hint))):
            assert isinstance(inner, type)
            yield from option_tables(f"{place}.{name}", inner, [table[name] for table in tables if name in table])


def options_of_built_in_kinds() -> Iterator[tuple[str, set[str], set[str]]]:
    for kind in KINDS:
        tables = [source for source in TABLES["source"] if source["kind"] == kind]
        own = [{key: source[key] for key in source if key not in keys_of(SourceTable)} for source in tables]
        yield from option_tables(kind, source_kind(kind).options, own)


@pytest.mark.parametrize("text", [EXAMPLE_TEXT, UNCOMMENTED], ids=["as it stands", "with everything switched on"])
def test_it_is_a_configuration_without_problems(tmp_path: Path, text: str) -> None:
    (tmp_path / "evenhours.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "evenhours.toml").practice.name == "Harbour Street"


@pytest.mark.parametrize(("place", "shape", "tables"), SHAPES, ids=[place for place, *_ in SHAPES])
def test_every_key_of_a_table_is_explained(place: str, shape: type[Any], tables: list[dict[str, Any]]) -> None:
    assert set(keys_of(shape)) - set().union(*tables) == set(), place


@pytest.mark.parametrize(
    ("place", "options", "explained"), [pytest.param(*row, id=row[0]) for row in options_of_built_in_kinds()]
)
def test_every_option_of_a_kind_is_explained_and_no_other(place: str, options: set[str], explained: set[str]) -> None:
    assert explained == options, place


def test_every_built_in_kind_of_source_is_shown() -> None:
    assert {source["kind"] for source in TABLES["source"]} == set(KINDS) <= set(kind_names())


def test_defaults_that_are_shown_are_the_defaults(tmp_path: Path) -> None:
    numbers = ("longest_session_hours", "supervision_group")
    documented = {key: TABLES["practice"][key] for key in ("day_starts_at", *numbers, "database", "key_file")}
    (tmp_path / "evenhours.toml").write_text(EXAMPLE_TEXT, encoding="utf-8")
    config = load(tmp_path / "evenhours.toml")
    assert documented == {
        "day_starts_at": f"{datetime.fromtimestamp(config.practice.day_starts_at, UTC):%H:%M}",
        **{number: getattr(config.practice, number) for number in numbers},
        "database": config.database.name,
        "key_file": config.key_file.name,
    }


def test_the_private_address_of_a_calendar_is_refused(tmp_path: Path) -> None:
    private = EXAMPLE_TEXT.replace('path = "ana.ics"', 'url = "https://harbour.example/private-0a1b2c/basic.ics"')
    (tmp_path / "evenhours.toml").write_text(private, encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"source\[0\]\.url: is private: whoever has this address can read the data"
    ) as error:
        load(tmp_path / "evenhours.toml")
    assert "0a1b2c" not in str(error.value)


WRONG_VALUES = [
    "3",
    '"x"',
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "true",
    "2024-01-01",
    "nan",
    '[1, "a"]',
    "{ a = 1 }",
    '"\\u0000"',
    '""',
]


@pytest.mark.parametrize("value", WRONG_VALUES)
def test_a_wrong_value_anywhere_is_a_config_error_or_accepted(tmp_path: Path, value: str) -> None:
    lines = [line for line in UNCOMMENTED.splitlines() if not line.startswith("#")]
    places = [number for number, line in enumerate(lines) if re.match(r"\w+ = .*[^\[,]$", line)]
    for number in places[WRONG_VALUES.index(value) % 5 :: 5]:
        key = lines[number].partition(" = ")[0]
        text = "\n".join([*lines[:number], f"{key} = {value}", *lines[number + 1 :]])
        (tmp_path / "evenhours.toml").write_text(text, encoding="utf-8")
        with suppress(ConfigError):
            load(tmp_path / "evenhours.toml")
