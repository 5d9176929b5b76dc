"""Days, nights, leave and supervision as small tables of facts. The week in question begins on Monday, 2 March 2026."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from connectors.records import Kind, Status
from monitor.analysis.catalogue import catalogue, compute_metrics
from monitor.analysis.metrics.leave import leaves, leaves_with_weekends
from monitor.notices import crossed_rules
from monitor.roster import Practice
from tests.monitor.facts import BERLIN, Row, actual_times, clinician, day, event, frames, hours, term
from tests.monitor.week_facts import (
    DAYS,
    in_week,
    message_to_colleague,
    metric_row,
    metric_table,
    metric_value,
    newsletters_around,
    received,
    sent,
    session,
    sessions_around,
    week_frames,
)


def timed(start: str, booked: str, actual: str, name: str = "a", began: str | None = None) -> tuple[Row, Row]:
    """Return a session and the evidence of its actual end."""
    entry = session(start, booked, uid=name)
    day = in_week(start)[:10]
    return entry, actual_times(f"{day} {began}" if began else in_week(start), f"{day} {actual}", uid=name)


def in_a_row(*starts: str, minutes: int = 50) -> list[Row]:
    """Return sessions that begin at these times."""
    entries = []
    for start in starts:
        end = pd.Timestamp(in_week(start)) + pd.Timedelta(minutes=minutes)
        entries.append(session(start, f"{end:%H:%M}"))
    return entries


# Sessions


@pytest.mark.parametrize(
    ("region", "booked", "actual", "count"),
    [
        ("US", "10:50", "10:53", 1),
        ("US", "10:50", "10:52:59", 0),
        ("US", "10:53", "10:55", 0),
        ("GB", "10:50", "10:55", None),
    ],
)
def test_billing_boundary_is_at_53_minutes(region: str, booked: str, actual: str, count: float | None) -> None:
    entry, time = timed("mon 10:00", booked, actual)
    practice = Practice("Harbour Street", ZoneInfo(BERLIN), region=region)
    row = metric_row("billing_boundary", week_frames(entry, times=[time], practice=practice))

    assert row["value"] == count if count is not None else pd.isna(row["value"])


def test_billing_boundary_covers_the_sessions_whose_ends_are_known() -> None:
    entry, time = timed("mon 10:00", "10:50", "10:55")
    practice = Practice("Harbour Street", ZoneInfo(BERLIN), region="US")

    row = metric_row(
        "billing_boundary", week_frames(entry, session("tue 10:00", "10:50"), times=[time], practice=practice)
    )
    assert row.tolist() == [1.0, 1, 0.5]
    assert catalogue()["billing_boundary"].min_coverage == 0.6


def test_where_no_end_of_a_short_session_is_known_the_billing_boundary_is_unknown() -> None:
    practice = Practice("Harbour Street", ZoneInfo(BERLIN), region="US")
    short, long_ = session("tue 10:00", "10:50"), session("wed 10:00", "11:00")

    assert pd.isna(metric_row("billing_boundary", week_frames(short, long_, practice=practice))["value"])
    assert metric_row("billing_boundary", week_frames(long_, practice=practice)).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("entries", "actual", "minutes"),
    [
        (["mon 11:00"], "10:55", 5),  # of the gap
        (["mon 11:00"], "11:04", 14),  # the gap and four minutes of the next
        (["mon 13:00"], "11:00", 0),  # more than two hours: nobody's
        ([], "10:55", 0),  # nothing follows
        (["mon 11:00"], "10:45", 0),
    ],
)
def test_cascade_minutes_are_what_an_overrun_took(entries: list[str], actual: str, minutes: float) -> None:
    entry, time = timed("mon 10:00", "10:50", actual)

    assert metric_value("cascade_minutes", entry, *in_a_row(*entries), times=[time]) == minutes


def test_an_overrun_into_lunch_took_from_lunch() -> None:
    entry, time = timed("mon 12:10", "13:00", "13:07")

    assert metric_value("cascade_minutes", entry, times=[time]) == 7


@pytest.mark.parametrize(
    ("ended", "began", "share"), [("10:45", None, 50), ("10:45:01", None, 0), ("10:45", "10:05", 50)]
)
def test_shortened_share_is_of_sessions_that_began_on_time(ended: str, began: str | None, share: float) -> None:
    first, two = (
        timed("mon 10:00", "10:50", ended, began=began),
        timed("tue 10:00", "10:50", "10:50", "b", began="10:01"),
    )
    late = timed("wed 10:00", "10:50", "10:40", "c", began="10:06")

    row = metric_row("shortened_share", week_frames(first[0], two[0], late[0], times=[first[1], two[1], late[1]]))
    assert row[["value", "n"]].tolist() == [share, 2]


@pytest.mark.parametrize(
    ("starts", "longest"),
    [
        (["mon 09:00", "mon 09:50", "mon 10:49", "mon 12:00"], 3),
        (["mon 09:00", "mon 10:00", "mon 11:00"], 1),  # gaps of ten minutes
        (["mon 09:00", "tue 09:00"], 1),
    ],
)
def test_back_to_back_run_is_the_longest_chain_of_a_day(starts: list[str], longest: int) -> None:
    assert metric_value("back_to_back_run", *in_a_row(*starts)) == longest


def test_back_to_back_days_have_four_in_a_row_or_three_hours_without_a_break() -> None:
    four = in_a_row("mon 09:00", "mon 09:50", "mon 10:40", "mon 11:30")
    hours_long = in_a_row("tue 09:00", "tue 10:40", "tue 12:20", minutes=90)
    with_breaks = in_a_row("wed 09:00", "wed 10:45", "wed 12:30", minutes=90)

    assert metric_value("back_to_back_days", *four, *hours_long, *with_breaks) == 2


def test_a_days_length_is_from_first_to_last_work_of_any_kind() -> None:
    entries = [
        *in_a_row("mon 09:00", "mon 11:10"),
        *in_a_row("tue 10:00"),
        event(in_week("tue 06:00"), in_week("tue 07:00"), kind=Kind.BUSY),
    ]
    derived = week_frames(*entries, mail=[sent("mon 21:00"), sent("wed 10:00", client=2)])

    assert metric_row("day_span_hours", derived)["value"] == pytest.approx(4 + 50 / 60)
    assert metric_row("day_span_p90_hours", derived)["value"] == pytest.approx((4 + 50 / 60) + 0.8 * (12 - 4 - 50 / 60))
    assert metric_row("day_span_hours", derived)["n"] == 3


def nine_to_six() -> list[Row]:
    """Return sessions on Monday and Tuesday from 09:00 to 17:50."""
    return in_a_row("mon 09:00", "mon 17:00", "tue 09:00", "tue 17:00")


def test_a_message_on_a_day_of_leave_makes_no_short_day() -> None:
    derived = week_frames(
        *nine_to_six(), leave("wed 00:00", "sat 00:00"), mail=[sent(f"{on_day} 10:00") for on_day in ("wed", "thu")]
    )

    for key in ("day_span_hours", "day_span_p90_hours"):
        assert metric_row(key, derived)[["value", "n"]].tolist() == [pytest.approx(8 + 50 / 60), 2]


def test_an_all_day_entry_of_another_job_takes_a_day_off_without_hours() -> None:
    elsewhere = event(in_week("sun 00:00"), "2026-03-09 00:00", kind=Kind.BUSY, all_day=True)
    derived = week_frames(*nine_to_six(), elsewhere, event("2026-03-09 09:00", "2026-03-09 09:50"))

    assert metric_row("day_span_p90_hours", derived)["value"] == pytest.approx(8 + 50 / 60)
    assert metric_row("days_since_full_day_off", derived)["value"] == 1  # Saturday
    assert metric_row("short_rests", derived, "2026-03-09")["value"] == 0


def test_what_lasts_into_the_next_day_ends_its_own_with_it() -> None:
    shift = event(in_week("wed 10:00"), in_week("fri 10:00"), kind=Kind.BUSY)

    assert metric_value("day_span_p90_hours", shift) == 18  # until four in the morning


# Nights


@pytest.mark.parametrize(
    ("entries", "mail", "short", "lone"),
    [
        ([("mon 21:10", "22:00"), ("tue 08:59", "09:50")], [], 1, 0),
        ([("mon 21:10", "22:00"), ("tue 09:00", "09:50")], [], 0, 0),
        ([("tue 09:00", "09:50")], ["mon 22:30"], 0, 1),
        ([("tue 09:00", "09:50")], ["mon 22:30", "mon 23:10"], 1, 0),
        ([("mon 21:10", "22:00")], ["tue 07:00"], 0, 1),
        ([("mon 21:10", "22:00")], ["tue 07:00", "tue 08:00"], 1, 0),
        ([("tue 09:00", "09:50")], ["tue 00:40"], 0, 1),  # belongs to Monday's evening
        ([("mon 16:00", "16:50"), ("tue 09:00", "09:50")], [], 0, 0),
    ],
)
def test_short_nights_and_those_that_one_message_cut(
    entries: list[tuple[str, str]], mail: list[str], short: int, lone: int
) -> None:
    derived = week_frames(
        *(session(*times) for times in entries), mail=[sent(time, client=n) for n, time in enumerate(mail)]
    )

    assert metric_row("short_rests", derived)["value"] == short
    assert metric_row("message_rests", derived)["value"] == lone


def test_a_night_belongs_to_the_day_on_which_it_ends() -> None:
    entries = [event("2026-03-08 21:10", "2026-03-08 22:00"), event("2026-03-09 07:00", "2026-03-09 07:50")]

    assert metric_value("short_rests", *entries) == 0
    assert metric_value("short_rests", *entries, monday="2026-03-09") == 1


def test_another_job_cuts_a_night_too() -> None:
    late = event(in_week("mon 20:00"), in_week("mon 23:00"), kind=Kind.BUSY)

    assert metric_value("short_rests", late, session("tue 09:00", "09:50")) == 1


def test_the_longest_free_stretch_is_whole_in_every_week_that_it_touches() -> None:
    """Three weeks from 23 February to 15 March; the first and the last have a session on Monday at ten."""
    entries = [session("fri 17:00", "17:50"), event("2026-03-09 09:00", "2026-03-09 09:50")]
    result = metric_table("longest_free_stretch", week_frames(*entries))["value"]
    until_friday = 11 * 24 + 6 + 10 / 60

    assert result.loc[day("2026-02-23") : day("2026-03-02")].tolist() == pytest.approx([until_friday, until_friday])
    assert result[day("2026-03-09")] == pytest.approx(7 * 24 + 10 / 60)
    assert metric_value("longest_free_stretch", *entries, session("wed 10:00", "10:50"), session("sun 09:00", "09:50"),
                 monday="2026-03-09") == pytest.approx(7 * 24 + 10 / 60)  # fmt: skip


def test_a_weekend_off_counts_for_both_weeks_that_it_borders() -> None:
    """It lasts from Friday at six to Monday at seven; one that ends when the new week begins does not touch that."""
    days = [
        event(f"2026-03-{on_day:02} 07:00", f"2026-03-{on_day:02} 18:00") for on_day in (*range(2, 7), *range(9, 16))
    ]
    early = event("2026-03-09 04:00", "2026-03-09 07:00")

    def both(*entries: Row) -> list[float]:
        result = metric_table("longest_free_stretch", week_frames(*entries))["value"]
        return result.loc[day("2026-03-02") : day("2026-03-09")].tolist()

    before = 6 * 24 + 20 + 10 / 60  # from the Monday of the week before
    assert both(*days) == pytest.approx([before, 61])
    assert both(*days, early) == pytest.approx([before, 16])  # the last night


def test_a_stretch_that_still_lasts_counts_to_the_end_of_the_last_week_that_was_read() -> None:
    entries = [event(f"2026-03-{on_day:02} 08:00", f"2026-03-{on_day:02} 18:00") for on_day in range(2, 7)]

    assert metric_row("longest_free_stretch", frames(entries=entries, as_of="2026-03-09 04:00"))["value"] == 58
    assert metric_row("longest_free_stretch", frames(entries=entries, as_of="2026-03-11 12:00"))["value"] == 58


def test_a_free_stretch_in_unobserved_weeks_is_unknown() -> None:
    entries = [event("2026-02-02 10:00", "2026-02-02 10:50"), session("mon 10:00", "10:50")]
    mail = [sent("2025-12-01 10:00"), sent("2026-02-02 09:00")]
    derived = frames(entries=entries, mail=mail)

    assert pd.isna(metric_row("longest_free_stretch", derived, "2025-12-29")["value"])
    assert metric_row("longest_free_stretch", derived)["value"] == pytest.approx(28 * 24 - 50 / 60)


def test_protected_time_is_kept_by_the_minute() -> None:
    protected = [
        event(in_week(f"{name} 12:00"), in_week(f"{name} 13:00"), kind=Kind.PROTECTED) for name in ("mon", "tue")
    ]

    assert metric_value("protected_kept_share", *protected, session("mon 12:30", "13:20")) == 75
    assert pd.isna(metric_value("protected_kept_share", session("mon 12:30", "13:20")))


def test_training_and_consultation_are_protected_time_too() -> None:
    booked = [
        event(in_week("mon 12:00"), in_week("mon 13:00"), kind=kind) for kind in (Kind.TRAINING, Kind.CONSULTATION)
    ]

    assert metric_value("protected_kept_share", booked[0], session("mon 12:30", "13:20")) == 50
    assert metric_value("protected_kept_share", booked[1]) == 100
    assert pd.isna(
        metric_value("protected_kept_share", event(in_week("mon 12:00"), in_week("mon 13:00"), kind=Kind.OTHER))
    )


def test_a_day_that_is_protected_is_its_agreed_hours() -> None:
    """Eight of them; a session takes two, and one in the evening none."""
    all_day = event(in_week("mon 00:00"), in_week("tue 00:00"), kind=Kind.PROTECTED, all_day=True)

    assert (
        metric_value("protected_kept_share", all_day, session("mon 09:00", "11:00"), session("mon 20:00", "21:00"))
        == 75
    )


# Leave


def leave(start: str, end: str, **fields: object) -> Row:
    return event(in_week(start), in_week(end), kind=Kind.LEAVE, all_day=True, **fields)  # type: ignore[arg-type]


def test_leave_gone_by_and_ahead() -> None:
    taken = leave("2026-02-23 00:00", "2026-02-26 00:00")
    booked = leave("2026-03-20 00:00", "2026-03-22 00:00", known_at="2026-03-05 10:00")
    derived = week_frames(taken, booked)

    assert metric_row("days_since_leave", derived)["value"] == 11  # from Wednesday, 25 February, to Sunday, 8 March
    assert metric_row("next_leave_in", derived)["value"] == 12
    assert pd.isna(metric_row("next_leave_in", derived, "2026-02-23")["value"])  # nobody had booked it yet


def test_without_any_leave_nothing_is_known_of_it() -> None:
    assert pd.isna(metric_value("days_since_leave"))
    assert pd.isna(metric_value("next_leave_in"))
    assert pd.isna(metric_value("leave_interrupted"))


@pytest.mark.parametrize(
    ("mail", "terms", "days"),
    [
        (["mon 10:00", "fri 10:00"], [], 0),  # the first and the last day
        (["sat 10:00", "sun 10:00"], [], 0),  # the weekend that adjoins is a part of its edge
        (["wed 10:00", "wed 20:00", "thu 10:00"], [], 2),
        (["wed 10:00"], [term(1, "emergency", "yes")], 0),
    ],
)
def test_leave_is_interrupted_on_days_with_work(mail: list[str], terms: list[Row], days: int) -> None:
    time_off = leave("mon 00:00", "sat 00:00")

    assert metric_row(
        "leave_interrupted", week_frames(time_off, mail=[sent(time) for time in mail], terms=terms)
    ).tolist() == [
        days,
        7,
        1,
    ]


def daytime_leave(start: str, end: str) -> Row:
    """Return leave of some hours."""
    return event(in_week(start), in_week(end), kind=Kind.LEAVE)


@pytest.mark.parametrize(
    ("worked", "days"),
    [
        (["tue 10:00", "wed 10:00"], 0),  # agreed mornings
        (["tue 15:00", "wed 10:00"], 1),
        (["tue 20:00"], 0),  # after hours, and no leave
        (["thu 20:00"], 1),  # of a day that is all leave
        (["fri 10:00"], 0),
    ],
)
def test_the_agreed_half_of_a_day_of_leave_is_no_leave(worked: list[str], days: float) -> None:
    entries = [daytime_leave(f"{name} 13:00", f"{name} 18:00") for name in ("mon", "tue", "wed")]
    entries += [daytime_leave("thu 09:00", "thu 18:00"), daytime_leave("fri 13:00", "fri 18:00")]

    assert metric_value("leave_interrupted", *entries, mail=[sent(time) for time in worked]) == days


def test_work_at_the_edges_of_a_leave_is_counted_separately() -> None:
    """Monday to Friday with both weekends: work on the Sunday before, on Monday, on Wednesday, and on the Saturday."""
    mail = [sent(time, client=n) for n, time in enumerate(("2026-03-01 20:00", "mon 10:00", "wed 10:00", "sat 10:00"))]
    derived = week_frames(leave("mon 00:00", "sat 00:00"), mail=mail)

    assert [metric_row("leave_edge_days", derived, monday).tolist() for monday in ("2026-02-23", "2026-03-02")] == [
        [1, 2, 1], [2, 7, 1],
    ]  # fmt: skip
    assert metric_row("leave_interrupted", derived).tolist() == [1, 7, 1]
    assert pd.isna(metric_row("leave_edge_days", derived, "2026-03-09")["value"])


def test_a_public_holiday_that_adjoins_a_leave_belongs_to_it_and_a_working_day_ends_it() -> None:
    derived = week_frames(leave("tue 00:00", "thu 00:00"), holidays=["2026-03-02"])

    assert leaves_with_weekends(derived).tolist() == [[day("2026-02-28"), day("2026-03-04")]]
    assert leaves(derived).tolist() == [[day("2026-03-03"), day("2026-03-04")]]


def test_leave_is_interrupted_by_the_minute() -> None:
    """A session of 50 minutes and a message, five minutes; what is agreed, on call or at the edges is none."""
    entries = [
        leave("mon 00:00", "wed 00:00"),
        daytime_leave("wed 13:00", "wed 18:00"),
        leave("thu 00:00", "sat 00:00"),
    ]
    duty = event(in_week("thu 20:00"), in_week("thu 22:00"), kind=Kind.ON_CALL)
    held = [session("tue 10:00", "10:50"), session("wed 12:30", "13:20"), session("mon 10:00", "10:50")]
    mail = [sent("tue 20:00"), sent("thu 20:30", client=2), sent("thu 22:02", client=3), sent("fri 10:00", client=4)]
    derived = week_frames(*entries, duty, *held, mail=mail)

    assert metric_row("leave_interrupted", derived)["value"] == 2
    assert metric_row("leave_interrupted_minutes", derived)["value"] == pytest.approx(50 + 5 + 2)
    assert pd.isna(metric_row("leave_interrupted_minutes", derived, "2026-03-16")["value"])


def test_two_weeks_booked_one_by_one_are_one_leave_with_one_first_day() -> None:
    weeks = [leave("mon 00:00", "sat 00:00"), leave("2026-03-09 00:00", "2026-03-14 00:00")]
    mail = [sent(f"2026-03-{on_day:02} 10:00", client=on_day) for on_day in (2, 9)]
    derived = week_frames(*weeks, mail=mail)

    assert leaves(derived).tolist() == [[day("2026-03-02"), day("2026-03-13")]]
    assert metric_row("leave_interrupted", derived)["value"] == 0
    assert metric_row("leave_interrupted", derived, "2026-03-09")["value"] == 1


def test_a_working_day_parts_two_leaves() -> None:
    derived = week_frames(leave("mon 00:00", "fri 00:00"), leave("2026-03-09 00:00", "2026-03-14 00:00"))

    assert leaves(derived).tolist() == [[day("2026-03-02"), day("2026-03-05")], [day("2026-03-09"), day("2026-03-13")]]
    assert leaves(week_frames()).tolist() == []


def a_week_of_everything() -> list[Row]:
    return [
        *in_a_row("mon 10:00", "sat 10:00", "sun 20:00"),
        leave("thu 00:00", "sat 00:00"),
        event(in_week("sun 19:00"), in_week("sun 22:00"), kind=Kind.ON_CALL),
        event(in_week("tue 12:00"), in_week("tue 13:00"), kind=Kind.PROTECTED),
    ]


OF_BOTH = {
    "day_span_hours", "day_span_p90_hours", "evenings_touched", "emergency_contacts", "on_call_minutes", "short_rests",
    "message_rests", "longest_free_stretch", "days_since_full_day_off", "break_kept_share", "protected_kept_share",
    "off_day_work", "leave_interrupted", "outside_hours_minutes",
}  # fmt: skip


@pytest.mark.parametrize("key", sorted(OF_BOTH))
def test_without_messages_a_metric_of_sessions_and_messages_is_half_covered(key: str) -> None:
    entries = [*sessions_around(), *a_week_of_everything()]

    assert (
        metric_row(key, frames(entries=entries, mail=[*newsletters_around(), message_to_colleague()]))["coverage"] == 1
    )
    assert metric_row(key, frames(entries=entries, messages_span=None))["coverage"] == 0.5


def test_without_a_calendar_what_mail_shows_is_known_by_half() -> None:
    mail = [sent(f"{on_day} {clock}", client=n) for n, on_day in enumerate(DAYS) for clock in ("08:00", "20:00")]
    derived = frames(mail=[*newsletters_around(), *mail], terms=[term(6, "emergency", "yes")])

    assert metric_row("off_day_work", derived).tolist() == [1, 1, 0.5]  # Saturday; Sunday's are covered
    assert metric_row("emergency_contacts", derived).tolist() == [2, 2, 0.5]
    assert metric_row("evenings_touched", derived).tolist() == [6, 6, 0.5]
    for key in OF_BOTH - {"off_day_work", "emergency_contacts", "evenings_touched"}:
        assert pd.isna(metric_row(key, derived)["value"])


def test_work_on_call_does_not_interrupt_a_leave() -> None:
    duty = event(in_week("wed 19:00"), in_week("wed 21:00"), kind=Kind.ON_CALL)

    assert metric_value("leave_interrupted", leave("mon 00:00", "sat 00:00"), duty, mail=[sent("wed 20:00")]) == 0


# Supervision


def test_supervision_on_the_first_friday_of_each_month_is_held_in_every_week_and_no_line() -> None:
    fridays = [on_day for on_day in pd.date_range("2026-01-02", "2026-12-04", freq="W-FRI") if on_day.day <= 7]
    monthly = [
        event(f"{on_day:%Y-%m-%d} 10:00", f"{on_day:%Y-%m-%d} 12:00", kind=Kind.SUPERVISION) for on_day in fridays
    ]
    weekly = [
        event(f"{on_day:%Y-%m-%d} 10:00", f"{on_day:%Y-%m-%d} 10:50", client=1)
        for on_day in pd.date_range("2025-12-01", "2026-12-07", freq="W-MON")
    ]
    british = Practice("Harbour Street", ZoneInfo(BERLIN), region="GB")
    derived = frames(entries=[*monthly, *weekly], as_of="2026-12-14 10:00", practice=british)

    assert set(metric_table("supervision_held", derived)["value"].loc[day("2026-01-05") :]) == {1.0}
    assert [row for row in crossed_rules(compute_metrics(derived), derived) if row.family == "supervision"] == []


def long_known() -> Row:
    return event("2026-01-05 10:00", "2026-01-05 10:50")


@pytest.mark.parametrize("first", ["2026-01-05", "2026-03-02"])  # the clocks change in the fourth week of the second
def test_five_weeks_are_five_weeks_whatever_the_clocks_do(first: str) -> None:
    begins = pd.Timestamp(first)
    entries = [
        event(f"{on_day:%Y-%m-%d} 09:00", f"{on_day:%Y-%m-%d} 09:50", client=1)
        for on_day in pd.date_range(begins, periods=7, freq="W-MON")
    ]
    values = metric_table(
        "supervision_held", frames(entries=entries, as_of=f"{begins + pd.Timedelta(days=50):%Y-%m-%d} 10:00")
    )

    assert values["value"].isna().tolist() == [True] * 4 + [False] * 3


def supervision(start: str, end: str, kind: Kind = Kind.SUPERVISION, **fields: object) -> Row:
    return event(start, end, kind=kind, **fields)  # type: ignore[arg-type]


def test_supervision_by_days_and_by_client_hours() -> None:
    entries = [
        long_known(),
        supervision("2026-02-20 10:00", "2026-02-20 11:00"),
        supervision("2026-03-05 10:00", "2026-03-05 11:00"),
        supervision("2026-03-06 10:00", "2026-03-06 11:00", status=Status.CLINICIAN_CANCELLED),
        *(session(f"{name} 09:00", "10:30") for name in ("mon", "tue", "wed")),
    ]
    derived = week_frames(*entries)

    assert metric_row("days_since_supervision", derived)["value"] == 3
    assert metric_row("client_hours_per_supervision_hour", derived)["value"] == pytest.approx((4.5 + 50 / 60) / 2)
    assert pd.isna(metric_row("client_hours_per_supervision_hour", week_frames(long_known()))["value"])
    assert pd.isna(metric_row("days_since_supervision", week_frames(long_known()))["value"])


@pytest.mark.parametrize(("people", "hours"), [(2, 2.0), (4, 2.0), (5, 1.4), (10, 1.2)])
def test_a_group_counts_by_half_or_by_the_number_who_share_it(people: int, hours: float) -> None:
    entries = [
        long_known(),
        supervision("2026-03-05 10:00", "2026-03-05 11:00"),
        supervision("2026-03-06 10:00", "2026-03-06 12:00", Kind.GROUP_SUPERVISION),
    ]
    practice = Practice("Harbour Street", ZoneInfo(BERLIN), supervision_group=people)
    derived = frames(entries=entries, as_of="2026-03-09 12:00", practice=practice)

    assert metric_row("supervision_hours", derived)["value"] == pytest.approx(hours)
    assert metric_row("supervision_held", derived)["value"] == 1
    assert metric_row("days_since_supervision", derived)["value"] == 2


def test_development_hours_are_training_consultation_and_own_therapy() -> None:
    entries = [
        long_known(),
        supervision("2026-02-20 10:00", "2026-02-20 16:00", Kind.TRAINING),
        supervision("2026-03-05 10:00", "2026-03-05 11:00", Kind.CONSULTATION),
        supervision("2026-03-05 12:00", "2026-03-05 13:00", Kind.ADMINISTRATION),
        supervision("2026-03-06 12:00", "2026-03-06 13:00", Kind.OWN_THERAPY),
    ]

    assert metric_value("development_hours", *entries) == 8
    assert metric_value("development_hours", long_known()) == 0
    assert pd.isna(metric_value("development_hours"))


# Boundaries


@pytest.mark.parametrize(("clock", "late"), [("17:59:59", 0), ("18:00:00", 1)])
def test_the_first_minute_after_hours(clock: str, late: int) -> None:
    assert metric_value("after_hours_replies", mail=[received("mon 17:00"), sent(f"mon {clock}")]) == late


def test_a_reply_at_forty_past_midnight_is_the_evening_befores() -> None:
    derived = week_frames(mail=[received("mon 17:00"), sent("tue 00:40")])

    assert derived.messages.episodes["day"].tolist() == [derived.messages.episodes["week"].iloc[0]]
    assert metric_row("evenings_touched", derived)["value"] == 1


def test_the_hour_that_happens_twice_is_counted_once_each() -> None:
    """25 October 2026, 02:30 in Berlin: a night shift is an hour longer, and both half past twos are in it."""
    nights = clinician(hours({"sat": ["22:00-06:00"]}))
    twice = [
        event("2026-10-25 01:30", "2026-10-25 02:30", client=1),
        event("2026-10-25 03:00", "2026-10-25 05:30", client=2),
    ]
    around = [event(f"2026-{day} 10:00", f"2026-{day} 10:50") for day in ("10-12", "11-02")]
    derived = frames(nights, entries=[*twice, *around], as_of="2026-11-10 12:00")

    assert metric_row("contact_hours", derived, "2026-10-19")["value"] == 3.5
    assert metric_row("outside_hours_minutes", derived, "2026-10-19")["value"] == 0


def test_the_longer_night_is_eleven_hours_by_the_clock_on_the_wall_and_twelve_by_the_sun() -> None:
    """From 22:00 to 08:30 on the night on which the clocks go back are eleven hours and a half."""
    entries = [event("2026-10-24 21:10", "2026-10-24 22:00"), event("2026-10-25 08:30", "2026-10-25 09:20")]
    around = [event(f"2026-{day} 10:00", f"2026-{day} 10:50") for day in ("10-12", "11-02")]
    spring = [event("2026-03-28 21:10", "2026-03-28 22:00"), event("2026-03-29 09:30", "2026-03-29 10:20")]

    assert (
        metric_row("short_rests", frames(entries=[*entries, *around], as_of="2026-11-10 12:00"), "2026-10-19")["value"]
        == 0
    )
    late = [event(f"2026-0{day} 10:00", f"2026-0{day} 10:50") for day in ("3-16", "4-06")]
    assert (
        metric_row("short_rests", frames(entries=[*spring, *late], as_of="2026-04-20 12:00"), "2026-03-23")["value"]
        == 1
    )


def test_a_saturday_practice_works_inside_its_hours_on_saturdays() -> None:
    saturdays = clinician(hours({"sat": ["09:00-17:00"]}))
    derived = week_frames(session("sat 10:00", "10:50"), session("wed 10:00", "10:50"), person=saturdays)

    assert metric_row("off_day_work", derived)["value"] == 1
    assert metric_row("outside_hours_minutes", derived)["value"] == 50


def test_a_night_shift_is_one_day_and_no_short_night_lies_inside_it() -> None:
    nights = clinician(hours({"mon": ["22:00-06:00"], "tue": ["22:00-06:00"]}))
    entries = [
        event(f"2026-03-0{day} {start}", f"2026-03-0{day} {end}", client=1)
        for day, start, end in ((2, "22:30", "23:20"), (3, "05:00", "05:50"), (3, "22:30", "23:20"))
    ]
    derived = week_frames(*entries, person=nights)

    assert metric_row("short_rests", derived)["value"] == 0
    assert metric_row("day_span_hours", derived)["value"] == pytest.approx((7 + 20 / 60 + 50 / 60) / 2)
    assert metric_row("evenings_touched", derived)["value"] == 0


def test_who_moves_from_lisbon_to_new_york_in_mid_week_has_the_hours_of_each_place() -> None:
    mover = clinician(zone="Europe/Lisbon", moves={"2026-03-05": "America/New_York"})
    mail = [
        received("mon 12:00"),
        sent("mon 18:30"),  # 17:30 in Lisbon
        received("thu 15:00", client=2),
        sent("thu 19:30", client=2),  # 13:30 in New York: her break
        received("thu 20:00", client=3),
        sent("fri 00:30", client=3),  # 18:30 in New York
    ]

    assert metric_value("after_hours_replies", mail=mail, person=mover) == 1


def test_who_works_one_day_a_week_is_off_on_the_others() -> None:
    mondays = clinician(hours({"mon": ["09:00-13:00", "14:00-18:00"]}))
    derived = week_frames(session("mon 10:00", "10:50"), session("tue 10:00", "10:50"), person=mondays)

    assert derived.time.weeks["pattern_days"].unique().tolist() == [1]
    assert metric_row("off_day_work", derived)["value"] == 1
    assert metric_row("days_since_full_day_off", derived)["value"] == 0


def test_a_leave_that_begins_at_noon_is_a_day_of_leave_from_noon_on() -> None:
    time_off = event(in_week("wed 12:00"), in_week("sat 00:00"), kind=Kind.LEAVE)
    derived = week_frames(time_off, mail=[sent("wed 10:00"), sent("thu 10:00", client=2)])

    assert metric_row("leave_days", derived)["value"] == 2 + 5 / 8
    assert metric_row("leave_interrupted", derived)["value"] == 1
