"""Google calendar entries as records, and the fields to request for them.

Only the fields in :meth:`EntryFields.mask` are requested. Titles, colours and the attendees' addresses are among them
only if a rule of the practice needs them; they are used in memory only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Context, Owner
from connectors.classify import EntryTraits
from connectors.errors import UnusableError
from connectors.pseudonyms import Pseudonyms, canonical_address
from connectors.records import CalendarEvent, Kind, Status

NOT_WORK = frozenset({"birthday", "workingLocation", "fromGmail"})  # entries that Google creates by itself
_EVENT_TYPES = {"outOfOffice": Kind.LEAVE, "focusTime": Kind.PROTECTED}
_COLOURS = (  # by colorId
    "", "Lavender", "Sage", "Grape", "Flamingo", "Banana", "Tangerine", "Peacock", "Graphite", "Blueberry", "Basil",
    "Tomato",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EntryFields:
    """The fields that the practice's rules need beyond times: titles, colours, attendees."""

    titles: bool
    colours: bool
    attendees: bool

    @classmethod
    def for_rules(cls, context: Context, *, attendees: bool) -> EntryFields:
        """Return the fields that the context's rules need; none if times suffice."""
        if context.times_suffice:
            return cls(titles=False, colours=False, attendees=False)
        rules = context.classifier.rules
        titles = context.classifier.client_title is not None or any(rule.title for rule in rules)
        return cls(titles=titles, colours=any(rule.colour for rule in rules), attendees=attendees)

    def mask(self) -> str:
        """Return the field mask of a request, which lists every field in the response."""
        entry = [
            "id", "status", "eventType", "updated", "start", "end", "transparency", "endTimeUnspecified",
            "conferenceData/conferenceId",
            "attendees(self,responseStatus,resource,email)" if self.attendees else "attendees(self,responseStatus)",
            *(["summary"] if self.titles else []),
            *(["colorId"] if self.colours else []),
        ]  # fmt: skip
        return f"nextPageToken,nextSyncToken,items({','.join(entry)})"


def entry_name(pseudonyms: Pseudonyms, event_id: str) -> str:
    """Return the pseudonym of one occurrence, whose id at Google stays the same when it is moved."""
    return pseudonyms.entry(event_id, "google")


def meeting_name(pseudonyms: Pseudonyms, code: str) -> str | None:
    """Return the pseudonym of a video meeting's code, which calendar, report and Meet spell differently."""
    letters = "".join(character for character in code.lower() if character.isalnum())
    return pseudonyms.entry("meeting", letters) if letters else None


def is_gone(item: Mapping[str, Any]) -> bool:
    """Return ``True`` if the entry was deleted, or is one that Google created by itself."""
    return item.get("status") == "cancelled" or item.get("eventType") in NOT_WORK


def event_from(item: Mapping[str, Any], context: Context, calendar: str) -> CalendarEvent:
    """Return the record of one entry.

    Raises:
        UnusableError: The item is not an entry, or its times are invalid.
    """
    owner = context.owners[0]
    start, end, all_day = _span(item, owner)
    traits = traits_of(item, owner, calendar)
    event_type = _EVENT_TYPES.get(str(item.get("eventType")))
    # The practice's rules count before Google's event types.
    if event_type and not any(rule.matches(traits) for rule in context.classifier.rules):
        kind, client = event_type, None
    else:
        kind, client = context.classifier.classify(traits, owner.key, context.pseudonyms)
    status = Status.TENTATIVE if item.get("status") == "tentative" else Status.CONFIRMED
    if any(person.get("self") and person.get("responseStatus") == "declined" for person in _attendees(item)):
        status = Status.DECLINED
    conference = item.get("conferenceData")
    code = conference.get("conferenceId") if isinstance(conference, Mapping) else None
    return CalendarEvent(
        clinician=owner.key,
        uid_key=entry_name(context.pseudonyms, str(item["id"])),
        start=start,
        end=end,
        kind=kind,
        all_day=all_day,
        status=status,
        client=client,
        edited_at=_instant({"dateTime": item.get("updated")}) if item.get("updated") else None,
        excluded="its end is not known" if item.get("endTimeUnspecified") else None,
        is_free=item.get("transparency") == "transparent",
        meeting=meeting_name(context.pseudonyms, code) if isinstance(code, str) else None,
    )


def traits_of(item: Mapping[str, Any], owner: Owner, calendar: str) -> EntryTraits:
    """Return the traits that rules look at. The owner and rooms are not among the attendees."""
    others = [
        str(person["email"])
        for person in _attendees(item)
        if person.get("email") and not person.get("self") and not person.get("resource")
        and canonical_address(str(person["email"])) not in owner.addresses
    ]  # fmt: skip
    colour = str(item.get("colorId") or "")
    if colour in map(str, range(1, len(_COLOURS))):
        colour = _COLOURS[int(colour)]
    return EntryTraits(
        title=str(item.get("summary") or ""),
        calendar=calendar,
        colour=colour,
        attendees=tuple(others),
    )


def _attendees(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    people = item.get("attendees") or ()
    return [person for person in people if isinstance(person, Mapping)] if isinstance(people, list) else []


def _span(item: Mapping[str, Any], owner: Owner) -> tuple[datetime, datetime, bool]:
    """Return when an event starts and ends, and whether it lasts all day: then it has dates instead of times."""
    start, end = item.get("start"), item.get("end")
    if not isinstance(start, Mapping) or not isinstance(end, Mapping):
        raise UnusableError("it has no start or no end")
    all_day = "date" in start and "dateTime" not in start
    if all_day != ("date" in end and "dateTime" not in end):
        raise UnusableError("it mixes dates and times")
    first, last = (_midnight(start, owner.zone), _midnight(end, owner.zone)) if all_day else map(_instant, (start, end))
    if last < first:
        raise UnusableError("it ends before it begins")
    return first, last, all_day


def _midnight(day: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(str(day.get("date"))), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnusableError("its date cannot be read") from error


def _instant(when: Mapping[str, Any]) -> datetime:
    try:
        instant = datetime.fromisoformat(str(when.get("dateTime")))
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=ZoneInfo(str(when.get("timeZone"))))
        return instant.astimezone(UTC)
    except (ValueError, OverflowError, LookupError, OSError) as error:
        raise UnusableError("its time cannot be read") from error
