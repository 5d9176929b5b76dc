"""Writer of the practice's calendars and mailboxes as they are on the morning of a day.

A calendar is rewritten each night like an export; a mailbox grows. The events of a day depend on the person and the
date alone, so that the same plan gives the same files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.quarter.plan import DAY, WEEK, Fault, Person, Plan

FILE_NAME = "evenhours.toml"
ZONE = ZoneInfo("Europe/London")
DOMAIN = "harbour.example"
AHEAD = WEEK * 4
STARTS = ("10:00", "11:00", "14:00")  # of the sessions of each Monday to Thursday
CANCELLED = 0.04
EVENING = 0.5  # replies on an ordinary Wednesday evening
MONTH = timedelta(days=30)
HOURS = (
    'hours = [{ mon = ["09:00-17:00"], tue = ["09:00-17:00"], wed = ["09:00-17:00"], thu = ["09:00-17:00"], '
    'fri = ["09:00-13:00"] }]'
)
PRACTICE = f"""[practice]
name = "Harbour Street"
zone = "{ZONE.key}"
domains = ["{DOMAIN}"]
day_starts_at = "04:00"
contacts = ["Morag, supervisor"]

[[kinds]]
kind = "leave"
title = "annual leave"

[[kinds]]
kind = "administration"
title = "team meeting"
"""


def local_time(day: date, clock: str) -> datetime:
    """Return the local instant of a time of day."""
    return datetime.combine(day, time.fromisoformat(clock), ZONE)


@dataclass
class Files:
    """The folder of the practice; :meth:`write` updates it to a morning."""

    folder: Path
    plan: Plan
    mail_through: dict[str, date] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The path of the configuration."""
        return self.folder / FILE_NAME

    def write(self, day: date) -> None:
        """Write the state at 04:30 of a day: configuration, calendars, and the mail since the last call."""
        staff = self.plan.staff(day)
        self.config.write_text(settings(self.plan, day), encoding="utf-8")
        _write_calendar(self.folder / "rooms.ics", _meetings(self.plan, day))
        for person in staff:
            if person.calendar and self.plan.has(Fault.CALENDAR_GONE, day, person.key):
                (self.folder / f"{person.key}.ics").unlink(missing_ok=True)
            elif person.calendar:
                _write_calendar(self.folder / f"{person.key}.ics", calendar(self.plan, person, day))
            if person.mail:
                self._append_mail(person, day)

    def _append_mail(self, person: Person, day: date) -> None:
        since = self.mail_through.get(person.key, self.plan.data_from(person))
        with (self.folder / f"{person.key}.mbox").open("a", encoding="utf-8", newline="\n") as file:
            for past in range((day - since).days):
                file.writelines(messages(self.plan, person, since + DAY * past))
        self.mail_through[person.key] = max(day, since)


def settings(plan: Plan, day: date) -> str:
    """Return the configuration of a day: people and sources, the shared one first, so that every night reads it."""
    blocks = [PRACTICE]
    for person in plan.staff(day):
        addresses = [f"{person.key}@{DOMAIN}"]
        own = own_address(plan, person)
        if own not in addresses and not plan.has(Fault.ADDRESS_UNKNOWN, day, person.key):
            addresses.append(own)
        listed = ", ".join(f'"{address}"' for address in addresses)
        blocks.append(f'[[clinician]]\nkey = "{person.key}"\nname = "{person.name}"\naddresses = [{listed}]')
        blocks.append(HOURS if person.hours else "")
        blocks.append(f"starts = {person.joined}\n" if person.joined else "")
    for person in plan.staff(day):
        for source in person.sources:
            kind, path = ("ics", "ics") if source.endswith("calendar") else ("mbox", "mbox")
            blocks.append(_source(source, kind, person.key, f"{person.key}.{path}"))
    return "\n".join([_source("rooms", "ics", "*", "rooms.ics"), *blocks])


def _source(name: str, kind: str, clinician: str, path: str) -> str:
    return f'[[source]]\nname = "{name}"\nkind = "{kind}"\nclinician = "{clinician}"\npath = "{path}"\n'


def own_address(plan: Plan, person: Person) -> str:
    """Return the address from which a person writes."""
    unknown = any(planned.fault is Fault.ADDRESS_UNKNOWN and planned.person == person.key for planned in plan.faults)
    return f"{person.key}@private.example" if unknown else f"{person.key}@{DOMAIN}"


# -- calendars ---------------------------------------------------------------------------------------------------------


def sessions_held(plan: Plan, person: Person, week: date) -> int:
    """Return the number of sessions of a week that were not cancelled."""
    days = (week + DAY * n for n in range(7))
    return sum(not _is_cancelled(person.key, day, start) for day in days for start in _booked(plan, person, day))


