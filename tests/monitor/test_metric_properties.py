"""Properties of all metrics at once, on generated practices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import CounterpartKind, Grade, Kind, Status
from monitor.analysis.catalogue import catalogue, compute_metrics
from monitor.analysis.frames import Frames, frames_from
from monitor.analysis.records import Records
from monitor.analysis.terms import LEDGER, STANDINGS
from monitor.roster import Hours, Practice
from tests.monitor import facts
from tests.monitor.facts import EXAMPLES, SOAKED, clinician, hours

MONDAY = date(2026, 1, 5)
WEEKS = 6
DAY, HOUR = 1440, 60
LOOKED = WEEKS * 7 * DAY + 10 * HOUR  # six weeks are over
AFTER_HOURS = (
    "after_hours_replies", "after_hours_reply_share", "after_hours_inbound", "after_hours_inbound_staff",
    "after_hours_inbound_emergency", "self_initiated_after_hours", "outside_hours_minutes", "evenings_touched",
    "night_messages", "off_day_work", "emergency_contacts", "on_call_minutes", "short_rests", "message_rests",
)  # fmt: skip
PATTERNS: tuple[Hours, ...] = (
    hours(),
    hours({"sat": ["10:00-16:00"]}),
    hours({"mon": ["22:00-06:00"], "thu": ["22:00-06:00"]}),
    hours({"tue": ["08:00-12:00", "16:00-20:00"]}),
    hours({}),
)
SHIFTED = ("UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Bogota")  # no daylight saving


@dataclass(frozen=True)
class Entry:
    """A calendar entry in minutes of the wall clock since the first Monday; ``past`` is how late it ended."""

    start: int
    length: int
    client: int
    kind: Kind
    status: Status
    source: int
    past: int | None = None
    grade: Grade = Grade.EHR
    notice: int | None = None  # hours before it at which it was called off


@dataclass(frozen=True)
class Mail:
    """A message, in minutes of the wall clock since the first Monday."""

    sent_at: int
    out: bool
    client: int
    thread: int
    kind: CounterpartKind
    automatic: bool


TermEntry = tuple[int, str, str | None, int]
"""A client, a term, its value and the day from the first Monday on which it begins to hold."""


@dataclass(frozen=True)
class Life:
    """Six weeks of one clinician."""

    pattern: Hours
    entries: tuple[Entry, ...]
    mail: tuple[Mail, ...]
    as_of: int
    joined: int | None = None
    zone: str = facts.BERLIN
    monday: date = MONDAY
    terms: tuple[TermEntry, ...] = ()
    people: tuple[tuple[int, int], ...] = ()
    ledger: tuple[tuple[int, str, int], ...] = ()
    marked: frozenset[int] = frozenset()
    """Threads that were marked as an emergency."""

    def records(self) -> Records:
        events = (self._event(number, entry) for number, entry in enumerate(self.entries))
        times = (self._evidence(number, entry) for number, entry in enumerate(self.entries) if entry.past is not None)
        return facts.records(
            entries=events,
            times=times,
            mail=map(self._message, self.mail),
            people=self.people,
            terms=(self._term(*item) for item in self.terms),
            ledger=(facts.ledger_entry(client, kind, self._date(day)) for client, kind, day in self.ledger),
        )

    def frames(self, records: Records) -> Frames:
        ever = (self.instant(-400 * DAY), self.instant(400 * DAY))
        starts = None if self.joined is None else self._date(self.joined)
        person = clinician(self.pattern, zone=self.zone, starts=starts)
        practice = Practice("Harbour Street", ZoneInfo(self.zone))
        as_of = self.instant(self.as_of)
        return frames_from(records, person, practice, as_of=as_of, calendar_span=ever, messages_span=ever)

    def _date(self, day: int) -> str:
        return (self.monday + timedelta(days=day)).isoformat()

    def _term(self, client: int, name: str, value: str | None, day: int) -> facts.Row:
        return facts.term(client, name, value, self._date(day))

    def instant(self, minute: int) -> int:
        """Return the instant so many wall-clock minutes after the first Monday's midnight."""
        local = datetime.combine(self.monday, time()) + timedelta(minutes=minute)
        return int(local.replace(tzinfo=ZoneInfo(self.zone)).timestamp())

    def _event(self, number: int, entry: Entry) -> facts.Row:
        start, end = self.instant(entry.start), self.instant(entry.start + entry.length)
        return {
            "source": entry.source, "uid_key": f"uid{number}", "start": start, "end": end, "booked_end": end,
            "all_day": entry.length % DAY == 0, "status": entry.status.value, "kind": entry.kind.value,
            "client": entry.client, "excluded": None, "known_at": self.instant(entry.start - 9 * DAY),
            "cancelled_at": self.instant(entry.start - 60 * entry.notice) if entry.notice is not None else None,
            "moved": entry.length == LONG, "meeting": "",
        }  # fmt: skip

    def _evidence(self, number: int, entry: Entry) -> facts.Row:
        ended = self.instant(entry.start + entry.length + (entry.past or 0))
        named = f"uid{number}" if entry.grade is Grade.EHR else ""
        return {
            "source": 2, "grade": entry.grade.value, "started_at": self.instant(entry.start + 1), "ended_at": ended,
            "uid_key": named, "meeting": "",
        }  # fmt: skip

    def _message(self, item: Mail) -> facts.Row:
        return facts.message(
            self.instant(item.sent_at),
            out=item.out,
            client=item.client,
            thread=item.thread,
            kind=item.kind,
            automatic=item.automatic,
            emergency=item.thread in self.marked,
        )


