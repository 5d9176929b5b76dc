"""Rules: their crossings, and the frequency of their notices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from connectors.records import Kind
from monitor.analysis.catalogue import catalogue, compute_metrics
from monitor.analysis.frames import Frames
from monitor.notices import RULES, crossed_rules, drop_answered
from monitor.roster import Practice
from monitor.store.notices import NoticeRow
from tests.monitor.facts import BERLIN, Row, day, event, frames, instant, ledger_entry, message, term

FIRST = day("2026-01-05")
WEEKS = 12
NOTHING: Mapping[str, Sequence[float]] = {}


def practice(region: str | None = "GB") -> Practice:
    return Practice("Harbour Street", ZoneInfo(BERLIN), region=region)


def person(
    *events: Row,
    region: str | None = "GB",
    terms: Iterable[Row] = (),
    ledger: Iterable[Row] = (),
    skips: Sequence[int] = (),
) -> Frames:
    """Return somebody with a session every Monday at ten for twelve weeks, except the weeks that are skipped."""
    mondays = [f"{monday:%Y-%m-%d}" for monday in pd.date_range("2026-01-05", periods=WEEKS, freq="7D")]
    sessions = [event(f"{on} 10:00", f"{on} 10:50", client=1) for n, on in enumerate(mondays) if n not in skips]
    return frames(entries=[*sessions, *events], practice=practice(region), terms=terms, ledger=ledger)


def measured(series: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return weekly numbers from the first week on."""
    rows = [
        {"week": FIRST + 7 * n, "key": key, "value": value, "n": 1, "coverage": 1.0}
        for key, values in series.items()
        for n, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["week", "key", "value", "n", "coverage"])


