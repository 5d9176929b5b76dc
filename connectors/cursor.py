"""How far a source was read: what a connector remembers from one run to the next.

Each connector has a frozen dataclass of its own below :class:`Cursor`, which has the fields and what they mean. How
they become text, and when a text holds, is the same for all::

    another version, other settings, garbage, nothing    a cursor that knows nothing: the source is read anew
    otherwise                                            what was dumped

The text is JSON, ``{"settings":"KQ7…","version":1,"start":1767225600,…}``. A dataclass within a field is a list of its
fields, since a mailbox or a calendar may need thousands of them.
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
_SAME_EVERYWHERE = (str, int, float, date, timedelta, ZoneInfo, Enum, Path, type(None))


@dataclass(frozen=True, slots=True)
class Cursor:
    """The base: ``settings`` is a keyed name of all that decides what a connector makes of a record.

    ``is_new`` says that nothing was read under them yet; it is not part of the text. ``version`` is the kind's: raise
    it when the same source is to be read differently, or a field means something else.
    """

    version: ClassVar[int] = 1
    settings: str
    is_new: bool = field(default=True, compare=False, kw_only=True)

    @classmethod
    def parse(cls, text: str | None, settings: str) -> Self:
        """Return what ``text`` says if it holds under these settings, else a cursor that knows nothing."""
        try:
            values = json.loads(text or "{}")
            if (values["version"], values["settings"]) != (cls.version, settings):
                return cls(settings)
            hints = get_type_hints(cls)
            stored = {name: _decoder(hints[name])(values[name]) for name in _stored(cls)}
            if len(values) != len(stored) + 1:
                return cls(settings)
            cursor = cls(**stored, is_new=False)
            cursor.check()
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, OSError, RecursionError):
            return cls(settings)
        return cursor

    def dump(self) -> str:
        """Return the text of this cursor; that of equal ones is equal."""
        values = {name: getattr(self, name) for name in _stored(type(self))} | {"version": self.version}
        return json.dumps(values, default=_plain, separators=(",", ":"), sort_keys=True)

    def check(self) -> None:
        """Raise ValueError, OverflowError or OSError where fields of the right type hold what is never dumped."""


def fingerprint(names: Pseudonyms, *decisive: Any) -> str:
    """Return a keyed name of a tree of settings: titles may be part of it, and under another key it is another."""
    digest = sha256(canonical_text(decisive).encode("utf-8", "surrogatepass"))
    return names.entry(digest.hexdigest(), "fingerprint")


def canonical_text(value: Any) -> str:
    """A text for a tree of settings: sets sorted, patterns in full (their own ``repr`` is cut off).

    Raises :class:`TypeError` for what has no such text, as a function whose ``repr`` is its address.
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
    if isinstance(value, _SAME_EVERYWHERE):
        return repr(value)
    raise TypeError(type(value).__name__)


def _plain(value: Any) -> Any:
    """Return what JSON has no word for as something that it has."""
    if is_dataclass(value):
        return [getattr(value, member.name) for member in fields(value)]
    return sorted(value) if isinstance(value, frozenset) else dict(value)


def _stored(kind: type[Cursor]) -> list[str]:
    """Return the fields that are part of the text."""
    return [member.name for member in fields(kind) if member.name != "is_new"]


def _decoder(kind: Any) -> _Decoder:
    """Return a function from JSON to a value of this type, which raises ValueError or TypeError for any other.

    Types are those that cursors have: str, int, bool, None, unions of these, dataclasses, and mappings from str,
    tuples and frozensets of one type.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        members = [_decoder(hints[member.name]) for member in fields(kind)]
        made: Callable[..., Any] = kind  # type: ignore[assignment]
        return lambda value: made(*(member(part) for member, part in zip(members, _of(list, value), strict=True)))
    if origin in {dict, Mapping}:
        inner = _decoder(arguments[1])
        return lambda value: {name: inner(part) for name, part in _of(dict, value).items()}
    if origin in {tuple, frozenset}:
        inner = _decoder(arguments[0])
        return lambda value: origin(inner(part) for part in _of(list, value))
    return lambda value: _of(arguments if origin is UnionType else kind, value)


def _of(kind: Any, value: Any) -> Any:
    """Return ``value`` if it is of just this type, or one of these: ``True`` is no number."""
    if type(value) not in (kind if isinstance(kind, tuple) else (kind,)):
        raise TypeError
    return value
