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
_INVALID = object()


@dataclass(frozen=True, slots=True)
class ValueType:
    """A single value: the TOML type it is written as, and what makes of it what is meant.

    ``read`` raises ValueError with the problem as a phrase.
    """

    written: type
    read: Callable[[Any], Any] = lambda value: value


@runtime_checkable
class ValidatedTable(Protocol):
    """A table that knows what may not stand side by side in it."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """The path of a key within the table, and what is wrong with it."""
        ...


def keys_of(shape: type[Any]) -> dict[str, Field[Any]]:
    """The keys a table of this shape may have."""
    return {field.name.rstrip("_"): field for field in fields(shape) if field.init}


class TableReader:
    """Reads tables and collects ``problems``, each beginning with its place: ``clinician[1].fte: …``."""

    def __init__(self) -> None:
        self._problems: list[tuple[str, str]] = []

    def add(self, found: Iterable[tuple[str, str]]) -> None:
        """Write down problems by place and phrase; a place that was faulty before has been told."""
        told = {place for place, _ in self._problems}
        self._problems += [(place, phrase) for place, phrase in found if place not in told]

    @property
    def problems(self) -> list[str]:
        """All of them, in the order in which they were found."""
        return [f"{place}: {phrase}" for place, phrase in self._problems]

    def table(self, shape: type[T], table: Mapping[str, Any], place: str = "", known: Collection[str] = ()) -> T:
        """The table as ``shape``. With problems it is good for looking at other places only.

        A faulty key then counts as left out; a required one keeps the text that stands there, so that what refers to
        it is no second problem. ``known`` are keys of the same table that somebody else reads. A shape may say in
        ``REPLACED`` what has taken the place of keys that it once had.
        """
        keys = keys_of(shape)
        replaced: Mapping[str, str] = getattr(shape, "REPLACED", {})
        unknown = [name for name in table if name not in keys and name not in known]
        self.add(
            (_inside(place, name), replaced.get(name) or f"unknown key{suggestion_for(name, [*keys, *known])}")
            for name in unknown
        )
        hints = get_type_hints(shape, include_extras=True)
        read = {
            field.name: self._key(field, hints[field.name], table, _inside(place, name)) for name, field in keys.items()
        }
        made = shape(**{name: value for name, value in read.items() if value is not MISSING})
        if isinstance(made, ValidatedTable):
            self.add((f"{place}.{path}", phrase) for path, phrase in made.problems())
        return made

    def _key(self, field: Field[Any], hint: Any, table: Mapping[str, Any], place: str) -> Any:
        """The value of one key; ``MISSING`` where the default holds."""
        required = field.default is MISSING and field.default_factory is MISSING
        value = table.get(field.name.rstrip("_"), MISSING)
        if value is MISSING:
            if required:
                self.add([(place, "missing")])
            return None if required else MISSING
        secret = field.metadata.get("secret")
        read = self._value(Annotated[str, _SECRETS[secret]] if secret else hint, value, place)
        if read is not _INVALID:
            return read
        return (value if isinstance(value, str) else None) if required else MISSING

    def _value(self, hint: Any, value: object, place: str) -> Any:
        """The value as ``hint`` asks for it, or ``_INVALID`` with the problem written down."""
        origin, parts = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return self._value(_fitting(parts, value), value, place)
        if origin in (tuple, list):
            return self._list(hint, value, place)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(parts, value, place)
        if is_dataclass(hint) and isinstance(hint, type):
            return self.table(hint, value, place) if isinstance(value, dict) else self._unlike(dict, value, place)
        return self._leaf(_leaf_of(hint), value, place)

    def _list(self, hint: Any, value: object, place: str) -> Any:
        if not isinstance(value, list):
            return self._unlike(list, value, place)
        part = get_args(hint)[0]
        found = [self._value(part, entry, f"{place}[{index}]") for index, entry in enumerate(value)]
        return get_origin(hint)(entry for entry in found if entry is not _INVALID)

    def _mapping(self, parts: tuple[Any, ...], value: object, place: str) -> Any:
        if not isinstance(value, dict):
            return self._unlike(dict, value, place)
        key_leaf = _leaf_of(parts[0])
        found = {
            self._leaf(key_leaf, name, _inside(place, name)): self._value(parts[1], entry, _inside(place, name))
            for name, entry in value.items()
        }
        return {name: entry for name, entry in found.items() if _INVALID not in (name, entry)}

    def _leaf(self, leaf: ValueType, value: object, place: str) -> Any:
        whole = leaf.written is float and type(value) is int
        if type(value) is not leaf.written and not whole:
            return self._unlike(leaf.written, value, place)
        try:
            return leaf.read(leaf.written(value) if whole else value)
        except (ValueError, OverflowError) as error:
            self.add([(place, str(error))])
            return _INVALID

    def _unlike(self, expected: type, value: object, place: str) -> object:
        hint = f"; write it as [[{place}]]" if expected is list and type(value) is dict and "." not in place else ""
        self.add([(place, f"expected {_EXPECTED[expected]}, found {_found(value)}{hint}")])
        return _INVALID


def choice(choices: Iterable[str], make: Callable[[str], Any] = str) -> ValueType:
    """One word out of several."""
    words = list(choices)

    def read(text: str) -> Any:
        if text not in words:
            raise ValueError(f'"{text}" is not known{suggestion_for(text, words)}')
        return make(text)

    return ValueType(str, read)


def _text(text: str) -> str:
    if not text.strip(" "):
        raise ValueError("is empty")
    return text


def _path(text: str) -> Path:
    if "\0" in _text(text):
        raise ValueError("is not a path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError("begins with the home of somebody who is not here") from error


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError("is not a number one can count with")
    return number


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        zones = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
        cities = {zone.rpartition("/")[2]: zone for zone in sorted(zones)}
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
        raise ValueError("write where the secret is, not the secret itself: env:NAME, file:PATH or command:…")
    return text


def _public_url(text: str) -> str:
    if is_reference(text):
        return text
    try:
        private = is_private_url(text)
    except ValueError:
        private = True
    if private:
        raise ValueError("whoever has this address can read what is there; write where it is: env:NAME or file:PATH")
    if not re.match(r"(https?|webcals?)://\S", text):
        raise ValueError("is not an address; write it like https://…, or where it is: env:NAME or file:PATH")
    return text


_SECRETS = {True: ValueType(str, _reference), "if private": ValueType(str, _public_url)}
_LEAVES: dict[Any, ValueType] = {
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
_FOUND = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}


def _leaf_of(hint: Any) -> ValueType:
    if get_origin(hint) is Annotated:
        return next(extra for extra in get_args(hint) if isinstance(extra, ValueType))
    if get_origin(hint) is Literal:
        return choice(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return choice((member.value for member in hint), hint)
    return _LEAVES[hint]


def _fitting(parts: tuple[Any, ...], value: object) -> Any:
    """Which part of a union is meant: the list or the table where one stands, else the single value."""
    parts = tuple(part for part in parts if part is not type(None))
    return next((part for part in parts if _written_as(part) is type(value)), parts[0])


def _written_as(hint: Any) -> type:
    origin = get_origin(hint)
    if origin in (tuple, list):
        return list
    if is_dataclass(hint) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return dict
    return _leaf_of(hint).written


def suggestion_for(word: str, words: Collection[str]) -> str:
    """Return the end of a message about an unknown word: the word that was probably meant, else all known words."""
    spelled = {known.lower(): known for known in words}
    near = difflib.get_close_matches(word.lower(), spelled, 1)
    if near:
        return f'; did you mean "{spelled[near[0]]}"?'
    return f"; known are {', '.join(words)}" if words else ""


def _inside(place: str, name: str) -> str:
    written = name if re.fullmatch(r"[\w-]+", name) else f'"{name}"'
    return f"{place}.{written}" if place else written


def _found(value: object) -> str:
    return "a date and time" if isinstance(value, datetime) else _FOUND.get(type(value), "a date or time")
