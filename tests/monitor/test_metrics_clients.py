"""Contact, caseload and agreements as small tables of facts. The week in question begins on Monday, 2 March 2026."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from connectors.records import Kind, Status
from monitor.roster import Practice, Weights
from tests.monitor.facts import (
    BERLIN,
    Row,
    actual_times,
    clinician,
    day,
    event,
    frames,
    hours,
    ledger_entry,
    message,
    term,
)
from tests.monitor.week_facts import (
    in_week,
    metric_row,
    metric_table,
    metric_value,
    received,
    sent,
    session,
    week_frames,
)


def client_weeks(client: int, first: str, weeks: int, every: int = 7) -> list[Row]:
    """Return sessions of a client at one time of day."""
    dates = pd.date_range(first, periods=weeks, freq=f"{every}D")
    return [
        event(f"{on_day:%Y-%m-%d} {9 + client:02}:00", f"{on_day:%Y-%m-%d} {9 + client:02}:50", client=client)
        for on_day in dates
    ]


# Emergency protocols, modified boundaries, on call: load, and never outside the agreement

EVENING = [received("mon 17:00"), sent("mon 19:00"), sent("tue 20:00"), received("wed 20:00")]
AFTER_HOURS = (
    "after_hours_replies", "self_initiated_after_hours", "after_hours_inbound", "evenings_touched", "night_messages",
    "outside_hours_minutes", "off_day_work",
)  # fmt: skip


def test_without_an_agreement_an_evening_is_after_hours() -> None:
    derived = week_frames(mail=EVENING)

    assert [metric_row(key, derived)["value"] for key in AFTER_HOURS] == [1, 1, 1, 2, 0, 10, 0]
    assert metric_row("emergency_contacts", derived)["value"] == 0
    assert metric_row("after_hours_inbound_emergency", derived)["value"] == 0


def test_what_an_emergency_protocol_covers_has_columns_of_its_own() -> None:
    weekend = [session("sat 10:00", "10:50"), session("sun 23:00", "23:50")]
    derived = week_frames(*weekend, mail=EVENING, terms=[term(1, "emergency", "yes")])

    assert [metric_row(key, derived)["value"] for key in AFTER_HOURS] == [0] * len(AFTER_HOURS)
    assert metric_row("emergency_contacts", derived)["value"] == 4
    assert metric_row("after_hours_inbound_emergency", derived)["value"] == 1
    assert metric_row("sessions_held", derived)["value"] == 2


def test_covered_work_that_begins_inside_the_hours_is_not_outside_them_later() -> None:
    entries = [session("mon 17:30", "18:30"), session("tue 17:10", "18:00", uid="a")]
    late = actual_times(in_week("tue 17:10"), in_week("tue 18:20"), uid="a")

    assert metric_value("outside_hours_minutes", *entries, times=[late]) == 50
    assert metric_value("outside_hours_minutes", *entries, times=[late], terms=[term(1, "emergency", "yes")]) == 0


def test_an_emergency_protocol_covers_from_its_day_on_until_it_is_taken_back() -> None:
    terms = [term(1, "emergency", "yes", "2026-03-03"), term(1, "emergency", "no", "2026-03-04")]
    derived = week_frames(mail=EVENING, terms=terms)

    assert metric_row("after_hours_replies", derived)["value"] == 1  # Monday
    assert metric_row("self_initiated_after_hours", derived)["value"] == 0  # Tuesday
    assert metric_row("after_hours_inbound", derived)["value"] == 1  # Wednesday


def test_a_window_of_the_calendar_covers_whatever_lies_in_it() -> None:
    """It covers sessions of all clients, also those that begin or end in it, and nothing outside."""
    window = event(in_week("mon 18:30"), in_week("mon 23:00"), kind=Kind.EMERGENCY, client=-1)
    late = [session("mon 17:30", "18:40", client=4), session("mon 22:30", "23:20", client=5)]
    derived = week_frames(window, *late, session("tue 18:30", "19:20", client=6), mail=EVENING)

    assert metric_row("emergency_contacts", derived)["value"] == 3  # Monday's letter and two sessions
    assert metric_row("after_hours_replies", derived)["value"] == 0
    assert metric_row("evenings_touched", derived)["value"] == 1  # Tuesday
    assert metric_row("after_hours_inbound", derived)["value"] == 1  # Wednesday
    assert metric_row("sessions_held", derived)["value"] == 3


def test_a_day_marked_as_an_emergency_is_the_work_day_with_its_night() -> None:
    window = event("2026-03-03 00:00", "2026-03-04 00:00", kind=Kind.EMERGENCY, client=-1, all_day=True)
    mail = [sent("tue 02:00", client=1), sent("tue 20:00", client=2), sent("wed 02:00", client=3)]

    assert metric_row("emergency_contacts", week_frames(window, mail=mail))["value"] == 2


def test_a_thread_marked_as_an_emergency_is_covered_and_no_other_is() -> None:
    def in_thread(thread: int, *rows: Row) -> list[Row]:
        return [{**row, "thread": thread, "emergency": thread == 1} for row in rows]

    talk = (received("mon 19:00"), sent("mon 19:30"), sent("mon 19:35"), received("tue 19:00"))
    derived = week_frames(mail=[*in_thread(1, *talk), *in_thread(2, *talk)])

    assert metric_row("after_hours_inbound", derived)["value"] == 2
    assert metric_row("after_hours_inbound_emergency", derived)["value"] == 2
    assert metric_row("after_hours_replies", derived)["value"] == 1, (
        "one episode holds both threads, and one is ordinary"
    )
    assert metric_row("emergency_contacts", derived)["value"] == 0

    alone = week_frames(mail=in_thread(1, *talk))
    assert metric_row("after_hours_replies", alone)["value"] == 0
    assert metric_row("emergency_contacts", alone)["value"] == 1
    assert alone.messages.replies["inbound_after_hours"].sum() == 0


def test_what_an_emergency_protocol_covers_or_was_sent_on_call_is_beside_no_agreement() -> None:
    duty = event(in_week("wed 18:00"), in_week("wed 20:00"), kind=Kind.ON_CALL, client=-1)
    crisis = event(in_week("thu 18:00"), in_week("thu 20:00"), kind=Kind.EMERGENCY, client=-1)
    mail = [sent("wed 19:00", channel="sms"), sent("thu 19:00", channel="sms"), sent("fri 19:00", channel="sms")]
    terms = [term(1, "channels", "email"), term(1, "contact_hours", "09:00-18:00")]
    derived = week_frames(duty, crisis, mail=mail, terms=terms)

    assert metric_row("off_policy_channel", derived)["value"] == 1  # Friday
    assert metric_row("off_agreement_contacts", derived)["value"] == 1
    assert (
        metric_row("off_policy_channel", week_frames(mail=mail, terms=[*terms, term(1, "emergency", "yes")]))["value"]
        == 0
    )


def test_a_day_on_call_is_the_work_day_with_its_night() -> None:
    duty = event("2026-03-03 00:00", "2026-03-04 00:00", kind=Kind.ON_CALL, client=-1, all_day=True)
    nights = [sent("tue 02:00", client=1), sent("tue 20:00", client=2), sent("wed 02:00", client=3)]

    assert metric_row("self_initiated_after_hours", week_frames(duty, mail=nights))["value"] == 1  # Monday's night


@pytest.mark.parametrize(
    ("client_terms", "replies"),
    [
        ([("modified", "clinical_need"), ("modified_until", "2026-03-03"), ("contact_hours", "09:00-20:00")], 0),
        ([("modified", "clinical_need"), ("modified_until", "2026-03-02"), ("contact_hours", "09:00-20:00")], 1),
        ([("modified", "clinical_need"), ("contact_hours", "09:00-20:00")], 1),  # without a review date
        ([("modified", "clinical_need"), ("modified_until", "2026-05-01"), ("contact_hours", "09:00-19:00")], 1),
        ([("modified", "clinical_need"), ("modified_until", "2026-05-01")], 1),  # other hours were not agreed
        ([("modified_until", "2026-05-01"), ("contact_hours", "09:00-20:00")], 1),  # no reason
        ([("modified", "access"), ("modified_until", "2026-05-01"), ("contact_days", "mon,fri")], 0),
        ([("modified", "access"), ("modified_until", "2026-05-01"), ("contact_days", "fri")], 1),
        ([("modified", "access"), ("modified_until", "2026-05-01"), ("contact_hours", "18:00-02:00")], 0),
    ],
)
def test_a_documented_modified_boundary_is_judged_by_its_own_agreement_until_its_review(
    client_terms: list[tuple[str, str]], replies: int
) -> None:
    terms = [term(1, name, text) for name, text in client_terms]

    assert metric_value("after_hours_replies", mail=[received("mon 17:00"), sent("mon 19:00")], terms=terms) == replies


@pytest.mark.parametrize(("end", "evenings"), [("20:00", 0), ("20:01", 1)])
def test_a_session_in_the_hours_of_a_modified_boundary_is_wholly_in_them(end: str, evenings: int) -> None:
    client_terms = {"modified": "access", "modified_until": "2026-05-01", "contact_hours": "09:00-20:00"}
    terms = [term(1, name, text) for name, text in client_terms.items()]

    assert metric_value("evenings_touched", session("mon 19:00", end), terms=terms) == evenings


def test_work_on_call_is_minutes_of_its_own() -> None:
    duty = event(in_week("sat 09:00"), in_week("sat 12:00"), kind=Kind.ON_CALL)
    derived = week_frames(duty, session("sat 10:00", "10:50"), mail=[sent("sat 11:30"), sent("sat 13:00", client=2)])

    assert metric_row("on_call_minutes", derived).tolist() == [55, 2, 1]
    assert metric_row("outside_hours_minutes", derived)["value"] == 5


# Contact between sessions


def test_contacts_between_sessions_are_by_active_client() -> None:
    entries = [session("mon 10:00", "10:50", client=1), session("mon 11:00", "11:50", client=2)]
    mail = [
        sent("tue 10:00", client=1),
        sent("tue 10:05", client=1),
        sent("wed 10:00", client=1),
        sent("thu 10:00", client=2),
    ]

    assert metric_value("between_session_messages", *entries, mail=mail) == 1.5
    assert pd.isna(metric_value("between_session_messages", mail=mail))


def test_a_channel_that_no_agreement_names_is_off_policy() -> None:
    mail = [sent("tue 10:00"), sent("tue 11:00", channel="sms"), sent("tue 12:00", client=2, channel="sms")]

    assert metric_value("off_policy_channel", mail=mail, terms=[term(1, "channels", "email,phone")]) == 1
    assert metric_value("off_policy_channel", mail=mail, terms=[term(1, "channels", "email", "2026-03-04")]) == 0
    assert pd.isna(metric_value("off_policy_channel", mail=mail))


def test_contact_off_the_agreement_is_on_another_channel_or_at_another_time() -> None:
    mail = [
        sent("mon 10:00"), sent("mon 19:00"), sent("tue 10:00", channel="sms"),
        sent("wed 20:00", client=2), sent("thu 20:00", client=3),
    ]  # fmt: skip
    terms = [
        term(1, "channels", "email"), term(1, "contact_hours", "09:00-18:00"),
        term(2, "contact_hours", "09:00-18:00"), term(2, "emergency", "yes"),
    ]  # fmt: skip

    assert metric_value("off_agreement_contacts", mail=mail, terms=terms) == 2
    assert pd.isna(metric_value("off_agreement_contacts", mail=mail, terms=[term(1, "frequency", "1")]))


def test_work_outside_work_is_stated_per_eight_hours_with_clients() -> None:
    entries = [session("mon 10:00", "12:00", uid="a"), session("tue 10:00", "12:00")]
    late = actual_times(in_week("mon 10:00"), in_week("mon 12:10"), uid="a")
    derived = week_frames(*entries, times=[late], mail=[sent("mon 19:00"), sent("tue 11:00", client=2)])

    assert metric_row("work_outside_work", derived)["value"] == pytest.approx(8 * (10 + 5) / 240)
    assert pd.isna(metric_row("work_outside_work", frames(entries=entries, messages_span=None))["value"])


# Caseload


@pytest.mark.parametrize(
    ("fields", "weeks"),
    [
        ({}, [0, 1, 1, 1, 1]),  # seen on the 28th
        ({"status": Status.CANCELLED, "cancelled": "2026-03-24 10:00"}, [0, 1, 1, 1, 0]),
        (
            {"status": Status.CLINICIAN_CANCELLED, "cancelled": "2026-03-09 03:59"},
            [0, 0, 0, 0, 0],
        ),  # before the week ends
        ({"status": Status.LATE_CANCELLED, "cancelled": "2026-03-28 09:00"}, [0, 1, 1, 1, 0]),
        ({"status": Status.CANCELLED}, [0, 0, 0, 0, 0]),  # nobody knows when
        ({"status": Status.NO_SHOW}, [0, 1, 1, 1, 0]),
    ],
)
def test_a_booking_counts_as_it_was_known_in_that_week(fields: dict[str, object], weeks: list[float]) -> None:
    """The booking for 28 March was stored on 3 March."""
    booked = event("2026-03-28 10:00", "2026-03-28 10:50", client=1, known_at="2026-03-03 10:00", **fields)  # type: ignore[arg-type]
    around = [event(f"2026-{on_day} 10:00", f"2026-{on_day} 10:50") for on_day in ("02-23", "04-01")]
    result = metric_table("active_clients", frames(entries=[booked, *around], as_of="2026-03-31 12:00"))["value"]

    assert result.tolist() == weeks


@pytest.mark.parametrize("ending", ["discharged", "handed_over"])
def test_discharged_and_handed_over_clients_are_not_active(ending: str) -> None:
    entries = [*client_weeks(1, "2026-01-05", 9), *client_weeks(2, "2026-01-06", 9)]
    booked = event("2026-03-20 10:00", "2026-03-20 10:50", client=2, known_at="2026-02-20 10:00")
    derived = frames(entries=[*entries, booked], terms=[term(2, "standing", ending, "2026-03-04")])

    assert metric_row("active_clients", derived, "2026-02-23")["value"] == 2
    assert metric_row("active_clients", derived)["value"] == 1
    assert metric_row("weighted_load", derived)["value"] == pytest.approx(1)
    assert metric_row("active_clients", derived, "2026-03-16")["value"] == 2  # was seen again


def test_a_client_marked_as_returned_is_active_by_bookings_again() -> None:
    booked = event("2026-03-20 10:00", "2026-03-20 10:50", client=2, known_at="2026-02-20 10:00")
    terms = [term(2, "standing", "discharged", "2026-02-24"), term(2, "standing", "client", "2026-03-03")]
    derived = frames(entries=[*client_weeks(1, "2026-01-05", 9), booked], terms=terms)

    assert [metric_row("active_clients", derived, week)["value"] for week in ("2026-02-23", "2026-03-02")] == [1, 2]


def test_a_discharge_ends_a_course_and_a_return_begins_a_new_one() -> None:
    earlier_sessions = client_weeks(9, "2025-08-04", 40)
    entries = [
        *earlier_sessions,
        *client_weeks(1, "2026-01-06", 8),
        *client_weeks(1, "2026-03-24", 2),
        *client_weeks(2, "2025-12-03", 1),
    ]
    terms = [term(1, "standing", "discharged", "2026-03-04"), term(1, "standing", "client", "2026-03-20")]
    derived = frames(entries=entries, terms=terms, as_of="2026-07-01 12:00")

    def weeks_of(key: str) -> dict[object, float]:
        table = metric_table(key, derived)["value"]
        return dict(table[table > 0])

    # The second client, not seen after 3 December, ends in the same week by silence.
    assert weeks_of("closures") == {day("2026-03-02"): 2}
    assert weeks_of("unplanned_endings") == {day("2026-03-02"): 1}
    assert weeks_of("intakes") == {day("2025-12-01"): 1, day("2026-01-05"): 1, day("2026-03-23"): 1}


def test_the_last_session_may_be_on_the_day_of_the_discharge() -> None:
    entries = [*client_weeks(9, "2025-08-04", 40), *client_weeks(1, "2026-01-06", 9)]
    derived = frames(entries=entries, terms=[term(1, "standing", "discharged", "2026-03-03")], as_of="2026-05-01 12:00")

    assert metric_row("closures", derived)["value"] == 1
    assert metric_row("intakes", derived)["value"] == 0


def test_bands_weigh_by_the_practices_own_dated_table() -> None:
    entries = [*client_weeks(1, "2025-12-01", 14), *client_weeks(2, "2025-12-02", 14)]
    terms = [term(1, "band", "2"), term(2, "band", "9", "2026-03-05")]
    tables = (Weights(None, (1.0, 3.0)), Weights(date(2026, 3, 8), (1.0, 4.0)))
    own = Practice("Harbour Street", ZoneInfo(BERLIN), weights=tables)
    load = [
        metric_row("weighted_load", frames(entries=entries, terms=terms, practice=practice), week)["value"]
        for practice in (None, own)
        for week in ("2026-02-23", "2026-03-02")
    ]

    assert load == [1.25 + 1, 1.25 + 2, 3 + 1, 4 + 4]


def test_an_agreed_frequency_stands_for_a_client_from_the_first_week_on() -> None:
    entries = [*client_weeks(1, "2025-12-01", 14), *client_weeks(2, "2026-03-03", 1)]

    assert metric_row("weighted_load", frames(entries=entries, terms=[term(2, "frequency", "0.5")]))["value"] == 1.5
    assert metric_row("weighted_load", frames(entries=entries))["value"] == 2


def test_after_a_return_sessions_before_the_ending_count_no_more() -> None:
    entries = [*client_weeks(1, "2026-01-05", 5), *client_weeks(1, "2026-02-23", 1)]
    terms = [term(1, "standing", "discharged", "2026-02-04"), term(1, "standing", "client", "2026-02-20")]
    load = metric_table("weighted_load", frames(entries=entries, terms=terms))["value"]

    assert load.loc[day("2026-02-23") : day("2026-03-02")].tolist() == [1, 0.5]


def test_trauma_share_is_of_the_active_clients() -> None:
    entries = [row for client in range(1, 5) for row in client_weeks(client, "2026-01-05", 9)]
    terms = [term(1, "trauma", "yes"), term(2, "trauma", "no"), term(3, "trauma", "yes", "2026-03-09")]
    derived = frames(entries=entries, terms=terms)

    assert metric_row("trauma_share", derived).tolist() == [25, 4, 1]
    assert metric_row("trauma_share", derived, "2026-03-09")["value"] == 50
    assert pd.isna(metric_row("trauma_share", frames(entries=entries))["value"])


# What became of bookings


def cancelled_session(start: str, status: Status = Status.CANCELLED, **fields: object) -> Row:
    return session(start, f"{start[4:6]}:50", 1, status=status, **fields)


@pytest.mark.parametrize(
    ("entry", "share", "coverage"),
    [
        (cancelled_session("tue 10:00", cancelled=in_week("mon 10:00:01")), 50, 1),
        (cancelled_session("tue 10:00", cancelled=in_week("mon 10:00")), 0, 1),
        (cancelled_session("tue 10:00", Status.LATE_CANCELLED), 50, 1),
        (cancelled_session("tue 10:00", Status.CLINICIAN_CANCELLED), 0, 1),
        (cancelled_session("tue 10:00"), None, 0.5),  # nobody knows when
    ],
)
def test_late_is_less_than_a_day(entry: Row, share: float | None, coverage: float) -> None:
    row = metric_row("cancel_late_share", week_frames(entry, session("mon 10:00", "10:50")))

    assert row["coverage"] == coverage
    assert row["value"] == share if share is not None else pd.isna(row["value"])


def test_in_a_source_with_late_cancellations_the_others_were_in_time() -> None:
    entries = [
        cancelled_session("tue 10:00"),
        cancelled_session("wed 10:00", Status.LATE_CANCELLED),
        session("mon 10:00", "10:50"),
    ]

    assert metric_value("cancel_late_share", *entries) == 50


def test_missed_sessions_are_known_where_a_source_records_them() -> None:
    entries = [
        session("mon 10:00", "10:50"),
        cancelled_session("tue 10:00", Status.NO_SHOW),
        cancelled_session("wed 10:00", Status.LATE_CANCELLED),
    ]

    assert metric_value("no_show_share", *entries) == pytest.approx(100 / 3)
    assert pd.isna(metric_value("no_show_share", session("mon 10:00", "10:50")))


def test_a_log_shows_that_a_session_was_not_missed() -> None:
    entry, time = (
        session("mon 10:00", "10:50", uid="a"),
        actual_times(in_week("mon 10:00"), in_week("mon 10:51"), uid="a"),
    )

    assert metric_row("no_show_share", week_frames(entry, session("tue 10:00", "10:50"), times=[time])).tolist() == [
        0,
        1,
        0.5,
    ]


def test_a_corrected_end_shows_that_a_session_was_not_missed() -> None:
    derived = week_frames(session("mon 10:00", "10:50", uid="a"), corrected={"a": in_week("mon 10:55")})

    assert metric_row("no_show_share", derived).tolist() == [0, 1, 1]


def test_clinician_cancellations_are_known_where_a_source_records_them() -> None:
    mine = cancelled_session("tue 10:00", Status.CLINICIAN_CANCELLED)
    entries = [session("mon 10:00", "10:50"), cancelled_session("wed 10:00"), session("thu 10:00", "10:50")]

    assert metric_value("clinician_cancel_share", mine, *entries) == 25
    assert pd.isna(metric_value("clinician_cancel_share", *entries))


def test_moved_is_known_where_it_was_seen_before_it_began() -> None:
    entries = [
        session("mon 10:00", "10:50", moved=True),
        session("tue 10:00", "10:50"),
        session("wed 10:00", "10:50", moved=True, known_at=in_week("thu 10:00")),
    ]

    assert metric_row("rescheduled_share", week_frames(*entries)).tolist() == [50, 2, pytest.approx(2 / 3)]


# Agreements


def test_frequency_kept_is_of_the_agreed_sessions_of_four_weeks() -> None:
    entries = [*client_weeks(1, "2026-01-06", 9), *client_weeks(2, "2026-01-07", 5, every=14)]
    terms = [term(1, "frequency", "1"), term(2, "frequency", "1")]

    assert metric_row("frequency_kept", frames(entries=entries, terms=terms)).tolist() == [75, 2, 1]
    assert metric_row("frequency_kept", frames(entries=entries, terms=terms[:1])).tolist() == [100, 1, 1]
    assert pd.isna(metric_row("frequency_kept", frames(entries=entries))["value"])


def test_who_begins_in_mid_week_owes_no_session_of_before() -> None:
    """Who leaves in mid-week owes none of afterwards, up to the precision of a share of the week."""
    entries, terms = [*client_weeks(2, "2026-02-05", 1), *client_weeks(1, "2026-02-09", 4)], [term(1, "frequency", "1")]
    derived = frames(clinician(starts="2026-02-05", ends="2026-03-02"), entries=entries, terms=terms)

    assert derived.time.weeks["present_share"].tolist() == pytest.approx([0.4, 1, 1, 1, 0.2])
    assert metric_row("frequency_kept", derived, "2026-02-23")["value"] == pytest.approx(300 / 3.4)
    assert metric_row("frequency_kept", derived, "2026-03-02")["value"] == pytest.approx(400 / 3.2)


def test_leave_of_either_side_is_no_broken_agreement() -> None:
    entries = client_weeks(1, "2026-01-06", 7)
    away = event("2026-02-23 00:00", "2026-03-02 00:00", kind=Kind.LEAVE, all_day=True)
    ill = event("2026-03-03 10:00", "2026-03-03 10:50", client=1, status=Status.CANCELLED, cancelled="2026-03-01 10:00")
    later = client_weeks(9, "2026-03-17", 1)
    terms = [term(1, "frequency", "1")]

    assert metric_row("frequency_kept", frames(entries=[*entries, away, ill, *later], terms=terms))["value"] == 100
    assert metric_row("frequency_kept", frames(entries=[*entries, *later], terms=terms))["value"] == 50


def test_a_session_cancelled_in_time_is_one_of_the_four_weeks_also_where_less_than_one_a_week_is_agreed() -> None:
    ill = event("2026-02-17 10:00", "2026-02-17 10:50", client=1, status=Status.CANCELLED, cancelled="2026-02-10 10:00")
    entries = [*client_weeks(9, "2026-01-06", 12), *client_weeks(1, "2026-03-03", 1), ill]

    assert metric_row("frequency_kept", frames(entries=entries, terms=[term(1, "frequency", "0.5")]))["value"] == 100


def test_time_with_a_client_that_is_no_session() -> None:
    coffee = event(in_week("tue 16:00"), in_week("tue 17:00"), kind=Kind.PERSONAL, client=1)
    friend = event(in_week("wed 16:00"), in_week("wed 17:00"), kind=Kind.PERSONAL, client=8)
    errand = event(in_week("thu 16:00"), in_week("thu 17:00"), kind=Kind.OTHER)

    assert metric_value("outside_frame_contacts", session("mon 10:00", "10:50"), coffee, friend, errand) == 1


def test_exceptions_are_counted_from_the_ledger() -> None:
    ledger = [
        ledger_entry(1, "exception", "2026-03-03"), ledger_entry(1, "gift", "2026-03-04"),
        ledger_entry(3, "exception", "2026-03-05"),
        ledger_entry(2, "request_declined", "2026-03-04"), ledger_entry(1, "exception", "2026-03-09"),
    ]  # fmt: skip

    assert metric_value("exceptions", ledger=ledger, terms=[term(3, "emergency", "yes")]) == 2
    assert pd.isna(metric_value("exceptions"))


@pytest.mark.parametrize(
    ("reason", "review", "count"),
    [
        ("crisis_plan", "2026-03-05", 1),
        ("crisis_plan", "2026-05-01", 0),
        ("distance", "2026-05-01", 2),
    ],
)
def test_exceptions_during_a_crisis_plan_do_not_count_until_its_review(reason: str, review: str, count: int) -> None:
    plan = [term(1, "modified", reason), term(1, "modified_until", review)]
    ledger = [ledger_entry(1, "exception", "2026-03-04"), ledger_entry(1, "exception", "2026-03-05")]

    assert metric_value("exceptions", ledger=ledger, terms=plan) == count


def test_a_session_of_a_planned_exception_leaves_the_overrun_share() -> None:
    entries = [session("mon 10:00", "10:50", uid="a"), session("tue 10:00", "10:50", uid="b")]
    times = [
        actual_times(in_week(f"{on_day} 10:00"), in_week(f"{on_day} 11:10"), uid=uid)
        for on_day, uid in (("mon", "a"), ("tue", "b"))
    ]

    assert metric_value("overrun_share", *entries, times=times) == 100
    row = metric_row(
        "overrun_share", week_frames(*entries, times=times, ledger=[ledger_entry(1, "exception", "2026-03-03")])
    )
    assert row[["value", "n"]].tolist() == [100, 1]


# Who joins, leaves and goes away


@pytest.mark.parametrize(
    ("starts", "ends", "days"), [(None, None, 2), ("2026-03-05", None, 1), (None, "2026-03-03", 1)]
)
def test_days_before_the_start_and_after_the_end_are_not_worked(
    starts: str | None, ends: str | None, days: int
) -> None:
    person = clinician(hours({"tue": ["09:00-17:00"], "thu": ["09:00-17:00"]}), starts=starts, ends=ends)

    assert (
        week_frames(session("thu 10:00", "10:50"), person=person).time.weeks["worked_days"].loc[day("2026-03-02")]
        == days
    )


def test_mail_of_a_non_client_is_in_no_metric_about_clients() -> None:
    mail = [received("mon 19:00", client=7), sent("mon 20:00", client=7), message(in_week("tue 20:00"), client=7)]
    derived = week_frames(mail=mail, terms=[term(7, "standing", "not_a_client")])

    for key in ("after_hours_inbound", "after_hours_replies", "self_initiated_after_hours"):
        assert metric_row(key, derived)["value"] == 0
    assert metric_row("evenings_touched", derived)["value"] == 1