def calendar(plan: Plan, person: Person, day: date) -> Iterator[str]:
    """Yield a person's entries as their feed contains them on the morning of a day."""
    first = plan.data_from(person)
    if plan.has(Fault.FORGETS, day, person.key):
        first = max(first, day - MONTH)
    if plan.has(Fault.NO_DATA, day, person.key):
        return
    renewed = f"-{day:%m%d}" if plan.has(Fault.RENAMES, day, person.key) else ""
    for number in range((day + AHEAD - first).days):
        booked = first + DAY * number
        for start in _booked(plan, person, booked):
            is_cancelled = booked < day and _is_cancelled(person.key, booked, start)
            yield _session(person.key, booked, start, is_cancelled=is_cancelled).replace("{renewed}", renewed)
    for planned in plan.faults:
        if planned.fault is Fault.LEAVE and planned.person == person.key:
            yield _entry(
                f"leave-{planned.first}-{person.key}{renewed}",
                "Annual leave",
                f"DTSTART;VALUE=DATE:{planned.first:%Y%m%d}",
                f"DTEND;VALUE=DATE:{planned.last + DAY:%Y%m%d}",
            )


def _booked(plan: Plan, person: Person, day: date) -> tuple[str, ...]:
    off = day.weekday() > 3 or not person.calendar or plan.has(Fault.LEAVE, day, person.key)
    return () if off or day < plan.data_from(person) else STARTS


@cache
def _is_cancelled(person: str, day: date, start: str) -> bool:
    return random.Random(f"{person} {day} {start}").random() < CANCELLED  # noqa: S311 - no secret


@cache
def _session(person: str, day: date, start: str, *, is_cancelled: bool) -> str:
    begin = local_time(day, start).astimezone(UTC)
    client = f"{person}-{day.weekday()}{start[:2]}@mail.example"
    return _entry(
        f"{day}-{start[:2]}-{person}{{renewed}}",
        "Session",
        f"DTSTART:{begin:%Y%m%dT%H%M%SZ}",
        f"DTEND:{begin + timedelta(minutes=50):%Y%m%dT%H%M%SZ}",
        f"STATUS:{'CANCELLED' if is_cancelled else 'CONFIRMED'}",
        f"ATTENDEE:mailto:{client}",
    )


def _meetings(plan: Plan, day: date) -> Iterator[str]:
    """Yield the shared calendar: Tuesday's meeting of everybody with a calendar; it is up to date every day."""
    tuesday = plan.first - WEEK * plan.history_weeks + DAY
    while tuesday < day + AHEAD:
        begin = local_time(tuesday, "12:00").astimezone(UTC)
        invited = [
            f"ATTENDEE:mailto:{person.key}@{DOMAIN}" for person in plan.staff(min(tuesday, day)) if person.calendar
        ]
        yield _entry(
            f"team-{tuesday}",
            "Team meeting",
            f"DTSTART:{begin:%Y%m%dT%H%M%SZ}",
            f"DTEND:{begin + timedelta(minutes=50):%Y%m%dT%H%M%SZ}",
            *invited,
        )
        tuesday += WEEK


def _entry(uid: str, title: str, *lines: str) -> str:
    stamp = "DTSTAMP:20260101T000000Z"
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}@calendar.example", stamp, *lines, f"SUMMARY:{title}", "END:VEVENT"])


def _write_calendar(path: Path, entries: Iterator[str]) -> None:
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Harbour//EN")
    path.write_text("\r\n".join([*head, *entries, "END:VCALENDAR", ""]), encoding="utf-8", newline="")


# -- mail --------------------------------------------------------------------------------------------------------------


def messages(plan: Plan, person: Person, day: date) -> Iterator[str]:
    """Yield the mail of a day: what clients wrote, each with its reply, sometimes in the evening."""
    if day.weekday() > 4 or plan.has(Fault.LEAVE, day, person.key):
        return
    rng, own = random.Random(f"{person.key} {day}"), own_address(plan, person)  # noqa: S311 - no secret
    pairs = [(f"09:{rng.randrange(60):02}", f"11:{rng.randrange(60):02}") for _ in range(2)]
    drifts = plan.has(Fault.DRIFT, day, person.key) and day.weekday() < 4
    if drifts or (day.weekday() == 2 and rng.random() < EVENING):
        pairs.append(("16:20", f"20:{rng.randrange(60):02}"))
    for number, (question_time, answer_time) in enumerate(sorted(pairs)):
        client = f"{person.key}-{rng.randrange(4)}{STARTS[number % 3][:2]}@mail.example"
        name = f"{day:%Y%m%d}.{number}.{person.key}"
        yield _message(f"q.{name}", client, own, local_time(day, question_time))
        yield _message(f"a.{name}", own, client, local_time(day, answer_time), answers=f"q.{name}")


def _message(name: str, sender: str, to: str, sent: datetime, answers: str = "") -> str:
    reply = f"In-Reply-To: <{answers}@mail.example>\n" if answers else ""
    return (
        f"From {sender} {sent.astimezone(UTC):%a %b %d %H:%M:%S %Y}\n"
        f"From: {sender}\nTo: {to}\nDate: {format_datetime(sent)}\nMessage-ID: <{name}@mail.example>\n{reply}"
        "Subject: Thursday\n\nThank you.\n\n"
    )
