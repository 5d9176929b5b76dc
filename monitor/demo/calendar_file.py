"""Writer of a simulated calendar as an iCalendar file in the style of Google or Outlook (RFC 5545).

Each therapy is one recurring entry. A moved or cancelled session is an override of its occurrence, a deleted one an
EXDATE. Titles, places and descriptions are realistic: connectors must not store them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from monitor.demo.caseload import TherapySeries
from monitor.demo.days import Booking, BookingOutcome, SimulatedDays, at, starts_on
from monitor.demo.practice import SESSION_MINUTES, StandingEntry, minutes_of

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
_SERIES_LEAD = timedelta(days=9)  # from entering a series to its first session


@dataclass(frozen=True, slots=True)
class _CalendarStyle:
    """The style of a calendar program: its name for the zone, and the time stamp of the export."""

    days: SimulatedDays
    stamp: str

    @property
    def tzid(self) -> str:
        person = self.days.person
        return _WINDOWS[person.zone] if person.software == "outlook" else person.zone

    def local(self, name: str, moment: datetime) -> str:
        return f"{name};TZID={self.tzid}:{moment:%Y%m%dT%H%M%S}"


def calendar_text(days: SimulatedDays) -> str:
    """Return the calendar of one clinician as iCalendar text."""
    style = _CalendarStyle(days, f"{datetime.combine(days.horizon.today, time(), UTC):%Y%m%dT%H%M%SZ}")
    lines = _head(style)
    for number, off in enumerate(days.time_off):
        times = [f"DTSTART;VALUE=DATE:{off.first:%Y%m%d}", f"DTEND;VALUE=DATE:{off.last + timedelta(days=1):%Y%m%d}"]
        entered = at(off.first, 0, days.zone) - (timedelta(days=60) if off.planned else timedelta(hours=-7))
        uid = f"away{number:03}-{days.person.key}@calendar.example"
        lines += _entry(style, uid, off.title, [*times, "STATUS:CONFIRMED"], entered)
    for number, standing in enumerate(days.person.standing):
        lines += _standing_entry(style, standing, number)
    if days.person.sessions != "system":
        lines += _sessions(style)
    return _text([*lines, "END:VCALENDAR"])


def other_job_text(days: SimulatedDays) -> str:
    """Return the calendar of the clinician's other job: shifts, of which only the times matter."""
    style = _CalendarStyle(days, f"{datetime.combine(days.horizon.today, time(), UTC):%Y%m%dT%H%M%SZ}")
    shifts = (StandingEntry("Ward shift", weekday, "09:00", 8 * 60) for weekday in range(3))
    entries = (line for number, shift in enumerate(shifts) for line in _standing_entry(style, shift, 50 + number))
    return _text([*_head(style), *entries, "END:VCALENDAR"])


def _text(lines: Iterable[str]) -> str:
    """Return the lines folded at 75 octets (RFC 5545, 3.1); all text here is ASCII."""
    text = ""
    for line in lines:
        parts = [line[:75], *(line[start : start + 74] for start in range(75, len(line), 74))]
        text += "\r\n ".join(parts) + "\r\n"
    return text


