"""Parser of TOML tables into frozen dataclasses that collects every problem instead of stopping at the first.

The dataclass declares the table: a field is a key (``from_`` reads ``from``), its default makes the key optional, its
annotation gives the type. Supported types are text, numbers, dates, paths, zones, patterns, ``Literal``, enumerations,
``X | None``, ``tuple[X, ...]``, ``Mapping[str, X]``, other dataclasses, and ``Annotated[X, ValueType(…)]`` for a text
or number with a parser of its own. A field with ``metadata={"secret": True}`` accepts a reference to a secret and never
the secret; with ``"if private"`` it also accepts a URL, unless the URL itself gives access to private data.
"""

from __future__ import annotations

import difflib
import re
import types
import zoneinfo
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from math import isfinite
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)
from zoneinfo import ZoneInfo

from monitor.credentials import is_private_url, is_reference

T = TypeVar("T")
_INVALID = object()  # the result of a value with a problem; None is a valid value


@dataclass(frozen=True, slots=True)
class ValueType:
    """The type of a single value: the TOML type it is written as, and the parser of that.

    ``parse`` raises ValueError with the problem as a phrase.
    """

    toml_type: type
    parse: Callable[[Any], Any] = lambda value: value


@runtime_checkable
class ValidatedTable(Protocol):
    """A table that checks its keys against each other."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the path of a key within the table and a phrase that says what is wrong with it."""
        ...


def keys_of(shape: type[Any]) -> dict[str, Field[Any]]:
    """Return the keys that a table of this shape may have, each with its field."""
    # `from` and other Python keywords are fields with a trailing underscore.
    return {field.name.rstrip("_"): field for field in fields(shape) if field.init}


class TableReader:
    """Reads tables and collects ``problems``, each beginning with its path in the file: ``clinician[1].fte: …``."""

    def __init__(self) -> None:
        self._problems: list[tuple[str, str]] = []

    def add(self, problems: Iterable[tuple[str, str]]) -> None:
        """Add problems, each as path and phrase. Only the first problem of a path is listed."""
        listed = {place for place, _ in self._problems}
        self._problems += [(place, phrase) for place, phrase in problems if place not in listed]

    @property
    def problems(self) -> list[str]:
        """All problems, in the order in which they were found."""
        return [f"{place}: {phrase}" for place, phrase in self._problems]

    def table(self, shape: type[T], table: Mapping[str, Any], place: str = "", other_keys: Collection[str] = ()) -> T:
        """Return the table as an instance of ``shape``; once there are problems, use it only to find more of them.

        An invalid key counts as left out. An invalid required key keeps its text, so that a reference to it is not
        reported as a second problem. ``other_keys`` are the keys of the same table that another shape reads. A shape
        may declare in ``REPLACED`` what to write instead of keys that no longer exist.
        """
        keys = keys_of(shape)
        replaced: Mapping[str, str] = getattr(shape, "REPLACED", {})
        unknown = [name for name in table if name not in keys and name not in other_keys]
        self.add(
            (_path_in(place, name), replaced.get(name) or f"unknown key{suggestion_for(name, [*keys, *other_keys])}")
            for name in unknown
        )
        hints = get_type_hints(shape, include_extras=True)
        values: dict[str, Any] = {}
        for name, field in keys.items():
            path = _path_in(place, name)
            is_required = field.default is MISSING and field.default_factory is MISSING
            if name not in table:
                if is_required:
                    self.add([(path, "missing")])
                    values[field.name] = None
                continue
            value, secret = table[name], field.metadata.get("secret")
            hint = Annotated[str, _SECRETS[secret]] if secret else hints[field.name]
            parsed = self._value(hint, value, path)
            if parsed is not _INVALID:
                values[field.name] = parsed
            elif is_required:
                values[field.name] = value if isinstance(value, str) else None
        instance = shape(**values)
        if isinstance(instance, ValidatedTable):
            self.add((f"{place}.{path}", phrase) for path, phrase in instance.problems())
        return instance

    def _value(self, hint: Any, value: object, place: str) -> Any:
        """Return the value as the annotation ``hint`` says, or add a problem and return ``_INVALID``."""
        origin, parts = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):  # the member that fits the value's TOML type, else the first
            members = [part for part in parts if part is not type(None)]
            member = next((member for member in members if _toml_type(member) is type(value)), members[0])
            return self._value(member, value, place)

        if origin in (tuple, list):
            if not isinstance(value, list):
                return self._wrong_type(list, value, place)
            entries = [self._value(parts[0], entry, f"{place}[{index}]") for index, entry in enumerate(value)]
            return origin(entry for entry in entries if entry is not _INVALID)

        if isinstance(origin, type) and issubclass(origin, Mapping):
            if not isinstance(value, dict):
                return self._wrong_type(dict, value, place)
            mapping = {}
            for name, entry in value.items():
                path = _path_in(place, name)
                key, parsed = self._single(_value_type(parts[0]), name, path), self._value(parts[1], entry, path)
                if _INVALID not in (key, parsed):
                    mapping[key] = parsed
            return mapping

        if is_dataclass(hint) and isinstance(hint, type):
            return self.table(hint, value, place) if isinstance(value, dict) else self._wrong_type(dict, value, place)
        return self._single(_value_type(hint), value, place)

    def _single(self, value_type: ValueType, value: object, place: str) -> Any:
        # `type() is` and not isinstance: true is an int in Python and a mistake here. Only 1 for 1.0 is let through.
        is_whole = value_type.toml_type is float and type(value) is int
        if type(value) is not value_type.toml_type and not is_whole:
            return self._wrong_type(value_type.toml_type, value, place)
        try:
            return value_type.parse(value_type.toml_type(value) if is_whole else value)
        except (ValueError, OverflowError) as error:
            self.add([(place, str(error))])
            return _INVALID

    def _wrong_type(self, expected: type, value: object, place: str) -> object:
        hint = f"; write it as [[{place}]]" if expected is list and type(value) is dict and "." not in place else ""
        found = _TYPE_NAMES.get(type(value), "a date or time")
        if isinstance(value, datetime):  # which is a subclass of date
            found = "a date and time"
        self.add([(place, f"expected {_EXPECTED[expected]}, found {found}{hint}")])
        return _INVALID


