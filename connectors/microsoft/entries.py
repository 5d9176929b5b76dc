"""Events, messages and Teams attendance as records, from a few fields of each Graph item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.base import Context
from connectors.call_spans import Span, Spans, times_together
from connectors.classify import EntryTraits
from connectors.errors import UnusableError
from connectors.mail.headers import Headers
from connectors.mail.stamps import StampBuilder
from connectors.microsoft.graph import Item
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, Grade, MessageStamp, SessionEvidence, Status

_FREE = frozenset({"free", "workingElsewhere"})
_MEETING = re.compile(r"meeting_([A-Za-z0-9_-]+)(?:%40|@)|/meet/(\d+)", re.IGNORECASE)  # long and short join addresses
# The type of Outlook's own messages for invitations, which nobody has written.
_INVITATION = "#microsoft.graph.eventMessage"


@dataclass(frozen=True, slots=True)
class MicrosoftRecordMaker:
    """A maker of records from one account's items."""

    context: Context
    channel: str

    def may_be_inside(self, item: Item) -> bool:
        """Return ``True`` if an entry is in the window, or its times cannot be read."""
        try:
            return self.context.window.touches(*self._span(item))
        except UnusableError:
            return True

    def event(self, item: Item) -> CalendarEvent:
        """Return the calendar event of an item. Raises :class:`~connectors.errors.UnusableError`."""
        context, owner = self.context, self.context.owners[0]
        start, end = self._span(item)
        if end < start:
            raise UnusableError("it ends before it begins")
        # The attendees' addresses, then the organiser's, without rooms and the owner.
        people = [person for person in _list(item, "attendees") if isinstance(person, Mapping)]
        invited = [person for person in people if person.get("type") != "resource"]
        addresses = _addresses([*invited, item.get("organizer")])
        attendees = tuple(address for address in addresses if canonical_address(address) not in owner.addresses)
        categories = tuple(name for name in _list(item, "categories") if isinstance(name, str))
        traits = EntryTraits(_text(item, "subject"), "", categories, "", attendees)
        kind, client = context.classifier.classify(traits, owner.key, context.pseudonyms)
        response_status = item.get("responseStatus")
        response = _text(response_status, "response") if isinstance(response_status, Mapping) else ""
        if item.get("isCancelled") is True:
            status = Status.CANCELLED
        elif response == "declined":
            status = Status.DECLINED
        elif response == "tentativelyAccepted" or _text(item, "showAs") == "tentative":
            status = Status.TENTATIVE
        else:
            status = Status.CONFIRMED
        return CalendarEvent(
            clinician=owner.key,
            uid_key=context.pseudonyms.entry(f"microsoft {_id_of(item)}"),
            start=start,
            end=end,
            kind=kind,
            all_day=item.get("isAllDay") is True,
            status=status,
            client=client,
            edited_at=_instant(item.get("lastModifiedDateTime")),
            is_free=_text(item, "showAs") in _FREE,
            meeting=context.pseudonyms.entry("meeting", code) if (code := meeting_code(join_url(item))) else None,
        )

    def stamp(self, item: Item, *, sent: bool) -> MessageStamp | None:
        """Return the stamp of a message, in the window or not; ``None`` for a draft or a deleted one.

        ``sent`` says that it is in Sent Items. Raises :class:`~connectors.errors.UnusableError`.
        """
        if "@removed" in item or item.get("isDraft") is True:
            return None
        owner = self.context.owners[0]
        headers, builder = _headers(item), StampBuilder(self.context, "ordinary", self.channel)
        outgoing = sent or not owner.addresses.isdisjoint(headers.senders)
        sent_at = _instant(item.get("sentDateTime" if outgoing else "receivedDateTime"))
        if sent_at is None:
            raise UnusableError("it has no readable time")
        participants = builder.participants(headers, filed_as_sent=sent)
        conversation = _text(item, "conversationId")
        for stamp in builder.stamps(headers, sent_at, participants):
            node = self.context.pseudonyms.node(owner.key, f"microsoft conversation {conversation}")
            return replace(stamp, thread_nodes=(*stamp.thread_nodes, node)) if conversation else stamp
        return None

    def attendance(self, report: Item, records: list[Item], meeting: str) -> Iterator[SessionEvidence]:
        """Yield a meeting's evidence: for each outside participant the time together with the owner, or the wait."""
        owner, pseudonyms = self.context.owners[0], self.context.pseudonyms
        own: Spans = []
        colleagues: Spans = []
        outside: dict[str, Spans] = {}
        for record in records:
            address, spans = canonical_address(_text(record, "emailAddress")), sorted(_spans(record))
            if address in owner.addresses if address else _text(record, "role").lower() == "organizer":
                own += spans
            elif address and not self.context.classifier.is_outside(address):
                colleagues += spans
            elif spans:
                # Without an address, people are told apart by the time of joining.
                outside.setdefault(address or spans[0][0].isoformat(), []).extend(spans)
        for person, (start, end) in times_together(own, outside, colleagues).items():
            key = pseudonyms.entry(f"microsoft attendance {_id_of(report)}", person)
            yield SessionEvidence(owner.key, key, Grade.CALL, start, end, meeting=pseudonyms.entry("meeting", meeting))

    def _span(self, item: Item) -> Span:
        """Return start and end; an all-day entry runs from local midnight to local midnight."""
        start, end = _naive_time(item, "start"), _naive_time(item, "end")
        zone = self.context.owners[0].zone if item.get("isAllDay") is True else UTC
        try:
            return start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:
            raise UnusableError("a time is out of range") from None


