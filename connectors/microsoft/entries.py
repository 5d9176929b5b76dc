"""Events, messages and attendance become records; of each a few fields are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.base import Context
from connectors.call_spans import Span, Spans, intersections, no_show_at
from connectors.classify import EntryTraits
from connectors.errors import UnusableError
from connectors.mail.headers import Headers
from connectors.mail.stamps import StampBuilder
from connectors.microsoft.graph import Item
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, Grade, MessageStamp, SessionEvidence, Status

_FREE = frozenset({"free", "workingElsewhere"})
_MEETING = re.compile(r"meeting_([A-Za-z0-9_-]+)(?:%40|@)|/meet/(\d+)", re.IGNORECASE)  # long and short addresses
_INVITATION = "#microsoft.graph.eventMessage"


@dataclass(frozen=True, slots=True)
class MicrosoftRecordMaker:
    """Makes records of one account's items."""

    context: Context
    channel: str

    def may_be_inside(self, item: Item) -> bool:
        """Whether an entry lies in the window, or cannot be told where it lies."""
        try:
            return self.context.window.touches(*self._span(item))
        except UnusableError:
            return True

    def event(self, item: Item) -> CalendarEvent:
        """The calendar entry. Raises :class:`UnusableError`."""
        context, owner = self.context, self.context.owners[0]
        start, end = self._span(item)
        if end < start:
            raise UnusableError("it ends before it begins")
        look = EntryTraits(_text(item, "subject"), "", _words(item, "categories"), "", tuple(self._attendees(item)))
        kind, client = context.classifier.classify(look, owner.key, context.pseudonyms)
        return CalendarEvent(
            clinician=owner.key,
            uid_key=context.pseudonyms.entry(f"microsoft {_named(item)}"),
            start=start,
            end=end,
            kind=kind,
            all_day=item.get("isAllDay") is True,
            status=_status(item),
            client=client,
            edited_at=_instant(item.get("lastModifiedDateTime")),
            is_free=_text(item, "showAs") in _FREE,
            meeting=context.pseudonyms.entry("meeting", code) if (code := meeting_code(join_url(item))) else None,
        )

    def stamp(self, item: Item, *, sent: bool) -> MessageStamp | None:
        """When a message was sent, in the window or not; ``None`` if it was not. ``sent``: it lies in Sent Items.

        Raises :class:`UnusableError`.
        """
        if "@removed" in item or item.get("isDraft") is True:
            return None
        owner = self.context.owners[0]
        headers, correspondence = _headers(item), StampBuilder(self.context, "ordinary", self.channel)
        outgoing = sent or not owner.addresses.isdisjoint(headers.senders)
        sent_at = _instant(item.get("sentDateTime" if outgoing else "receivedDateTime"))
        if sent_at is None:
            raise UnusableError("it has no readable time")
        ends = correspondence.participants(headers, filed_as_sent=sent)
        talk = _text(item, "conversationId")
        for stamp in correspondence.stamps(headers, sent_at, ends):
            node = self.context.pseudonyms.node(owner.key, f"microsoft conversation {talk}")
            return replace(stamp, thread_nodes=(*stamp.thread_nodes, node)) if talk else stamp
        return None

    def attendance(self, report: Item, records: list[Item], meeting: str) -> Iterator[SessionEvidence]:
        """True times of a meeting: for each person from outside, from when to when the owner was there, too.

        ::

            owner       |-----| |-------------------------|
            somebody        |---------|
            another                        |--------|
            together        |---------|    |--------|         a call that was left open counts to where the other left

        Where nobody else came at all, the instant in the middle of the owner's wait.
        """
        own = [span for record in records if self._is_own(record) for span in _spans(record)]
        others = [span for record in records if not self._is_own(record) for span in _spans(record)]
        for person, times in self._from_outside(records).items():
            if together := intersections(own, times):
                yield from self._times(report, person, together[0][0], max(end for _, end in together), meeting)
        if waited := no_show_at(own, others):
            yield from self._times(report, "nobody", waited, waited, meeting)

    def _times(
        self, report: Item, person: str, start: datetime, end: datetime, meeting: str
    ) -> Iterator[SessionEvidence]:
        owner, names = self.context.owners[0], self.context.pseudonyms
        key = names.entry(f"microsoft attendance {_named(report)}", person)
        yield SessionEvidence(owner.key, key, Grade.CALL, start, end, meeting=names.entry("meeting", meeting))

    def _from_outside(self, records: list[Item]) -> dict[str, Spans]:
        """When each person was there who is of another house, or who gave no address: those by when they came."""
        found: dict[str, Spans] = {}
        for record in records:
            address, times = canonical_address(_text(record, "emailAddress")), sorted(_spans(record))
            is_inside = address and not self.context.classifier.is_outside(address)
            if times and not self._is_own(record) and not is_inside:
                found.setdefault(address or times[0][0].isoformat(), []).extend(times)
        return found

    def _is_own(self, record: Item) -> bool:
        address = canonical_address(_text(record, "emailAddress"))
        if address:
            return address in self.context.owners[0].addresses
        return _text(record, "role").lower() == "organizer"

    def _span(self, item: Item) -> Span:
        """From when to when; an all-day entry runs from local midnight to local midnight."""
        start, end = _wall(item, "start"), _wall(item, "end")
        zone = self.context.owners[0].zone if item.get("isAllDay") is True else UTC
        try:
            return start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:
            raise UnusableError("a time lies beyond the calendar") from None

    def _attendees(self, item: Item) -> Iterator[str]:
        """Attendees before the organiser, rooms and the owner left out."""
        people = item.get("attendees")
        people = [one for one in people if isinstance(one, Mapping)] if isinstance(people, list) else []
        invited = [one for one in people if one.get("type") != "resource"]
        for address in _addresses([*invited, item.get("organizer")]):
            if canonical_address(address) not in self.context.owners[0].addresses:
                yield address


