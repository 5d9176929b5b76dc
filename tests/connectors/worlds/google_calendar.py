"""Google calendars, made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from connectors.google.access import CALENDAR
from tests.connectors.fake_google.calendar import FakeCalendar
from tests.connectors.fake_google.world import GoogleWorld
from tests.connectors.worlds.world import ADDRESSES, ANA, CANARY, MINUTES, Behaviour, client, moment


class GoogleCalendars(GoogleWorld):
    """A calendar for each clinician; its pages hold four entries."""

    kind: ClassVar[str] = "google_calendar"
    scopes: ClassVar[Sequence[str]] = (CALENDAR,)
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        dict.fromkeys(
            (Behaviour.RESUMES, Behaviour.GOES_ON),
            "all changes of a calendar are stored at once, however many pages they arrive in",
        )
    )
    planted: ClassVar[Sequence[str]] = (
        "summary", "description", "location", "creator", "organizer", "attachments", "htmlLink", "hangoutLink",
        "extendedProperties", "source", "attendees.displayName", "attendees.comment", "conferenceData.entryPoints",
    )  # fmt: skip

    def begin(self, address: str) -> None:
        self.google.calendar(address).page = 4

    def put(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            self._calendar(owner).put(f"item{number}", moment(number), MINUTES, **_fields(number, owner))

    def change(self, number: int, owner: str = ANA) -> None:
        self._calendar(owner).move(f"item{number}", moment(number) + timedelta(minutes=15), MINUTES)

    def spoil(self, number: int, owner: str = ANA) -> None:
        self._calendar(owner).move(f"item{number}", moment(number), -MINUTES)

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        self._calendar(owner).delete(*(f"item{number}" for number in numbers))

    def forget(self, owner: str = ANA) -> None:
        self._calendar(owner).expire_tokens()

    def _calendar(self, owner: str) -> FakeCalendar:
        return self.google.calendar(ADDRESSES[owner])


def _fields(number: int, owner: str) -> dict[str, Any]:
    me = {"email": ADDRESSES[owner], "self": True, "responseStatus": "accepted", "displayName": CANARY}
    guest = {"email": client(number), "displayName": CANARY, "comment": CANARY, "responseStatus": "needsAction"}
    return {
        "status": "confirmed",
        "summary": CANARY,
        "description": CANARY,
        "location": CANARY,
        "htmlLink": f"https://calendar.example/{CANARY}",
        "hangoutLink": f"https://meet.example/{CANARY}",
        "creator": {"email": f"{CANARY}@post.example"},
        "organizer": {"email": f"{CANARY}@post.example"},
        "attachments": [{"title": CANARY}],
        "extendedProperties": {"private": {"note": CANARY}},
        "source": {"title": CANARY},
        "attendees": [me, guest],
        "conferenceData": {"conferenceId": f"abc-{number}", "entryPoints": [{"uri": CANARY}], "notes": CANARY},
    }


WORLDS = (GoogleCalendars,)
