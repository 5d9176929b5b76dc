"""Which practitioners of the record system are which owners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connectors.base import Context
from connectors.errors import MalformedError
from connectors.fhir.server import Server

REFERENCE = re.compile(r"(?:Practitioner|PractitionerRole)/[A-Za-z0-9.-]{1,64}")
IDENTIFIER = re.compile(r"[^|\s]*\|[^|]+")


def owners_by_reference(server: Server, named: Mapping[str, tuple[str, ...]], context: Context) -> dict[str, str]:
    """The key of the owner whom each practitioner's reference means.

    ``named`` gives references (``Practitioner/7``) and identifiers (``system|value``) for each owner; the server is
    asked who bears an identifier. Raises a :class:`~connectors.errors.ConnectorError`, also where nobody does.
    """
    return {
        reference: owner.key
        for owner in context.owners
        for number, name in enumerate(named.get(owner.key, ()), 1)
        for reference in _references(server, name, f"practitioners.{owner.key}, entry {number}", context.source)
    }


def _references(server: Server, name: str, place: str, source: str) -> Iterator[str]:
    if REFERENCE.fullmatch(name):
        yield name
        return
    pages = server.search("Practitioner", (("identifier", name), ("_elements", "id")))
    found = [str(practitioner.get("id")) for page in pages for practitioner in page]
    if not found:
        remedy = "Look it up in the record system, and write it as system|value or Practitioner/id."
        raise MalformedError(source, f"{place}: the server knows nobody by this identifier.", remedy)
    yield from (f"Practitioner/{identifier}" for identifier in found)
