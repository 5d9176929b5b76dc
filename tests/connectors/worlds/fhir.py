"""A record system, made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from connectors.fhir import server as fhir
from tests.connectors.fhir_server import FhirServer
from tests.connectors.worlds.server import Server
from tests.connectors.worlds.world import ANA, CANARY, MINUTES, Behaviour, Trouble, moment

_ITSELF: Mapping[Behaviour, str] = MappingProxyType(
    {
        Behaviour.EXPIRED: "the cursor is a time of the server's clock, so the server cannot forget it",
        Behaviour.ACCOUNTS: "one source serves the whole practice",
    }
)
_PRACTITIONER, _WORDS = {"reference": "Practitioner/1", "display": CANARY}, {"text": CANARY}


class RecordSystem:
    """The base of the FHIR worlds: our own server, read with a token."""

    kind: ClassVar[str] = "fhir"
    title: ClassVar[str]
    declines: ClassVar[Mapping[Behaviour, str]]
    planted: ClassVar[Sequence[str]]
    resource: ClassVar[str]
    days: ClassVar[int] = 7

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del folder
        patch.setattr(fhir, "COUNT", 4)
        patch.setenv("RECORDS_TOKEN", CANARY)
        self.records = FhirServer()
        self.server = Server(self.records.answer)

    def options(self) -> str:
        access = f'url = "{self.server.url}fhir"\ntoken = "env:RECORDS_TOKEN"\nfull_every_days = {self.days}\n'
        return f'{access}practitioners = {{ {ANA} = ["Practitioner/1"] }}'

    def put(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            self.records.put(self.resource, f"item{number}", **self.elements(number))

    def elements(self, number: int, minutes: int = 0) -> dict[str, Any]:
        """Return an item, moved by some minutes."""
        raise NotImplementedError

    def change(self, number: int, owner: str = ANA) -> None:
        del owner
        self.records.put(self.resource, f"item{number}", **self.elements(number, 15))

    def spoil(self, number: int, owner: str = ANA) -> None:
        del owner
        self.records.put(self.resource, f"item{number}", **{**self.elements(number), "end": None})

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            self.records.delete(self.resource, f"item{number}")

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        self.server.trouble(how, times, owner)

    def mend(self) -> None:
        self.server.mend()

    def close(self) -> None:
        self.server.close()


class Appointments(RecordSystem):
    """Appointments, read by their changes."""

    title: ClassVar[str] = "appointments"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            **_ITSELF,
            **dict.fromkeys(
                (Behaviour.DELETED, Behaviour.FORGETS),
                "a search does not show deletions; these are found every full_every_days",
            ),
            Behaviour.SHRUNK: "a search does not show deletions; these are found every full_every_days",
            Behaviour.RESUMES: "appointments are one snapshot when everything is read",
            Behaviour.GOES_ON: "appointments are one snapshot when everything is read",
        }
    )
    planted: ClassVar[Sequence[str]] = (
        "Appointment.description", "Appointment.comment", "Appointment.patientInstruction", "Appointment.text",
        "Appointment.reasonCode", "Appointment.participant.actor.display",
    )  # fmt: skip
    resource: ClassVar[str] = "Appointment"

    def elements(self, number: int, minutes: int = 0) -> dict[str, Any]:
        start = moment(number) + timedelta(minutes=minutes)
        people = _PRACTITIONER, {"reference": f"Patient/{CANARY}-{number % 3}", "display": CANARY}
        return {
            "status": "booked",
            "start": start.isoformat(),
            "end": (start + timedelta(minutes=MINUTES)).isoformat(),
            "participant": [{"actor": person, "status": "accepted"} for person in people],
            "reasonCode": [_WORDS],
            "text": {"div": CANARY},
            **dict.fromkeys(("description", "comment", "patientInstruction"), CANARY),
        }


class WholeAppointments(Appointments):
    """Appointments, all of them read every night."""

    title: ClassVar[str] = "appointments read in full"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            reason: words
            for reason, words in Appointments.declines.items()
            if reason not in {Behaviour.DELETED, Behaviour.FORGETS, Behaviour.SHRUNK}
        }
    )
    days: ClassVar[int] = 0


class Encounters(RecordSystem):
    """Encounters without appointments, all of them read every night."""

    title: ClassVar[str] = "encounters read in full"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            **WholeAppointments.declines,
            **dict.fromkeys(
                (Behaviour.RESUMES, Behaviour.GOES_ON), "encounters are one snapshot when everything is read"
            ),
        }
    )
    planted: ClassVar[Sequence[str]] = (
        "Encounter.text", "Encounter.reasonCode", "Encounter.type", "Encounter.subject.display",
        "Encounter.participant.individual.display",
    )  # fmt: skip
    resource: ClassVar[str] = "Encounter"
    days: ClassVar[int] = 0

    def elements(self, number: int, minutes: int = 0) -> dict[str, Any]:
        start = moment(number) + timedelta(minutes=minutes)
        return {
            "status": "finished",
            "period": {"start": start.isoformat(), "end": (start + timedelta(minutes=MINUTES)).isoformat()},
            "participant": [{"individual": _PRACTITIONER}],
            "subject": {"reference": f"Patient/{CANARY}-{number % 3}", "display": CANARY},
            "type": [_WORDS],
            "reasonCode": [_WORDS],
            "text": {"div": CANARY},
        }

    def spoil(self, number: int, owner: str = ANA) -> None:
        del owner
        period = {"start": moment(number).isoformat(), "end": f"{moment(number):%Y-%m-%d}"}
        self.records.put(self.resource, f"item{number}", **{**self.elements(number), "period": period})


class Messages(RecordSystem):
    """Communications, which are only ever added."""

    title: ClassVar[str] = "messages"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            **_ITSELF,
            Behaviour.GOES_ON: "each run begins ten minutes before the last change that was read",
            **dict.fromkeys((Behaviour.CHANGED, Behaviour.RESOLVED), "a message that was sent does not change"),
            **dict.fromkeys((Behaviour.DELETED, Behaviour.FORGETS), "a message that was sent stays"),
            Behaviour.SHRUNK: "a message that was sent stays",
        }
    )
    planted: ClassVar[Sequence[str]] = (
        "Communication.payload", "Communication.topic", "Communication.note", "Communication.sender.display",
    )  # fmt: skip
    resource: ClassVar[str] = "Communication"

    def elements(self, number: int, minutes: int = 0) -> dict[str, Any]:
        del minutes
        return {
            "status": "completed",
            "sent": moment(number).isoformat(),
            "sender": {"reference": f"Patient/{CANARY}-{number % 3}", "display": CANARY},
            "recipient": [_PRACTITIONER],
            "topic": _WORDS,
            "payload": [{"contentString": CANARY}],
            "note": [_WORDS],
        }


WORLDS = (Appointments, WholeAppointments, Encounters, Messages)
