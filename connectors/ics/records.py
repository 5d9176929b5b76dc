"""Instances become records: whose they are, what kind, which instants in that clinician's zone.

Loaded only when a calendar is read, as :mod:`connectors.ics.series` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from connectors.base import Context, Owner, RejectedRecord
from connectors.classify import EntryTraits
from connectors.ics.series import Instance, expand
from connectors.ics.text import CalendarText, EntryText
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, Kind, Status

_MOST_LOOKS = 10_000  # a series' instances follow one another


def records(
    calendars: Iterable[CalendarText], context: Context, is_alone: Callable[[EntryText], bool] = lambda _: False
) -> Iterator[tuple[EntryText, CalendarEvent] | RejectedRecord]:
    """Every record near the window, beside the text it came from, and every fault.

    ``is_alone`` as of :func:`~connectors.ics.series.expand`. Raises :class:`~connectors.ics.series.TooLongError`.
    """
    reader = _Reader(context)
    for found in expand(calendars, context.window, is_alone):
        if isinstance(found, RejectedRecord):
            yield found
        else:
            yield from ((found.text, record) for record in reader.records(found))


class _Reader:
    """Turns instances into records, looking at each entry once for each owner."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._looked: dict[tuple[str, str], tuple[Kind, str | None]] = {}

    def records(self, instance: Instance) -> Iterator[CalendarEvent]:
        """The records of one instance, one for each clinician whose it is."""
        for owner in self._context.owners_named({attendee.address for attendee in instance.text.attendees}):
            yield self._record(instance, owner)

    def _record(self, instance: Instance, owner: Owner) -> CalendarEvent:
        text = instance.text
        kind, client = self._kind(text, owner)
        start, end = instance.span(owner.zone)
        timed = isinstance(instance.start, datetime)
        return CalendarEvent(
            clinician=owner.key,
            uid_key=self._context.pseudonyms.entry(text.uid, instance.occurrence),
            start=start,
            end=end,
            kind=kind,
            all_day=not timed,
            status=_status(text, owner),
            client=client,
            edited_at=text.edited_at,
            is_free=text.transparent,
            series=self._context.pseudonyms.entry(text.uid) if instance.by_rule else None,
        )

    def _kind(self, text: EntryText, owner: Owner) -> tuple[Kind, str | None]:
        key = text.place, owner.key
        if key not in self._looked:
            if len(self._looked) >= _MOST_LOOKS:
                self._looked.clear()
            look = look_at(text, owner.addresses)
            self._looked[key] = self._context.classifier.classify(look, owner.key, self._context.pseudonyms)
        return self._looked[key]


def look_at(text: EntryText, own: frozenset[str]) -> EntryTraits:
    """What rules may look at; the owner's ``own`` addresses are not among the attendees."""
    others = (attendee.address for attendee in text.attendees if canonical_address(attendee.address) not in own)
    return EntryTraits(text.title, text.calendar, text.categories, text.colour, tuple(others))


def _status(text: EntryText, owner: Owner) -> Status:
    if text.status == "CANCELLED":
        return Status.CANCELLED
    if any(who.declined and canonical_address(who.address) in owner.addresses for who in text.attendees):
        return Status.DECLINED
    return Status.TENTATIVE if text.status == "TENTATIVE" else Status.CONFIRMED
