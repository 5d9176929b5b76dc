"""The few fields of FHIR appointments, encounters and communications that are read; the rest is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import UnusableError
from connectors.fhir.server import Resource, last_updated

ELEMENTS = {
    "Appointment": ("id", "meta", "status", "start", "end", "minutesDuration", "participant"),
    "Encounter": ("id", "meta", "status", "period", "participant", "subject", "appointment"),
    "Communication": ("id", "meta", "status", "sent", "received", "sender", "recipient", "inResponseTo"),
}
"""The elements requested of each kind of resource; no others are read. Never ``payload``, notes or reasons."""

# Relative or absolute, with or without a version.
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?")
# FHIR allows a date alone, which is no instant.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?.*")


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booked session. ``people`` are references (``Practitioner/7``); ``start`` is ``None`` until one is agreed."""

    id: str
    status: str
    changed: str
    start: datetime | None
    end: datetime | None
    people: tuple[str, ...]
    declined: frozenset[str]


@dataclass(frozen=True, slots=True)
class Encounter:
    """A session that took place. ``appointment`` is the identifier of its booking, if the system links them."""

    id: str
    status: str
    changed: str
    start: datetime | None
    end: datetime | None
    people: tuple[str, ...]
    appointment: str | None


@dataclass(frozen=True, slots=True)
class Communication:
    """A message: its times, sender, recipients, and the messages that it answers."""

    id: str
    status: str
    changed: str
    sent: datetime | None
    received: datetime | None
    sender: str
    recipients: tuple[str, ...]
    answers: tuple[str, ...]


def appointment_from(resource: Resource) -> Appointment:
    """Read an Appointment. Raises :class:`UnusableError`."""
    start, end = _instant(resource, "start"), _instant(resource, "end")
    minutes = resource.get("minutesDuration")
    # More than a day is taken for an error.
    if start and end is None and isinstance(minutes, int) and 0 <= minutes <= 24 * 60:
        end = start + timedelta(minutes=minutes)
    people = [(_reference(item.get("actor")), item.get("status")) for item in _objects(resource, "participant")]
    return Appointment(
        *_head(resource),
        start,
        end,
        tuple(dict.fromkeys(name for name, _ in people if name)),
        frozenset(name for name, status in people if status == "declined"),
    )


def encounter_from(resource: Resource) -> Encounter:
    """Read an Encounter. Raises :class:`UnusableError`."""
    period = resource.get("period")
    period = period if isinstance(period, Mapping) else {}
    people = [_reference(item.get("individual")) for item in _objects(resource, "participant")]
    references = (_reference(item) for item in _objects(resource, "appointment"))
    appointment = next((name.partition("/")[2] for name in references if name.startswith("Appointment/")), None)
    start, end = _instant(period, "start"), _instant(period, "end")
    return Encounter(*_head(resource), start, end, tuple(dict.fromkeys(filter(None, people))), appointment)


def communication_from(resource: Resource) -> Communication:
    """Read a Communication. Raises :class:`UnusableError`."""
    return Communication(
        *_head(resource),
        _instant(resource, "sent"),
        _instant(resource, "received"),
        _reference(resource.get("sender")),
        tuple(filter(None, map(_reference, _objects(resource, "recipient")))),
        tuple(filter(None, map(_reference, _objects(resource, "inResponseTo")))),
    )


def _head(resource: Resource) -> tuple[str, str, str]:
    identifier, status = resource.get("id"), resource.get("status")
    if not isinstance(identifier, str) or not identifier:
        raise UnusableError("it has no identifier")
    return identifier, status if isinstance(status, str) else "", last_updated(resource)


def _instant(item: Mapping[str, Any], name: str) -> datetime | None:
    """Return the instant in a field; ``None`` if there is no field. A date without a time is unusable."""
    text = item.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise UnusableError(f"its {name} has no time of day")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableError(f"its {name} is not a time") from None
    if instant.tzinfo is None:
        raise UnusableError(f"its {name} has no time zone")
    return instant


def _reference(value: Any) -> str:
    """Return a relative or absolute reference as ``Practitioner/7``, without version; empty for anything else."""
    text = value.get("reference") if isinstance(value, Mapping) else None
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return f"{match[1]}/{match[2]}" if match else ""


def _objects(item: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    values = item.get(name)
    return (value for value in (values if isinstance(values, list) else []) if isinstance(value, Mapping))
