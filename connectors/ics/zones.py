"""Time zones of calendar files: IANA names for what the files write, and derived names for zones that they define."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def iana_name(text: str) -> str | None:
    """Return the IANA name of a time zone as a calendar file writes it, or ``None`` if it is unknown.

    Accepted are IANA names, Windows names ("W. Europe Standard Time"), and IANA names after a vendor's prefix
    ("/freeassociation.sourceforge.net/Europe/Paris").
    """
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    text = text.strip().strip("/")
    parts = text.split("/")[:8]
    candidates = [WINDOWS_TO_OLSON.get(text, text), *("/".join(parts[start:]) for start in range(1, len(parts)))]
    return next((name for name in candidates if _is_iana(name)), None)


def _is_iana(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not a zone, a path outside the zones' folder, one of their folders
        return False
    return True


class ZoneNames:
    """The names for the zones of a calendar's lines: IANA's, or one derived from the definition in the file.

    The parser keeps the zones that files define in one table for the whole process. A name derived from the definition
    keeps the "Custom" zone of one file from being used for another file's. ``used`` has the definitions of the derived
    names that have been asked for.
    """

    def __init__(self, defined: dict[str, str]) -> None:
        self._defined = defined
        self._names: dict[str, str] = {}
        self.used: dict[str, str] = {}

    def __getitem__(self, tzid: str) -> str:
        if tzid not in self._names:
            name = iana_name(tzid) or "unknown"
            definition = self._defined.get(tzid)
            if name == "unknown" and definition is not None:
                name = f"own-{sha256(definition.encode()).hexdigest()[:16]}"
                self.used[name] = definition
            self._names[tzid] = name
        return self._names[tzid]
