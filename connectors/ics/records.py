"""Calendar events from instances: owner, kind, status, and start and end in the owner's time zone.

Imported only when a calendar is read, because :mod:`connectors.ics.series` loads heavy libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from connectors.base import Context, Owner, RejectedRecord
from connectors.classify import EntryTraits
from connectors.ics.series import expand
from connectors.ics.text import CalendarText, EventText
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, Kind, Status

_MOST_CLASSIFIED = 10_000  # the instances of a series follow one another, so older results are no longer needed


def records(
    calendars: Iterable[CalendarText], context: Context, is_single: Callable[[EventText], bool] = lambda _: False
) -> Iterator[tuple[EventText, CalendarEvent] | RejectedRecord]:
    """Yield each record near the window with the event text it was made from, and each rejected record.

    An instance becomes one record for each clinician it belongs to. ``is_single`` as for
    :func:`~connectors.ics.series.expand`. Raises :class:`~connectors.ics.series.ExpansionTimeoutError`.
    """
    pseudonyms, classifier = context.pseudonyms, context.classifier
    classified: dict[tuple[str, str], tuple[Kind, str | None]] = {}
    for instance in expand(calendars, context.window, is_single):
        if isinstance(instance, RejectedRecord):
            yield instance
            continue
        text = instance.text
        for owner in context.owners_named({attendee.address for attendee in text.attendees}):
            # A weekly series has a hundred instances with the same text: it is classified once per owner.
            key = text.place, owner.key
            if key not in classified:
                if len(classified) >= _MOST_CLASSIFIED:
                    classified.clear()
                classified[key] = classifier.classify(traits_of(text, owner.addresses), owner.key, pseudonyms)
            kind, client = classified[key]
            start, end = instance.span(owner.zone)
            record = CalendarEvent(
                clinician=owner.key,
                uid_key=pseudonyms.entry(text.uid, instance.occurrence),
                start=start,
                end=end,
                kind=kind,
                all_day=not isinstance(instance.start, datetime),
                status=_status(text, owner),
                client=client,
                edited_at=text.edited_at,
                is_free=text.is_free,
                series=pseudonyms.entry(text.uid) if instance.from_rule else None,
            )
            yield text, record


def traits_of(text: EventText, own_addresses: frozenset[str]) -> EntryTraits:
    """Return what the practice's rules may look at; the owner's own addresses are left out of the attendees."""
    attendees = (
        attendee.address for attendee in text.attendees if canonical_address(attendee.address) not in own_addresses
    )
    return EntryTraits(text.title, text.calendar, text.categories, text.colour, tuple(attendees))


def _status(text: EventText, owner: Owner) -> Status:
    if text.status == "CANCELLED":
        return Status.CANCELLED
    if any(attendee.declined and canonical_address(attendee.address) in owner.addresses for attendee in text.attendees):
        return Status.DECLINED
    return Status.TENTATIVE if text.status == "TENTATIVE" else Status.CONFIRMED
