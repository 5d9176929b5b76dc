"""Every metric as a small table of facts. The week in question begins on Monday, 2 March 2026."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

from connectors.records import CounterpartKind, Grade, Kind, Status
from monitor.analysis.catalogue import catalogue
from monitor.analysis.frames import Frames
from tests.monitor.facts import (
    Row,
    actual_times,
    clinician,
    day,
    event,
    frames,
    hours,
    instant,
    ledger_entry,
    message,
    term,
)
from tests.monitor.week_facts import (
    DAYS,
    UNKNOWN,
    in_week,
    metric_row,
    metric_table,
    metric_value,
    received,
    sent,
    session,
    sessions_around,
    week_frames,
)


def ends(minutes: Sequence[float | None]) -> Iterator[tuple[Row, list[Row]]]:
    """Yield sessions of the week, each with its overrun in minutes, or ``None`` if unknown."""
    for number, late in enumerate(minutes):
        hour = f"{list(DAYS)[number // 8]} {9 + number % 8:02}"
        entry = session(f"{hour}:00", f"{hour[-2:]}:30", uid=f"s{number}")
        ended = None if late is None else f"{in_week(f'{hour}:00')[:13]}:{30 + int(late):02}:{round(late % 1 * 60):02}"
        yield entry, [] if ended is None else [actual_times(None, ended, uid=f"s{number}")]


def with_ends(*minutes: float | None, grace: int = 5) -> Frames:
    entries, times = zip(*ends(minutes), strict=True)
    return week_frames(*entries, times=[time for row in times for time in row], person=clinician(grace=grace))


# Sessions


def test_sessions_held() -> None:
    entries = [
        session("mon 10:00", "10:50"),
        session("mon 11:00", "11:50", status=Status.NO_SHOW),
        session("wed 09:00", "09:50"),
    ]

    assert metric_value("sessions_held", *entries) == 2
    assert metric_value("sessions_held") == 0


def test_a_group_is_one_session_of_several_clients() -> None:
    """Two hours with three clients, with one known end, and a second session that ends with it."""
    group = [session("mon 10:00", "12:00", client, uid=f"g{client}") for client in (1, 2, 3)]
    ended = actual_times(in_week("mon 10:00"), in_week("mon 12:10"), uid="g2")
    derived = week_frames(*group, session("mon 11:30", "12:00", 4), times=[ended])

    assert metric_row("sessions_held", derived)["value"] == 2
    assert metric_row("contact_hours", derived)["value"] == pytest.approx(2 + 10 / 60)
    assert metric_row("stretch_minutes", derived).tolist() == [10, 1, 0.5]
    assert metric_row("overrun_share", derived).tolist() == [100, 1, 0.5]
    assert metric_row("back_to_back_run", derived)["value"] == 2
    assert metric_row("back_to_back_days", derived)["value"] == 0
    assert metric_row("active_clients", derived)["value"] == 4


def test_a_group_that_the_calendar_books_for_longer_than_the_record_system_is_one_session() -> None:
    calendar = session("mon 10:00", "11:30", client=-1)
    visits = [session("mon 10:00", "11:20", client, source=2) for client in (1, 2, 3)]
    derived = week_frames(calendar, *visits)

    assert [metric_row(key, derived)["value"] for key in ("sessions_held", "contact_hours", "active_clients")] == [
        1,
        1.5,
        3,
    ]


def test_a_group_with_a_planned_exception_leaves_the_overrun_share() -> None:
    group = [session("mon 10:00", "11:00", client, uid=f"g{client}") for client in (1, 2)]
    times = [actual_times(in_week("mon 10:00"), in_week("mon 11:10"), uid=f"g{client}") for client in (1, 2)]

    assert metric_value("overrun_share", *group, times=times) == 100
    assert pd.isna(
        metric_value("overrun_share", *group, times=times, ledger=[ledger_entry(2, "exception", "2026-03-02")])
    )


def test_contact_hours_last_from_the_actual_start_to_the_actual_end_else_the_booked_one() -> None:
    entries = [session("mon 10:00", "11:00", uid="a"), session("tue 10:00", "11:00", uid="b")]
    both_ends = actual_times(in_week("mon 10:15"), in_week("mon 11:30"), uid="a")
    end_only = actual_times(None, in_week("tue 11:30"), uid="b")

    assert metric_value("contact_hours", *entries, times=[both_ends, end_only]) == 1.25 + 1.5


def test_contact_hours_count_entries_that_overlap_once() -> None:
    overlapping = [session("mon 10:00", "11:00"), session("mon 10:30", "11:30", 2), session("mon 10:40", "10:50", 3)]

    assert metric_value("contact_hours", *overlapping, session("mon 11:30", "12:00", 4)) == 2


def test_a_corrected_end_before_the_logged_start_leaves_the_start_unknown() -> None:
    """Then the session lasted from its booked start to the corrected end."""
    entries = [session("mon 10:00", "11:00", uid="a")]
    log = actual_times(in_week("mon 10:30"), in_week("mon 11:00"), uid="a")

    value = metric_value("contact_hours", *entries, times=[log], corrected={"a": in_week("mon 10:20")})
    assert value == pytest.approx(20 / 60)


def test_overrun_minutes_are_the_true_mean_and_clipped_where_changes_are_looked_for() -> None:
    derived = with_ends(2, 2, 2, 2, 2, 2, 28, -25)

    assert metric_row("overrun_minutes", derived).tolist() == [(6 * 2 + 28 - 25) / 8, 8, 1.0]
    assert metric_row("overrun_minutes_clipped", derived).tolist() == [(6 * 2 + 20 - 10) / 8, 8, 1.0]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 21, 23, -19], 4),  # a third of nine: the median
        ([1, 2, 3, 4, 5, 6, 7, 23, -19], (28 + 20 - 10) / 9),
        ([25] * 8, 25),
        ([1, 2, 3, 4, 5, 6, 20, 20, 20], (21 + 60) / 9),  # nothing is clipped
    ],
)
def test_a_week_in_which_the_clip_binds_for_a_third_is_judged_on_the_median(ends: list[float], expected: float) -> None:
    assert metric_row("overrun_minutes_clipped", with_ends(*ends))["value"] == pytest.approx(expected)


@pytest.mark.parametrize(("known_ends", "expected"), [(8, 3.0), (7, UNKNOWN)])
def test_overrun_minutes_need_eight_sessions(known_ends: int, expected: float) -> None:
    assert metric_row("overrun_minutes", with_ends(*[3.0] * known_ends))["value"] == pytest.approx(
        expected, nan_ok=True
    )


def test_unknown_ends_are_in_coverage_and_not_in_the_mean() -> None:
    row = metric_row("overrun_minutes", with_ends(*[3.0] * 8, *[None] * 8))

    assert row.tolist() == [3.0, 8, 0.5]


@pytest.mark.parametrize(("grace", "share"), [(5, 25.0), (4, 50.0)])
def test_overrun_share_is_past_the_persons_own_buffer(grace: int, share: float) -> None:
    assert metric_row("overrun_share", with_ends(5, 6, 0, -3, None, grace=grace)).tolist() == [share, 4, 0.8]


def test_a_late_start_that_runs_to_time_is_not_longer_than_booked() -> None:
    entry = session("mon 10:00", "10:50", uid="a")
    derived = week_frames(entry, times=[actual_times(in_week("mon 10:07"), in_week("mon 10:57"), uid="a")])

    assert metric_row("late_start_minutes", derived)["value"] == 7
    assert metric_row("stretch_minutes", derived)["value"] == 0


def test_a_call_that_shows_nobody_came_is_no_session() -> None:
    missed = actual_times(in_week("mon 10:00"), in_week("mon 10:03"), grade=Grade.CALL)

    assert metric_value("sessions_held", session("mon 10:00", "10:50"), times=[missed]) == 0


@pytest.mark.parametrize(
    ("entries", "mail", "minutes"),
    [
        ([session("mon 17:30", "18:20")], [], 20),
        ([session("sat 10:00", "10:50")], [sent("sat 10:30")], 50),  # the union, not the sum
        ([], [sent("mon 19:00")], 5),
        ([], [sent("mon 19:00"), sent("mon 19:03")], 8),
        ([], [sent("mon 13:30")], 0),  # the break
        ([session("sat 10:00", "10:50"), event(in_week("sat 09:00"), in_week("sat 12:00"), kind=Kind.ON_CALL)], [], 0),
        ([session("sat 10:00", "10:50", status=Status.CANCELLED)], [], 0),
    ],
)
def test_outside_hours_minutes(entries: list[Row], mail: list[Row], minutes: float) -> None:
    assert metric_value("outside_hours_minutes", *entries, mail=mail) == minutes


def test_without_messages_half_of_the_work_outside_hours_is_not_seen() -> None:
    derived = frames(entries=[*sessions_around(), session("sat 10:00", "10:50")], messages_span=None)

    assert metric_row("outside_hours_minutes", derived).tolist() == [50.0, 1, 0.5]


# Messages


def test_after_hours_replies_count_episodes_that_answer() -> None:
    mail = [
        received("mon 17:00"), sent("mon 19:00"), sent("mon 19:10"),
        received("tue 09:00"), sent("tue 17:59:59"),
        received("wed 09:00", client=2), sent("wed 18:00", client=2),
        sent("thu 20:00", client=3),
    ]  # fmt: skip
    derived = week_frames(mail=mail)

    assert metric_row("after_hours_replies", derived)["value"] == 2
    assert metric_row("after_hours_reply_share", derived)["value"] == pytest.approx(200 / 3)
    assert metric_row("self_initiated_after_hours", derived)["value"] == 1


def test_one_episode_that_answers_in_two_threads_is_one_reply() -> None:
    mail = [
        received("mon 17:00", thread=1),
        received("mon 17:01", thread=2),
        sent("mon 19:00", thread=1),
        sent("mon 19:05", thread=2),
    ]

    assert metric_value("after_hours_replies", mail=mail) == 1


def test_a_reply_soon_after_an_evening_session_inside_the_hours_is_not_after_hours() -> None:
    late = session("mon 17:10", "18:00", client=2)

    assert metric_value("after_hours_replies", late, mail=[received("mon 17:00"), sent("mon 18:30")]) == 0
    assert metric_value("after_hours_replies", late, mail=[received("mon 17:00"), sent("mon 18:30:01")]) == 1


def test_inbound_after_hours_is_split_by_who_wrote() -> None:
    mail = [
        received("mon 20:00"),
        received("mon 20:01"),
        received("mon 10:00"),
        received("tue 20:00", client=9, kind=CounterpartKind.COLLEAGUE),
        received("wed 20:00", client=8, kind=CounterpartKind.MANAGEMENT),
        message(in_week("thu 20:00"), automatic=True),
    ]
    derived = week_frames(mail=mail)

    assert metric_row("after_hours_inbound", derived)["value"] == 2
    assert metric_row("after_hours_inbound_staff", derived)["value"] == 2


def test_reply_propensity_is_what_was_answered_before_work_began_again() -> None:
    mail = [
        received("mon 20:00"), sent("tue 08:59:59"), received("tue 20:00", client=2), sent("wed 09:00", client=2),
        received("fri 20:00", client=3), sent("sun 12:00", client=3), received("sat 20:00", client=4),
    ]  # fmt: skip

    assert metric_value("reply_propensity", mail=mail) == 50


def test_reply_propensity_waits_until_work_has_begun_again() -> None:
    derived = week_frames(
        mail=[received("sun 20:00"), received("sat 20:00", client=2), sent("sun 10:00", client=2)],
        as_of="2026-03-09 08:00",
    )

    assert metric_row("reply_propensity", derived).tolist() == [100.0, 1, 0.5]


def test_evenings_touched_are_work_days() -> None:
    mail = [sent("mon 20:00"), sent("tue 00:40"), sent("wed 20:00", client=2), sent("thu 12:00")]

    assert metric_value("evenings_touched", session("sat 10:00", "10:50"), mail=mail) == 3


def test_messages_in_a_row_that_begin_inside_the_hours_touch_the_evening_into_which_they_run() -> None:
    assert metric_value("evenings_touched", mail=[sent("mon 17:50"), sent("mon 17:59:59")]) == 0
    assert metric_value("evenings_touched", mail=[sent("mon 17:50"), sent("mon 18:00")]) == 1


def test_a_session_outside_the_hours_touches_its_evening_whatever_precedes_it() -> None:
    """Monday and Tuesday follow a session inside the hours within half an hour; Wednesday straddles their end."""
    entries = [
        session("mon 17:00", "17:50"), session("mon 18:00", "18:50"),
        session("tue 17:00", "17:50"), session("tue 18:15", "19:30"),
        session("wed 17:30", "21:00"),
        session("thu 19:00", "19:50"),
        session("fri 17:10", "18:00"),
    ]  # fmt: skip

    assert metric_value("evenings_touched", *entries) == 4


@pytest.mark.parametrize(("ended", "evenings"), [("18:00", 0), ("18:01", 1), (None, 0)])
def test_a_session_touches_an_evening_by_its_actual_end(ended: str | None, evenings: float) -> None:
    times = [actual_times(None, in_week(f"mon {ended}"), uid="a")] if ended else []

    assert metric_value("evenings_touched", session("mon 17:00", "17:50", uid="a"), times=times) == evenings


@pytest.mark.parametrize(("ended", "evenings"), [("17:59", 0), ("18:01", 1), (None, 1)])
def test_a_session_that_ended_before_it_was_booked_to_leaves_the_evening_alone(
    ended: str | None, evenings: float
) -> None:
    times = [actual_times(None, in_week(f"mon {ended}"), uid="a")] if ended else []

    assert metric_value("evenings_touched", session("mon 17:20", "18:10", uid="a"), times=times) == evenings


def test_work_on_leave_is_after_hours_at_any_hour() -> None:
    leave = event(in_week("wed 00:00"), in_week("thu 00:00"), kind=Kind.LEAVE, all_day=True)
    mail = [received("wed 09:00"), sent("wed 10:00"), received("thu 09:00", 2), sent("thu 10:00", 2)]

    assert metric_value("after_hours_replies", leave, mail=mail) == 1
    assert metric_value("outside_hours_minutes", leave, mail=mail) == 5


def test_a_session_partly_on_call_is_partly_after_hours() -> None:
    duty = event(in_week("mon 18:00"), in_week("mon 20:00"), kind=Kind.ON_CALL)

    assert metric_value("evenings_touched", duty, session("mon 17:30", "20:00")) == 0
    assert metric_value("evenings_touched", duty, session("mon 17:30", "20:01")) == 1


@pytest.mark.parametrize(
    ("clock", "count"), [("mon 21:59:59", 0), ("mon 22:00", 1), ("tue 05:59:59", 1), ("tue 06:00", 0), ("mon 03:59", 0)]
)
def test_messages_at_night(clock: str, count: int) -> None:
    assert metric_value("night_messages", mail=[sent(clock)]) == count


def test_a_night_shift_has_no_messages_at_night() -> None:
    nights = clinician(hours({"mon": ["22:00-06:00"]}))

    assert metric_value("night_messages", mail=[sent("tue 05:00")], person=nights) == 0


def test_time_to_a_reply_on_both_clocks() -> None:
    mail = [row for n in range(1, 6) for row in (received(f"mon 17:{n}0", client=n), sent(f"tue 09:{n}0", client=n))]
    derived = week_frames(mail=mail)

    assert metric_row("reply_minutes_clock", derived).tolist() == [16 * 60, 5, 1.0]
    assert metric_row("reply_minutes_working", derived).tolist() == [60, 5, 1.0]


def test_time_to_a_reply_needs_five_and_keeps_those_that_still_wait() -> None:
    answered = [
        row for n in range(1, 5) for row in (received(f"mon 10:{n}0", client=n), sent(f"mon 11:{n}0", client=n))
    ]

    assert pd.isna(metric_value("reply_minutes_clock", mail=answered))
    assert (
        metric_value("reply_minutes_clock", mail=[*answered, *(received("mon 12:00", client=n) for n in (5, 6, 7))])
        == 60
    )
    assert pd.isna(
        metric_value("reply_minutes_clock", mail=[*answered, *(received("mon 12:00", client=n) for n in range(5, 11))])
    )


# Recovery


def test_days_since_a_full_day_off() -> None:
    assert metric_value("days_since_full_day_off") == 0
    assert metric_value("days_since_full_day_off", mail=[sent("sun 12:00")]) == 1
    assert metric_value("days_since_full_day_off", mail=[sent(f"{name} 12:00") for name in DAYS]) == 7


def test_another_jobs_day_is_no_day_off() -> None:
    assert (
        metric_value("days_since_full_day_off", event(in_week("sun 10:00"), in_week("sun 12:00"), kind=Kind.BUSY)) == 1
    )


def test_before_anything_was_seen_there_is_no_day_off() -> None:
    begin = [event(f"2026-03-{n:02} 10:00", f"2026-03-{n:02} 10:50") for n in range(2, 12)]
    derived = frames(entries=[*begin, *sessions_around()[1:]])

    assert pd.isna(metric_row("days_since_full_day_off", derived)["value"])
    assert metric_row("days_since_full_day_off", derived, "2026-03-09")["value"] == 0


@pytest.mark.parametrize(
    ("entries", "share"),
    [
        ([("10:00", "12:00"), ("12:30", "17:00")], 100.0),
        ([("10:00", "12:00"), ("12:29", "17:00")], 0.0),
        ([("10:30", "17:00")], 100.0),
        ([("09:00", "09:30"), ("10:20", "17:30")], 0.0),
        ([("08:00", "19:00")], 0.0),
    ],
)
def test_a_break_is_half_an_hour_in_the_days_middle(entries: list[tuple[str, str]], share: float) -> None:
    assert metric_value("break_kept_share", *(session(f"mon {start}", end) for start, end in entries)) == share


@pytest.mark.parametrize(
    ("worked", "away"),
    [
        ([("10:00", "16:30")], ("16:30", "18:00")),
        ([("10:00", "15:30")], ("16:20", "18:00")),  # the last hour before the leave is no middle
        ([("10:30", "18:00")], ("09:00", "10:30")),
        ([("09:00", "12:00"), ("12:40", "18:00")], ("12:00", "12:40")),
    ],
)
def test_leave_is_no_break(worked: list[tuple[str, str]], away: tuple[str, str]) -> None:
    sessions = [session(f"mon {start}", end) for start, end in worked]
    leave = event(in_week(f"mon {away[0]}"), in_week(f"mon {away[1]}"), kind=Kind.LEAVE)

    assert metric_value("break_kept_share", *sessions, leave) == 0


def test_breaks_of_several_days_night_shifts_among_them() -> None:
    assert metric_value("break_kept_share", session("mon 10:00", "17:00"), session("tue 10:00", "11:00")) == 50
    nights = clinician(hours({"mon": ["22:00-06:00"]}))
    shift = event(in_week("mon 22:30"), in_week("tue 05:30"), client=1)
    assert metric_value("break_kept_share", shift, person=nights) == 0


def test_a_day_of_six_hours_or_of_leave_owes_no_break() -> None:
    short = clinician(hours({"mon": ["09:00-15:00"]}))
    leave = event(in_week("mon 14:00"), in_week("mon 18:00"), kind=Kind.LEAVE)

    assert pd.isna(metric_value("break_kept_share", session("mon 09:00", "15:00"), person=short))
    assert pd.isna(metric_value("break_kept_share", session("mon 09:00", "13:00"), leave))


def supervision(start: str, end: str, **fields: object) -> Row:
    return event(start, end, kind=Kind.SUPERVISION, **fields)  # type: ignore[arg-type]


def long_known() -> Row:
    return event("2026-01-05 10:00", "2026-01-05 10:50")


def test_supervision_of_the_month_that_ends_with_the_week() -> None:
    entries = [
        long_known(),
        supervision("2026-02-06 10:00", "2026-02-06 11:00"),  # too long ago
        supervision("2026-02-10 10:00", "2026-02-10 11:30"),
        supervision("2026-03-05 10:00", "2026-03-05 11:00"),
        supervision("2026-03-06 10:00", "2026-03-06 11:00", status=Status.CANCELLED),
        supervision("2026-03-10 10:00", "2026-03-10 11:00"),  # after the week
    ]

    assert metric_value("supervision_hours", *entries) == 2.5
    assert metric_value("supervision_held", *entries) == 1
    assert metric_value("supervision_held", long_known()) == 0


def test_supervision_is_unknown_before_a_month_was_read() -> None:
    assert pd.isna(metric_value("supervision_held"))
    assert metric_value("supervision_held", supervision(in_week("mon 10:00"), in_week("mon 11:00"))) == 1
    assert pd.isna(metric_value("supervision_hours", supervision(in_week("mon 10:00"), in_week("mon 11:00"))))


def test_leave_days_are_agreed_days() -> None:
    leave = event("2026-03-05 14:00", "2026-03-09 00:00", kind=Kind.LEAVE)

    assert metric_value("leave_days", leave) == 1.5
    assert metric_value("leave_days") == 0


@pytest.mark.parametrize(
    ("entries", "mail", "days"),
    [
        ([session("sat 10:00", "10:50")], [], 1),
        ([], [sent("sat 10:00"), sent("sat 12:00"), sent("sun 12:00")], 1),
        ([session("sat 10:00", "10:50"), event(in_week("sat 09:00"), in_week("sat 12:00"), kind=Kind.ON_CALL)], [], 0),
        ([session("mon 20:00", "20:50")], [], 0),
    ],
)
def test_off_day_work(entries: list[Row], mail: list[Row], days: float) -> None:
    assert metric_value("off_day_work", *entries, mail=mail) == days


def test_a_public_holiday_is_an_own_day_off() -> None:
    assert metric_value("off_day_work", session("wed 10:00", "10:50"), holidays=["2026-03-04"]) == 1


def test_the_end_of_a_night_shift_is_no_work_on_a_day_off() -> None:
    nights = clinician(hours({"fri": ["22:00-06:00"]}))
    late = session("sat 05:00", "05:50")

    assert metric_value("off_day_work", late, person=nights) == 0
    assert metric_value("evenings_touched", late, person=nights) == 0


# Caseload


def client_weeks(client: int, first: str, weeks: int, every: int = 7) -> list[Row]:
    """Return sessions of a client at one time of day."""
    dates = pd.date_range(first, periods=weeks, freq=f"{every}D")
    return [
        event(f"{date:%Y-%m-%d} {9 + client:02}:00", f"{date:%Y-%m-%d} {9 + client:02}:50", client=client)
        for date in dates
    ]


def test_active_clients_were_seen_in_thirty_days_or_are_booked_in_the_next() -> None:
    entries = [
        *client_weeks(1, "2026-02-07", 1),  # the 30 days before Monday the ninth, four in the morning
        *client_weeks(2, "2026-02-06", 1),
        event("2026-03-20 10:00", "2026-03-20 10:50", client=3, known_at="2026-03-05 10:00"),
        event("2026-03-20 11:00", "2026-03-20 11:50", client=4, known_at="2026-03-09 10:00"),
        event("2026-04-10 11:00", "2026-04-10 11:50", client=5, known_at="2026-03-05 10:00"),
        event("2026-03-20 12:00", "2026-03-20 12:50", client=6, known_at="2026-03-05 10:00", status=Status.CANCELLED),
    ]

    assert metric_value("active_clients", *entries) == 2
    assert metric_value("active_clients", *entries, as_of="2026-03-10 12:00") == 2
    assert metric_value("active_clients", *entries, monday="2026-03-09", as_of="2026-03-18 12:00") == 3


def test_intakes_are_known_after_ninety_days() -> None:
    earlier_sessions = client_weeks(9, "2025-10-06", 24)
    entries = [
        *earlier_sessions,
        *client_weeks(1, "2025-10-06", 1),
        *client_weeks(1, "2026-03-02", 2),
        *client_weeks(2, "2026-03-03", 1),
    ]
    derived = frames(entries=entries, as_of="2026-07-01 12:00")

    assert metric_row("intakes", derived)["value"] == 2
    assert metric_row("intakes", derived, "2026-01-05")["value"] == 0
    assert pd.isna(metric_row("intakes", derived, "2025-12-29")["value"])
    assert metric_row("closures", derived, "2026-01-05")["value"] == 0
    assert pd.isna(metric_row("closures", derived, "2025-12-29")["value"])


def test_a_closure_is_dated_to_the_ninetieth_day() -> None:
    entries = [*client_weeks(9, "2025-10-06", 30), *client_weeks(1, "2025-12-03", 1)]
    closures = metric_table("closures", frames(entries=entries, as_of="2026-05-01 12:00"))["value"]

    assert closures[closures > 0].to_dict() == {day("2026-03-02"): 1.0}


def test_who_joined_since_knows_intakes_from_the_first_week() -> None:
    derived = frames(clinician(starts="2026-03-02"), entries=client_weeks(1, "2026-03-02", 3))

    assert metric_table("intakes", derived)["value"].tolist() == [1, 0, 0, 0]
    assert metric_table("closures", derived)["value"].tolist() == [0, 0, 0, 0]


def test_available_fte_ramps_and_leaves_out_leave() -> None:
    person = clinician(fte=0.8, starts="2026-02-23")
    leave = event("2026-03-02 00:00", "2026-03-09 00:00", kind=Kind.LEAVE, all_day=True)
    half = event("2026-03-16 00:00", "2026-03-18 14:00", kind=Kind.LEAVE)
    derived = week_frames(leave, half, person=person)

    assert metric_table("available_fte", derived)["value"].tolist() == pytest.approx(
        [0.8 / 12, 0, 0.8 * 3 / 12, 0.8 * 4 / 12 * 0.5, 0.8 * 5 / 12]
    )


def test_available_fte_leaves_out_public_holidays() -> None:
    derived = week_frames(person=clinician(fte=0.8), holidays=["2026-03-04", "2026-03-07"])

    assert metric_row("available_fte", derived)["value"] == pytest.approx(0.8 * 4 / 5)
    assert metric_row("available_fte", derived, "2026-03-09")["value"] == pytest.approx(0.8)


def test_weighted_load_is_sessions_a_week_for_each_fte() -> None:
    entries = [
        *client_weeks(1, "2025-12-01", 14),
        *client_weeks(2, "2025-12-02", 7, every=14),
        *client_weeks(3, "2026-02-25", 2),
    ]
    derived = frames(clinician(fte=0.5), entries=entries, as_of="2026-03-09 12:00")

    assert metric_row("weighted_load", derived).tolist() == pytest.approx([(1 + 0.5 + 1) / 0.5, 3, 1.0])


def test_a_client_who_comes_back_is_new_in_the_load() -> None:
    entries = [*client_weeks(1, "2025-09-01", 3), *client_weeks(1, "2026-02-23", 2), *client_weeks(2, "2025-09-02", 27)]

    assert metric_row("weighted_load", frames(entries=entries))["value"] == 2


def test_a_joiners_load_is_measured_by_the_fte_of_the_week() -> None:
    """Half a caseload in the sixth of twelve weeks is an ordinary load."""
    entries = [row for client in range(11) for row in client_weeks(client, "2026-01-26", 6)]
    derived = frames(clinician(starts="2026-01-26"), entries=entries, as_of="2026-03-09 12:00")

    assert metric_row("weighted_load", derived)["value"] == pytest.approx(22)


@pytest.mark.parametrize("agreed", [(), ("1",)])
def test_leave_changes_no_load(agreed: Sequence[str]) -> None:
    """Five clients come every week before and after four weeks of leave, agreed on or not."""
    earlier_sessions = [row for client in range(5) for row in client_weeks(client, "2025-12-01", 9)]  # until 26 January
    back = [row for client in range(5) for row in client_weeks(client, "2026-03-02", 4)]
    leave = event("2026-02-02 00:00", "2026-03-02 00:00", kind=Kind.LEAVE, all_day=True)
    terms = [term(client, "frequency", text) for client in range(5) for text in agreed]
    load = metric_table("weighted_load", frames(entries=[*earlier_sessions, *back, leave], terms=terms))["value"]

    assert load.loc[day("2026-01-26") :].tolist() == pytest.approx([5.0] * 9)


def test_a_client_who_begins_after_a_leave_counts_by_the_weeks_since() -> None:
    leave = event("2026-01-19 00:00", "2026-02-23 00:00", kind=Kind.LEAVE, all_day=True)
    derived = frames(entries=[*client_weeks(9, "2025-11-03", 6), *client_weeks(1, "2026-02-23", 2), leave])

    assert metric_row("weighted_load", derived)["value"] == 1


def test_clients_with_nothing_booked_are_those_without_a_session_in_the_next_thirty_days() -> None:
    def booked(day: str, client: int, known_at: str = "2026-02-01 10:00") -> Row:
        return event(f"{day} 10:00", f"{day} 10:50", client=client, known_at=known_at)

    entries = [
        *(booked(f"2026-03-0{day}", day) for day in (2, 3, 4)),
        booked("2026-03-10", 2),
        booked("2026-04-20", 3),
        booked("2026-03-12", 4, "2026-03-09 10:00"),
    ]
    assert metric_row("nothing_booked", frames(entries=entries)).tolist() == [2, 3, 1]
    before = [*client_weeks(1, "2026-01-05", 9), *entries]
    unread = [{**row, "known_at": instant("2026-03-04 10:00")} for row in before]
    assert pd.isna(metric_row("nothing_booked", frames(entries=unread))["value"])


# Leave


@pytest.mark.parametrize("key", ["sessions_held", "after_hours_replies", "outside_hours_minutes", "evenings_touched"])
def test_a_week_of_leave_is_missing_and_not_zero(key: str) -> None:
    leave = event("2026-03-02 00:00", "2026-03-09 00:00", kind=Kind.LEAVE, all_day=True)

    assert pd.isna(metric_value(key, leave))
    assert metric_value(key) == 0


def test_what_was_done_in_a_week_of_leave_is_still_counted() -> None:
    leave = event("2026-03-02 00:00", "2026-03-09 00:00", kind=Kind.LEAVE, all_day=True)

    assert metric_value("outside_hours_minutes", leave, mail=[sent("mon 20:00")]) == 5
    assert metric_value("after_hours_replies", leave, mail=[received("mon 12:00"), sent("mon 20:00")]) == 1


def test_every_metric_is_tested_here() -> None:
    fields = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_metrics*.py"))

    assert [key for key in catalogue() if f'"{key}"' not in fields] == []
