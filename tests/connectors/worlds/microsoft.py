"""Microsoft accounts, made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest

from connectors.microsoft import source
from connectors.microsoft.access import DeviceSignIn
from connectors.microsoft.options import MicrosoftOptions, Part
from tests.connectors.microsoft_fake import Account, Microsoft, attended
from tests.connectors.worlds.server import Server
from tests.connectors.worlds.world import ADDRESSES, ANA, BEN, CANARY, MINUTES, NOW, Behaviour, Trouble, client, moment
from tests.peers.reply_server import ReceivedRequest

PAGE = 4


class MicrosoftWorld:
    """The base of the Microsoft worlds: a signed-in account for each clinician."""

    kind: ClassVar[str] = "microsoft"
    title: ClassVar[str]
    declines: ClassVar[Mapping[Behaviour, str]]
    planted: ClassVar[Sequence[str]]
    read: ClassVar[Part]

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(source, "PAGE_SIZE", PAGE)
        self.microsoft = Microsoft(now=NOW)
        self.server = Server(self.microsoft.answer, _whose)
        self.folder = folder / CANARY
        options = MicrosoftOptions(client_id="application", read=(self.read,), api_endpoint=self.server.url)
        for person in (ANA, BEN):
            self.microsoft.person = person
            DeviceSignIn(options).wait(self.folder, person, NOW)

    def options(self) -> str:
        return (
            f'client_id = "application"\nread = ["{self.read}"]\n'
            f'tokens = "{self.folder}"\napi_endpoint = "{self.server.url}"'
        )

    def account(self, owner: str) -> Account:
        return self.microsoft.account(owner)

    def put(self, *numbers: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def change(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def spoil(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        self.server.trouble(how, times, owner)

    def mend(self) -> None:
        self.server.mend()

    def close(self) -> None:
        self.server.close()


class MicrosoftCalendar(MicrosoftWorld):
    """The calendar."""

    title: ClassVar[str] = "calendar"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            Behaviour.EXPIRED: "the calendar is read as a snapshot, without a cursor",
            Behaviour.RESUMES: "the calendar is one page, a snapshot of the window",
            Behaviour.GOES_ON: "the calendar is one page, a snapshot of the window",
        }
    )
    planted: ClassVar[Sequence[str]] = (
        "location",
        "bodyPreview",
        "attendees.emailAddress.name",
        "onlineMeeting.phones",
    )
    read: ClassVar[Part] = "calendar"

    def put(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            self._put(number, owner, moment(number))

    def change(self, number: int, owner: str = ANA) -> None:
        self._put(number, owner, moment(number) + timedelta(minutes=15))

    def spoil(self, number: int, owner: str = ANA) -> None:
        self._put(number, owner, moment(number), -MINUTES)

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            del self.account(owner).events[f"item{number}"]

    def _put(self, number: int, owner: str, start: datetime, minutes: int = MINUTES) -> None:
        people = [
            {"emailAddress": {"address": address, "name": CANARY}} for address in (ADDRESSES[owner], client(number))
        ]
        meeting = {"joinUrl": f"https://teams.example/{CANARY}", "phones": [{"number": CANARY}]}
        words: dict[str, Any] = {"subject": CANARY, "location": {"displayName": CANARY}, "bodyPreview": CANARY}
        words |= {"attendees": people, "organizer": people[0], "onlineMeeting": meeting}
        self.account(owner).put_event(f"item{number}", start, minutes, **words)


class MicrosoftMail(MicrosoftWorld):
    """Mail in the inbox."""

    title: ClassVar[str] = "mail"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            **dict.fromkeys((Behaviour.CHANGED, Behaviour.RESOLVED), "a message that was sent does not change"),
            **dict.fromkeys((Behaviour.DELETED, Behaviour.FORGETS), "a message that was sent stays"),
            Behaviour.SHRUNK: "a message that was sent stays",
        }
    )
    planted: ClassVar[Sequence[str]] = ("body", "bodyPreview", "from.emailAddress.name", "displayName")
    read: ClassVar[Part] = "mail"

    def put(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            people = {
                name: {"emailAddress": {"address": name, "name": CANARY}} for name in (client(number), ADDRESSES[owner])
            }
            fields: dict[str, Any] = {"from": people[client(number)], "toRecipients": [people[ADDRESSES[owner]]]}
            fields |= dict.fromkeys(("subject", "bodyPreview"), CANARY) | {"body": {"content": CANARY}}
            name = f"{CANARY}-{owner}-{number}"
            self.account(owner).put_message("id-inbox", name, moment(number), **fields)

    def forget(self, owner: str = ANA) -> None:
        self.account(owner).oldest_token += 1


class MicrosoftMeetings(MicrosoftWorld):
    """Attendance of Teams meetings."""

    title: ClassVar[str] = "meetings"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            Behaviour.EXPIRED: "attendance is requested for each meeting, without a cursor",
            **dict.fromkeys((Behaviour.CHANGED, Behaviour.RESOLVED), "attendance does not change"),
            **dict.fromkeys((Behaviour.DELETED, Behaviour.FORGETS), "attendance stays"),
            Behaviour.SHRUNK: "attendance stays",
        }
    )
    planted: ClassVar[Sequence[str]] = ("subject", "identity", "registrationId")
    read: ClassVar[Part] = "meetings"

    def put(self, *numbers: int, owner: str = ANA) -> None:
        account = self.account(owner)
        for number in numbers:
            start = moment(number)
            url = f"https://teams.example/meetup-join/19%3ameeting_{CANARY}{number}%40thread.v2/0?context={CANARY}"
            spans = [(start, start + timedelta(minutes=MINUTES))]
            account.put_event(f"item{number}", start, MINUTES, onlineMeeting={"joinUrl": url}, subject=CANARY)
            words: dict[str, Any] = {"identity": {"displayName": CANARY}, "registrationId": CANARY}
            account.put_report(
                url, f"r{number}", *(attended(name, *spans, **words) for name in (ADDRESSES[owner], client(number)))
            )


def _whose(request: ReceivedRequest) -> str:
    """Return the owner of the token that a request carries or renews."""
    person = request.headers.get("Authorization", "").removeprefix("Bearer ").partition("|")[0]
    return person or parse_qs(request.body).get("refresh_token", ["-"])[0].partition("-")[2]


WORLDS = (MicrosoftCalendar, MicrosoftMail, MicrosoftMeetings)
