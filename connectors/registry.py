"""The kinds of source there are. A kind's module is imported when a source of that kind is asked for, not before.

Packages outside add theirs through the entry-point group ``evenhours.connectors``: the entry's name is the kind, its
value a :class:`~connectors.base.SourceKind`. A built-in kind cannot be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from connectors.base import SourceKind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "ics": "connectors.ics.source",
        "mbox": "connectors.mail.mbox",
        "maildir": "connectors.mail.maildir",
        "csv": "connectors.csv_export.source",
        "sms_xml": "connectors.sms_xml.source",
        "google_calendar": "connectors.google.calendar",
        "gmail": "connectors.google.gmail",
        "google_meet": "connectors.google.meet",
        "fhir": "connectors.fhir.source",
        "imap": "connectors.imap.source",
        "caldav": "connectors.caldav.source",
        "microsoft": "connectors.microsoft.source",
    }
)
ENTRY_POINT_GROUP = "evenhours.connectors"


class UnknownKindError(LookupError):
    """No source is of this kind. ``known`` are the kinds there are, ``meant`` the nearest of them."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        super().__init__(kind, known)
        self.kind = kind
        self.known = known
        self.meant = tuple(get_close_matches(kind, known))

    def __str__(self) -> str:
        words, lead = (self.meant, "did you mean") if self.meant else (self.known, "there are")
        return f'"{self.kind}" is no kind of source; {lead} {", ".join(words)}{"?" if self.meant else "."}'


def kind_names() -> tuple[str, ...]:
    """The names of all kinds, built-in ones first; imports none of them."""
    return (*KINDS, *sorted(_others().keys() - KINDS.keys()))


def source_kind(name: str) -> SourceKind:
    """The kind of that name. Raises :class:`UnknownKindError`; TypeError if a package gives something else."""
    if name in KINDS:
        found = import_module(KINDS[name]).SOURCE_KIND
    elif name in (others := _others()):
        found = others[name].load()
    else:
        raise UnknownKindError(name, kind_names())
    if not isinstance(found, SourceKind):
        raise TypeError(f'the entry point "{name}" of {ENTRY_POINT_GROUP} names no SourceKind')
    return found


def _others() -> dict[str, EntryPoint]:
    """What packages outside offer; of two with one name the first by its value, whatever the order of installation."""
    from importlib.metadata import entry_points  # it takes longer to load than everything else here

    found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.value, reverse=True)
    return {entry.name: entry for entry in found}
