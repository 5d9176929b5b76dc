"""Cursors: the state that a connector keeps from one run to the next.

Each connector has a frozen dataclass derived from :class:`Cursor`, which defines the fields and their meaning. Writing
and reading the text is the same for all::

    another version, other settings, garbage, nothing    a new cursor: the source is read from the beginning
    otherwise                                            the stored fields

The text is JSON, ``{"settings":"KQ7…","version":1,"start":1767225600,…}``. A dataclass in a field is stored as a list
of its fields, since a mailbox or a calendar may need thousands of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from hashlib import sha256
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from connectors.pseudonyms import Pseudonyms

_Decoder = Callable[[Any], Any]
_STABLE_REPR = (str, int, float, date, timedelta, ZoneInfo, Enum, Path, type(None))


@dataclass(frozen=True, slots=True)
class Cursor:
    """The base class. ``settings`` is a keyed fingerprint of everything that decides how a record is read.

    ``is_new`` is true if nothing has been read with these settings; it is not part of the text. Raise ``version`` in a
    derived class when a field changes its meaning or the same source has to be read differently.
    """

    version: ClassVar[int] = 1
    settings: str
    is_new: bool = field(default=True, compare=False, kw_only=True)

    @classmethod
    def parse(cls, text: str | None, settings: str) -> Self:
        """Return the cursor in ``text`` if it is valid under these settings, else a new one."""
        try:
            values = json.loads(text or "{}")
            if (values["version"], values["settings"]) != (cls.version, settings):
                return cls(settings)
            hints = get_type_hints(cls)
            stored = {name: _decoder(hints[name])(values[name]) for name in _stored_fields(cls)}
            # One field too many comes from another version of the code; too few raise LookupError above.
            if len(values) != len(stored) + 1:
                return cls(settings)
            cursor = cls(**stored, is_new=False)
            cursor.check()
        # Whatever is wrong with a stored text, reading from the beginning is always right.
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, OSError, RecursionError):
            return cls(settings)
        return cursor

    def dump(self) -> str:
        """Return the text of this cursor. Equal cursors have equal texts."""
        values = {name: getattr(self, name) for name in _stored_fields(type(self))} | {"version": self.version}
        # Sorted and without spaces, so that an unchanged cursor is an unchanged row.
        return json.dumps(values, default=_to_json, separators=(",", ":"), sort_keys=True)

    def check(self) -> None:
        """Raise ValueError, OverflowError or OSError for values that have the right type but are never dumped."""


def fingerprint(names: Pseudonyms, *decisive: Any) -> str:
    """Return a keyed digest of a tree of settings, which may contain titles; another key gives another digest."""
    digest = sha256(canonical_text(decisive).encode("utf-8", "surrogatepass"))
    return names.entry(digest.hexdigest(), "fingerprint")


def canonical_text(value: Any) -> str:
    """Return a text for a tree of settings: sets sorted, patterns in full (their own ``repr`` truncates them).

    Raises :class:`TypeError` for a value without a stable text, such as a function, whose ``repr`` is its address.
    """
    if is_dataclass(value):
        return canonical_text([getattr(value, member.name) for member in fields(value)])
    if isinstance(value, re.Pattern):
        return canonical_text([value.pattern, value.flags])
    if isinstance(value, (frozenset, set)):
        return canonical_text(sorted(value))
    if isinstance(value, dict):
        return canonical_text(sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(canonical_text, value))}]"
    if isinstance(value, _STABLE_REPR):
        return repr(value)
    raise TypeError(type(value).__name__)


def _to_json(value: Any) -> Any:
    """Return a dataclass or frozenset as a list, a mapping as a dict."""
    if is_dataclass(value):
        return [getattr(value, member.name) for member in fields(value)]
    return sorted(value) if isinstance(value, frozenset) else dict(value)


def _stored_fields(kind: type[Cursor]) -> list[str]:
    """Return the names of the fields that are part of the text."""
    return [member.name for member in fields(kind) if member.name != "is_new"]


def _decoder(kind: Any) -> _Decoder:
    """Return a function that turns JSON into a value of this type, or raises ValueError or TypeError.

    Supported are the types in cursors: str, int, bool, None, unions of these, dataclasses, and mappings from str,
    tuples and frozensets of one type.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        members = [_decoder(hints[member.name]) for member in fields(kind)]
        create: Callable[..., Any] = kind  # type: ignore[assignment]
        return lambda value: create(
            *(member(part) for member, part in zip(members, _checked(list, value), strict=True))
        )
    if origin in {dict, Mapping}:
        inner = _decoder(arguments[1])
        return lambda value: {name: inner(part) for name, part in _checked(dict, value).items()}
    if origin in {tuple, frozenset}:
        inner = _decoder(arguments[0])
        return lambda value: origin(inner(part) for part in _checked(list, value))
    return lambda value: _checked(arguments if origin is UnionType else kind, value)


def _checked(kind: Any, value: Any) -> Any:
    """Return ``value`` if it has exactly this type, or one of these; ``True`` is not accepted as an int."""
    if type(value) not in (kind if isinstance(kind, tuple) else (kind,)):
        raise TypeError
    return value