def _head(style: _CalendarStyle) -> list[str]:
    """Return the beginning of the calendar, with the rules of its time zone."""
    person = style.days.person
    winter, winter_name, summer, summer_name, on_at, back_at = _OFFSETS[person.zone]
    lines = [
        "BEGIN:VCALENDAR",
        f"PRODID:{_PRODUCTS[person.software]}",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{person.name} (Harbour Street)",
        *([f"X-WR-TIMEZONE:{person.zone}"] if person.software == "google" else []),
        "BEGIN:VTIMEZONE",
        f"TZID:{style.tzid}",
    ]
    for part, before, after, name, since, month in (
        ("DAYLIGHT", winter, summer, summer_name, f"19700329T{on_at}", 3),
        ("STANDARD", summer, winter, winter_name, f"19701025T{back_at}", 10),
    ):
        lines += [f"BEGIN:{part}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"TZNAME:{name}"]
        lines += [f"DTSTART:{since}0000", f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY=-1SU", f"END:{part}"]
    return [*lines, "END:VTIMEZONE"]


def _entry(
    style: _CalendarStyle, uid: str, title: str, body: Iterable[str], changed: datetime, sequence: int = 0
) -> list[str]:
    """Return one VEVENT; ``body`` contains its times, rule and guests."""
    utc = f"{changed.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return [
        "BEGIN:VEVENT",
        *body,
        f"DTSTAMP:{style.stamp}",
        f"UID:{uid}",
        f"CREATED:{utc}",
        f"LAST-MODIFIED:{utc}",
        f"SEQUENCE:{sequence}",
        f"SUMMARY:{title}",
        "TRANSP:OPAQUE",
        "END:VEVENT",
    ]


def _guests(style: _CalendarStyle, guests: Iterable[str], *, declined: bool = False) -> list[str]:
    """Return the organiser, the owner's own answer, and everybody invited."""
    owner, answer = style.days.person, "DECLINED" if declined else "ACCEPTED"
    invited = [(owner.address, owner.name, answer), *((guest, guest.partition("@")[0], "ACCEPTED") for guest in guests)]
    role = "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT"
    lines = [f"{role};PARTSTAT={status};CN={name}:mailto:{address}" for address, name, status in invited]
    return [f"ORGANIZER;CN={owner.name}:mailto:{owner.address}", *lines]


def _standing_entry(style: _CalendarStyle, standing: StandingEntry, number: int) -> list[str]:
    """Return a recurring entry, without the days on which the clinician was away."""
    days, minute = style.days, minutes_of(standing.at)
    monday = starts_on(days.person, days.horizon)
    first = monday + timedelta(days=standing.weekday)
    dates = [first + timedelta(days=step) for step in range(0, (days.horizon.end - first).days, 7 * standing.every)]
    guests = _guests(style, standing.guests, declined=standing.declined) if standing.guests or standing.declined else []
    times = _times(style, at(first, minute, days.zone), standing.minutes)
    exclusions = [style.local("EXDATE", at(day, minute, days.zone)) for day in dates if day in days.free]
    body = [
        *times,
        _rule(standing.weekday, standing.every),
        *exclusions,
        "STATUS:CONFIRMED",
        "LOCATION:Kitchen",
        *guests,
    ]
    uid = f"standing{number:03}-{days.person.key}@calendar.example"
    return _entry(style, uid, standing.title, body, at(monday, 0, days.zone) - _SERIES_LEAD)


def _times(style: _CalendarStyle, start: datetime, minutes: int) -> list[str]:
    return [style.local("DTSTART", start), style.local("DTEND", start + timedelta(minutes=minutes))]


def _rule(weekday: int, every: int, until: datetime | None = None) -> str:
    end = f";UNTIL={until.astimezone(UTC):%Y%m%dT%H%M%SZ}" if until else ""
    step = f";INTERVAL={every}" if every > 1 else ""
    return f"RRULE:FREQ=WEEKLY{step};BYDAY={_WEEKDAYS[weekday]}{end}"


def _sessions(style: _CalendarStyle) -> list[str]:
    bookings: dict[str, list[Booking]] = defaultdict(list)
    for booking in style.days.bookings:
        bookings[booking.series.uid if booking.series else ""].append(booking)
    lines = []
    for series in style.days.series:
        lines += _series(style, series, bookings[series.uid])
    for number, booking in enumerate(bookings[""]):
        body = [*_times(style, booking.start, SESSION_MINUTES), *_properties(style, booking)]
        uid = f"single{number:03}-{style.days.person.key}@calendar.example"
        lines += _entry(style, uid, _title(style, booking.client.code), body, booking.start - timedelta(days=1))
    return lines


def _series(style: _CalendarStyle, series: TherapySeries, bookings: list[Booking]) -> list[str]:
    """Return a client's recurring entry, its deleted occurrences, and an override for each changed one."""
    start = at(series.first, series.minute, style.days.zone)
    until = at(series.last, series.minute, style.days.zone) if series.last else None
    title = _title(style, series.client.code)
    body = [
        *_times(style, start, SESSION_MINUTES),
        _rule(series.first.weekday(), series.every, until),
        *(style.local("EXDATE", booking.scheduled_start) for booking in bookings if _is_deleted(booking)),
        *_properties(style, bookings[0] if bookings else None),
    ]
    lines = _entry(style, series.uid, title, body, start - _SERIES_LEAD)
    for booking in bookings:
        if booking.decided and not _is_deleted(booking):
            status = "CONFIRMED" if booking.outcome in {BookingOutcome.HELD, BookingOutcome.NO_SHOW} else "CANCELLED"
            body = [
                *_times(style, booking.start, SESSION_MINUTES),
                style.local("RECURRENCE-ID", booking.scheduled_start),
                *_properties(style, booking, status),
            ]
            lines += _entry(style, series.uid, title, body, booking.decided, 1)
    return lines


def _is_deleted(booking: Booking) -> bool:
    """Return whether an occurrence was deleted: leave, holidays, and every other cancellation in good time."""
    in_time = booking.outcome in {BookingOutcome.CANCELLED, BookingOutcome.CANCELLED_HERE}
    return booking.outcome is BookingOutcome.NEVER or (in_time and booking.scheduled_start.toordinal() % 2 == 0)


def _properties(style: _CalendarStyle, booking: Booking | None, status: str = "CONFIRMED") -> list[str]:
    """Return status, place, notes, and the client as a guest if sessions are written that way."""
    invites = booking is not None and style.days.person.sessions == "attendee"
    guests = _guests(style, [booking.client.address]) if booking and invites else []
    return [f"STATUS:{status}", "LOCATION:Room 2\\, 14 Harbour Street", f"DESCRIPTION:{_NOTES}", *guests]


def _title(style: _CalendarStyle, code: str) -> str:
    person = style.days.person
    return f"Client {code}" if person.sessions == "title" else person.session_title
