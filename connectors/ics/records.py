"""Calendar events from instances: owner, kind, status, and start and end in the owner's time zone.

Imported only when a calendar is read, because :mod:`connectors.ics.series` loads heavy libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from connectors.base import Context, Owner, RejectedRecord
from connectors.classify import EntryTraits
from connectors.ics.series import Instance, expand
from connectors.ics.text import CalendarText, EventText
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, Kind, Status

_MOST_CLASSIFIED = 10_000  # the instances of a series follow one another, so older results are no longer needed


def records(
    calendars: Iterable[CalendarText], context: Context, is_single: Callable[[EventText], bool] = lambda _: False
) -> Iterator[tuple[EventText, CalendarEvent] | RejectedRecord]:
    """Yield each record near the window with the event text it was made from, and each rejected record.

    ``is_single`` as for :func:`~connectors.ics.series.expand`. Raises
    :class:`~connectors.ics.series.ExpansionTimeoutError`.
    """
    builder = _EventBuilder(context)
    for instance in expand(calendars, context.window, is_single):
        if isinstance(instance, RejectedRecord):
            yield instance
        else:
            yield from ((instance.text, record) for record in builder.records(instance))


class _EventBuilder:
    """Makes calendar events of instances; each event text is classified once per owner."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._classified: dict[tuple[str, str], tuple[Kind, str | None]] = {}

    def records(self, instance: Instance) -> Iterator[CalendarEvent]:
        """Yield the calendar events of one instance, one for each clinician it belongs to."""
        for owner in self._context.owners_named({attendee.address for attendee in instance.text.attendees}):
            yield self._record(instance, owner)

    def _record(self, instance: Instance, owner: Owner) -> CalendarEvent:
        text = instance.text
        kind, client = self._classify(text, owner)
        start, end = instance.span(owner.zone)
        return CalendarEvent(
            clinician=owner.key,
            uid_key=self._context.pseudonyms.entry(text.uid, instance.occurrence),
            start=start,
            end=end,
            kind=kind,
            all_day=not isinstance(instance.start, datetime),
            status=_status(text, owner),
            client=client,
            edited_at=text.edited_at,
            is_free=text.is_free,
            series=self._context.pseudonyms.entry(text.uid) if instance.from_rule else None,
        )

    def _classify(self, text: EventText, owner: Owner) -> tuple[Kind, str | None]:
        key = text.place, owner.key
        # A weekly series has a hundred instances with the same text.
        if key not in self._classified:
            if len(self._classified) >= _MOST_CLASSIFIED:
                self._classified.clear()
            traits = traits_of(text, owner.addresses)
            self._classified[key] = self._context.classifier.classify(traits, owner.key, self._context.pseudonyms)
        return self._classified[key]


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