minutes = st.integers(0, WEEKS * 7 * DAY // 5).map(lambda n: n * 5)
late = st.none() | st.integers(-100, 200)
LONG = 700
lengths = st.sampled_from([25, 50, 90, LONG])
statuses, grades, sources = st.sampled_from(Status), st.sampled_from(Grade), st.integers(1, 2)
sessions = st.builds(
    Entry, minutes, lengths, st.integers(-1, 3), st.just(Kind.SESSION), statuses, sources, late, grades,
    st.none() | st.integers(-5, 60),
)  # fmt: skip
kinds = st.sampled_from(
    [Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY, Kind.BUSY, Kind.SUPERVISION, Kind.OTHER, Kind.PROTECTED]
)
midnights = minutes.map(lambda n: n - n % DAY)
others = st.builds(Entry, midnights, st.sampled_from([60, 720, DAY, 9 * DAY]), st.just(-1), kinds, statuses, st.just(1))
letters = st.builds(
    Mail, minutes, st.booleans(), st.integers(0, 3), st.integers(0, 2), st.sampled_from(CounterpartKind), st.booleans()
)
WORDS: dict[str, list[str | None]] = {
    "standing": [*STANDINGS, None], "band": ["1", "3", "9"], "trauma": ["yes", "no"], "emergency": ["yes", "no"],
    "frequency": ["0.5", "2", None], "channels": ["email", "sms,phone"], "contact_hours": ["09:00-12:00"],
    "contact_days": ["mon,sat"], "modified": ["access", None], "modified_until": ["2026-02-02"],
}  # fmt: skip
term_entries = st.sampled_from(list(WORDS)).flatmap(
    lambda name: st.tuples(st.integers(0, 3), st.just(name), st.sampled_from(WORDS[name]), st.integers(-9, WEEKS * 7))
)
pairs = st.sampled_from([(), ((0, 1),), ((1, 2), (0, 3))])
entries = st.tuples(st.integers(-1, 3), st.sampled_from(list(LEDGER)), st.integers(0, WEEKS * 7))
agreed = {
    "terms": st.lists(term_entries, max_size=8, unique_by=lambda term: (term[0], term[1], term[3])).map(tuple),
    "people": pairs,
    "ledger": st.lists(entries, max_size=4).map(tuple),
    "marked": st.frozensets(st.integers(1, 2)),
}
lives = st.builds(
    Life,
    st.sampled_from(PATTERNS),
    st.tuples(st.lists(sessions, max_size=25), st.lists(others, max_size=3)).map(lambda both: (*both[0], *both[1])),
    st.lists(letters, max_size=40).map(tuple),
    st.just(LOOKED) | st.integers(0, (WEEKS + 2) * 7 * DAY),
    st.none() | st.integers(-20, 30),
    **agreed,
)


def example_count(share: int) -> int:
    """Return the number of examples of a property: a share of the usual ones, all of them in a soak test."""
    return EXAMPLES if SOAKED else EXAMPLES // share


def measured(life: Life, *, shuffled: bool = False) -> pd.DataFrame:
    records = life.records()
    if shuffled:
        names = ("events", "evidence", "messages")
        records = replace(records, **{name: getattr(records, name).sample(frac=1, random_state=1) for name in names})
    return compute_metrics(life.frames(records))


@settings(max_examples=example_count(2))
@given(lives)
def test_values_lie_in_their_range_whatever_the_order_of_rows(life: Life) -> None:
    result = measured(life)
    limits = {key: (entry.low, entry.high) for key, entry in catalogue().items()}
    with_value = result[result["value"].notna()]

    assert all(
        limits[key][0] <= value <= limits[key][1]
        for key, value in zip(with_value["key"], with_value["value"], strict=True)
    )
    assert (result["n"] >= 0).all()
    assert result["coverage"].between(0, 1).all()
    pd.testing.assert_frame_equal(measured(life, shuffled=True), result, check_exact=True)


@settings(max_examples=example_count(4))
@given(lives, st.sampled_from(SHIFTED), st.sampled_from(SHIFTED))
def test_the_same_life_by_the_wall_clock_has_the_same_numbers_anywhere(life: Life, zone: str, other_zone: str) -> None:
    pd.testing.assert_frame_equal(measured(replace(life, zone=zone)), measured(replace(life, zone=other_zone)))


CLOCKS_CHANGE = {"forward": date(2026, 3, 9), "back": date(2026, 10, 5)}
"""Mondays from which the clocks in Berlin change in the third Sunday's night."""

NIGHT = (20 * DAY - 4 * HOUR, 20 * DAY + 8 * HOUR)


def clear_of_the_night(life: Life) -> Life:
    """Return the same without timed records in the night on which the clocks change."""

    def is_clear(entry: Entry) -> bool:
        ends = entry.start + entry.length + max(entry.past or 0, 0)
        return entry.length % DAY == 0 or ends <= NIGHT[0] or entry.start >= NIGHT[1]

    mail = (item for item in life.mail if not NIGHT[0] <= item.sent_at < NIGHT[1])
    return replace(life, entries=tuple(filter(is_clear, life.entries)), mail=tuple(mail))


@settings(max_examples=example_count(4))
@given(lives, st.sampled_from(sorted(CLOCKS_CHANGE)))
def test_where_the_clocks_change_only_what_lasts_over_the_night_is_an_hour_longer_or_shorter(
    life: Life, change: str
) -> None:
    local_life = replace(clear_of_the_night(life), monday=CLOCKS_CHANGE[change])
    result, unchanged = (
        measured(replace(local_life, zone=zone)).set_index(["week", "key"]) for zone in (facts.BERLIN, "UTC")
    )
    stretch = result.index.isin(["longest_free_stretch"], level="key")
    hours_more = (result.loc[stretch, "value"] - unchanged.loc[stretch, "value"]).dropna()

    pd.testing.assert_frame_equal(result[~stretch], unchanged[~stretch])
    assert set(hours_more.round(6)) <= {0.0, -1.0 if change == "forward" else 1.0}


weekdays = st.integers(0, WEEKS * 5 - 1).map(lambda n: (n // 5 * 7 + n % 5) * DAY)
inside = st.builds(lambda day, minute: day + 9 * HOUR + 5 + minute, weekdays, st.integers(0, 3 * HOUR))


@settings(max_examples=example_count(3))
@given(st.lists(sessions, max_size=15), st.lists(letters, max_size=25), st.data())
def test_everything_inside_the_hours_leaves_nothing_after_hours(
    session_entries: list[Entry], mail: list[Mail], data: st.DataObject
) -> None:
    entries = [replace(entry, start=data.draw(inside), length=50, past=0, grade=Grade.EHR) for entry in session_entries]
    sent = [replace(item, sent_at=data.draw(inside)) for item in mail]
    result = measured(Life(hours(), tuple(entries), tuple(sent), LOOKED))
    of_the_evening = result[result["key"].isin(AFTER_HOURS)]

    assert set(of_the_evening["value"].dropna()) <= {0.0}
    assert set(AFTER_HOURS) <= catalogue().keys()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_any_record_there_is_no_week(pattern: Hours) -> None:
    assert measured(Life(pattern, (), (), WEEKS * 7 * DAY)).empty


def test_without_a_calendar_nothing_is_known_of_sessions() -> None:
    mail = tuple(Mail(day * DAY + 600, True, 1, 0, CounterpartKind.CLIENT, False) for day in range(40))
    result = measured(Life(hours(), (), mail, LOOKED))
    from_mail = {
        "after_hours_replies", "after_hours_inbound", "after_hours_inbound_staff", "after_hours_inbound_emergency",
        "self_initiated_after_hours", "evenings_touched", "night_messages", "available_fte", "off_day_work",
        "emergency_contacts",
    }  # fmt: skip

    assert len(result) == WEEKS * len(catalogue())
    assert set(result.loc[result["value"].notna(), "key"]) == from_mail
    assert (result.loc[result["value"].isna() & (result["key"] != "reply_minutes_clock"), "n"] == 0).all()


def test_a_silent_life_beside_a_calendar_that_works_is_not_unknown() -> None:
    two = (
        Entry(600, 50, 1, Kind.SESSION, Status.CONFIRMED, 1),
        Entry(LOOKED - 60, 50, 1, Kind.SESSION, Status.CONFIRMED, 1),
    )
    result = measured(Life(hours(), two, (), LOOKED)).pivot(index="week", columns="key", values="value")  # noqa: PD010

    assert result["sessions_held"].tolist() == [1, 0, 0, 0, 0, 0]
    assert np.isnan(result["contact_hours"]).sum() == 0
    assert np.isnan(result["after_hours_replies"]).all()


def by_week(life: Life) -> pd.DataFrame:
    wide = measured(life).pivot(index="week", columns="key", values="value")  # noqa: PD010
    return wide.reindex(columns=list(catalogue())).fillna(0.0)


@settings(max_examples=example_count(8))
@given(lives, st.sets(st.integers(0, 3)))
def test_what_an_agreement_covers_and_what_it_does_not_make_the_whole(life: Life, covered: set[int]) -> None:
    kinds_before = {Kind.EMERGENCY: Kind.OTHER}
    ordinary = tuple(replace(entry, kind=kinds_before.get(entry.kind, entry.kind)) for entry in life.entries)
    numbers = by_week(replace(life, terms=(), entries=ordinary, marked=frozenset()))
    parts = by_week(replace(life, terms=tuple((client, "emergency", "yes", -400) for client in covered)))

    assert (parts["after_hours_inbound"] + parts["after_hours_inbound_emergency"]).equals(
        numbers["after_hours_inbound"]
    )
    assert numbers[["emergency_contacts", "after_hours_inbound_emergency"]].to_numpy().sum() == 0
    for key in ("sessions_held", "contact_hours", "short_rests", "days_since_full_day_off", "active_clients"):
        assert parts[key].equals(numbers[key])
    for key in ("outside_hours_minutes", "evenings_touched", "after_hours_replies", "off_day_work"):
        assert (parts[key] <= numbers[key]).all()
    assert (numbers["unplanned_endings"] <= numbers["closures"]).all()