def choice(choices: Iterable[str], make: Callable[[str], Any] = str) -> ValueType:
    """Return the type of a text that is one of ``choices``."""
    words = list(choices)

    def parse(text: str) -> Any:
        if text not in words:
            raise ValueError(f'"{text}" is not possible here{suggestion_for(text, words)}')
        return make(text)

    return ValueType(str, parse)


def _text(text: str) -> str:
    if not text.strip(" "):  # not strip(): a tab may be meant
        raise ValueError("is empty")
    return text


def _path(text: str) -> Path:
    if "\0" in _text(text):
        raise ValueError("is not a valid path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        user = text.partition("/")[0]
        raise ValueError(f'"{user}": no such user on this machine') from error


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError("has to be a finite number")
    return number


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        zones = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
        cities = {zone.rpartition("/")[2]: zone for zone in sorted(zones)}
        # "new york" is close to the city in "America/New_York".
        near = difflib.get_close_matches(name.lower().replace(" ", "_"), [*zones, *cities], 1, cutoff=0.8)
        hint = f'did you mean "{zones[cities.get(near[0], near[0])]}"?' if near else 'write it like "Europe/Paris"'
        raise ValueError(f'"{name}" is not a time zone; {hint}') from error


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(_text(text), re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from error


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError("is the secret itself; write where it is kept: env:NAME, file:PATH or command:…")
    return text


def _public_url(text: str) -> str:
    if is_reference(text):
        return text
    try:
        private = is_private_url(text)
    except ValueError:  # not a valid URL, but it may contain a secret all the same
        private = True
    if private:
        raise ValueError(
            "is private: whoever has this address can read the data. Write where it is kept: env:NAME or file:PATH"
        )
    if not re.match(r"(https?|webcals?)://\S", text):
        raise ValueError("is not a web address; write it like https://…, or where it is kept: env:NAME or file:PATH")
    return text


_SECRETS = {True: ValueType(str, _reference), "if private": ValueType(str, _public_url)}
_VALUE_TYPES: dict[Any, ValueType] = {
    str: ValueType(str, _text),
    bool: ValueType(bool),
    int: ValueType(int),
    float: ValueType(float, _finite),
    date: ValueType(date),
    Path: ValueType(str, _path),
    ZoneInfo: ValueType(str, _zone),
    re.Pattern[str]: ValueType(str, _pattern),
}
_EXPECTED = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    date: "a date without quotes, such as 2026-01-31",
    list: "a list in [brackets]",
    dict: "a table",
}
_TYPE_NAMES = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}


def _value_type(hint: Any) -> ValueType:
    if get_origin(hint) is Annotated:
        return next(extra for extra in get_args(hint) if isinstance(extra, ValueType))
    if get_origin(hint) is Literal:
        return choice(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return choice((member.value for member in hint), hint)
    return _VALUE_TYPES[hint]


def _toml_type(hint: Any) -> type:
    origin = get_origin(hint)
    if origin in (tuple, list):
        return list
    if is_dataclass(hint) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return dict
    return _value_type(hint).toml_type


def suggestion_for(word: str, words: Collection[str]) -> str:
    """Return the end of a message about an unknown word: the word that was probably meant, else all known words."""
    by_lower_case = {candidate.lower(): candidate for candidate in words}
    near = difflib.get_close_matches(word.lower(), by_lower_case, 1)
    if near:
        return f'; did you mean "{by_lower_case[near[0]]}"?'
    return f"; possible: {', '.join(words)}" if words else ""


def _path_in(place: str, name: str) -> str:
    quoted = name if re.fullmatch(r"[\w-]+", name) else f'"{name}"'
    return f"{place}.{quoted}" if place else quoted
