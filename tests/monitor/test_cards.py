"""The one card of a week: the leading notice, with its weeks and evidence rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from connectors.records import Kind, Status
from monitor.analysis.calendar import date_of
from monitor.analysis.catalogue import catalogue
from monitor.analysis.frames import Frames
from monitor.notices import ANSWERS, FAMILIES
from monitor.notices.series import weekly_contacts
from monitor.readiness import Gap, GapKind
from monitor.store.notices import NoticeRow, Signal
from monitor.weekly_report import evidence_rows
from monitor.weekly_report.cards import DUE_AGAIN, build_card, leading_notice
from monitor.weekly_report.evidence_rows import WeekValues
from monitor.weekly_report.figures import Highlights, rhythm, session_ends
from monitor.weekly_report.gaps import WeekCompleteness
from monitor.weekly_report.sentences import headline, looking_ahead, protective_facts, usual_slots
from reports.models import Card
from tests.monitor.facts import Row, actual_times, clinician, day, event, frames, instant, ledger_entry, message

WEEK = day("2026-03-02")
CODES = {1: "K7Q2XXXX", 2: "M3PRXXXX"}


def notice(
    ago: int = 0,
    *,
    tier: str = "worth a look",
    family: str = "availability",
    answer: str | None = None,
    on: str | None = None,
    number: int = 1,
    topic: str = "",
) -> NoticeRow:
    """Return a notice ``ago`` weeks before the week; ``on`` is the day of its answer."""
    week = WEEK - 7 * ago
    answered_at = instant(f"{on} 09:00") if on else None
    return NoticeRow(
        week,
        tier,
        family,
        "after_hours_replies",
        1.8,
        1.3,
        2.4,
        week - 35,
        id=number,
        answer=answer,
        answered_at=answered_at,
        topic=topic,
    )


def leading_id(*rows: NoticeRow, today: str = "2026-03-10", week: int = WEEK) -> int | None:
    first = leading_notice(rows, week, day(today), clinician())
    return None if first is None else first.id


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ([], None),
        ([notice(-1)], None),
        ([notice(0)], 1),
        ([notice(3)], 1),
        ([notice(4)], None),
        ([notice(2), notice(1, number=2)], 2),
        ([notice(2, tier="pattern"), notice(0, number=2)], 1),
        ([notice(3), notice(0, tier="line", number=2)], 1),
        ([notice(0, tier="line")], 1),
        ([notice(1, tier="line")], None),
        ([notice(0, answer="noted", on="2026-03-09")], 1),
        ([notice(0, answer="noted", on="2026-03-09"), notice(2, number=2)], 2),
        ([notice(1, answer="noted", on="2026-03-09")], None),
    ],
)
def test_one_notice_leads_and_it_is_the_one_that_waits(rows: Sequence[NoticeRow], first: int | None) -> None:
    assert leading_id(*rows) == first


LATER = notice(2, answer="not_now", on="2026-02-23")


@pytest.mark.parametrize(
    ("rows", "today", "week", "first"),
    [
        ([LATER], "2026-02-24", WEEK - 14, 1),
        ([LATER], "2026-03-10", WEEK, None),
        ([LATER, notice(0, number=2)], "2026-03-10", WEEK, None),
        ([LATER, notice(0, number=2, family="load")], "2026-03-10", WEEK, 2),
        ([LATER], "2026-03-22", WEEK + 7, None),
        ([LATER], "2026-03-24", WEEK + 14, 1),
        ([LATER, notice(0, number=2)], "2026-03-24", WEEK + 14, 2),
        ([LATER], "2026-03-31", WEEK + 21, None),
        ([notice(2, answer="not_now", on="2026-02-23"), notice(-2, number=2)], "2026-03-24", WEEK + 14, 2),
    ],
)
def test_not_for_four_weeks_is_silence_for_four_weeks_and_no_longer(
    rows: Sequence[NoticeRow], today: str, week: int, first: int | None
) -> None:
    assert leading_id(*rows, today=today, week=week) == first


PUT_OFF = notice(2, tier="line", family="rest", answer="not_now", on="2026-02-23")
DUE = notice(2, tier="line", family="review", topic="review_on", answer="not_now", on="2026-02-23")


@pytest.mark.parametrize(
    ("rows", "today", "week", "first"),
    [
        ([PUT_OFF], "2026-03-10", WEEK, None),
        ([PUT_OFF], "2026-03-24", WEEK + 14, 1),
        ([PUT_OFF], "2026-03-31", WEEK + 21, None),
        ([PUT_OFF, notice(1, tier="line", family="rest", number=2)], "2026-03-03", WEEK - 7, None),
        ([PUT_OFF, notice(1, tier="line", family="rest", number=2)], "2026-03-24", WEEK + 14, 2),
        ([PUT_OFF, notice(4, tier="line", family="rest", number=2)], "2026-03-24", WEEK + 14, 1),
        ([DUE, notice(1, tier="line", family="review", topic="review_on", number=2)], "2026-03-03", WEEK - 7, 2),
        ([DUE, notice(2, tier="line", family="review", topic="modified_until", number=2)], "2026-02-24", WEEK - 14, 2),
        ([DUE, notice(1, tier="line", family="review", topic="review_on", number=2)], "2026-03-24", WEEK + 14, 1),
        ([LATER, notice(2, number=2)], "2026-03-24", WEEK + 14, 1),
        ([LATER, notice(7, number=2)], "2026-03-24", WEEK + 14, 1),
        ([notice(7, number=2), notice(2, answer="noted", on="2026-02-23")], "2026-03-24", WEEK + 14, None),
    ],
)
def test_a_postponed_rule_notice_returns_once_and_hides_no_other(
    rows: Sequence[NoticeRow], today: str, week: int, first: int | None
) -> None:
    assert leading_id(*rows, today=today, week=week) == first


def test_a_postponed_rule_notice_shows_the_rows_of_its_own_week() -> None:
    row = NoticeRow(WEEK, "line", "rest", "short_rests", None, None, None, WEEK, measured=2, answer="not_now")

    back = build_card(full_week(), row, WEEK + 28, WeekValues(), CODES)

    assert back.evidence == build_card(full_week(), row, WEEK, WeekValues(), CODES).evidence
    assert back.evidence.rows
    assert "Noticed in the week of 2 March." in back.text


# What stands on it


def spring() -> Frames:
    """Return eight Mondays with two clients; in the last week a late session, a late message and supervision."""
    mondays = [f"2026-{month}" for month in ("01-12", "01-19", "01-26", "02-02", "02-09", "02-16", "02-23", "03-02")]
    rows: list[Row] = []
    times: list[Row] = []
    for on in mondays:
        for client, hour in ((1, 10), (2, 11)):
            rows.append(event(f"{on} {hour}:00", f"{on} {hour}:50", client=client, uid=f"{on}-{client}"))
            minutes = 62 if (on, client) == ("2026-03-02", 2) else 50
            times.append(
                actual_times(f"{on} {hour}:00", f"{on} {hour + minutes // 60}:{minutes % 60:02}", uid=f"{on}-{client}")
            )
    rows.append(event("2026-02-19 13:00", "2026-02-19 14:00", kind=Kind.SUPERVISION))
    mail = [
        message("2026-02-02 12:00"),
        message("2026-03-03 18:30"),
        message("2026-03-03 21:40", out=True),
        message("2026-03-05 10:00", out=True),
        message("2026-03-04 09:00", client=2),
    ]
    return frames(entries=rows, times=times, mail=mail, as_of="2026-03-10 12:00")


SPRING = spring()


def card_of(
    key: str, *, family: str = "", tier: str = "worth a look", client: int = 0, signals: tuple[Signal, ...] = ()
) -> Card:
    family = family or next(entry.key for entry in FAMILIES if key in {signal.metric for signal in entry.metrics})
    row = NoticeRow(WEEK, tier, family, key, 1.8, 1.3, 2.4, WEEK - 14, client, id=5, measured=1, signals=signals)
    values = {(WEEK - 7 * ago, key): float(10 - ago) for ago in range(10)}
    return build_card(SPRING, row, WEEK, WeekValues(values), CODES)


@pytest.mark.parametrize(
    ("key", "client", "columns", "rows"),
    [
        ("after_hours_replies", 0, ("Sent", "To", "Messages"), [("Tue 21:40", "Mondays, 10:00 · K7Q2", "1 message")]),
        (
            "overrun_minutes",
            0,
            ("Booked end", "With", "Ended", "Known from"),
            [("Mon 11:50", "Mondays, 11:00 · M3PR", "+12 min", "record system")],
        ),
        ("contact_hours", 0, ("Day", "Sessions", "Total"), [("Monday", "2 sessions", "1 h 52")]),
        ("weighted_load", 0, ("Day", "Sessions", "Total"), [("Monday", "2 sessions", "1 h 52")]),
        (
            "client_contacts",
            1,
            ("When", "What"),
            [("Mon 10:00", "a session"), ("Tue 21:40", "a reply"), ("Thu 10:00", "a message")],
        ),
    ],
)
def test_the_rows_behind_a_card_are_those_of_the_week(
    key: str, client: int, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    card = card_of(key, client=client)

    assert card.evidence.columns == columns
    assert list(card.evidence.rows) == rows


def test_a_group_is_one_session_in_the_rows_and_in_the_figure() -> None:
    group = [event("2026-03-02 10:00", "2026-03-02 11:30", client=client, uid=f"g{client}") for client in (1, 2, 3)]
    frames_ = frames(entries=group, times=[actual_times("2026-03-02 10:00", "2026-03-02 11:40", uid="g2")])
    ends = session_ends(frames_, WEEK, Highlights())

    load = replace(notice(), key="contact_hours")
    assert list(evidence_rows.evidence_table(frames_, load, WEEK, CODES).rows) == [("Monday", "1 session", "1 h 40")]
    assert ends is not None
    assert (ends.known_ends, ends.sessions_held) == (1, 1)
    assert looking_ahead(frames_, WEEK - 7) == ("1 session booked, the first on Monday at 10:00.",)


@pytest.mark.parametrize(
    ("marked", "states", "title"),
    [
        ((), ["past", "past", "within"], "2 of 3 sessions ended past your buffer"),
        ((1,), ["planned", "past", "within"], "Most sessions ended within your buffer; one ran past it"),
        ((3,), ["past", "past", "planned"], "2 of 2 sessions ended past your buffer"),
        ((1, 2), ["planned", "planned", "within"], "Every session ended within your buffer, or as planned"),
        ((1, 2, 3), ["planned", "planned", "planned"], "Your sessions ended as you had planned"),
    ],
)
def test_a_planned_session_is_drawn_hollow_and_counts_neither_way(
    marked: Sequence[int], states: list[str], title: str
) -> None:
    starts = {client: f"2026-03-02 1{client}" for client in (1, 2, 3)}
    entries_ = [
        event(f"{start}:00", f"{start}:40", client=client, uid=f"s{client}") for client, start in starts.items()
    ]
    times = [
        actual_times(f"{starts[n]}:00", f"{starts[n]}:{end}", uid=f"s{n}") for n, end in ((1, 50), (2, 52), (3, 42))
    ]
    ledger_ = [ledger_entry(client, "exception", "2026-03-02") for client in marked]

    ends = session_ends(frames(entries=entries_, times=times, ledger=ledger_), WEEK, Highlights())

    assert ends is not None
    assert [end.state.value for end in ends.days[0].ends] == states
    assert ends.title == title


@pytest.mark.parametrize(("marked", "clients"), [((), ["K7Q2", "M3PR"]), ((1,), ["M3PR"]), ((1, 2), [])])
def test_a_planned_session_leaves_the_rows_the_share_and_the_figures_count_alike(
    marked: Sequence[int], clients: list[str]
) -> None:
    starts = {1: "2026-03-02 11", 2: "2026-03-02 12", 3: "2026-03-02 13"}
    entries_ = [
        event(f"{start}:00", f"{start}:40", client=client, uid=f"s{client}") for client, start in starts.items()
    ]
    times = [
        actual_times(f"{starts[n]}:00", f"{starts[n]}:{end}", uid=f"s{n}") for n, end in ((1, 50), (2, 46), (3, 45))
    ]
    frames_ = frames(
        entries=entries_, times=times, ledger=[ledger_entry(client, "exception", "2026-03-02") for client in marked]
    )
    rows = evidence_rows.evidence_table(frames_, replace(notice(), key="overrun_minutes"), WEEK, CODES).rows
    ends = session_ends(frames_, WEEK, Highlights())
    share = catalogue()["overrun_share"].compute(frames_)

    assert [client_text.rpartition(" ")[2] for _, client_text, *_ in rows] == clients
    assert ends is not None
    assert [end.state.value for end in ends.days[0].ends].count("past") == len(clients)
    assert share.value[0] == pytest.approx(100 * len(clients) / (3 - len(marked)))


def test_another_job_takes_a_full_day_off_from_what_protects() -> None:
    elsewhere = event("2026-03-07 10:00", "2026-03-07 14:00", kind=Kind.BUSY)
    around = [event(f"2026-03-{on} 10:00", f"2026-03-{on} 10:50") for on in ("02", "03", "04", "05", "06", "09")]

    assert protective_facts(frames(entries=around), WEEK, {}) == ("No work was seen on Saturday and Sunday.",)
    assert protective_facts(frames(entries=[*around, elsewhere]), WEEK, {}) == ("No work was seen on Sunday.",)


def full_week() -> Frames:
    """Return a week with a late and an early session, one that ended early, one called off, and a leave with work."""
    return frames(
        entries=[
            event("2026-03-02 20:00", "2026-03-02 20:50", client=1, uid="late"),
            event("2026-03-03 07:00", "2026-03-03 07:50", client=2, uid="early"),
            event("2026-03-04 12:00", "2026-03-04 12:50", client=2, status=Status.CLINICIAN_CANCELLED),
            event("2026-03-05 00:00", "2026-03-10 00:00", kind=Kind.LEAVE, all_day=True),
            event("2026-03-06 10:00", "2026-03-06 10:50", client=1),
        ],
        times=[
            actual_times("2026-03-02 20:00", "2026-03-02 20:41", uid="late"),
            actual_times("2026-03-03 07:00", "2026-03-03 07:50", uid="early"),
        ],
        mail=[
            message("2026-03-02 09:00"),
            message("2026-03-04 09:00", out=True),
            message("2026-03-02 14:00", client=2),
            message("2026-03-06 12:00", out=True, client=1),
        ],
        as_of="2026-03-30 12:00",
    )


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("short_rests", [("Mon 20:41", "Tue 07:00", "10 h 19")]),
        ("shortened_share", [("Mon 20:50", "Fridays, 10:00 · K7Q2", "9 min early", "record system")]),
        ("clinician_cancel_share", [("Wed 12:00", "Tuesdays, 07:00 · M3PR")]),
        ("leave_interrupted", [("Fri 10:00", "a session"), ("Fri 12:00", "a message")]),
        (
            "reply_minutes_working",
            [
                ("Mon 09:00", "Fridays, 10:00 · K7Q2", "8 h"),
                ("Mon 14:00", "Tuesdays, 07:00 · M3PR", "4 h"),
            ],
        ),
        ("longest_free_stretch", []),
    ],
)
def test_the_rows_behind_nights_endings_and_leave(key: str, rows: list[tuple[str, ...]]) -> None:
    row = NoticeRow(WEEK, "worth a look", "recovery", key, 1.8, 1.3, 2.4, WEEK)

    assert list(evidence_rows.evidence_table(full_week(), row, WEEK, CODES).rows) == rows


def test_the_rows_behind_fewer_supervisions_are_the_last_ones() -> None:
    card = card_of("supervision_hours", family="supervision", tier="line")

    assert list(card.evidence.rows) == [("19 February", "1 h")]
    assert card.weeks is None


def test_the_weeks_of_a_card_stand_beside_the_middle_one_of_the_year_before() -> None:
    card = card_of("after_hours_replies")

    assert card.weeks is not None
    assert card.weeks.columns == ("Week of", "Replies sent after hours")
    assert list(card.weeks.rows) == [
        ("Typical week of the year before", "4"),
        ("16 February", "8"),
        ("23 February", "9"),
        ("2 March", "10"),
    ]


def test_a_card_about_hours_with_clients_places_them() -> None:
    assert "plans about 20 attended hours a week for a full-time post." in card_of("contact_hours").text
    assert "attended hours" not in card_of("overrun_minutes").text


def test_with_one_client_the_weeks_are_those_of_that_client() -> None:
    card = card_of("client_contacts", client=1)

    assert card.weeks is not None
    assert card.weeks.columns == ("Week of", "Contacts")
    assert card.weeks.rows[-1] == ("2 March", "2")
    assert "your contacts with the client of Mondays, 10:00 · K7Q2 were 1.8 times your usual" in card.text


def test_a_pattern_is_based_on_what_moved() -> None:
    signals = (
        Signal("after_hours_replies", 1.4, 0.9, 2.1, WEEK - 14),
        Signal("overrun_minutes", 1.1, -0.2, 2.3, WEEK - 28),
    )
    card = card_of("after_hours_replies", family="pattern", tier="pattern", signals=signals)

    assert list(card.evidence.rows) == [
        ("Replies sent after hours", "1.4 times your usual (0.9 to 2.1)", "16 February"),
        ("Minutes past booked ends", "1.1 minutes later than usual (−0.2 to 2.3)", "2 February"),
    ]
    assert card.weeks is not None
    assert card.weeks.columns == ("Week of", "Replies sent after hours", "Minutes past booked ends")
    assert [row[0] for row in card.weeks.rows[1:]] == [
        "2 February",
        "9 February",
        "16 February",
        "23 February",
        "2 March",
    ]


def test_a_card_offers_the_five_answers_and_one_thing_to_try() -> None:
    card = card_of("after_hours_replies")

    assert [(answer.key, answer.label) for answer in card.answers] == list(ANSWERS.items())
    assert (card.notice_id, card.title, card.answer) == (5, "Replies after hours", None)
    assert card.try_this


def test_a_card_that_leads_a_later_week_names_its_week() -> None:
    first_text, later_text = (
        build_card(SPRING, notice(2), week, WeekValues(), CODES).text for week in (WEEK - 14, WEEK)
    )

    assert first_text.startswith("For ")
    assert later_text == f"Noticed in the week of 16 February. {first_text}"


@pytest.mark.parametrize(
    ("weeks", "ending"),
    [
        (0, ""),
        (1, " The week since: 9."),
        (2, " The two weeks since: 9 and –."),
        (3, " The three weeks since: 9, – and 11."),
    ],
)
def test_a_card_that_leads_a_later_week_shows_the_weeks_since(weeks: int, ending: str) -> None:
    row = notice(2)
    values = {
        (row.week + 7 * index, "after_hours_replies"): value for index, value in enumerate([8.0, 9.0, None, 11.0])
    }
    first, later = (
        build_card(SPRING, row, week, WeekValues(values), CODES) for week in (row.week, row.week + 7 * weeks)
    )

    assert later.text.endswith(first.text + ending)
    assert later.weeks is not None
    assert [row_[1] for row_ in later.weeks.rows][-weeks - 1 :] == ["8", "9", "–", "11"][: weeks + 1]


def test_a_postponed_notice_states_that_the_four_weeks_are_over() -> None:
    card = build_card(SPRING, LATER, WEEK + 14, WeekValues(), CODES)

    assert card.text.startswith(DUE_AGAIN)
    assert card.answer is None
    assert build_card(SPRING, LATER, LATER.week, WeekValues(), CODES).answer == "Not for four weeks"


def nine_to_five(*evening: Row) -> Frames:
    """Return twelve weeks with a session each morning, and these evening sessions."""
    mornings = [
        event(f"{date_of(WEEK - 7 * ago + on)} 10:00", f"{date_of(WEEK - 7 * ago + on)} 11:00", client=1)
        for ago in range(12)
        for on in range(5)
    ]
    return frames(entries=[*mornings, *evening], as_of="2026-03-10 10:00")


ALL_KNOWN = WeekCompleteness(
    "", is_computed=True, is_complete=True, sessions_known=True, gaps=(), nothing_read=False, messages_seen=True
)
HALF_READ = replace(ALL_KNOWN, incomplete_sentence="It is not complete.", is_complete=False)
ASSUMED = replace(ALL_KNOWN, gaps=(Gap(GapKind.HOURS_ASSUMED),))
SILENT = replace(ALL_KNOWN, messages_seen=False)
LATE = tuple(event(f"2026-03-0{on} 20:00", f"2026-03-0{on} 21:00", client=2) for on in (3, 4))


@pytest.mark.parametrize(
    ("evening", "card_of", "completeness_", "text"),
    [
        ((), None, ALL_KNOWN, "Nothing stood out this week."),
        (LATE, None, ALL_KNOWN, "Nothing new stood out; a good part of your week lay outside your hours."),
        ((), None, HALF_READ, "It is not complete."),
        ((), None, ASSUMED, "Your hours are assumed, so this page cannot say whether your week was usual."),
        (
            (),
            None,
            SILENT,
            "No message of yours was seen this week, so this page cannot say whether it was usual.",
        ),
        ((), notice(), ALL_KNOWN, "Most of your week stayed inside your hours. Evenings ran longer than usual."),
        (LATE, notice(), ALL_KNOWN, "A good part of your week lay outside your hours. Evenings ran longer than usual."),
        (LATE, notice(), HALF_READ, "It is not complete."),
        (LATE, notice(), ASSUMED, "Evenings ran longer than usual."),
    ],
)
def test_the_headline_summarises_the_week(
    evening: Sequence[Row], card_of: NoticeRow | None, completeness_: WeekCompleteness, text: str
) -> None:
    assert headline(nine_to_five(*evening), WEEK, card_of, enough_weeks=True, completeness=completeness_) == text


@pytest.mark.parametrize(
    ("silenced_", "text"),
    [(1, "one note that you put off or explained is"), (2, "two notes that you put off or explained are")],
)
def test_what_was_put_off_does_not_make_a_week_quiet(silenced_: int, text: str) -> None:
    line = headline(nine_to_five(), WEEK, None, enough_weeks=True, completeness=ALL_KNOWN, silenced=silenced_)
    assert line == f"Nothing else stood out; {text} under Patterns."


@pytest.mark.parametrize(("evenings", "title"), [(1, "mostly inside"), (2, "A good part of your week lay outside")])
def test_what_is_titled_a_good_part_and_what_heads_the_week_are_one_thing(evenings: int, title: str) -> None:
    chart = rhythm(nine_to_five(*LATE[:evenings]), WEEK, Highlights(), ALL_KNOWN)

    assert chart is not None
    assert title in chart.title


def test_what_every_note_of_a_page_asks_for_is_made_once() -> None:
    values = WeekValues({(WEEK, "sessions_held"): 20.0, (WEEK + 7, "sessions_held"): None})

    assert usual_slots(SPRING) is usual_slots(SPRING)
    assert weekly_contacts(SPRING) is weekly_contacts(SPRING)
    assert values.breakdown_columns is values.breakdown_columns
    assert values.by_week("sessions_held") == {WEEK: 20.0, WEEK + 7: None}
    assert values.select_weeks(lambda week: week == WEEK) == {(WEEK, "sessions_held"): 20.0}
