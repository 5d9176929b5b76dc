"""Names of settings that are the same in every process, to tell whether a cursor still holds under them."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.pseudonyms import Pseudonyms

_SAME_EVERYWHERE = (str, int, float, date, timedelta, ZoneInfo, Enum, Path, type(None))


def fingerprint(names: Pseudonyms, *decisive: Any) -> str:
    """Return a keyed name of a tree of settings: titles may be part of it, and under another key it is another."""
    digest = sha256(spelled(decisive).encode("utf-8", "surrogatepass"))
    return names.entry(digest.hexdigest(), "fingerprint")


def spelled(value: Any) -> str:
    """A text for a tree of settings: sets sorted, patterns in full (their own ``repr`` is cut off).

    Raises :class:`TypeError` for what has no such text, as a function whose ``repr`` is its address.
    """
    if is_dataclass(value):
        return spelled([getattr(value, member.name) for member in fields(value)])
    if isinstance(value, re.Pattern):
        return spelled([value.pattern, value.flags])
    if isinstance(value, (frozenset, set)):
        return spelled(sorted(value))
    if isinstance(value, dict):
        return spelled(sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(spelled, value))}]"
    if isinstance(value, _SAME_EVERYWHERE):
        return repr(value)
    raise TypeError(type(value).__name__)
