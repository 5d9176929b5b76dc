"""Appointments become booked events, encounters true times, communications message stamps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.base import Context, Owner
from connectors.errors import UnusableError
from connectors.fhir.resources import Appointment, Communication, Encounter
from connectors.records import CalendarEvent, CounterpartKind, Grade, Kind, MessageStamp, SessionEvidence, Status

_CLIENTS = ("Patient", "RelatedPerson", "Group")
_COLLEAGUES = ("Practitioner", "PractitionerRole", "CareTeam")
_STATUS = {
    "booked": Status.CONFIRMED,
    "arrived": Status.CONFIRMED,
    "checked-in": Status.CONFIRMED,
    "fulfilled": Status.CONFIRMED,
    "proposed": Status.TENTATIVE,
    "pending": Status.TENTATIVE,
    "waitlist": Status.TENTATIVE,
    "cancelled": Status.CANCELLED,
    "noshow": Status.NO_SHOW,
}
_TAKES_PLACE = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
_NOT_SENT = frozenset({"preparation", "not-done", "on-hold", "stopped", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class FhirRecordMaker:
    """Makes records of one server's resources. ``people`` says which owner a practitioner's reference means."""

    context: Context
    people: Mapping[str, str]
    channel: str

    def events(self, booked: Appointment) -> tuple[CalendarEvent, ...]:
        """The booked event of each owner whose it is; none while it has no time.

        Raises :class:`~connectors.errors.UnusableError`.
        """
        status = _STATUS.get(booked.status)
        if status is None:
            return ()
        start, end = booked.start, booked.end
        if start is None or end is None:
            if status is Status.CONFIRMED:
                raise UnusableError("it is booked and has no start or no end")
            return ()
        if end < start:
            raise UnusableError("it ends before it begins")
        return tuple(self._event(booked, status, start, end, owner) for owner in self._owners(booked.people))

    def gone(self, booked: Appointment, events: Iterable[CalendarEvent]) -> tuple[str, ...]:
        """The names under which a changed appointment may be known and no longer is."""
        kept = {event.uid_key for event in events}
        return tuple(name for name in self.entries(booked.id) if name not in kept)

    def entries(self, identifier: str) -> Iterator[str]:
        """The names under which an appointment may be known: it may be any owner's."""
        yield from (self._entry(owner.key, "Appointment", identifier) for owner in self.context.owners)

    def times(self, met: Encounter) -> tuple[SessionEvidence, ...]:
        """The true times of an encounter for each owner who took part.

        One that did not take place, or is not to be believed, is told with both ends unknown: so it takes back what
        was told of it before.
        """
        start, end = (met.start, met.end) if met.status in _TAKES_PLACE else (None, None)
        return tuple(self._time(met, start, end, owner) for owner in self._owners(met.people))

    def doubt(self, met: Encounter) -> str | None:
        """Why an encounter's times cannot be true, if they cannot."""
        if met.start and met.end and met.end < met.start:
            return "its period ends before it begins"
        if met.start and met.start == met.end:
            return "its period ends as it begins"
        return None

    def stamps(self, message: Communication) -> Iterator[MessageStamp]:
        """One stamp for each owner who sent or received the message."""
        if message.status in _NOT_SENT:
            return
        for owner in self._owners((message.sender, *message.recipients)):
            outgoing = self.people.get(message.sender) == owner.key
            times = (message.sent, message.received) if outgoing else (message.received, message.sent)
            sent_at = next(filter(None, times), None)
            if sent_at:
                yield self._stamp(message, sent_at, owner, outgoing=outgoing)

    def _event(
        self, booked: Appointment, status: Status, start: datetime, end: datetime, owner: Owner
    ) -> CalendarEvent:
        client = next((name for kind in _CLIENTS for name in booked.people if _kind(name) == kind), "")
        declined = any(self.people.get(name) == owner.key for name in booked.declined)
        declines = declined and status in {Status.CONFIRMED, Status.TENTATIVE}
        return CalendarEvent(
            clinician=owner.key,
            uid_key=self._entry(owner.key, "Appointment", booked.id),
            start=start,
            end=end,
            kind=Kind.SESSION if client else Kind.OTHER,
            status=Status.DECLINED if declines else status,
            client=self._person(owner.key, client) if client else None,
            edited_at=datetime.fromisoformat(booked.changed) if booked.changed else None,
        )

    def _time(self, met: Encounter, start: datetime | None, end: datetime | None, owner: Owner) -> SessionEvidence:
        believed = self.doubt(met) is None
        return SessionEvidence(
            clinician=owner.key,
            key=self._entry(owner.key, "Encounter", met.id),
            grade=Grade.EHR,
            started_at=start if believed else None,
            ended_at=end if believed else None,
            uid_key=self._entry(owner.key, "Appointment", met.appointment) if met.appointment else None,
        )

    def _stamp(self, message: Communication, sent_at: datetime, owner: Owner, *, outgoing: bool) -> MessageStamp:
        others = (name for name in message.recipients if self.people.get(name) != owner.key)
        other = next(others, "") if outgoing else message.sender
        kind = _counterpart(other)
        nodes = [
            self._node(owner.key, f"Communication/{message.id}"),
            *(self._node(owner.key, n) for n in message.answers),
        ]
        return MessageStamp(
            clinician=owner.key,
            key=nodes[0],
            sent_at=sent_at,
            outgoing=outgoing,
            counterpart=self._person(owner.key, other) if other else None,
            counterpart_kind=kind,
            automatic=kind is CounterpartKind.AUTOMATIC and not outgoing,
            channel=self.channel,
            thread_nodes=tuple(nodes) if message.answers else (),
        )

    def _owners(self, names: Iterable[str]) -> tuple[Owner, ...]:
        meant = {self.people.get(name) for name in names}
        return tuple(owner for owner in self.context.owners if owner.key in meant)

    def _entry(self, owner: str, kind: str, identifier: str) -> str:
        return self.context.pseudonyms.entry(f"{self.context.source}\x1f{owner}\x1f{kind}\x1f{identifier}")

    def _node(self, owner: str, reference: str) -> int:
        return self.context.pseudonyms.node(owner, f"{self.context.source} {reference}")

    def _person(self, owner: str, reference: str) -> str:
        # Identifiers that differ by upper and lower case alone are two people; a digest keeps them apart.
        digest = hashlib.sha256(f"{self.context.source} {reference}".encode()).hexdigest()
        return self.context.pseudonyms.person(owner, f"fhir {digest}")


def _kind(reference: str) -> str:
    return reference.partition("/")[0]


def _counterpart(reference: str) -> CounterpartKind:
    kind = _kind(reference)
    if kind in _CLIENTS:
        return CounterpartKind.CLIENT
    if kind in _COLLEAGUES:
        return CounterpartKind.COLLEAGUE
    return CounterpartKind.AUTOMATIC if kind == "Device" else CounterpartKind.OTHER
