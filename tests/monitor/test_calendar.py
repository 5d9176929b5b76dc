"""Wall clocks, work days, agreed hours and after hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.calendar import WorkCalendar, date_of, day_number, monday_of, with_entries, with_sessions
from monitor.analysis.calendar import work_calendar as made
from monitor.analysis.clock import local_clock
from monitor.analysis.intervals import Spans, spans
from monitor.roster import Clinician, Hours, Residence
from tests.monitor.facts import BERLIN, OFFICE, clinician, day, hours, instant

HOUR = 3600
FIRST, LAST = date(2025, 12, 1), date(2026, 12, 31)


def calendar(
    person: Clinician | None = None, day_starts_at: int = 4 * HOUR, holidays: Sequence[str] = ()
) -> WorkCalendar:
    days_off = set(map(date.fromisoformat, holidays))
    return made(person or clinician(), FIRST, LAST, day_starts_at=day_starts_at, holidays=days_off)


def working(*patterns: Hours, zone: str = BERLIN, holidays: Sequence[str] = ()) -> WorkCalendar:
    return calendar(clinician(*patterns, zone=zone), holidays=holidays)


def is_after_hours(result: WorkCalendar, when: str, zone: str = BERLIN) -> bool:
    return bool(result.after_hours([instant(when, zone)])[0])


def with_session_spans(result: WorkCalendar, *sessions: tuple[str, str, str, str]) -> WorkCalendar:
    """With held sessions as (booked start, booked end, actual start, actual end) of 2 March 2026."""
    times = np.array([[instant(f"2026-03-02 {time}") for time in session] for session in sessions], dtype=np.int64)
    return with_sessions(result, times[:, :2], times[:, 2:])


def seconds(result: Spans) -> int:
    return int(np.diff(result).sum())


# The first and the last second


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-02 08:59:59", True),
        ("2026-03-02 09:00:00", False),
        ("2026-03-02 17:59:59", False),
        ("2026-03-02 18:00:00", True),
        ("2026-03-02 13:30:00", False),  # the break
        ("2026-03-07 11:00:00", True),  # Saturday
    ],
)
def test_an_end_is_after_hours_and_the_second_before_is_not(when: str, expected: bool) -> None:  # noqa: FBT001
    assert is_after_hours(calendar(), when) is expected


def test_undeclared_hours_are_eight_to_six() -> None:
    result = calendar(Clinician("ana", "Ana", (Residence(None, ZoneInfo(BERLIN)),)))

    times = ("07:59:59", "08:00", "12:30", "17:59:59", "18:00")
    assert [is_after_hours(result, f"2026-03-02 {time}") for time in times] == [True, False, False, False, True]


# Breaks


@pytest.mark.parametrize(("back", "expected"), [("14:00", False), ("14:01", True)])
def test_a_gap_of_two_hours_is_a_break_and_a_minute_more_is_not(back: str, expected: bool) -> None:  # noqa: FBT001
    result = working(hours({"mon": ["09:00-12:00", f"{back}-18:00"]}))

    assert is_after_hours(result, "2026-03-02 13:00") is expected


def test_a_break_is_no_agreed_time() -> None:
    result = calendar()

    assert seconds(result.hours) - seconds(result.agreed) == 3600 * result.in_pattern.sum()


# The half hour around sessions


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("08:29:59", True),
        ("08:30:00", False),
        ("18:40:00", False),
        ("18:40:01", True),
    ],
)
def test_the_halo_is_thirty_minutes_from_the_actual_times(when: str, expected: bool) -> None:  # noqa: FBT001
    result = with_session_spans(calendar(), ("09:00", "09:50", "09:00", "09:50"), ("17:10", "18:00", "17:10", "18:10"))

    assert is_after_hours(result, f"2026-03-02 {when}") is expected


def test_without_an_actual_end_the_halo_is_around_the_booked_one() -> None:
    result = with_session_spans(calendar(), ("17:10", "18:00", "17:10", "18:00"))

    assert [is_after_hours(result, f"2026-03-02 {when}") for when in ("18:30:00", "18:30:01")] == [False, True]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("19:00", "19:50"),  # outside
        ("17:30", "18:20"),  # straddling the end
        ("08:30", "09:20"),  # straddling the beginning
        ("08:00", "19:00"),  # around everything
    ],
)
def test_a_session_that_is_not_inside_the_hours_opens_no_halo(start: str, end: str) -> None:
    result = with_session_spans(calendar(), (start, end, start, end))

    assert np.array_equal(result.within_hours, calendar().within_hours)


def test_a_session_over_a_gap_longer_than_a_break_is_not_inside() -> None:
    split = working(hours({"mon": ["09:00-12:00", "15:00-18:00"]}))

    assert is_after_hours(with_session_spans(split, ("11:30", "15:30", "11:30", "15:30")), "2026-03-02 12:10")


def test_no_sessions_change_nothing() -> None:
    nothing = np.empty((0, 2), dtype=np.int64)

    assert np.array_equal(with_sessions(calendar(), nothing, nothing).within_hours, calendar().within_hours)


# On call, leave


def test_on_call_is_not_after_hours() -> None:
    result = with_entries(calendar(), on_call=spans([(instant("2026-03-07 20:00"), instant("2026-03-07 22:00"))]))

    assert [is_after_hours(result, f"2026-03-07 {time}") for time in ("19:59:59", "20:00", "21:59:59", "22:00")] == [
        True, False, False, True,
    ]  # fmt: skip
    assert not is_after_hours(with_session_spans(result, ("09:00", "09:50", "09:00", "09:50")), "2026-03-07 21:00")


def test_on_leave_no_hour_is_an_agreed_hour() -> None:
    leave = spans([(instant("2026-03-02 13:30"), instant("2026-03-03 00:00"))])
    result = with_entries(calendar(), leave=leave)

    assert seconds(calendar().agreed) - seconds(result.agreed) == 4 * 3600
    assert [is_after_hours(result, f"2026-03-02 {time}") for time in ("13:29:59", "13:30", "15:00")] == [
        False,
        True,
        True,
    ]


def test_a_session_on_leave_opens_no_half_hour() -> None:
    leave = spans([(instant("2026-03-02 00:00"), instant("2026-03-03 00:00"))])
    result = with_session_spans(with_entries(calendar(), leave=leave), ("09:00", "09:50", "09:00", "09:50"))

    assert is_after_hours(result, "2026-03-02 10:00")


def test_an_all_day_entry_means_work_days() -> None:
    result = calendar().whole_days(spans([(instant("2026-03-02 00:00"), instant("2026-03-04 00:00"))]))

    assert result.tolist() == [[instant("2026-03-02 04:00"), instant("2026-03-04 04:00")]]


# Patterns and their dates


def test_an_overnight_span_belongs_to_the_day_on_which_it_starts() -> None:
    night = working(hours({"fri": ["22:00-06:00"]}))

    assert not is_after_hours(night, "2026-03-07 05:59:59")
    assert is_after_hours(night, "2026-03-07 06:00")
    assert is_after_hours(night, "2026-03-06 05:00")
    assert night.day_of([instant("2026-03-07 05:59:59"), instant("2026-03-07 06:00")]).tolist() == [
        day("2026-03-06"), day("2026-03-07"),
    ]  # fmt: skip
    assert [date_of(number).weekday() for number in night.pattern_spans[:, 0]] == [4] * len(night.pattern_spans)


def test_the_night_of_the_day_before_the_first_is_known() -> None:
    night = working(hours({"sun": ["22:00-06:00"]}))

    assert not is_after_hours(night, f"{FIRST} 05:00")


def test_patterns_hold_from_their_dates_and_the_earliest_before_its_own() -> None:
    result = working(
        hours({"mon": ["09:00-17:00"]}, starts="2026-02-01"),
        hours({"mon": ["12:00-20:00"]}, starts="2026-03-02"),
    )

    assert not is_after_hours(result, "2026-01-05 09:00")
    assert not is_after_hours(result, "2026-02-23 09:00")
    assert is_after_hours(result, "2026-03-02 09:00")
    assert not is_after_hours(result, "2026-03-02 19:00")


@pytest.mark.parametrize(
    ("holiday_hours", "when", "expected"),
    [
        ([], "2026-04-06 10:00", True),
        (["10:00-12:00"], "2026-04-06 10:00", False),
        (["10:00-12:00"], "2026-04-06 09:59:59", True),
        ([], "2026-04-07 10:00", False),
    ],
)
def test_public_holidays_are_free_unless_the_work_pattern_includes_them(
    holiday_hours: list[str],
    when: str,
    expected: bool,  # noqa: FBT001
) -> None:
    result = working(hours(OFFICE, holidays=holiday_hours), holidays=["2026-04-06"])

    assert is_after_hours(result, when) is expected
    assert result.in_pattern[day("2026-04-06") - result.first_day]


def test_a_saturday_practice_works_on_saturdays() -> None:
    result = working(hours({"sat": ["08:00-16:00"]}))

    assert not is_after_hours(result, "2026-03-07 10:00")
    assert is_after_hours(result, "2026-03-06 10:00")


# Work days and weeks


def test_a_reply_after_midnight_belongs_to_the_evening_before() -> None:
    result = calendar()

    assert result.day_of([instant("2026-03-03 00:40"), instant("2026-03-03 04:00")]).tolist() == [
        day("2026-03-02"),
        day("2026-03-03"),
    ]
    assert result.week_of([instant("2026-03-09 03:59:59"), instant("2026-03-09 04:00")]).tolist() == [
        day("2026-03-02"), day("2026-03-09"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("starts_at", "expected"), [(0, "2026-03-03"), (1 * HOUR, "2026-03-02"), (6 * HOUR, "2026-03-02")]
)
def test_a_work_day_may_begin_at_another_hour(starts_at: int, expected: str) -> None:
    assert calendar(day_starts_at=starts_at).day_of([instant("2026-03-03 00:40")]).tolist() == [day(expected)]


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_days_have_numbers_and_weeks_have_mondays(given_day: date) -> None:
    number = day_number(given_day)

    assert date_of(number) == given_day
    assert date_of(int(monday_of(number))) == given_day - timedelta(days=given_day.weekday())


@given(
    st.integers(instant("2026-01-01 00:00"), instant("2026-12-01 00:00")),
    st.sampled_from([0, 2 * HOUR + 1800, 4 * HOUR]),
)
def test_every_instant_lies_in_its_own_work_day(instant: int, starts_at: int) -> None:
    result = calendar(clinician(zone="Europe/Lisbon", moves={"2026-06-10": "America/New_York"}), starts_at)
    number = result.day_of([instant])

    assert result.day_starts(number)[0] <= instant < result.day_starts(number + 1)[0]


# The two nights, and both hemispheres


def test_the_hour_that_happens_twice_is_agreed_twice() -> None:
    night = working(hours({"sat": ["22:00-06:00"]}))
    stretch = spans(night.pattern_spans[night.pattern_spans[:, 0] == day("2026-10-24"), 1:])

    assert seconds(stretch) == 9 * 3600
    assert not night.after_hours([instant("2026-10-25 02:30"), instant("2026-10-25 02:30", second_time=True)]).any()


def test_the_hour_that_never_happens_is_not_agreed() -> None:
    night = working(hours({"sat": ["22:00-06:00"]}))

    assert seconds(spans(night.pattern_spans[night.pattern_spans[:, 0] == day("2026-03-28"), 1:])) == 7 * 3600


@pytest.mark.parametrize("when", ["2026-03-29", "2026-10-25"])
def test_an_end_stays_an_end_on_the_day_the_clocks_change(when: str) -> None:
    result = working(hours({"sun": ["09:00-18:00"]}))

    assert [is_after_hours(result, f"{when} {time}") for time in ("08:59:59", "09:00", "17:59:59", "18:00")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_summer_in_the_south() -> None:
    result = working(hours(OFFICE), zone="Australia/Sydney")

    assert [
        is_after_hours(result, f"2026-{when}", "Australia/Sydney") for when in ("01-05 17:59:59", "07-06 17:59:59")
    ] == [False] * 2
    assert [is_after_hours(result, f"2026-{when}", "Australia/Sydney") for when in ("01-05 18:00", "07-06 18:00")] == [
        True
    ] * 2
    assert instant("2026-01-05 18:00", "Australia/Sydney") == instant("2026-01-05 07:00", "UTC")
    assert instant("2026-07-06 18:00", "Australia/Sydney") == instant("2026-07-06 08:00", "UTC")


# Moving


def test_moving_west_in_mid_week_moves_the_hours_from_that_day_on() -> None:
    result = calendar(clinician(zone="Europe/Lisbon", moves={"2026-03-04": "America/New_York"}))

    assert not is_after_hours(result, "2026-03-03 17:59:59", "Europe/Lisbon")
    assert is_after_hours(result, "2026-03-04 10:00", "Europe/Lisbon")
    assert not is_after_hours(result, "2026-03-04 09:00", "America/New_York")
    assert not is_after_hours(result, "2026-03-04 17:59:59", "America/New_York")
    assert result.day_of([instant("2026-03-04 23:59", "America/New_York")]).tolist() == [day("2026-03-04")]


@pytest.mark.parametrize(
    ("old", "new"), [("Pacific/Auckland", "America/Los_Angeles"), ("America/Los_Angeles", "Asia/Tokyo")]
)
def test_the_day_of_a_far_move_is_worked_in_the_new_zone(old: str, new: str) -> None:
    result = calendar(clinician(zone=old, moves={"2026-03-04": new}))

    assert not is_after_hours(result, "2026-03-04 09:00", new)
    assert is_after_hours(result, "2026-03-04 18:00", new)
    assert (np.diff(result.day_edges) > 0).all()


def test_moves_before_and_after_what_is_looked_at() -> None:
    person = clinician(
        zone="Asia/Tokyo", moves={"2019-01-01": "Europe/Lisbon", "2020-01-01": BERLIN, "2030-01-01": "UTC"}
    )

    assert np.array_equal(calendar(person).agreed, calendar().agreed)


def test_a_day_that_a_whole_country_left_out() -> None:
    samoa = clinician(hours({"thu": OFFICE["mon"], "sat": OFFICE["mon"]}), zone="Pacific/Apia")
    result = made(samoa, date(2011, 12, 20), date(2012, 1, 10))

    assert not is_after_hours(result, "2011-12-29 10:00", "Pacific/Apia")
    assert not is_after_hours(result, "2011-12-31 10:00", "Pacific/Apia")
    assert result.day_starts([day("2011-12-30")]) == result.day_starts([day("2011-12-31")])


# The clock itself

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC"]
moments = st.datetimes(datetime(2012, 1, 1), datetime(2027, 12, 31))  # noqa: DTZ001 - a wall clock has no zone


@pytest.mark.parametrize("zone", ZONES)
def test_the_clock_is_the_zones_own_over_years(zone: str) -> None:
    clock = local_clock((Residence(None, ZoneInfo(zone)),), date(2012, 1, 1), date(2027, 12, 31))
    instants = np.arange(instant("2012-01-03 00:00", "UTC"), instant("2027-12-30 00:00", "UTC"), 86_400 * 3 + 1801)

    for second, wall in zip(instants.tolist(), clock.local(instants).tolist(), strict=True):
        local = datetime.fromtimestamp(second, ZoneInfo(zone))
        assert datetime.fromtimestamp(wall, UTC).replace(tzinfo=None) == local.replace(tzinfo=None)


@given(st.sampled_from(ZONES), moments)
def test_a_wall_clock_time_is_converted_by_its_zone(zone: str, wall: datetime) -> None:
    clock = local_clock((Residence(None, ZoneInfo(zone)),), date(2012, 1, 1), date(2027, 12, 31))
    wall_seconds = int(wall.replace(tzinfo=UTC).timestamp())

    assert clock.instants([wall_seconds])[0] == int(wall.replace(tzinfo=ZoneInfo(zone)).timestamp())