def join_url(item: Item) -> str:
    """Return the join address of an entry's online meeting; empty if there is none."""
    meeting = item.get("onlineMeeting")
    return _text(meeting, "joinUrl") if isinstance(meeting, Mapping) else ""


def meeting_code(url: str) -> str:
    """Return the code of a Teams meeting from its join address, in lower case and without dashes."""
    match = _MEETING.search(url)
    return (match[1] or match[2]).lower().replace("-", "") if match else ""


def is_organizer(item: Item) -> bool:
    """Return ``True`` if the owner organises the entry: the attendance of such a meeting can be read for certain."""
    response_status = item.get("responseStatus")
    return isinstance(response_status, Mapping) and response_status.get("response") == "organizer"


def last_end(item: Item) -> datetime | None:
    """Return an entry's end, with its time as UTC; ``None`` if it cannot be read."""
    try:
        return _naive_time(item, "end").replace(tzinfo=UTC)
    except UnusableError:
        return None


def _headers(item: Item) -> Headers:
    """Return the fields of a message as if they had been read from its header block."""
    recipients = {
        name: item.get(key) for name, key in (("to", "toRecipients"), ("cc", "ccRecipients"), ("bcc", "bccRecipients"))
    }
    lists = {name: _addresses(people) for name, people in recipients.items() if isinstance(people, list)}
    is_invitation = _text(item, "@odata.type").startswith(_INVITATION)
    fields = {
        "from": _addresses([item.get("from")]),
        # Graph's immutable id stands in for a missing Message-ID, so that the message keeps its key.
        "message-id": [_text(item, "internetMessageId") or f"<{_id_of(item)}@id.microsoft>"],
        "auto-submitted": ["auto-generated"] if is_invitation else [],
        **lists,
    }
    return Headers.from_fields({name: values for name, values in fields.items() if values})


def _addresses(people: list[Any]) -> list[str]:
    addresses = []
    for person in people:
        inner = person.get("emailAddress") if isinstance(person, Mapping) else None
        address = _text(inner, "address") if isinstance(inner, Mapping) else ""
        # Anything else may be a name or a list; it would be split up wrongly later.
        if re.fullmatch(r"[^\s,;<>\"]+@[^\s,;<>\"]+", address):
            addresses.append(address)
    return addresses


def _spans(record: Item) -> Iterator[Span]:
    for interval in _list(record, "attendanceIntervals"):
        if isinstance(interval, Mapping):
            start, end = _instant(interval.get("joinDateTime")), _instant(interval.get("leaveDateTime"))
            if start and end and start < end:
                yield start, end


def _id_of(item: Item) -> str:
    name = _text(item, "id")
    if not name:
        raise UnusableError("it has no identifier")
    return name


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _list(item: Item, name: str) -> list[Any]:
    values = item.get(name)
    return values if isinstance(values, list) else []


def _naive_time(item: Item, name: str) -> datetime:
    """Return the naive time of a field. All times are requested in UTC; another zone is an error."""
    value = item.get(name)
    text, zone = (_text(value, "dateTime"), _text(value, "timeZone")) if isinstance(value, Mapping) else ("", "")
    if zone not in {"UTC", "Etc/UTC", "tzone://Microsoft/Utc"}:
        raise UnusableError(f"its {name} is not in the requested time zone")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableError(f"its {name} is not a time") from None
    return time.replace(tzinfo=None)


def _instant(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
        return instant.astimezone(UTC) if instant and instant.tzinfo else None
    except (ValueError, OverflowError):
        return None