def weeks_of(rows: Sequence[NoticeRow], family: str) -> list[int]:
    return [(row.week - FIRST) // 7 for row in rows if row.family == family]


NAN = float("nan")


@pytest.mark.parametrize(
    ("family", "metric", "values", "weeks"),
    [
        ("rest", "short_rests", [0, 1, 1, 2, 0, 0], [3]),
        ("rest", "short_rests", [NAN, 1, 3, 3, 0, 4], [2]),
        ("rest", "short_rests", [2] * 12, [0, 8]),
        ("rest", "short_rests", [2, *[0] * 8, 2], [0, 9]),
        ("free stretch", "longest_free_stretch", [60, 35, 34.9, 12, NAN, 12], [3]),
        ("free stretch", "longest_free_stretch", [12, 60, 12, NAN, 12, 35], []),
        ("day off", "days_since_full_day_off", [1, 7, 12, 13, NAN], [3]),
        ("day off", "days_since_full_day_off", [13] * 12, [0, 8]),
        ("day off", "days_since_full_day_off", [13, *[0] * 8, 13], [0, 9]),
    ],
)
def test_a_rule_is_reported_in_the_week_of_its_crossing_and_eight_weeks_later(
    family: str, metric: str, values: list[float], weeks: list[int]
) -> None:
    crossed = crossed_rules(measured({metric: values}), person())

    assert weeks_of(crossed, family) == weeks
    assert [row.measured for row in crossed] == [values[week] for week in weeks]
    assert all(
        (row.tier, row.ratio, row.low, row.high, row.key) == ("line", None, None, None, metric) for row in crossed
    )


@pytest.mark.parametrize(
    ("leaves", "worked", "told_of"),
    [
        ([(12, 19)], [14], [(1, 1)]),
        ([(12, 19)], [12, 18], []),  # the first and the last day are weeks_of apart
        ([(13, 17)], [17, 18], []),  # and so is the weekend that adjoins
        ([(12, 26)], [14], []),
        ([(12, 26)], [14, 15], [(1, 2)]),
        ([(12, 26)], [14, 20], [(2, 2)]),
        ([(14, 21)], [19], [(2, 1)]),
        ([(14, 21)], [20], []),
        ([(12, 17), (19, 24)], [20], []),  # two weeks booked one by one are one leave
        ([(12, 17), (19, 24)], [14, 20], [(2, 2)]),
        ([(12, 22), (23, 24)], [20], []),  # a long one ends and a short one begins in one week
        ([(12, 22), (23, 28)], [20, 26], [(3, 1)]),
    ],
)
def test_work_during_leave_is_a_day_in_a_week_and_two_in_a_longer_one(
    leaves: Sequence[tuple[int, int]], worked: Sequence[int], told_of: Sequence[tuple[int, float]]
) -> None:
    away = [
        event(f"2026-01-{first} 00:00", f"2026-01-{last} 00:00", kind=Kind.LEAVE, all_day=True)
        for first, last in leaves
    ]
    sessions = [event(f"2026-01-{on} 10:00", f"2026-01-{on} 10:50", client=2) for on in worked]
    lived = person(*away, *sessions, skips=(1, 2, 3))
    crossed = [row for row in crossed_rules(compute_metrics(lived), lived) if row.family == "leave"]

    assert [((row.week - FIRST) // 7, row.measured) for row in crossed] == told_of


@pytest.mark.parametrize(("region", "weeks"), [("GB", [4]), ("IE", [4]), ("US", []), (None, [])])
def test_supervision_is_a_line_where_a_professional_body_asks_for_it(region: str | None, weeks: list[int]) -> None:
    hours = [2, 2, 2, 1, *[1] * 8]

    assert (
        weeks_of(crossed_rules(measured({"supervision_hours": hours}), person(region=region)), "supervision") == weeks
    )


@pytest.mark.parametrize(
    ("hours", "skips", "weeks"),
    [
        ([2, 2, 1.5, 1.5, 1.4, 1.4], (), [5]),
        ([2, 2, 0, 2, 2, 2, 0, 2], (), []),  # five weeks between two first Fridays
        ([0] * 8, (), []),
        ([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], (3, 8), [7]),
        ([2, 0, 0], (), []),
    ],
)
def test_supervision_is_missed_in_a_month_with_clients_by_who_has_it_in_the_calendar(
    hours: list[float], skips: Sequence[int], weeks: list[int]
) -> None:
    assert weeks_of(crossed_rules(measured({"supervision_hours": hours}), person(skips=skips)), "supervision") == weeks


@pytest.mark.parametrize(
    ("terms", "due"),
    [
        ([term(1, "review_on", "2026-02-04", "2026-01-01")], [(4, 1)]),
        (
            [term(1, "review_on", "2026-02-04", "2026-01-01"), term(1, "review_on", "2026-03-04", "2026-02-01")],
            [(8, 1)],
        ),
        ([term(1, "review_on", "2026-02-04", "2026-01-01"), term(1, "review_on", None, "2026-02-01")], []),
        ([term(1, "modified_until", "2026-02-04", "2026-01-01")], [(4, 1)]),
        ([term(1, "review_on", "2026-02-04"), term(1, "standing", "handed_over", "2026-02-04")], []),
        ([term(1, "review_on", "2026-02-04"), term(1, "standing", "discharged", "2026-02-05")], [(4, 1)]),
        ([term(1, "review_on", "2026-06-01", "2026-01-01")], []),
        ([term(1, "review_on", "2026-02-04"), term(2, "review_on", "2026-02-05")], [(4, 1), (4, 2)]),
    ],
)
def test_a_review_is_due_on_its_day(terms: list[Row], due: list[tuple[int, int]]) -> None:
    crossed = [row for row in crossed_rules(measured(NOTHING), person(terms=terms)) if row.family == "review"]

    assert [((row.week - FIRST) // 7, row.client) for row in crossed] == due


def answered(
    answer: str | None, on: str, *, client: int = 1, until: str | None = None, family: str = "one client"
) -> NoticeRow:
    return NoticeRow(
        day(on), "worth a look", family, "client_contacts", 2, 1, 3, day(on) - 21, client, answer=answer,
        answered_at=instant(f"{on} 12:00"), until=day(until) if until else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "weeks"),
    [
        (answered("planned", "2026-01-12", until="2026-02-11"), [5]),
        (answered("needed", "2026-01-12", until="2026-02-11"), [5]),
        (answered("planned", "2026-01-12"), []),
        (answered("noted", "2026-01-12", until="2026-02-11"), []),
        (answered("planned", "2026-01-12", until="2026-06-11"), []),
    ],
)
def test_no_exception_ends_in_silence(stored: NoticeRow, weeks: list[int]) -> None:
    assert weeks_of(crossed_rules(measured(NOTHING), person(), [stored]), "exception ended") == weeks


DAYS = ("2026-01-06", "2026-01-13", "2026-01-28", "2026-02-03", "2026-02-10", "2026-02-17", "2026-02-24")


@pytest.mark.parametrize(
    ("ledger", "stored", "weeks"),
    [
        ([ledger_entry(1, "gift", on) for on in DAYS[:2]], [], []),
        ([ledger_entry(1, "gift", on) for on in DAYS[:3]], [], [3]),
        ([ledger_entry(1, "gift", on) for on in DAYS], [], [3, 6]),
        (
            [ledger_entry(1, kind, on) for kind, on in zip(("gift", "exception", "fee_waived"), DAYS, strict=False)],
            [],
            [],
        ),
        ([ledger_entry(client, "gift", on) for client, on in zip((1, 2, 1), DAYS, strict=False)], [], []),
        ([ledger_entry(-1, "gift", on) for on in DAYS], [], []),
        ([ledger_entry(1, "consultation", on) for on in DAYS], [], []),
        ([], [answered("needed", on) for on in DAYS[:3]], [3]),
        ([], [answered(answer, on) for answer, on in zip(("needed", "noted", "planned"), DAYS, strict=False)], []),
        ([], [answered("needed", on, client=0) for on in DAYS[:3]], []),
    ],
)
def test_the_third_exception_of_a_kind_with_a_client_is_reported(
    ledger: list[Row], stored: list[NoticeRow], weeks: list[int]
) -> None:
    crossed = crossed_rules(measured(NOTHING), person(ledger=ledger), stored)

    assert weeks_of(crossed, "just this once") == weeks
    assert [row.measured for row in crossed] == [3, 6][: len(weeks)]
    assert {row.client for row in crossed} <= {1}


def until(review: str, reason: str = "crisis_plan") -> list[Row]:
    return [term(1, "modified", reason, "2026-01-01"), term(1, "modified_until", review, "2026-01-01")]


@pytest.mark.parametrize(
    ("plan", "weeks"),
    [
        ([term(1, "emergency", "yes", "2026-01-01")], []),
        (until("2026-05-01"), []),
        (until("2026-01-01"), [3]),  # was due for review before any of them
        ([term(1, "modified", "crisis_plan", "2026-01-01")], [3]),  # has no review date
        (until("2026-05-01", "distance"), [3]),
        ([term(1, "emergency", "yes", "2026-01-20")], []),
        ([term(1, "emergency", "yes", "2026-02-20")], [3]),
        ([term(2, "emergency", "yes", "2026-01-01")], [3]),
    ],
)
def test_with_a_crisis_plan_exceptions_are_not_counted(plan: list[Row], weeks: list[int]) -> None:
    ledger = [ledger_entry(1, "exception", on) for on in DAYS[:3]]

    assert weeks_of(crossed_rules(measured(NOTHING), person(terms=plan, ledger=ledger)), "just this once") == weeks


def facts_of(rows: Sequence[NoticeRow]) -> list[tuple[int, str, int, str]]:
    return [((row.week - FIRST) // 7, row.family, row.client, row.topic) for row in rows]


def test_two_facts_of_one_week_and_client_are_two_lines() -> None:
    ended = [
        answered("planned", "2026-01-12", client=0, until="2026-02-11", family=family)
        for family in ("availability", "load")
    ]
    due = [term(1, name, "2026-02-10", "2026-01-01") for name in ("review_on", "modified_until")]
    ledger = [ledger_entry(1, kind, on) for kind in ("gift", "fee_waived") for on in (*DAYS[:2], "2026-02-09")]

    assert facts_of(crossed_rules(measured(NOTHING), person(terms=due, ledger=ledger), ended)) == [
        (5, "exception ended", 0, "availability"),
        (5, "exception ended", 0, "load"),
        (5, "just this once", 1, "fee_waived"),
        (5, "just this once", 1, "gift"),
        (5, "review", 1, "modified_until"),
        (5, "review", 1, "review_on"),
    ]


@pytest.mark.parametrize("answer", ["planned", "noted", "not_now"])
def test_the_answer_to_one_notice_silences_no_other(answer: str) -> None:
    until = {"availability": "2026-02-11", "load": "2026-03-04"}
    ended = [answered("planned", "2026-01-12", client=0, until=until[family], family=family) for family in until]
    due = [term(1, "review_on", "2026-02-04", "2026-01-01"), term(1, "modified_until", "2026-02-25", "2026-01-01")]
    ledger = [ledger_entry(1, "gift", on) for on in DAYS[:6]] + [ledger_entry(1, "exception", on) for on in DAYS[3:6]]
    someone = person(terms=due, ledger=ledger)
    crossed = crossed_rules(measured(NOTHING), someone, ended)
    stored = [*ended, *(replace(row, answer=answer, answered_at=instant("2026-02-12 12:00")) for row in crossed[:3])]

    again = crossed_rules(measured(NOTHING), someone, stored)

    assert len(crossed) == 7
    assert facts_of(drop_answered(again, stored)) == facts_of(crossed)


def test_an_answer_to_a_line_is_no_exception_with_the_client() -> None:
    lines = [
        NoticeRow(day(on), "line", "review", "", None, None, None, day(on), 1, answer="planned",
                  answered_at=instant(f"{on} 12:00"), measured=1, topic="review_on")
        for on in ("2026-01-12", "2026-01-26", "2026-02-09")
    ]  # fmt: skip

    assert crossed_rules(measured(NOTHING), person(), lines) == []


def test_a_planned_rule_notice_is_silent_until_its_end_date() -> None:
    numbers = measured({"days_since_full_day_off": [20] * 12})
    (first, _) = [row for row in crossed_rules(numbers, person()) if row.family == "day off"]
    planned = replace(first, answer="planned", answered_at=0, until=FIRST + 7 * 10)

    crossed = crossed_rules(numbers, person(), [planned])
    assert weeks_of(crossed, "day off") == [0, 11]
    assert weeks_of(crossed, "exception ended") == [10]
    assert weeks_of(crossed_rules(numbers, person(), [replace(planned, answer="noted", until=None)]), "day off") == [
        0,
        8,
    ]


def test_a_planned_rule_silences_no_other_rule() -> None:
    numbers = measured({"days_since_full_day_off": [20] * 12, "short_rests": [2] * 12})
    (first, _) = [row for row in crossed_rules(numbers, person()) if row.family == "day off"]
    planned = replace(first, answer="planned", answered_at=0, until=FIRST + 7 * 20)

    crossed = crossed_rules(numbers, person(), [planned])

    assert weeks_of(crossed, "day off") == [0]
    assert weeks_of(crossed, "rest") == [0, 8]


def test_a_planned_rule_without_an_end_silences_nothing() -> None:
    numbers = measured({"days_since_full_day_off": [20] * 12})
    (first, _) = [row for row in crossed_rules(numbers, person()) if row.family == "day off"]
    planned = replace(first, answer="planned", answered_at=0, until=None)

    assert weeks_of(crossed_rules(numbers, person(), [planned]), "day off") == [0, 8]


@pytest.mark.parametrize(("until", "weeks"), [("2026-01-18", []), ("2026-01-19", [2])])
def test_an_exception_within_its_notices_own_week_ends_without_a_word(until: str, weeks: list[int]) -> None:
    stored = answered("planned", "2026-01-12", until=until)

    assert weeks_of(crossed_rules(measured(NOTHING), person(), [stored]), "exception ended") == weeks


def test_every_rule_is_declared_once_for_an_existing_metric() -> None:
    assert len({entry.key for entry in RULES}) == len(RULES)
    assert {entry.metric for entry in RULES} - {""} <= catalogue().keys()


def test_without_data_no_rule_is_crossed() -> None:
    nobody = frames(
        entries=[event("2026-01-05 10:00", "2026-01-05 10:50", kind=Kind.OTHER)], mail=[message("2026-01-06 10:00")]
    )

    assert crossed_rules(measured(NOTHING), nobody) == []
    assert crossed_rules(measured({entry.metric: [NAN] * 12 for entry in RULES if entry.metric}), nobody) == []
