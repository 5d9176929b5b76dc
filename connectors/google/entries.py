"""Google's calendar entries become records: which fields are asked for, and what is made of each.

Nothing is asked for beyond :func:`fields_wanted`. Titles, colours and the addresses of people invited are among them
only where a rule of the practice looks at them; they are looked at in memory and dropped.
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

NOT_WORK = frozenset({"birthday", "workingLocation", "fromGmail"})  # Google puts these into calendars by itself
_OWN_KINDS = {"outOfOffice": Kind.LEAVE, "focusTime": Kind.PROTECTED}
_COLOURS = (
    "", "Lavender", "Sage", "Grape", "Flamingo", "Banana", "Tangerine", "Peacock", "Graphite", "Blueberry", "Basil",
    "Tomato",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EntryFields:
    """What the practice's rules need beyond times: titles, colours, who is invited."""

    titles: bool
    colours: bool
    people: bool

    @classmethod
    def by(cls, context: Context, *, people: bool) -> EntryFields:
        """What this source's rules look at; nothing where times suffice."""
        if context.times_suffice:
            return cls(titles=False, colours=False, people=False)
        rules = context.classifier.rules
        titles = context.classifier.client_title is not None or any(rule.title for rule in rules)
        return cls(titles=titles, colours=any(rule.colour for rule in rules), people=people)

    def fields(self) -> str:
        """The mask: every field that is asked for, and so every field that comes."""
        entry = [
            "id", "status", "eventType", "updated", "start", "end", "transparency", "endTimeUnspecified",
            "conferenceData/conferenceId",
            "attendees(self,responseStatus,resource,email)" if self.people else "attendees(self,responseStatus)",
            *(["summary"] if self.titles else []),
            *(["colorId"] if self.colours else []),
        ]  # fmt: skip
        return f"nextPageToken,nextSyncToken,items({','.join(entry)})"


def entry_name(names: Pseudonyms, event_id: str) -> str:
    """The keyed name of one occurrence; Google's id for it is kept when the occurrence is moved."""
    return names.entry(event_id, "google")


def meeting_name(names: Pseudonyms, code: str) -> str | None:
    """The keyed name of a video meeting's code, which calendar, reports and meetings spell in different ways."""
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return names.entry("meeting", plain) if plain else None


def is_gone(item: Mapping[str, Any]) -> bool:
    """Whether the entry was deleted, or is one of those that Google writes itself and nobody works in."""
    return item.get("status") == "cancelled" or item.get("eventType") in NOT_WORK


def event_from(item: Mapping[str, Any], context: Context, calendar: str) -> CalendarEvent:
    """The record of one entry.

    Raises:
        UnusableError: what came is no entry, or its times make no sense.
    """
    owner = context.owners[0]
    start, end, all_day = _span(item, owner)
    kind, client = _kind(item, context, calendar)
    return CalendarEvent(
        clinician=owner.key,
        uid_key=entry_name(context.pseudonyms, str(item["id"])),
        start=start,
        end=end,
        kind=kind,
        all_day=all_day,
        status=_status(item),
        client=client,
        edited_at=_instant({"dateTime": item.get("updated")}) if item.get("updated") else None,
        excluded="its end is not known" if item.get("endTimeUnspecified") else None,
        is_free=item.get("transparency") == "transparent",
        meeting=_meeting(item, context),
    )


def _kind(item: Mapping[str, Any], context: Context, calendar: str) -> tuple[Kind, str | None]:
    """What the rules make of it; where none fits, Google's own kinds of absence and of undisturbed work."""
    look = traits_of(item, context.owners[0], calendar)
    own = _OWN_KINDS.get(str(item.get("eventType")))
    if own and not any(rule.matches(look) for rule in context.classifier.rules):
        return own, None
    return context.classifier.classify(look, context.owners[0].key, context.pseudonyms)


def traits_of(item: Mapping[str, Any], owner: Owner, calendar: str) -> EntryTraits:
    """What rules may look at: the owner and rooms are not among the people invited."""
    others = [
        str(who["email"])
        for who in _people(item)
        if who.get("email") and not who.get("self") and not who.get("resource")
        and canonical_address(str(who["email"])) not in owner.addresses
    ]  # fmt: skip
    return EntryTraits(
        title=str(item.get("summary") or ""),
        calendar=calendar,
        colour=_colour(item.get("colorId")),
        attendees=tuple(others),
    )


def _people(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    people = item.get("attendees") or ()
    return [who for who in people if isinstance(who, Mapping)] if isinstance(people, list) else []


def _colour(number: object) -> str:
    """Google's name for an entry's colour."""
    text = str(number or "")
    return _COLOURS[int(text)] if text in map(str, range(1, len(_COLOURS))) else text


def _status(item: Mapping[str, Any]) -> Status:
    if any(who.get("self") and who.get("responseStatus") == "declined" for who in _people(item)):
        return Status.DECLINED
    return Status.TENTATIVE if item.get("status") == "tentative" else Status.CONFIRMED


def _meeting(item: Mapping[str, Any], context: Context) -> str | None:
    data = item.get("conferenceData")
    code = data.get("conferenceId") if isinstance(data, Mapping) else None
    return meeting_name(context.pseudonyms, code) if isinstance(code, str) else None


def _span(item: Mapping[str, Any], owner: Owner) -> tuple[datetime, datetime, bool]:
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
        found = datetime.fromisoformat(str(when.get("dateTime")))
        if found.tzinfo is None:
            found = found.replace(tzinfo=ZoneInfo(str(when.get("timeZone"))))
        return found.astimezone(UTC)
    except (ValueError, OverflowError, LookupError, OSError) as error:
        raise UnusableError("its time cannot be read") from error
