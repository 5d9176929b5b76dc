"""FHIR resources as records: appointments as events, encounters as actual times, communications as stamps."""

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
_COUNTERPART_KINDS = {
    **dict.fromkeys(_CLIENTS, CounterpartKind.CLIENT),
    **dict.fromkeys(("Practitioner", "PractitionerRole", "CareTeam"), CounterpartKind.COLLEAGUE),
    "Device": CounterpartKind.AUTOMATIC,
}
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
    """A maker of records from one server's resources. ``people`` maps practitioners' references to owners' keys."""

    context: Context
    people: Mapping[str, str]
    channel: str

    def events(self, appointment: Appointment) -> tuple[CalendarEvent, ...]:
        """Return an event for each owner who takes part; none while the appointment has no time.

        Raises :class:`~connectors.errors.UnusableError`.
        """
        # "entered-in-error" has no status here: such an appointment has no event, and a stored one is removed.
        status = _STATUS.get(appointment.status)
        if status is None:
            return ()
        start, end = appointment.start, appointment.end
        if start is None or end is None:
            if status is Status.CONFIRMED:
                raise UnusableError("it is booked and has no start or no end")
            return ()
        if end < start:
            raise UnusableError("it ends before it begins")
        # A patient before a relative or a group, in whatever order the participants are listed.
        client = next((name for kind in _CLIENTS for name in appointment.people if _kind(name) == kind), "")
        decliners = {self.people.get(name) for name in appointment.declined}
        may_be_declined = status in {Status.CONFIRMED, Status.TENTATIVE}
        return tuple(
            CalendarEvent(
                clinician=owner.key,
                uid_key=self._entry(owner.key, "Appointment", appointment.id),
                start=start,
                end=end,
                kind=Kind.SESSION if client else Kind.OTHER,
                status=Status.DECLINED if may_be_declined and owner.key in decliners else status,
                client=self._person(owner.key, client) if client else None,
                edited_at=datetime.fromisoformat(appointment.changed) if appointment.changed else None,
            )
            for owner in self._owners(appointment.people)
        )

    def removed(self, appointment: Appointment, events: Iterable[CalendarEvent]) -> tuple[str, ...]:
        """Return the uid_keys of a changed appointment that are not among its current events."""
        current = {event.uid_key for event in events}
        return tuple(name for name in self.entries(appointment.id) if name not in current)

    def entries(self, identifier: str) -> Iterator[str]:
        """Yield the uid_keys that an appointment may have, one for each owner."""
        yield from (self._entry(owner.key, "Appointment", identifier) for owner in self.context.owners)

    def times(self, encounter: Encounter) -> tuple[SessionEvidence, ...]:
        """Return the actual times of an encounter for each owner who took part.

        If it did not take place, or its times are implausible, both ends are unknown, which replaces times that were
        stored before.
        """
        is_known = encounter.status in _TAKES_PLACE and self.implausible(encounter) is None
        booking = encounter.appointment
        return tuple(
            SessionEvidence(
                clinician=owner.key,
                key=self._entry(owner.key, "Encounter", encounter.id),
                grade=Grade.EHR,
                started_at=encounter.start if is_known else None,
                ended_at=encounter.end if is_known else None,
                uid_key=self._entry(owner.key, "Appointment", booking) if booking else None,
            )
            for owner in self._owners(encounter.people)
        )

    def implausible(self, encounter: Encounter) -> str | None:
        """Return the reason why an encounter's times cannot be right; ``None`` if they can."""
        if encounter.start and encounter.end and encounter.end < encounter.start:
            return "its period ends before it begins"
        if encounter.start and encounter.start == encounter.end:
            return "its period ends as it begins"
        return None

    def stamps(self, message: Communication) -> Iterator[MessageStamp]:
        """Yield a stamp for each owner who sent or received the message."""
        if message.status in _NOT_SENT:
            return
        for owner in self._owners((message.sender, *message.recipients)):
            outgoing = self.people.get(message.sender) == owner.key
            preferred = (message.sent, message.received) if outgoing else (message.received, message.sent)
            sent_at = next(filter(None, preferred), None)
            if sent_at is None:
                continue
            others = (name for name in message.recipients if self.people.get(name) != owner.key)
            counterpart = next(others, "") if outgoing else message.sender
            kind = _COUNTERPART_KINDS.get(_kind(counterpart), CounterpartKind.OTHER)
            nodes = [
                self._node(owner.key, f"Communication/{message.id}"),
                *(self._node(owner.key, reference) for reference in message.answers),
            ]
            yield MessageStamp(
                clinician=owner.key,
                key=nodes[0],
                sent_at=sent_at,
                outgoing=outgoing,
                counterpart=self._person(owner.key, counterpart) if counterpart else None,
                counterpart_kind=kind,
                automatic=kind is CounterpartKind.AUTOMATIC and not outgoing,
                channel=self.channel,
                thread_nodes=tuple(nodes) if message.answers else (),
            )

    def _owners(self, names: Iterable[str]) -> tuple[Owner, ...]:
        keys = {self.people.get(name) for name in names}
        return tuple(owner for owner in self.context.owners if owner.key in keys)

    def _entry(self, owner: str, kind: str, identifier: str) -> str:
        return self.context.pseudonyms.entry(f"{self.context.source}\x1f{owner}\x1f{kind}\x1f{identifier}")

    def _node(self, owner: str, reference: str) -> int:
        return self.context.pseudonyms.node(owner, f"{self.context.source} {reference}")

    def _person(self, owner: str, reference: str) -> str:
        # Pseudonyms ignore case, but identifiers that differ in case are two people; a digest keeps them apart.
        digest = hashlib.sha256(f"{self.context.source} {reference}".encode()).hexdigest()
        return self.context.pseudonyms.person(owner, f"fhir {digest}")


def _kind(reference: str) -> str:
    return reference.partition("/")[0]
