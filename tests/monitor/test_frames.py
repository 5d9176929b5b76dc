"""Days and weeks: work, leave, compared weeks and missing weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from connectors.records import Kind, Status
from monitor.analysis.calendar import date_of
from monitor.analysis.frames import Frames
from tests.monitor.facts import OFFICE, Row, clinician, day, event, frames, hours, instant, message, records

MONDAY = day("2026-03-02")


def leave(start: str, end: str, **fields: object) -> Row:
    return event(start, end, kind=Kind.LEAVE, **fields)  # type: ignore[arg-type]


def session(when: str, **fields: object) -> Row:
    """Return a session of fifty minutes with one client."""
    return event(when, f"{when[:-2]}50", client=1, **fields)  # type: ignore[arg-type]


def weekly(first: str = "2026-01-05", weeks: int = 12) -> list[Row]:
    """Return a session every Monday at ten."""
    return [session(f"{monday:%Y-%m-%d} 10:00") for monday in pd.date_range(first, periods=weeks, freq="7D")]


def supervision(first: str = "2026-01-05", weeks: int = 12) -> list[Row]:
    """Return a calendar entry every week that is no session."""
    mondays = pd.date_range(first, periods=weeks, freq="7D")
    return [event(f"{monday:%Y-%m-%d} 10:00", f"{monday:%Y-%m-%d} 11:00", kind=Kind.SUPERVISION) for monday in mondays]


def week_row(result: Frames, monday: str = "2026-03-02") -> pd.Series:
    return row_of(result.time.weeks, day(monday))


def row_of(table: pd.DataFrame, number: int) -> pd.Series:
    (row,) = (row for monday, row in table.iterrows() if monday == number)
    return row


# Days


def test_a_leave_that_begins_at_noon_leaves_half_a_day() -> None:
    morning_and_afternoon = hours({name: ["08:00-12:00", "13:00-17:00"] for name in OFFICE})
    derived = frames(
        clinician(morning_and_afternoon), entries=[*weekly(), leave("2026-03-03 12:00", "2026-03-04 00:00")]
    )

    assert derived.time.days.loc[day("2026-03-03"), "worked"] == 0.5
    assert week_row(derived)[["worked_days", "leave_days", "present_share"]].tolist() == [4.5, 0.5, 0.9]


def test_a_free_day_in_a_leave_is_wholly_leave() -> None:
    derived = frames(
        entries=[*weekly(), leave("2026-03-02 00:00", "2026-03-09 00:00", all_day=True)],
        mail=[message("2026-03-08 11:00", out=True)],
    )

    assert derived.time.days.loc[MONDAY : MONDAY + 6, "leave_share"].tolist() == [1.0] * 7
    assert week_row(derived)["worked_days"] == 0


def test_leave_that_was_cancelled_is_none() -> None:
    time_off = leave("2026-03-02 00:00", "2026-03-09 00:00", all_day=True, status=Status.CANCELLED)

    assert week_row(frames(entries=[*weekly(), time_off]))["leave_days"] == 0


def test_an_all_day_leave_frees_the_night_shift_that_starts_on_it() -> None:
    nights = clinician(hours({"mon": ["22:00-06:00"], "tue": ["22:00-06:00"]}))
    derived = frames(nights, entries=[*weekly(), leave("2026-03-02 00:00", "2026-03-03 00:00", all_day=True)])

    assert derived.time.days.loc[[MONDAY, MONDAY + 1], "leave_share"].tolist() == [1.0, 0.0]
    assert derived.time.days.loc[MONDAY + 2, "agreed_minutes"] == 0


def test_a_public_holiday_is_usual_and_not_agreed() -> None:
    derived = frames(entries=weekly(), holidays=["2026-03-04"])

    assert row_of(derived.time.days, MONDAY + 2)[["in_pattern", "agreed_minutes", "worked"]].tolist() == [
        True,
        0.0,
        0.0,
    ]
    assert week_row(derived)[["worked_days", "pattern_days", "present_share"]].tolist() == [4.0, 5.0, 0.8]


def test_a_public_holiday_in_a_leave_is_no_leave_day_yet_nobody_is_there() -> None:
    time_off = leave("2026-03-02 00:00", "2026-03-09 00:00", all_day=True)
    derived = frames(entries=[*weekly(), time_off], holidays=["2026-03-04"])

    assert week_row(derived)[["leave_days", "present_share"]].tolist() == [4.0, 0.0]


def test_another_job_occupies_a_day_without_making_it_active() -> None:
    derived = frames(entries=[*weekly(), event("2026-03-07 10:00", "2026-03-07 12:00", kind=Kind.BUSY)])

    assert row_of(derived.time.days, MONDAY + 5)[["active", "occupied"]].tolist() == [False, True]


# Weeks that are compared


@pytest.mark.parametrize(("until", "compared"), [("2026-03-04 14:00", True), ("2026-03-05 00:00", False)])
def test_a_week_is_compared_with_half_its_usual_days(until: str, compared: bool) -> None:  # noqa: FBT001
    assert week_row(frames(entries=[*weekly(), leave("2026-03-02 00:00", until)]))["compared"] == compared


def test_who_works_one_day_a_week_is_compared_on_it() -> None:
    one_day = clinician(hours({"mon": OFFICE["mon"]}))
    time_off = leave("2026-03-02 00:00", "2026-03-02 14:00")

    assert week_row(frames(one_day, entries=weekly()))["compared"]
    assert not week_row(frames(one_day, entries=[*weekly(), time_off]))["compared"]


def test_who_has_agreed_no_day_is_compared_by_what_they_did() -> None:
    none = clinician(hours({}))
    derived = frames(none, entries=[*weekly(weeks=9), session("2026-03-16 10:00")])

    assert week_row(derived)["compared"]
    assert not week_row(derived, "2026-03-09")["compared"]
    assert week_row(derived)["present_share"] == 1


def test_the_week_of_a_reply_after_midnight_on_monday_is_the_one_before() -> None:
    mail = [message("2026-03-08 21:00"), message("2026-03-09 00:40", out=True)]
    derived = frames(entries=weekly(), mail=mail)

    assert derived.messages.episodes["week"].tolist() == [MONDAY]
    assert derived.messages.replies["week"].tolist() == [MONDAY]


def test_weeks_are_those_that_are_over() -> None:
    assert frames(entries=weekly(), as_of="2026-03-16 03:59").time.weeks.index.max() == MONDAY
    assert frames(entries=weekly(), as_of="2026-03-16 04:00").time.weeks.index.max() == MONDAY + 7


def test_weeks_have_no_gaps_even_where_nobody_looked() -> None:
    derived = frames(
        entries=weekly(weeks=2), mail=[message("2026-03-03 10:00", out=True), message("2026-03-20 10:00", out=True)]
    )

    assert set(np.diff(derived.time.weeks.index)) == {7}
    assert not week_row(derived, "2026-02-16")[["calendar_observed", "messages_observed"]].any()


# What was seen


def test_a_source_that_fell_silent_is_not_taken_as_empty() -> None:
    mail = [message(f"2026-{when} 10:00", out=True) for when in ("01-06", "02-03")]
    observed = frames(entries=[*weekly(weeks=1), *supervision()], mail=mail).time.weeks["messages_observed"]

    assert observed.loc[day("2026-02-09")]
    assert not observed.loc[day("2026-02-16")]


def test_the_mail_of_a_week_with_sessions_but_no_own_message_is_unknown() -> None:
    mail = [message(f"2026-{when} 10:00", out=True) for when in ("01-06", "01-20")]
    mail += [message("2026-01-14 10:00"), message("2026-01-15 10:00", out=True, automatic=True)]
    weeks = frames(entries=weekly(), mail=mail).time.weeks["messages_observed"]

    assert weeks.loc[[day("2026-01-05"), day("2026-01-12"), day("2026-01-19")]].tolist() == [True, False, True]
    assert frames(entries=supervision(), mail=mail).time.weeks["messages_observed"].loc[day("2026-01-12")]


@pytest.mark.parametrize("first", ["2026-10-12", "2026-10-19", "2026-03-23"])  # the last two have 169 and 167 hours
@pytest.mark.parametrize(("begins", "observed"), [("16:00", True), ("16:01", False)])
def test_half_a_week_is_until_thursday_four_oclock_whatever_the_clocks_do(
    first: str,
    begins: str,
    observed: bool,  # noqa: FBT001
) -> None:
    monday = day(first)
    mail = [message(f"{date_of(monday + 3)} {begins}"), message(f"{date_of(monday + 14)} 10:00")]
    weeks = frames(mail=mail, as_of=f"{date_of(monday + 21)} 10:00").time.weeks

    assert (monday in weeks.index and bool(weeks.loc[monday, "messages_observed"])) == observed


@pytest.mark.parametrize("last", ["2026-10-07", "2026-10-14", "2026-03-18"])  # the clocks change after the last two
@pytest.mark.parametrize(("text", "observed"), [("16:00", True), ("15:59", False)])
def test_two_weeks_of_silence_end_at_the_same_time_of_day_whatever_the_clocks_do(
    last: str,
    text: str,
    observed: bool,  # noqa: FBT001
) -> None:
    thursday = day(last) + 1
    mail = [message(f"{date_of(thursday - 7)} 10:00"), message(f"{date_of(thursday)} {text}")]
    monday = str(date_of(thursday - 3))
    entries = [*weekly(monday, 1), *supervision(monday, 5)]
    weeks = frames(mail=mail, entries=entries, as_of="2026-12-01 10:00").time.weeks

    assert weeks.loc[thursday - 3 + 14, "messages_observed"] == observed


def test_the_calendar_of_another_job_does_not_make_a_week_observed() -> None:
    elsewhere = [
        event(f"2026-{on_day} 10:00", f"2026-{on_day} 12:00", kind=Kind.BUSY) for on_day in ("01-06", "02-10", "03-17")
    ]
    derived = frames(entries=[*weekly(weeks=3), *elsewhere])

    assert derived.time.weeks["calendar_observed"].sum() == 4, "two weeks after the last session it has fallen silent"
    assert frames(entries=elsewhere).time.weeks.empty


def test_a_calendar_is_kept_from_its_first_session_on() -> None:
    """A meeting in a shared calendar before the first own entry does not make a week without sessions."""
    meetings = supervision("2026-01-05", 6)
    observed = frames(entries=[*meetings, *weekly("2026-01-19", 4)]).time.weeks["calendar_observed"]

    assert observed[observed].index.min() == day("2026-01-19")
    assert frames(entries=meetings).time.weeks.empty


def test_a_source_that_was_never_connected_saw_nothing() -> None:
    assert not frames(entries=weekly(), messages_span=None).time.weeks["messages_observed"].any()
    assert frames(entries=weekly(), calendar_span=None, messages_span=None).time.weeks.empty


def test_weeks_before_the_first_record_were_not_seen() -> None:
    assert frames(entries=weekly("2026-02-02", 6)).time.weeks.index.min() == day("2026-02-02")


def test_weeks_outside_the_employment_are_left_out() -> None:
    person = clinician(starts="2026-01-21", ends="2026-02-10")
    derived = frames(person, entries=weekly())

    assert derived.time.weeks.index.tolist() == [day("2026-01-19") + 7 * n for n in range(4)]
    assert week_row(derived, "2026-01-19")["worked_days"] == 3
    assert week_row(derived, "2026-02-09")["worked_days"] == 2
    assert derived.time.weeks["weeks_since_start"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("starts", "seen_from", "first_known"),
    [
        (None, "2026-01-01 00:00", None),
        (None, "2025-10-01 00:00", None),  # the first record counts, not the first question
        ("2026-02-02", "2026-01-01 00:00", "2026-02-02"),
        ("2025-02-02", "2026-01-01 00:00", None),
    ],
)
def test_who_is_new_is_known_after_ninety_days_or_from_the_persons_own_start(
    starts: str | None, seen_from: str, first_known: str | None
) -> None:
    derived = frames(clinician(starts=starts), entries=weekly(), calendar_span=(seen_from, "2027-01-01 00:00"))
    weeks = derived.time.weeks.index[derived.time.weeks["intakes_known"]]

    assert weeks.min() == day(first_known) if first_known else weeks.empty


def test_ninety_days_after_the_first_record_it_is_known_who_is_new() -> None:
    derived = frames(entries=weekly("2025-11-03", 20))

    assert derived.time.weeks.index[derived.time.weeks["intakes_known"]].min() == day("2026-02-02")


# Sessions, replies, entries


def test_the_true_times_of_a_session_are_kept_beside_the_booked() -> None:
    meeting = session("2026-03-02 10:00", uid="ten")
    result = frames(entries=[meeting], corrected={"ten": "2026-03-02 10:57"}).sessions.all.iloc[0]

    assert result[["overrun_minutes", "effective_start", "effective_end"]].tolist() == [
        7.0, instant("2026-03-02 10:00"), instant("2026-03-02 10:57"),
    ]  # fmt: skip


def test_a_reply_is_judged_when_it_is_sent_though_its_episode_began_before() -> None:
    mail = [message("2026-03-02 17:55", out=True), message("2026-03-02 17:58"), message("2026-03-02 18:05", out=True)]
    derived = frames(entries=weekly(), mail=mail)

    assert derived.messages.episodes[["is_reply", "after_hours"]].to_numpy().tolist() == [[True, True]]
    assert derived.messages.replies["after_hours"].tolist() == [True]


def test_messages_from_the_future_are_not_known_yet() -> None:
    mail = [message("2026-03-02 10:00"), message("9999-12-01 10:00", out=True), message("2026-03-30 12:00:01")]

    assert len(frames(entries=weekly(), mail=mail).messages.all) == 1


def test_a_broken_clock_makes_no_endless_calendar() -> None:
    mail = [message("1901-01-01 10:00"), message("2026-03-02 10:00")]
    entries = [*weekly(), event("9998-01-01 10:00", "9998-01-01 11:00"), event("0900-01-01 10:00", "0900-01-01 11:00")]
    derived = frames(entries=entries, mail=mail)

    assert len(derived.time.days) < 60 * 366
    assert derived.time.weeks.index.min() == day("2024-12-30")


def test_excluded_and_cancelled_entries_do_not_count() -> None:
    supervision = [
        event("2026-03-02 10:00", "2026-03-02 11:00", kind=Kind.SUPERVISION),
        event("2026-03-03 10:00", "2026-03-03 11:00", kind=Kind.SUPERVISION, status=Status.DECLINED),
        event("2026-03-04 10:00", "2026-03-15 11:00", kind=Kind.SUPERVISION, excluded="longer than 12 hours"),
    ]

    assert len(frames(entries=supervision).other_events) == 1


def test_without_records_the_frames_are_empty() -> None:
    derived = frames()

    assert derived.time.weeks.empty
    assert derived.sessions.held.empty
    assert records().events.empty
