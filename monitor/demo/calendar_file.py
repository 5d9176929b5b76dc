"""A clinician's days as an iCalendar file, written the way Google and Outlook export one (RFC 5545).

One recurring entry a therapy; what was moved or called off is an override of its occurrence, what was deleted an
EXDATE.
Titles, places and descriptions are there as in life: nothing that reads these files may keep them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from monitor.demo.caseload import Series
from monitor.demo.days import Days, Fate, TimeOff, Visit, at, starts_on
from monitor.demo.practice import SESSION_MINUTES, Standing, minutes_of

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WINDOWS = {"Europe/London": "GMT Standard Time", "Europe/Paris": "Romance Standard Time"}
_OFFSETS = {
    "Europe/London": ("+0000", "GMT", "+0100", "BST", "01", "02"),
    "Europe/Lisbon": ("+0000", "WET", "+0100", "WEST", "01", "02"),
    "Europe/Paris": ("+0100", "CET", "+0200", "CEST", "02", "03"),
}
_PRODUCTS = {
    "google": "-//Google Inc//Google Calendar 70.9054//EN",
    "outlook": "-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN",
}
_NOTES = "Robin prefers the blue room. Key under the mat\\; call 020 7946 0000 if late\\, do not mention the hearing."
_SERIES_LEAD = timedelta(days=9)  # a series is entered so long before its first session


@dataclass(frozen=True, slots=True)
class _Hand:
    """How one calendar program writes: the name it gives the zone, and its stamp of the export."""

    days: Days
    stamp: str

    @property
    def tzid(self) -> str:
        person = self.days.person
        return _WINDOWS[person.zone] if person.software == "outlook" else person.zone

    def local(self, name: str, moment: datetime) -> str:
        return f"{name};TZID={self.tzid}:{moment:%Y%m%dT%H%M%S}"


def calendar_text(days: Days) -> str:
    """The whole calendar of one clinician."""
    hand = _Hand(days, f"{datetime.combine(days.horizon.today, time(), UTC):%Y%m%dT%H%M%SZ}")
    lines = [*_head(hand), *_time_off(hand), *_standing(hand)]
    if days.person.sessions != "system":
        lines += _sessions(hand)
    return _text([*lines, "END:VCALENDAR"])


def other_job_text(days: Days) -> str:
    """The same clinician's other job: shifts, of which only the times matter."""
    hand = _Hand(days, f"{datetime.combine(days.horizon.today, time(), UTC):%Y%m%dT%H%M%SZ}")
    shifts = (Standing("Ward shift", weekday, "09:00", 8 * 60) for weekday in range(3))
    entries = (line for number, shift in enumerate(shifts) for line in _standing_entry(hand, shift, 50 + number))
    return _text([*_head(hand), *entries, "END:VCALENDAR"])


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    """No line longer than 75 octets; all that is written here is ASCII."""
    parts = [line[:75], *(line[start : start + 74] for start in range(75, len(line), 74))]
    return "\r\n ".join(parts)


def _head(hand: _Hand) -> list[str]:
    person = hand.days.person
    return [
        "BEGIN:VCALENDAR",
        f"PRODID:{_PRODUCTS[person.software]}",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{person.name} (Harbour Street)",
        *([f"X-WR-TIMEZONE:{person.zone}"] if person.software == "google" else []),
        *_zone(hand),
    ]


