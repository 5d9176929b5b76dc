"""An independent computation of the metrics in plain Python, from exports and the configuration, by their definitions.

It shares no code with the analysis. Spans are lists of (start, end) in epoch seconds, half open and sorted.
"""

from __future__ import annotations

import csv
import io
import tomllib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from click.testing import CliRunner

from benchmarks.hangu_sessions import convert
from monitor import cli
from monitor.analysis.fairness import evenness
from monitor.cli.context import CliContext
from monitor.config import load
from monitor.demo import write_practice
from monitor.fairness_report.report import fairness_report
from monitor.store.database import opened
from tests.monitor.test_fairness_oracle import gini, hoover

Row = Mapping[str, str]
Span = tuple[int, int]
Reply = tuple[str, str, str, float | None, float | None, str]
"""Client, inbound_at, reply_at, minutes by the clock and working, after hours."""

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
WEEKS = 40
HALO, BREAK, REPLY_IN, EPISODE = 30 * 60, 2 * 3600, 7 * 86_400, 15 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CALLED_OFF = {"cancelled", "declined", "late_cancelled", "clinician_cancelled"}


def merged(spans: Iterable[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif end > start:
            result.append((start, end))
    return result


def without(spans: Iterable[Span], gone: Iterable[Span]) -> list[Span]:
    left = merged(spans)
    for start, end in merged(gone):
        pieces = [((a, min(b, start)), (max(a, end), b)) for a, b in left]
        left = [(a, b) for pair in pieces for a, b in pair if b > a]
    return left


def inside(spans: list[Span], second: int) -> bool:
    place = bisect_right(spans, (second, 2**62)) - 1
    return place >= 0 and second < spans[place][1]


def seconds(spans: list[Span], start: int, end: int) -> int:
    """Return the seconds from start to end that the spans cover."""
    place = max(bisect_right(spans, (start, 2**62)) - 1, 0)
    total = 0
    for a, b in spans[place:]:
        if a >= end:
            break
        total += max(min(b, end) - max(a, start), 0)
    return total


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@dataclass(frozen=True)
class Clinician:
    """One clinician of the configuration, with the exported records."""

    config: Path
    now: datetime
    person: Mapping[str, Any]
    practice: Mapping[str, Any]
    events: list[Row]
    sessions: list[Row]
    messages: list[Row]
    replies: list[Row]
    metrics: list[Row]

    @property
    def key(self) -> str:
        return str(self.person["key"])

    # Days, weeks and the wall clock

    @cached_property
    def zones(self) -> list[tuple[date, ZoneInfo]]:
        if "zones" in self.person:
            return [
                (part.get("from", date.min) if n else date.min, ZoneInfo(part["zone"]))
                for n, part in enumerate(self.person["zones"])
            ]
        return [(date.min, ZoneInfo(self.person.get("zone", self.practice["zone"])))]

    def at_wall(self, day: date, minutes: int) -> int:
        zone = [zone for begins, zone in self.zones if begins <= day][-1]
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - a wall clock
        return int(wall.replace(tzinfo=zone).timestamp())

    @cached_property
    def days(self) -> list[date]:
        instants = [instant(row["sent_at"]) for row in self.messages] + [instant(row["start"]) for row in self.events]
        first = datetime.fromtimestamp(min(instants), UTC).date() - timedelta(days=21)
        return [first + timedelta(days=n) for n in range((self.now.date() - first).days + 21)]

    @cached_property
    def edges(self) -> list[int]:
        """Return when each work day begins: at its hour, or when an overnight span of the day before is over."""
        hour, minute = map(int, self.practice.get("day_starts_at", "04:00").split(":"))
        starts = [self.at_wall(day, 60 * hour + minute) for day in self.days]
        for n, day in enumerate(self.days[:-1]):
            starts[n + 1] = max([starts[n + 1], *(self.at_wall(day, end) for _, end in self.pattern(day))])
        return starts

    def day_of(self, second: int) -> date:
        return self.days[bisect_right(self.edges, second) - 1]

    def edge(self, day: date) -> int:
        return self.edges[(day - self.days[0]).days]

    # Agreed time

    def pattern(self, day: date) -> list[Span]:
        """Return the agreed spans of a day in minutes of its wall clock."""
        versions = self.person.get("hours") or [{day: ["08:00-18:00"] for day in WEEKDAYS[:5]}]
        begun = [version for version in versions if version.get("from", date.min) <= day] or versions[:1]
        texts = begun[-1].get("holidays" if day in self.public_holidays else WEEKDAYS[day.weekday()], ())
        result = []
        for text in texts:
            (h1, m1), (h2, m2) = ([int(part) for part in time.split(":")] for time in text.split("-"))
            start, end = 60 * h1 + m1, 60 * h2 + m2
            result.append((start, end if end > start else end + 24 * 60))
        return sorted(result)

    @cached_property
    def public_holidays(self) -> set[date]:
        if "country" not in self.practice:
            return set()
        years = range(self.days[0].year, self.days[-1].year + 2)
        return set(
            holidays.country_holidays(self.practice["country"], subdiv=self.practice.get("subdivision"), years=years)
        )

    def of_kind(self, kind: str) -> list[Span]:
        """Return the spans of entries of a kind, by the minute or by whole work days."""
        result = []
        for row in self.events:
            if row["kind"] != kind or row["status"] in CALLED_OFF:
                continue
            start, end = instant(row["start"]), instant(row["end"])
            if row["all_day"] == "1":
                first, last = (self.day_of(second + 12 * 3600) for second in (start, end))
                start, end = self.edge(first), self.edge(last)
            result.append((start, end))
        return merged(result)

    @cached_property
    def leave(self) -> list[Span]:
        return self.of_kind("leave")

    @cached_property
    def agreed(self) -> list[Span]:
        """The agreed hours, without leave and without breaks."""
        return without(self.spans_of_days(close_breaks=False), self.leave)

    @cached_property
    def hours(self) -> list[Span]:
        """The agreed hours, with breaks of up to two hours."""
        return without(self.spans_of_days(close_breaks=True), self.leave)

    def spans_of_days(self, *, close_breaks: bool) -> list[Span]:
        result = []
        for day in self.days:
            spans = self.pattern(day)
            for (_, end), (start, _) in pairwise(spans):
                if close_breaks and (start - end) * 60 <= BREAK:
                    result.append((self.at_wall(day, end), self.at_wall(day, start)))
            result += [(self.at_wall(day, start), self.at_wall(day, end)) for start, end in spans]
        return merged(result)

    # Sessions

    @cached_property
    def held(self) -> list[tuple[str, int, int, int, int]]:
        """The held sessions as client, booked start and end, actual start and end (else the booked ones)."""
        return [
            (
                row["client"],
                instant(row["booked_start"]),
                instant(row["booked_end"]),
                instant(row["actual_start"] or row["booked_start"]),
                instant(row["actual_end"] or row["booked_end"]),
            )
            for row in self.sessions
            if row["status"] == "held"
        ]

    # After hours

    @cached_property
    def covered(self) -> list[Span]:
        """The agreed hours, on-call and emergency windows, and half an hour around sessions inside the hours."""
        halos = [
            (began - HALO, ended + HALO + 1)
            for _, booked, end, began, ended in self.held
            if seconds(self.hours, booked, end) == end - booked and self.in_one_span(booked, end)
        ]
        return merged([*self.hours, *self.of_kind("on_call"), *self.of_kind("emergency"), *halos])

    def in_one_span(self, start: int, end: int) -> bool:
        return any(a <= start and end <= b for a, b in self.hours)

    def after_hours(self, second: int) -> bool:
        return not inside(self.covered, second)

    # Messages

    @cached_property
    def sent(self) -> list[Row]:
        return [row for row in self.messages if row["direction"] == "out" and row["automatic"] == "0"]

    def expected_replies(self) -> Iterator[Reply]:
        """Return one row for each inbound run."""
        starts = defaultdict(list)
        for client, _, _, began, _ in self.held:
            if began <= self.now.timestamp():
                starts[client].append(began)
        for times in starts.values():
            times.sort()
        threads = defaultdict(list)
        for row in self.messages:
            if row["automatic"] == "0" and row["counterpart_kind"] == "client":
                threads[row["counterpart"], row["thread"]].append((instant(row["sent_at"]), row["direction"] == "out"))
        for (client, _), talk in threads.items():
            yield from self.runs(client, sorted(talk), starts[client])

    def runs(self, client: str, talk: list[tuple[int, bool]], sessions: list[int]) -> Iterator[Reply]:
        first: int | None = None
        for second, out in [*talk, (2**60, True)]:
            if first is not None:
                place = bisect_left(sessions, first)
                session = sessions[place] if place < len(sessions) else 2**61
                if out or session < second:
                    answer = min(session, second)
                    yield self.run(client, first, answer, by_session=session < second)
                    first = None
            if not out and first is None:
                first = second

    def run(self, client: str, first: int, answer: int, *, by_session: bool) -> Reply:
        if answer - first > REPLY_IN or answer > self.now.timestamp():
            return client, iso(first), "", None, None, ""
        late = not by_session and self.after_hours(answer)
        working = seconds(self.agreed, first, answer) / 60
        return client, iso(first), iso(answer), (answer - first) / 60, working, str(int(late))

    # Weekly numbers

    @cached_property
    def weeks(self) -> list[date]:
        """The Mondays of the weeks that have numbers."""
        return sorted({monday(row["week"]) for row in self.metrics})

    @cached_property
    def until(self) -> int:
        """The end of the last week, up to which records are used."""
        return self.edge(self.weeks[-1] + timedelta(days=7))

    def evenings(self) -> Counter[date]:
        """Count work days with a message sent after hours, or a session outside the hours by its actual end."""
        agreed = merged([*self.hours, *self.of_kind("on_call")])
        emergency = self.of_kind("emergency")
        days = {self.day_of(second) for second in map(sent_at, self.sent) if self.after_hours(second)}
        for _, booked, _, _, ended in self.held:
            if seconds(agreed, booked, ended) < ended - booked and not inside(emergency, booked):
                days.add(self.day_of(booked))
        return Counter(day - timedelta(days=day.weekday()) for day in days)

    def contact_hours(self) -> dict[date, float]:
        together = merged((began, ended) for _, booked, _, began, ended in self.held if booked <= self.until)
        return {
            week: seconds(together, self.edge(week), self.edge(week + timedelta(days=7))) / 3600 for week in self.weeks
        }

    def free_stretches(self) -> dict[date, float]:
        """Return for each week the longest stretch without session, sent message or other job that touches it."""
        busy = [
            (instant(row["start"]), instant(row["end"]))
            for row in self.events
            if row["kind"] == "busy" and row["all_day"] == "0" and row["status"] not in CALLED_OFF
        ]
        done = [(second, second + 1) for second in map(sent_at, self.sent)]
        done += [(began, max(ended, began + 1)) for _, booked, _, began, ended in self.held if booked <= self.until]
        done = merged(span for span in [*done, *busy] if span[0] < self.until)
        ends = [start for start, _ in done[1:]] + [self.until]
        gaps = [(end, start) for (_, end), start in zip(done, ends, strict=True) if start > end]
        result: dict[date, float] = defaultdict(float)
        for week in self.weeks:
            first, last = self.edge(week), self.edge(week + timedelta(days=7))
            result[week] = max((b - a for a, b in gaps if b > first and a < last), default=0) / 3600
        return result

    # Load

    @cached_property
    def away(self) -> dict[date, float]:
        """Return the share of each day that is leave: of its agreed hours, else of the day."""
        result = {}
        for day in self.days[:-1]:
            spans = [(self.at_wall(day, start), self.at_wall(day, end)) for start, end in self.pattern(day)]
            spans = spans or [(self.edge(day), self.edge(day + timedelta(days=1)))]
            leave = sum(seconds(self.leave, start, end) for start, end in spans)
            result[day] = leave / sum(end - start for start, end in spans)
        return result

    def usual(self, day: date) -> bool:
        """Return whether hours are agreed on this weekday, public holiday or not."""
        versions = self.person.get("hours") or [{day: ["08:00-18:00"] for day in WEEKDAYS[:5]}]
        begun = [version for version in versions if version.get("from", date.min) <= day] or versions[:1]
        return bool(begun[-1].get(WEEKDAYS[day.weekday()]))

    def present(self, week: date) -> float:
        """Return the share of a week's usual days on which the clinician was present."""
        days = [day for day in (week + timedelta(days=n) for n in range(7)) if self.usual(day)]
        starts: date = self.person.get("starts", date.min)
        present = [1 - self.away[day] if self.pattern(day) and day >= starts else 0.0 for day in days]
        return sum(present) / len(days) if days else 1.0

    def shared_by(self, week: date) -> float:
        """Return the contract's FTE, growing over the first twelve weeks."""
        fte = float(self.person.get("fte", 1.0))
        if "starts" not in self.person:
            return fte
        weeks = (week - (self.person["starts"] - timedelta(days=self.person["starts"].weekday()))).days // 7 + 1
        return fte * float(min(max(weeks, 0), 12)) / 12

    def loads(self) -> dict[date, float]:
        """Return Σ over the active clients of held sessions ÷ weeks in which both were present (8 at most), ÷ FTE."""
        by_client: dict[str, list[int]] = defaultdict(list)
        for client, booked, *_ in self.held:
            if client and booked <= self.until:
                by_client[client].append(booked)
        present = {week: self.present(week) for week in self.weeks}
        result = {}
        for week in self.weeks:
            end = self.edge(week + timedelta(days=7))
            total = sum(
                self.asks(sorted(booked for booked in times if booked < end), week, present)
                for times in by_client.values()
            )
            result[week] = total / self.shared_by(week)
        return result

    def asks(self, times: list[int], week: date, present: Mapping[date, float]) -> float:
        """Return the weekly sessions of a client at the end of a week, 0 for a client who is not active."""
        if not times:
            return 0.0
        last, sunday = self.day_of(times[-1]), week + timedelta(days=6)
        silent = [last + timedelta(days=n) for n in range(1, (sunday - last).days + 1)]
        if len(silent) >= 90 or sum(1 - self.away[day] for day in silent) > 30 - 1e-9:
            return 0.0
        begun = times[0]
        for before, after in pairwise(times):
            begun = after if after - before > 90 * 86_400 else begun
        present_weeks, weeks, first = 0.0, 0, week
        for earlier in reversed([monday for monday in self.weeks if monday <= week]):
            if weeks == 8 or self.edge(earlier + timedelta(days=7)) <= begun:
                break
            present_weeks, weeks, first = present_weeks + present[earlier], weeks + (present[earlier] > 0), earlier
        counted = [
            second
            for second in times
            if second >= max(begun, self.edge(first))
            and not inside(self.leave, second)
            and not (self.usual(self.day_of(second)) and not self.pattern(self.day_of(second)))
        ]
        return len(counted) / max(present_weeks, 1.0)

    def exported(self, key: str) -> dict[date, float]:
        return {
            monday(row["week"]): float(row["value"]) for row in self.metrics if row["key"] == key and row["value"] != ""
        }


def sent_at(row: Row) -> int:
    return instant(row["sent_at"])


def number(text: str) -> float | None:
    return float(text) if text else None


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def monday(week: str) -> date:
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)


# The practices


def exported(config: Path, now: datetime) -> list[Clinician]:
    """Return all exports of the command line after a first night, clinician by clinician."""

    def run(*arguments: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cli, "CliContext", partial(CliContext, now=now))
            answer = CliRunner().invoke(cli.evenhours, ["--config", str(config), *arguments])
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    run("init")
    run("nightly")
    names = ("events", "sessions", "messages", "replies", "metrics")
    tables: dict[str, list[Row]] = {name: [*csv.DictReader(io.StringIO(run("export", name)))] for name in names}
    settings = tomllib.loads(config.read_text(encoding="utf-8"))
    people = []
    for person in settings["clinician"]:
        rows = ([row for row in tables[name] if row["clinician"] == person["key"]] for name in names)
        people.append(Clinician(config, now, person, settings["practice"], *rows))
    return people


REAL = """
[practice]
name = "Real"
zone = "Europe/Paris"
country = "DE"
subdivision = "BW"

[[kinds]]
kind = "leave"
title = "^leave$"

[[kinds]]
kind = "session"
title = "."

[[clinician]]
key = "owner"
addresses = ["owner@clinic.example", "owner.alias@old-clinic.example"]
hours = [
  {{ mon = ["09:00-12:00", "13:30-19:00"], tue = ["09:00-12:00", "15:00-18:00"], wed = ["20:00-05:00"] }},
  {{ from = 2024-07-01, mon = ["08:00-18:00"], tue = ["08:00-18:00"], holidays = ["10:00-12:00"] }},
]

[[clinician]]
key = "doctor"
zone = "Asia/Shanghai"
hours = [
  {{ mon = ["08:30-12:00", "14:30-18:00"], tue = ["08:30-12:00", "14:30-18:00"], wed = ["08:30-12:00"] }},
]

[[source]]
name = "calendar"
kind = "ics"
clinician = "owner"
path = "{real}/ics/person_paris_2024.ics"
window = {{ from = 2023-06-01, to = 2025-06-30 }}

[[source]]
name = "leave"
kind = "ics"
clinician = "owner"
path = "leave.ics"
window = {{ from = 2023-06-01, to = 2025-06-30 }}

[[source]]
name = "other-job"
kind = "ics"
clinician = "owner"
path = "{real}/ics/galaxy_wg_google_export.ics"
busy_only = true
window = {{ from = 2023-06-01, to = 2025-06-30 }}

[[source]]
name = "mail"
kind = "mbox"
clinician = "owner"
path = "mail.mbox"
window = {{ from = 2023-06-01, to = 2025-06-30 }}

[[source]]
name = "visits"
kind = "csv"
clinician = "doctor"
path = "visits.csv"
window = {{ from = 2017-12-31, to = 2019-01-01 }}

[source.columns]
id = "session"
booked_start = "booked_start"
booked_end = "booked_end"
actual_start = "actual_start"
actual_end = "actual_end"

[source.format]
zone = "Asia/Shanghai"
"""
LEAVE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Test//EN
BEGIN:VEVENT
UID:whole
DTSTART;VALUE=DATE:20240304
DTEND;VALUE=DATE:20240312
SUMMARY:leave
END:VEVENT
BEGIN:VEVENT
UID:afternoon
DTSTART;TZID=Europe/Paris:20240423T140000
DTEND;TZID=Europe/Paris:20240423T180000
SUMMARY:leave
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> list[Clinician]:
    """Return every record of the demonstration practice."""
    folder = tmp_path_factory.mktemp("demonstration") / "practice"
    return exported(write_practice(folder, NOW, weeks=WEEKS).config, NOW)


CLINIC = """
[practice]
name = "Clinic"
zone = "Asia/Shanghai"
country = "CN"

[[kinds]]
kind = "leave"
title = "^leave$"

"""
DOCTOR = """
[[clinician]]
key = "{key}"
fte = {fte}
hours = [{{ mon = ["08:00-18:00"], tue = ["08:00-18:00"], wed = ["08:00-18:00"], thu = ["08:00-18:00"] }}]

[[source]]
name = "{key}-visits"
kind = "csv"
clinician = "{key}"
path = "{key}.csv"
window = {{ from = 2017-12-31, to = 2019-01-01 }}

[source.columns]
client = "ID"
booked_start = "start"
booked_minutes = "minutes"

[source.format]
zone = "Asia/Shanghai"
"""
AWAY = """
[[source]]
name = "leave"
kind = "ics"
clinician = "d0"
path = "leave.ics"
window = { from = 2017-12-31, to = 2019-01-01 }
"""


@pytest.fixture(scope="module")
def clinic(real: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Clinician]:
    """Return a year of real consultations, shared by five doctors of different FTE; one of them goes on leave."""
    folder = tmp_path_factory.mktemp("clinic")
    with (real / "pms" / "hangu_clinic_2018.csv").open(encoding="utf-8", newline="") as file:
        visits = list(csv.DictReader(file))
    settings = CLINIC + AWAY
    for doctor in range(5):
        key = f"d{doctor}"
        rows = (
            (row["ID"], f"{row['DateInferred']} {row['StartTime']}", max(int(float(row["ServTime"] or 600)) // 60, 1))
            for row in visits
            if int(row["ID"][1:], 36) % 7 % 5 == doctor  # two of them have twice as many
        )
        with (folder / f"{key}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("ID", "start", "minutes"), *rows])
        settings += DOCTOR.format(key=key, fte=(1.0, 0.8, 0.5, 0.5, 1.0)[doctor])
    leave = LEAVE.replace("20240304", "20181105").replace("20240312", "20181124").replace("202404", "201811")
    (folder / "leave.ics").write_text(leave.replace("\n", "\r\n"), encoding="utf-8", newline="")
    (folder / "evenhours.toml").write_text(settings, encoding="utf-8")
    return exported(folder / "evenhours.toml", datetime(2018, 12, 31, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def lived(real: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Clinician]:
    """Return real calendars, a real mailbox and a real physician's year, with unusual agreed hours."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "leave.ics").write_text(LEAVE.replace("\n", "\r\n"), encoding="utf-8", newline="")
    (folder / "evenhours.toml").write_text(REAL.format(real=real), encoding="utf-8")
    # What makes a letter one of a list is left out, so that there are incoming ones that no machine sent.
    lines = (real / "mail" / "uboot_stm32_headers.mbox").read_bytes().splitlines(keepends=True)
    kept_lines = (line for line in lines if not line.startswith((b"List-", b"Precedence:")))
    (folder / "mail.mbox").write_bytes(b"".join(kept_lines))
    convert(real / "pms" / "hangu_clinic_2018.csv", folder / "visits.csv")
    return exported(folder / "evenhours.toml", datetime(2025, 6, 30, 12, tzinfo=UTC))


practices = pytest.mark.parametrize(
    "people", ["demonstration", pytest.param("lived", marks=pytest.mark.real)], indirect=True
)


@pytest.fixture
def people(request: pytest.FixtureRequest) -> list[Clinician]:
    result: list[Clinician] = request.getfixturevalue(request.param)
    return result


@practices
@pytest.mark.slow
def test_messages_are_after_hours(people: list[Clinician]) -> None:
    for person in people:
        result = [(row["sent_at"], int(row["after_hours"])) for row in person.messages]
        assert result == [(row["sent_at"], person.after_hours(sent_at(row))) for row in person.messages], person.key
    flags = [row["after_hours"] for person in people for row in person.messages]
    assert min(Counter(flags).values()) > 500


@practices
@pytest.mark.slow
def test_replies_on_both_clocks(people: list[Clinician]) -> None:
    def rounded(row: Reply) -> Reply:
        client, inbound_at, reply_at, clock, working, late = row
        return client, inbound_at, reply_at, clock and round(clock, 3), working and round(working, 3), late

    for person in people:
        result = Counter(
            (
                row["client"], row["inbound_at"], row["reply_at"], number(row["minutes_clock"]),
                number(row["minutes_working"]), row["after_hours"],
            )
            for row in person.replies
        )  # fmt: skip
        assert result == Counter(map(rounded, person.expected_replies())), person.key
    assert sum(row["reply_at"] != "" for person in people for row in person.replies) > 50


@practices
@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("contact_hours", Clinician.contact_hours),
        ("evenings_touched", Clinician.evenings),
        ("longest_free_stretch", Clinician.free_stretches),
    ],
)
def test_weekly_numbers(people: list[Clinician], key: str, expected: Callable[[Clinician], dict[date, float]]) -> None:
    compared = 0
    for person in people:
        result, computed = person.exported(key), expected(person)
        compared += len(result)
        assert result == pytest.approx({week: computed.get(week, 0) for week in result}, abs=1e-3), person.key
    assert compared > 80


several = pytest.mark.parametrize(
    "people", ["demonstration", pytest.param("clinic", marks=pytest.mark.real)], indirect=True
)


@several
@pytest.mark.slow
def test_weekly_loads(people: list[Clinician]) -> None:
    compared = 0
    for person in people:
        result, computed = person.exported("weighted_load"), person.loads()
        compared += sum(load > 1 for load in result.values())
        assert result == pytest.approx({week: computed[week] for week in result}, abs=1e-3), person.key
    assert compared > 80


@several
@pytest.mark.slow
def test_the_shares_of_the_last_two_blocks(people: list[Clinician]) -> None:
    config, now = load(people[0].config), people[0].now
    with opened(config.database) as store:
        report = fairness_report(config, store, now=now)
    assert report.period.last is not None
    first = report.period.last + timedelta(days=1 - 8 * 7)
    loads, ftes = [], []
    for person in people:
        weekly, blocks = person.loads(), []
        for block in (first, first + timedelta(weeks=4)):
            weeks = [week for week in (block + timedelta(weeks=n) for n in range(4)) if week in weekly]
            shares = [person.shared_by(week) for week in weeks]
            if sum(shares):
                mean = sum(weekly[week] * share for week, share in zip(weeks, shares, strict=True)) / sum(shares)
                blocks.append((round(mean, 1), sum(shares) / 4))
        loads.append(sum(mean * share for mean, share in blocks) / len(blocks))
        ftes.append(sum(share for _, share in blocks) / len(blocks))
    expected = hoover(loads, ftes)
    assert report.hoover == pytest.approx(expected, abs=0.002)
    assert report.sessions_to_move == pytest.approx(expected * sum(loads), abs=0.2)
    assert report.equal_share == pytest.approx(sum(loads) / sum(ftes), abs=0.06)
    even = evenness(loads, ftes, weeks=8)
    assert even.gini == pytest.approx(gini(loads, ftes), abs=1e-9)
    assert even.gini_low is not None
    assert even.gini_high is not None
    if even.gini_high - even.gini_low > 0.3:
        assert report.gini is None
    else:
        assert report.gini == pytest.approx(gini(loads, ftes), abs=0.004)
