"""Exports of practice systems by name: one table says what each is thought to look like (``presets.toml``).

A preset is a mapping with several names for a role; the file decides which of them it is. What does not fit is refused
with the names that were looked for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from connectors.csv_export.columns import UNKNOWN, WORDS, columns_in
from connectors.csv_export.patterns import patterns_of, read_alike
from connectors.csv_export.records import shape_of
from connectors.csv_export.table import Row, Table, TableError, clean

_NEEDED = ("clinician", "client", "booked_start")


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of export. ``columns`` has the names that each role's column may bear, the best one first.

    ``words`` are the status words by list; a list that is not there has the usual ones. ``verified`` is whether a real
    export has been seen; ``known_by`` are the names by which it is recognised.
    """

    name: str
    title: str
    verified: bool
    known_by: tuple[str, ...]
    instants: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]

    @property
    def label(self) -> str:
        """What to call it, with its standing."""
        return self.title if self.verified else f"{self.title} (unverified until a real export has been seen)"

    def roles(self, header: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
        """Each role with its column in this file; those the practice has ``given`` itself stand.

        Raises :class:`TableError` where a role that is needed has no column, with the names that were looked for.
        """
        found = {role: name for role, names in self.columns.items() if (name := _first(names, header))}
        found |= given
        if "booked_end" in found and "booked_minutes" not in given:
            found.pop("booked_minutes", None)
        missing = [role for role in _NEEDED if role not in found]
        if shape_of(found) is None and "booked_start" in found:
            missing.append("booked_end")
        if missing:
            looked_for = "; ".join(f"{role} ({', '.join(self.columns.get(role, ()))})" for role in missing)
            raise TableError(
                f"it is not the export of {self.title} as far as that is known: no column for {looked_for}."
            )
        return found

    def instant(self, table: Table, roles: Mapping[str, str]) -> str | None:
        """How the file writes its times, ``None`` for ISO 8601; as the preset has it in a file without any.

        Raises :class:`TableError` where they are written in no way that is known of it, or no row tells day from month.
        """
        starts = _starts(table, roles)
        fitting = patterns_of(starts)
        if fitting == (None,) or not fitting:
            return None if fitting else self.instants[0]
        chosen = next((pattern for pattern in self.instants if pattern in fitting), None)
        if chosen is None:
            raise TableError(f"its times are not written as those of {self.title} are known to be.")
        others = [pattern for pattern in fitting if pattern and not read_alike(starts, chosen, pattern)]
        if others:
            either = " or ".join(f'instant = "{pattern}"' for pattern in (chosen, *others))
            raise TableError(f"no row tells the day from the month: write into [source.format] either {either}.")
        return chosen


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by its name."""
    text = (resources.files("connectors.csv_export") / "presets.toml").read_text(encoding="utf-8")
    return {name: _preset(name, told) for name, told in tomllib.loads(text).items()}


def recognised(header: Collection[str]) -> Preset | None:
    """The preset whose export this header is, if it is exactly one's."""
    found = []
    for preset in presets().values():
        try:
            fits = set(preset.known_by) <= set(header) and bool(preset.roles(tuple(header), {}))
        except TableError:
            fits = False
        if fits:
            found.append(preset)
    return found[0] if len(found) == 1 else None


def _preset(name: str, told: Mapping[str, Any]) -> Preset:
    return Preset(
        name,
        str(told["title"]),
        told["verified"] is True,
        tuple(told["known_by"]),
        tuple(told["instants"]),
        {role: tuple(names) for role, names in told["columns"].items()},
        {listed: tuple(told[listed]) for listed in WORDS if listed in told},
    )


def _first(names: Sequence[str], header: Sequence[str]) -> str | None:
    """The first of these names of which the file has every part exactly once."""
    return next((name for name in names if all(header.count(clean(part)) == 1 for part in name.split("+"))), None)


def _starts(table: Table, roles: Mapping[str, str]) -> set[str]:
    columns = columns_in(table.header, {"booked_start": roles["booked_start"]})
    rows: Iterator[Row] = (row for row in table.rows() if len(row.cells) >= len(table.header))
    return {text for row in rows if (text := columns.text(row, "booked_start")).lower() not in UNKNOWN}
