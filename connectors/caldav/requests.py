"""Bodies of the requests to a calendar server (RFC 4791, RFC 6578)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from connectors.ics.text import DATE_PROPERTIES, PLAIN_PROPERTIES

_BODY = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<{0} xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/">{1}</{0}>'
)
DISCOVERY_PROPERTIES = (
    "current-user-principal", "resourcetype", "displayname", "sync-token", "supported-report-set",
    "C:calendar-home-set", "C:supported-calendar-component-set", "S:getctag",
)  # fmt: skip


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
