"""Time zone names of calendar files, translated to IANA names."""

from __future__ import annotations

from functools import lru_cache
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
