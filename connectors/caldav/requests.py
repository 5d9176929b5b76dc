"""What a calendar server is asked, as it has to be spelled (RFC 4791, RFC 6578)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from connectors.ics.text import PLAIN, TIMES

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<{0} xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/">{1}</{0}>'
)
WHO_AND_WHERE = (
    "current-user-principal", "resourcetype", "displayname", "sync-token", "supported-report-set",
    "C:calendar-home-set", "C:supported-calendar-component-set", "S:getctag",
)  # fmt: skip


def properties(names: Iterable[str] = WHO_AND_WHERE) -> bytes:
    """A PROPFIND for these properties."""
    return _spelled("propfind", f"<prop>{''.join(f'<{name}/>' for name in names)}</prop>")


def changes(token: str) -> bytes:
    """What has changed since ``token``; everything there is if it is empty."""
    return _spelled(
        "sync-collection",
        f"<sync-token>{escape(token)}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>",
    )


def entries(hrefs: Iterable[str], wanted: frozenset[str] | None) -> bytes:
    """The lines of these objects that are read; all of them where ``wanted`` is None."""
    places = "".join(f"<href>{escape(href)}</href>" for href in hrefs)
    return _spelled("C:calendar-multiget", f"<prop><getetag/>{_lines(wanted)}</prop>{places}")


def between(start: datetime, end: datetime, wanted: frozenset[str] | None) -> bytes:
    """The same of the objects with an occurrence in a span of time (UTC)."""
    span = f'<C:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>'
    events = f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{span}</C:comp-filter></C:comp-filter>'
    return _spelled("C:calendar-query", f"<prop><getetag/>{_lines(wanted)}</prop><C:filter>{events}</C:filter>")


def _lines(wanted: frozenset[str] | None) -> str:
    if wanted is None:
        return "<C:calendar-data/>"
    lines = "".join(f"<C:prop name={quoteattr(name)}/>" for name in sorted(TIMES | PLAIN | wanted))
    return (
        '<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/>'
        f'<C:comp name="VEVENT">{lines}</C:comp><C:comp name="VTIMEZONE"/></C:comp></C:calendar-data>'
    )


def _spelled(name: str, inner: str) -> bytes:
    return _HEAD.format(name, inner).encode()
