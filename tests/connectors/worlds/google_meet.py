"""Video meetings at Google, made up: as conference records, and as a domain's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.google.access import MEETINGS, OPENID, REPORTS, consent_file
from connectors.private import write_private
from tests.connectors.fake_google.practice import service_account
from tests.connectors.fake_google.world import GoogleWorld
from tests.connectors.worlds.world import ADDRESSES, ANA, CANARY, MINUTES, Behaviour, Trouble, moment

_FACTS: Mapping[Behaviour, str] = MappingProxyType(
    {
        Behaviour.CHANGED: "a call that has ended does not change",
        Behaviour.RESOLVED: "a call that has ended does not change",
        **dict.fromkeys((Behaviour.DELETED, Behaviour.FORGETS), "a call stays when Google deletes its record"),
        Behaviour.SHRUNK: "a call stays when Google deletes its record",
        Behaviour.EXPIRED: "the cursor is the end of a call, so the source cannot forget it",
    }
)
_PLANTED = ("displayName", "organizer_email", "ip_address", "location_country", "identifier of people from outside")
_ADMIN = "director@two.example"


class Meetings(GoogleWorld):
    """Each clinician's own meetings; pages hold four of them."""

    kind: ClassVar[str] = "google_meet"
    title: ClassVar[str] = "meetings"
    scopes: ClassVar[Sequence[str]] = (MEETINGS, OPENID)
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {**_FACTS, Behaviour.GOES_ON: "calls are read newest first; the cursor moves when the oldest new one is stored"}
    )
    planted: ClassVar[Sequence[str]] = _PLANTED[:1]

    def begin(self, address: str) -> None:
        del address
        self.google.meetings.page = 4
        self.google.meetings.canary = CANARY

    def put(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            start = moment(number)
            own = ADDRESSES[owner], start - timedelta(minutes=5), MINUTES + 5
            self.google.meetings.hold(f"abc-{owner}-{number}", own, ("", start, MINUTES))

    def change(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def spoil(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError


class DomainsReport(Meetings):
    """The report of the domain, read in an administrator's name."""

    title: ClassVar[str] = "report"
    planted: ClassVar[Sequence[str]] = _PLANTED

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        self._key = folder / service_account(self.google, folder, REPORTS).removeprefix("file:")
        self._key.chmod(0o600)

    def grant_access(self, owner: str, address: str) -> None:
        write_private(self._tokens, consent_file(owner), {"account": address, "scopes": [REPORTS]})

    def options(self) -> str:
        return f'{super().options()}\nservice_account = "file:{self._key}"\nreports_admin = "{_ADMIN}"'

    def account(self, owner: str) -> str:
        del owner
        return _ADMIN

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        if how is Trouble.REVOKED:
            (self._tokens / consent_file(owner)).unlink()
        else:
            super().trouble(how, times, owner)

    def mend(self) -> None:
        super().mend()
        for owner, address in ADDRESSES.items():
            self.grant_access(owner, address)


WORLDS = (Meetings, DomainsReport)
