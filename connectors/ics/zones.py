"""What a calendar means by the name of a time zone."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_name(text: str) -> str | None:
    """The IANA name for a zone's name in a file, or ``None`` if it is nobody's.

    Understood are IANA's names, Windows' ("W. Europe Standard Time"), and IANA's behind a vendor's prefix
    ("/freeassociation.sourceforge.net/Europe/Paris").
    """
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    text = text.strip().strip("/")
    parts = text.split("/")[:8]
    candidates = [WINDOWS_TO_OLSON.get(text, text), *("/".join(parts[start:]) for start in range(1, len(parts)))]
    return next((name for name in candidates if _is_known(name)), None)


def _is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not a zone, a path out of the zones' folder, one of their folders
        return False
    return True
