"""The registry of source kinds. The module of a kind is imported when a source of that kind is first used.

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
    """There is no source kind of this name. ``kinds`` are all names, ``suggestions`` the most similar ones."""

    def __init__(self, kind: str, kinds: tuple[str, ...]) -> None:
        super().__init__(kind, kinds)
        self.kind = kind
        self.kinds = kinds
        self.suggestions = tuple(get_close_matches(kind, kinds))

    def __str__(self) -> str:
        if self.suggestions:
            return f'"{self.kind}" is not a source kind; did you mean {", ".join(self.suggestions)}?'
        return f'"{self.kind}" is not a source kind; the kinds are {", ".join(self.kinds)}.'


def kind_names() -> tuple[str, ...]:
    """Return the names of all kinds, built-in ones first, without importing any."""
    return (*KINDS, *sorted(_entry_points().keys() - KINDS.keys()))


def source_kind(name: str) -> SourceKind:
    """Return the kind of that name.

    Raises :class:`UnknownKindError`, and TypeError if an entry point is not a SourceKind.
    """
    # Only the module of this kind is imported: those of all kinds would load Google's and Microsoft's libraries.
    if name in KINDS:
        kind = import_module(KINDS[name]).SOURCE_KIND
    elif name in (entry_points := _entry_points()):
        kind = entry_points[name].load()
    else:
        raise UnknownKindError(name, kind_names())
    if not isinstance(kind, SourceKind):
        raise TypeError(f'the entry point "{name}" of {ENTRY_POINT_GROUP} is not a SourceKind')
    return kind


def _entry_points() -> dict[str, EntryPoint]:
    """Return the kinds that other packages offer, by name.

    Of two with the same name the first by value is taken, whatever the order of installation.
    """
    from importlib.metadata import entry_points  # takes longer to load than everything else here

    ordered = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.value, reverse=True)
    return {entry.name: entry for entry in ordered}
