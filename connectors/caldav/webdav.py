"""WebDAV: bodies of the requests (RFC 4791, RFC 6578), and parsing of multistatus answers (RFC 4918, 13).

XML's dangerous features are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from connectors.ics.text import DATE_PROPERTIES, PLAIN_PROPERTIES

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CALENDAR_SERVER = "{http://calendarserver.org/ns/}"
_BODY = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<{0} xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/">{1}</{0}>'
)
DISCOVERY_PROPERTIES = (
    "current-user-principal", "resourcetype", "displayname", "sync-token", "supported-report-set",
    "C:calendar-home-set", "C:supported-calendar-component-set", "S:getctag",
)  # fmt: skip
_STATUS = re.compile(r"HTTP/\S+ (\d{3})")


class InvalidAnswerError(ValueError):
    """The body is not a multistatus answer, or declares document types or entities."""


def propfind(names: Iterable[str] = DISCOVERY_PROPERTIES) -> bytes:
    """Return a PROPFIND for these properties."""
    return _body("propfind", f"<prop>{''.join(f'<{name}/>' for name in names)}</prop>")


def sync_collection(token: str) -> bytes:
    """Return a request for the changes since a sync token; for all objects if it is empty."""
    return _body(
        "sync-collection",
        f"<sync-token>{escape(token)}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>",
    )


def multiget(hrefs: Iterable[str], rule_properties: frozenset[str] | None) -> bytes:
    """Return a request for the allowed lines of these objects; for all lines if ``rule_properties`` is ``None``."""
    addresses = "".join(f"<href>{escape(href)}</href>" for href in hrefs)
    return _body("C:calendar-multiget", f"<prop><getetag/>{_calendar_data(rule_properties)}</prop>{addresses}")


def calendar_query(start: datetime, end: datetime, rule_properties: frozenset[str] | None) -> bytes:
    """Return a request as :func:`multiget` does, for the objects with an occurrence between two UTC instants."""
    span = f'<C:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>'
    events = f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{span}</C:comp-filter></C:comp-filter>'
    data = _calendar_data(rule_properties)
    return _body("C:calendar-query", f"<prop><getetag/>{data}</prop><C:filter>{events}</C:filter>")


def _calendar_data(rule_properties: frozenset[str] | None) -> str:
    if rule_properties is None:
        return "<C:calendar-data/>"
    names = sorted(DATE_PROPERTIES | PLAIN_PROPERTIES | rule_properties)
    properties = "".join(f"<C:prop name={quoteattr(name)}/>" for name in names)
    return (
        '<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/>'
        f'<C:comp name="VEVENT">{properties}</C:comp><C:comp name="VTIMEZONE"/></C:comp></C:calendar-data>'
    )


def _body(name: str, inner: str) -> bytes:
    return _BODY.format(name, inner).encode()


@dataclass(frozen=True, slots=True)
class ResourceResponse:
    """The answer about one resource: its address, its status (``None`` means success) and its properties.

    ``path`` is the address without the server, in one spelling.
    """

    href: str
    path: str
    status: int | None
    properties: Mapping[str, Element]

    def text(self, name: str) -> str:
        """Return the text of a property; empty if it is missing or empty."""
        element = self.properties.get(name)
        return (element.text or "").strip() if element is not None else ""

    def hrefs(self, name: str) -> list[str]:
        """Return the addresses in a property."""
        element = self.properties.get(name)
        return [(inner.text or "").strip() for inner in element.iter(f"{DAV}href")] if element is not None else []

    def has(self, name: str, inner: str) -> bool:
        """Return ``True`` if a property contains an element of the name ``inner``."""
        element = self.properties.get(name)
        return element is not None and next(element.iter(inner), None) is not None


@dataclass(frozen=True, slots=True)
class Multistatus:
    """A whole multistatus answer; ``token`` is the sync token in an answer about changes."""

    responses: tuple[ResourceResponse, ...]
    token: str = ""


def parse_xml(body: bytes) -> Element:
    """Return the root element. Raises :class:`InvalidAnswerError`, also for any document type or entity."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        # defusedxml refuses entities by default, but not a document type.
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidAnswerError from error
    return root


def parse_multistatus(body: bytes) -> Multistatus:
    """Parse a multistatus answer. Raises :class:`InvalidAnswerError`."""
    root = parse_xml(body)
    if root.tag != f"{DAV}multistatus":
        raise InvalidAnswerError
    responses = []
    for element in root.iter(f"{DAV}response"):
        properties = {
            value.tag: value
            for propstat in element.iter(f"{DAV}propstat")
            # A server may list properties that it does not have, with a status of 404.
            if (_status(propstat) or 200) < 300
            for prop in propstat.iter(f"{DAV}prop")
            for value in prop
        }
        for child in element.findall(f"{DAV}href"):
            href = (child.text or "").strip()
            responses.append(ResourceResponse(href, path_of(href), _status(element), properties))
    return Multistatus(tuple(responses), (root.findtext(f"{DAV}sync-token") or "").strip())


def path_of(href: str) -> str:
    """Return the path of an address in one spelling. Raises :class:`InvalidAnswerError`."""
    try:
        return unquote(urlsplit(href).path)
    except ValueError as error:
        raise InvalidAnswerError from error


def _status(element: Element) -> int | None:
    match = _STATUS.match((element.findtext(f"{DAV}status") or "").strip())
    return int(match[1]) if match else None
