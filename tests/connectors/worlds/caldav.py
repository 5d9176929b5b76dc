"""A simulated calendar server: a calendar for each clinician, and sync tokens that can expire."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar
from xml.sax.saxutils import escape

import pytest

from tests.connectors.worlds.ics import PLANTED, WHOLE, Calendar
from tests.connectors.worlds.server import Server
from tests.connectors.worlds.world import ANA, BEN, CANARY, Behaviour, Trouble
from tests.peers.reply_server import ReceivedRequest, Reply

_PROPERTIES = """<D:current-user-principal><D:href>/{0}/</D:href></D:current-user-principal>
<C:calendar-home-set><D:href>/{0}/</D:href></C:calendar-home-set>"""
_CALENDAR = """<D:resourcetype><D:collection/><C:calendar/></D:resourcetype><D:displayname>{1}</D:displayname>
<D:sync-token>{2}</D:sync-token><D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report>
</D:supported-report></D:supported-report-set>"""


class _LoggedCalendar(Calendar):
    """The events of one calendar, each in an object of its own, with every change in order."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []
        self.forgotten = -1

    def objects(self) -> dict[int, str]:
        """Return the texts of the objects by number; each has one event."""
        texts = {}
        for number, moved in self.moved.items():
            single = Calendar()
            single.moved, single.spoiled = {number: moved}, self.spoiled
            texts[number] = single.text()
        return texts


class CalendarServer:
    """Answers PROPFIND and REPORT for each account; sends whole objects, whatever lines are requested."""

    kind: ClassVar[str] = "caldav"
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(WHOLE)
    planted: ClassVar[Sequence[str]] = (*PLANTED, "places of objects")

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del folder
        patch.setenv("EVENHOURS_TEST_PASSWORD", CANARY)
        self.calendars = {ANA: _LoggedCalendar(), BEN: _LoggedCalendar()}
        self.server = Server(self._answer, _user)

    def options(self) -> str:
        return f'''url = "{self.server.url}"
username = "{{key}}"
password = "env:EVENHOURS_TEST_PASSWORD"'''

    def put(self, *numbers: int, owner: str = ANA) -> None:
        self.calendars[owner].put(*numbers)
        self.calendars[owner].log += numbers

    def change(self, number: int, owner: str = ANA) -> None:
        self.calendars[owner].change(number)
        self.calendars[owner].log.append(number)

    def spoil(self, number: int, owner: str = ANA) -> None:
        self.calendars[owner].spoil(number)
        self.calendars[owner].log.append(number)

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        self.calendars[owner].drop(*numbers)
        self.calendars[owner].log += numbers

    def forget(self, owner: str = ANA) -> None:
        self.calendars[owner].forgotten = len(self.calendars[owner].log)

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        self.server.trouble(how, times, owner)

    def mend(self) -> None:
        self.server.mend()

    def close(self) -> None:
        self.server.close()

    def _answer(self, request: ReceivedRequest) -> Reply:
        owner = _user(request)
        calendar = self.calendars[owner]
        if request.method == "PROPFIND":
            return _multistatus(_response(f"/{owner}/", _PROPERTIES.format(owner)), *self._calendars(request, owner))
        if "sync-collection" in request.body:
            return self._changes(calendar, owner, request.body)
        if "calendar-multiget" in request.body:
            numbers = [int(number) for number in re.findall(r"/(\d+)\.[^/]*</href>", request.body)]
        else:
            numbers = []  # nothing takes place in the days that a window has not reached before
        objects = calendar.objects()
        return _multistatus(*(_object(owner, number, objects.get(number)) for number in numbers))

    def _calendars(self, request: ReceivedRequest, owner: str) -> list[str]:
        if request.headers["Depth"] == "0":
            return []
        state = f"state-{len(self.calendars[owner].log)}"
        return [_response(f"/{owner}/calendar/", _CALENDAR.format(owner, CANARY, state))]

    def _changes(self, calendar: _LoggedCalendar, owner: str, body: str) -> Reply:
        since = re.search(r"<sync-token>(?:state-(\d+))?", body)
        position = int(since[1] or 0) if since else 0
        if since and since[1] and position <= calendar.forgotten:
            return Reply(403, b'<error xmlns="DAV:"><valid-sync-token/></error>')
        objects = calendar.objects()
        changed = [
            _object(owner, number, objects.get(number), with_data=False)
            for number in sorted(set(calendar.log[position:]))
        ]
        return _multistatus(*changed, f"<D:sync-token>state-{len(calendar.log)}</D:sync-token>")


def _user(request: ReceivedRequest) -> str:
    return b64decode(request.headers["Authorization"].split()[1]).decode().partition(":")[0]


def _response(href: str, properties: str) -> str:
    propstat = f"<D:propstat><D:prop>{properties}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
    return f"<D:response><D:href>{href}</D:href>{propstat}</D:response>"


def _object(owner: str, number: int, text: str | None, *, with_data: bool = True) -> str:
    href = f"/{owner}/calendar/{number}.{CANARY}.ics"
    if text is None:
        return f"<D:response><D:href>{href}</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>"
    data = f"<C:calendar-data>{escape(text)}</C:calendar-data>" if with_data else ""
    return _response(href, f"<D:getetag>{hash(text)}</D:getetag>{data}")


def _multistatus(*responses: str) -> Reply:
    spaces = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
    return Reply(207, f"<D:multistatus {spaces}>{''.join(responses)}</D:multistatus>".encode())


WORLDS = (CalendarServer,)
