"""Presets for exports of practice systems, from the table ``presets.toml``.

A preset has several column names for a role; the file decides which of them it has. A file that does not fit is
refused with the names that were expected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from connectors.csv_export.columns import STATUS_WORDS, map_columns
from connectors.csv_export.patterns import matching_patterns, parse_alike
from connectors.csv_export.records import row_type_of
from connectors.csv_export.table import CsvTable, TableError, clean_cell

_REQUIRED_ROLES = ("clinician", "client", "booked_start")


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of export. ``columns`` has the possible names of each role's column, the best one first.

    ``words`` are the status words by list; a missing list has the default words. ``verified`` says whether a real
    export has been seen; ``known_by`` are the column names by which it is recognised.
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
        """The title, with a remark if the preset is unverified."""
        return self.title if self.verified else f"{self.title} (unverified until a real export has been seen)"

    def roles(self, header: Sequence[str], configured: Mapping[str, str]) -> dict[str, str]:
        """Return each role with its column in this file; roles ``configured`` by the practice have precedence.

        Raises :class:`TableError` if a required role has no column, with the names that were expected.
        """
        roles = {}
        for role, names in self.columns.items():
            # All parts of a name such as "Date + Start" have to be in the header exactly once.
            present = (name for name in names if all(header.count(clean_cell(part)) == 1 for part in name.split("+")))
            if name := next(present, None):
                roles[role] = name
        roles |= configured
        # An export may have both an end and a length, but a mapping may use only one of them.
        if "booked_end" in roles and "booked_minutes" not in configured:
            roles.pop("booked_minutes", None)
        missing = [role for role in _REQUIRED_ROLES if role not in roles]
        if row_type_of(roles) is None and "booked_start" in roles:
            missing.append("booked_end")
        if missing:
            expected = "; ".join(f"{role} ({', '.join(self.columns.get(role, ()))})" for role in missing)
            raise TableError(f"it does not look like an export of {self.title}: no column for {expected}.")
        return roles

    def instant(self, table: CsvTable, roles: Mapping[str, str]) -> str | None:
        """Return the pattern of the file's times, ``None`` for ISO 8601; without times the preset's first one.

        Raises :class:`TableError` if the times have no known pattern, or if no row shows which is the day.
        """
        columns = map_columns(table.header, {"booked_start": roles["booked_start"]})
        rows = (row for row in table.rows() if len(row.cells) >= len(table.header))
        starts = {text for row in rows if (text := columns.text(row, "booked_start"))}
        matching = matching_patterns(starts)
        if matching == (None,) or not matching:
            return None if matching else self.instants[0]
        # The preset's own order decides between patterns that read the same instants, such as %b and %B in May.
        selected = next((pattern for pattern in self.instants if pattern in matching), None)
        if selected is None:
            raise TableError(f"its times are not in a known format of {self.title}.")
        alternatives = [pattern for pattern in matching if pattern and not parse_alike(starts, selected, pattern)]
        if alternatives:
            either = " or ".join(f'instant = "{pattern}"' for pattern in (selected, *alternatives))
            raise TableError(f"no row shows which is the day and which the month: write into [source.format] {either}.")
        return selected


@cache
def presets() -> Mapping[str, Preset]:
    """Return every preset by its name."""
    text = (resources.files("connectors.csv_export") / "presets.toml").read_text(encoding="utf-8")
    return {
        name: Preset(
            name,
            title=str(table["title"]),
            verified=table["verified"] is True,
            known_by=tuple(table["known_by"]),
            instants=tuple(table["instants"]),
            columns={role: tuple(names) for role, names in table["columns"].items()},
            words={list_name: tuple(table[list_name]) for list_name in STATUS_WORDS if list_name in table},
        )
        for name, table in tomllib.loads(text).items()
    }


def recognise(header: Collection[str]) -> Preset | None:
    """Return the preset that a header fits, if it fits exactly one."""
    matches = []
    for preset in presets().values():
        try:
            is_match = set(preset.known_by) <= set(header) and bool(preset.roles(tuple(header), {}))
        except TableError:
            is_match = False
        if is_match:
            matches.append(preset)
    return matches[0] if len(matches) == 1 else None