def _zone(hand: _Hand) -> list[str]:
    winter, winter_name, summer, summer_name, on_at, back_at = _OFFSETS[hand.days.person.zone]
    parts = (
        ("DAYLIGHT", winter, summer, summer_name, f"19700329T{on_at}", 3),
        ("STANDARD", summer, winter, winter_name, f"19701025T{back_at}", 10),
    )
    lines = ["BEGIN:VTIMEZONE", f"TZID:{hand.tzid}"]
    for part, before, after, name, since, month in parts:
        lines += [f"BEGIN:{part}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"TZNAME:{name}"]
        lines += [f"DTSTART:{since}0000", f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY=-1SU", f"END:{part}"]
    return [*lines, "END:VTIMEZONE"]


def _entry(hand: _Hand, uid: str, title: str, body: Iterable[str], changed: datetime, sequence: int = 0) -> list[str]:
    """One VEVENT; ``body`` holds its times, rule and guests."""
    utc = f"{changed.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return [
        "BEGIN:VEVENT",
        *body,
        f"DTSTAMP:{hand.stamp}",
        f"UID:{uid}",
        f"CREATED:{utc}",
        f"LAST-MODIFIED:{utc}",
        f"SEQUENCE:{sequence}",
        f"SUMMARY:{title}",
        "TRANSP:OPAQUE",
        "END:VEVENT",
    ]


def _guests(hand: _Hand, guests: Iterable[str], *, declined: bool = False) -> list[str]:
    """The organiser, the owner's own answer, and everybody invited."""
    me, answer = hand.days.person, "DECLINED" if declined else "ACCEPTED"
    invited = [(me.address, me.name, answer), *((guest, guest.partition("@")[0], "ACCEPTED") for guest in guests)]
    role = "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT"
    lines = [f"{role};PARTSTAT={said};CN={name}:mailto:{address}" for address, name, said in invited]
    return [f"ORGANIZER;CN={me.name}:mailto:{me.address}", *lines]


# -- leave and standing entries --------------------------------------------------------------------------------------


def _time_off(hand: _Hand) -> Iterator[str]:
    for number, off in enumerate(hand.days.time_off):
        yield from _days_away(hand, off, f"away{number:03}-{hand.days.person.key}@calendar.example")


def _days_away(hand: _Hand, off: TimeOff, uid: str) -> list[str]:
    times = [f"DTSTART;VALUE=DATE:{off.first:%Y%m%d}", f"DTEND;VALUE=DATE:{off.last + timedelta(days=1):%Y%m%d}"]
    lead = timedelta(days=60) if off.planned else timedelta(hours=-7)
    return _entry(hand, uid, off.title, [*times, "STATUS:CONFIRMED"], at(off.first, 0, hand.days.zone) - lead)


def _standing(hand: _Hand) -> Iterator[str]:
    for number, standing in enumerate(hand.days.person.standing):
        yield from _standing_entry(hand, standing, number)


def _standing_entry(hand: _Hand, standing: Standing, number: int) -> list[str]:
    """A recurring entry, without the days on which the clinician was away."""
    days, minute = hand.days, minutes_of(standing.at)
    monday = starts_on(days.person, days.horizon)
    first = monday + timedelta(days=standing.weekday)
    dates = [first + timedelta(days=step) for step in range(0, (days.horizon.end - first).days, 7 * standing.every)]
    guests = _guests(hand, standing.guests, declined=standing.declined) if standing.guests or standing.declined else []
    times = _times(hand, at(first, minute, days.zone), standing.minutes)
    gone = [hand.local("EXDATE", at(day, minute, days.zone)) for day in dates if day in days.free]
    body = [*times, _rule(standing.weekday, standing.every), *gone, "STATUS:CONFIRMED", "LOCATION:Kitchen", *guests]
    uid = f"standing{number:03}-{days.person.key}@calendar.example"
    return _entry(hand, uid, standing.title, body, at(monday, 0, days.zone) - _SERIES_LEAD)


def _times(hand: _Hand, start: datetime, minutes: int) -> list[str]:
    return [hand.local("DTSTART", start), hand.local("DTEND", start + timedelta(minutes=minutes))]


def _rule(weekday: int, every: int, until: datetime | None = None) -> str:
    end = f";UNTIL={until.astimezone(UTC):%Y%m%dT%H%M%SZ}" if until else ""
    step = f";INTERVAL={every}" if every > 1 else ""
    return f"RRULE:FREQ=WEEKLY{step};BYDAY={_WEEKDAYS[weekday]}{end}"


# -- sessions ----------------------------------------------------------------------------------------------------------


def _sessions(hand: _Hand) -> list[str]:
    visits: dict[str, list[Visit]] = defaultdict(list)
    for visit in hand.days.visits:
        visits[visit.series.uid if visit.series else ""].append(visit)
    lines = [line for series in hand.days.series for line in _series(hand, series, visits[series.uid])]
    single = [line for number, visit in enumerate(visits[""]) for line in _single(hand, visit, number)]
    return [*lines, *single]


def _series(hand: _Hand, series: Series, visits: list[Visit]) -> list[str]:
    """A client's recurring entry, the occurrences that were taken out, and an override for each that was changed."""
    start = at(series.first, series.minute, hand.days.zone)
    until = at(series.last, series.minute, hand.days.zone) if series.last else None
    body = [
        *_times(hand, start, SESSION_MINUTES),
        _rule(series.first.weekday(), series.every, until),
        *(hand.local("EXDATE", visit.planned) for visit in visits if _is_deleted(visit)),
        *_about(hand, visits[0] if visits else None),
    ]
    changed = [visit for visit in visits if visit.decided and not _is_deleted(visit)]
    title = _title(hand, series.client.code)
    return [
        *_entry(hand, series.uid, title, body, start - _SERIES_LEAD),
        *(line for visit in changed for line in _override(hand, series, visit, title)),
    ]


def _is_deleted(visit: Visit) -> bool:
    """Leave and holidays are deleted from the series, and so is every other cancellation in good time."""
    in_time = visit.fate in {Fate.CANCELLED, Fate.CANCELLED_HERE}
    return visit.fate is Fate.NEVER or (in_time and visit.planned.toordinal() % 2 == 0)


def _override(hand: _Hand, series: Series, visit: Visit, title: str) -> list[str]:
    called_off = visit.fate in {Fate.CANCELLED, Fate.CANCELLED_LATE, Fate.CANCELLED_HERE}
    body = [
        *_times(hand, visit.start, SESSION_MINUTES),
        hand.local("RECURRENCE-ID", visit.planned),
        *_about(hand, visit, "CANCELLED" if called_off else "CONFIRMED"),
    ]
    return _entry(hand, series.uid, title, body, visit.decided or visit.start, 1)


def _single(hand: _Hand, visit: Visit, number: int) -> list[str]:
    body = [*_times(hand, visit.start, SESSION_MINUTES), *_about(hand, visit)]
    uid = f"single{number:03}-{hand.days.person.key}@calendar.example"
    return _entry(hand, uid, _title(hand, visit.client.code), body, visit.start - timedelta(days=1))


def _about(hand: _Hand, visit: Visit | None, status: str = "CONFIRMED") -> list[str]:
    """Status, place, notes, and the client as a guest where sessions are written so."""
    invites = visit is not None and hand.days.person.sessions == "attendee"
    guests = _guests(hand, [visit.client.address]) if visit and invites else []
    return [f"STATUS:{status}", "LOCATION:Room 2\\, 14 Harbour Street", f"DESCRIPTION:{_NOTES}", *guests]


def _title(hand: _Hand, code: str) -> str:
    person = hand.days.person
    return f"Client {code}" if person.sessions == "title" else person.session_title