def join_url(item: Item) -> str:
    """The address at which one joins an entry's online meeting; empty where there is none."""
    meeting = item.get("onlineMeeting")
    return _text(meeting, "joinUrl") if isinstance(meeting, Mapping) else ""


def meeting_code(url: str) -> str:
    """What names a Teams meeting in its address: lower case, without dashes."""
    found = _MEETING.search(url)
    return (found[1] or found[2]).lower().replace("-", "") if found else ""


def is_organizer(item: Item) -> bool:
    """Whether the owner invites to the entry; only of such a meeting are they sure to be told who was there."""
    answer = item.get("responseStatus")
    return isinstance(answer, Mapping) and answer.get("response") == "organizer"


def last_end(item: Item) -> datetime | None:
    """When an entry ends, by its UTC time; ``None`` where that cannot be read."""
    try:
        return _wall(item, "end").replace(tzinfo=UTC)
    except UnusableError:
        return None


def _status(item: Item) -> Status:
    answer = item.get("responseStatus")
    response = _text(answer, "response") if isinstance(answer, Mapping) else ""
    if item.get("isCancelled") is True:
        return Status.CANCELLED
    if response == "declined":
        return Status.DECLINED
    tentative = response == "tentativelyAccepted" or _text(item, "showAs") == "tentative"
    return Status.TENTATIVE if tentative else Status.CONFIRMED


def _headers(item: Item) -> Headers:
    """The fields by which a message is told, as if its header block had been read."""
    recipients = {
        name: item.get(field)
        for name, field in (("to", "toRecipients"), ("cc", "ccRecipients"), ("bcc", "bccRecipients"))
    }
    lists = {name: _addresses(people) for name, people in recipients.items() if isinstance(people, list)}
    machine = _text(item, "@odata.type").startswith(_INVITATION)
    told = {
        "from": _addresses([item.get("from")]),
        "message-id": [_text(item, "internetMessageId") or f"<{_named(item)}@id.microsoft>"],
        "auto-submitted": ["auto-generated"] if machine else [],
        **lists,
    }
    return Headers.from_fields({name: values for name, values in told.items() if values})


def _addresses(people: list[Any]) -> list[str]:
    found = []
    for one in people:
        inner = one.get("emailAddress") if isinstance(one, Mapping) else None
        address = _text(inner, "address") if isinstance(inner, Mapping) else ""
        if re.fullmatch(r"[^\s,;<>\"]+@[^\s,;<>\"]+", address):
            found.append(address)
    return found


def _spans(record: Item) -> Iterator[Span]:
    spans = record.get("attendanceIntervals")
    for one in spans if isinstance(spans, list) else []:
        if isinstance(one, Mapping):
            start, end = _instant(one.get("joinDateTime")), _instant(one.get("leaveDateTime"))
            if start and end and start < end:
                yield start, end


def _named(item: Item) -> str:
    name = _text(item, "id")
    if not name:
        raise UnusableError("it has no identifier")
    return name


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _words(item: Item, name: str) -> tuple[str, ...]:
    values = item.get(name)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _wall(item: Item, name: str) -> datetime:
    """The clock that a time shows; all were asked for in UTC."""
    value = item.get(name)
    text, zone = (_text(value, "dateTime"), _text(value, "timeZone")) if isinstance(value, Mapping) else ("", "")
    if zone not in {"UTC", "Etc/UTC", "tzone://Microsoft/Utc"}:
        raise UnusableError(f"its {name} is not in the time zone that was asked for")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableError(f"its {name} is no time") from None
    return found.replace(tzinfo=None)


def _instant(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found.astimezone(UTC) if found and found.tzinfo else None
    except (ValueError, OverflowError):
        return None
