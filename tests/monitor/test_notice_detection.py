"""Detection: the weekly numbers that become a notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from monitor.analysis.catalogue import catalogue
from monitor.analysis.shifts import MEAN_SMOOTHING
from monitor.notices import (
    ALL_FAMILIES,
    ANSWERS,
    FAMILIES,
    Exclusion,
    NoticeFamily,
    detect_shifts,
    drop_answered,
    exclude,
    exclusions_from,
    possible_answers,
)
from monitor.notices.families import CONTACTS, EIGHT_WEEK_SPREAD
from monitor.notices.series import Contacts
from monitor.store.notices import NoticeRow, Signal
from tests.monitor.facts import day

FIRST = day("2025-01-06")
UNKNOWN = float("nan")
WATCHED = [
    key
    for entry in FAMILIES
    for watched in entry.metrics
    for key in {watched.metric, watched.detection_metric or watched.metric} - {CONTACTS}
]
BY_WEEK = [entry for entry in FAMILIES if not entry.by_client]
families = pytest.mark.parametrize("entry", BY_WEEK, ids=lambda entry: entry.key)

# An ordinary year and more of each measure, and what it rises to.
LIFE: Mapping[str, tuple[list[float], list[float]]] = {
    "after_hours_replies": ([4.0, 5, 3, 4], [8.0, 10, 9, 9]),
    "overrun_minutes": ([1.0, 2, 3, 2], [4.0, 5, 6, 5]),
    "short_rests": ([0.0, 1, 0, 1], [2.0, 2, 3, 2]),
    "contact_hours": ([15.0, 17, 16, 15], [21.0, 22, 20, 22]),
    "weighted_load": ([20.0, 21, 20, 19], [27.0, 28, 28, 27]),
    "reply_minutes_working": ([90.0, 120, 150, 110], [300.0, 280, 340, 310]),
    "clinician_cancel_share": ([0.0, 5, 0, 5], [20.0, 15, 20, 25]),
    "shortened_share": ([0.0, 5, 5, 0], [30.0, 35, 25, 30]),
}


def life(metric: str, usual: int, after: int = 0) -> list[float]:
    """Return ``usual`` times four usual weeks, then ``after`` times four weeks after the rise."""
    ordinary, high = LIFE[metric]
    return ordinary * usual + high * after


def weeks(count: int, *, away: Sequence[int] = ()) -> pd.DataFrame:
    """Return the weeks table of somebody who works four days, all compared except the weeks away."""
    index = pd.Index(FIRST + 7 * np.arange(count), name="week")
    compared = ~np.isin(np.arange(count), away)
    return pd.DataFrame(
        {"compared": compared, "worked_days": 4.0, "pattern_days": 4.0, "present_share": 1.0}, index=index
    )


def measured(series: Mapping[str, Sequence[float]], *, sessions: float = 20, coverage: float = 1) -> pd.DataFrame:
    """Return a clinician's weekly numbers: these, the same number of sessions every week, and nothing else."""
    count = len(next(iter(series.values())))
    if "overrun_minutes" in series:  # no end here is so far off that one would be clipped
        series = {**series, "overrun_minutes_clipped": series["overrun_minutes"]}
    metrics: dict[str, tuple[Sequence[float], int, float]] = {
        **dict.fromkeys(WATCHED, ([UNKNOWN] * count, 0, 0.0)),
        **{key: (values, 18, coverage) for key, values in series.items()},
        "sessions_held": ([sessions] * count, int(sessions), 1.0),
    }
    index = FIRST + 7 * np.arange(count)
    tables = [
        pd.DataFrame({"week": index, "key": name, "value": values, "n": n, "coverage": coverage_})
        for name, (values, n, coverage_) in metrics.items()
    ]
    return pd.concat(tables, ignore_index=True)


def of_family(entry: NoticeFamily, usual: int, after: int = 0) -> dict[str, list[float]]:
    """Return all metrics of a family, rising together."""
    return {watched.metric: life(watched.metric, usual, after) for watched in entry.metrics}


def contacts(*clients: Sequence[float]) -> Contacts:
    """Return the weekly contacts of clients 1, 2, …; NaN is a week that does not count."""
    counts = pd.DataFrame(dict(enumerate(clients, 1)), index=FIRST + 7 * np.arange(len(clients[0])))
    return Contacts(counts, counts * 0 + 1)


def week_indexes(rows: Sequence[NoticeRow]) -> list[int]:
    return [(row.week - FIRST) // 7 for row in rows]


# What is found


@families
def test_a_rise_is_noticed_once_within_weeks(entry: NoticeFamily) -> None:
    rows = detect_shifts(measured(of_family(entry, 15, 5)), weeks(80))
    (row,) = [row for row in rows if row.family == entry.key]

    assert 60 <= week_indexes([row])[0] < 67
    assert abs(row.since - (FIRST + 60 * 7)) <= 14
    assert row.ratio is not None
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.ratio < row.high
    assert (row.tier, row.client, row.answer, row.measured) == ("worth a look", 0, None, None)
    assert row.key in {watched.metric for watched in entry.metrics}


@pytest.mark.parametrize("entry", [entry for entry in BY_WEEK if len(entry.metrics) > 1], ids=lambda entry: entry.key)
def test_whichever_metrics_of_a_family_rise_as_many_as_it_needs_are_noticed(entry: NoticeFamily) -> None:
    metrics = [watched.metric for watched in entry.metrics]
    for number in range(1, len(metrics) + 1):
        for rising in combinations(metrics, number):
            series = {metric: life(metric, 15, 5) if metric in rising else life(metric, 20) for metric in metrics}
            rows = [row for row in detect_shifts(measured(series), weeks(80)) if row.family == entry.key]
            assert bool(rows) == (number >= entry.min_metrics), rising


@families
def test_life_as_usual_is_no_notice(entry: NoticeFamily) -> None:
    flat = {watched.metric: LIFE[watched.metric][0] * 20 for watched in entry.metrics}

    assert detect_shifts(measured(flat), weeks(80)) == []
    assert detect_shifts(measured(dict.fromkeys(flat, [0.0] * 80)), weeks(80)) == []
    assert detect_shifts(measured(dict.fromkeys(flat, [UNKNOWN] * 80)), weeks(80)) == []


@families
def test_nothing_is_noticed_in_the_first_half_year(entry: NoticeFamily) -> None:
    sudden = {watched.metric: LIFE[watched.metric][0] * 3 + LIFE[watched.metric][1] * 4 for watched in entry.metrics}

    assert detect_shifts(measured({key: values[:25] for key, values in sudden.items()}), weeks(25)) == []


@families
def test_two_notices_of_a_family_are_eight_weeks_apart(entry: NoticeFamily) -> None:
    ups = {
        watched.metric: LIFE[watched.metric][0] * 10 + (LIFE[watched.metric][1] + LIFE[watched.metric][0] * 2) * 8
        for watched in entry.metrics
    }
    rows = [row for row in detect_shifts(measured(ups), weeks(136)) if row.family == entry.key]

    assert len(rows) >= 1
    assert all(gap >= 8 for gap in np.diff(week_indexes(rows)))


@families
def test_a_family_keeps_to_its_budget_in_ordinary_weeks(entry: NoticeFamily) -> None:
    rng = np.random.default_rng(11)
    false_notices = 0
    for _ in range(30):
        ordinary = {watched.metric: _ordinary(watched.metric, rng, 130) for watched in entry.metrics}
        false_notices += sum(row.family == entry.key for row in detect_shifts(measured(ordinary), weeks(130)))

    assert false_notices / (30 * 105 / 52) < 2 * entry.alarms_per_year


def _ordinary(metric: str, rng: np.random.Generator, count: int) -> list[float]:
    """Return independent weekly numbers around a constant."""
    middle = float(np.mean(LIFE[metric][0]))
    if metric.endswith("_share"):
        return [float(hits) / 18 * 100 for hits in rng.binomial(18, middle / 100, count)]
    if metric in {"after_hours_replies", "short_rests"}:
        return [float(hits) for hits in rng.poisson(rng.gamma(5, middle / 5, count))]
    if metric == "overrun_minutes":
        return list(rng.normal(middle, 1.4, count))
    if metric == "weighted_load":
        return list(np.convolve(rng.normal(middle, 3, count + 7), np.ones(8) / 8, mode="valid"))
    spread = 0.4 if metric == "reply_minutes_working" else 0.12
    return list(rng.lognormal(np.log(middle), spread, count))


def test_weeks_that_are_not_compared_give_no_notice() -> None:
    step = {"after_hours_replies": life("after_hours_replies", 15, 3)}

    assert detect_shifts(measured(step), weeks(72)) != []
    assert detect_shifts(measured(step), weeks(72, away=list(range(60, 72)))) == []


def test_ends_with_too_low_coverage_give_no_notice() -> None:
    step = {"overrun_minutes": life("overrun_minutes", 15, 3)}

    assert detect_shifts(measured(step, coverage=0.59), weeks(72)) == []
    assert detect_shifts(measured(step, coverage=0.6), weeks(72)) != []


def test_overruns_are_detected_by_the_clipped_mean_and_reported_by_the_true_one() -> None:
    values = life("overrun_minutes", 15, 3)
    table = measured({"overrun_minutes": values})
    true = table.assign(value=table["value"].where(table["key"] != "overrun_minutes", table["value"] * 2))
    still = measured({"overrun_minutes": life("overrun_minutes", 18)})
    unclipped = still.assign(
        value=still["value"].where(still["key"] != "overrun_minutes", [*values] * (len(still) // 72))
    )
    (notice,), (doubled,) = detect_shifts(table, weeks(72)), detect_shifts(true, weeks(72))

    assert detect_shifts(unclipped, weeks(72)) == []
    assert (doubled.week, doubled.key, doubled.since) == (notice.week, "overrun_minutes", notice.since)
    assert (doubled.observed or 0) == pytest.approx(2 * (notice.observed or 0), abs=1e-3)


def test_without_sessions_there_is_nothing_to_measure_replies_by() -> None:
    assert (
        detect_shifts(measured({"after_hours_replies": life("after_hours_replies", 15, 3)}, sessions=0), weeks(72))
        == []
    )


def test_missing_rows_are_missing_weeks() -> None:
    table = measured({"after_hours_replies": life("after_hours_replies", 15, 3)})
    gap = FIRST + 7 * np.arange(30, 34)

    assert (
        detect_shifts(table[~table["week"].isin(gap)], weeks(72).drop(gap))
        == detect_shifts(table, weeks(72, away=range(30, 34)))
        != []
    )


def test_no_weeks_no_notices() -> None:
    assert detect_shifts(measured({"after_hours_replies": []}), weeks(0)) == []


def test_fuller_days_are_those_that_were_agreed() -> None:
    hours = measured({"contact_hours": life("contact_hours", 18)})
    shorter = weeks(72).assign(pattern_days=[4.0] * 60 + [3.0] * 12)

    assert detect_shifts(hours, weeks(72)) == []
    assert [row.family for row in detect_shifts(hours, shorter)] == ["load"]


# One client at a time


def test_one_client_of_many_is_noticed() -> None:
    ordinary = [[0.0, 1, 0, 1] * 18 for _ in range(12)]
    rows = detect_shifts(
        measured({"overrun_minutes": [UNKNOWN] * 72}),
        weeks(72),
        contacts(*ordinary, [0.0, 1, 0, 1] * 14 + [3.0, 4] * 8),
    )

    (row,) = rows
    assert (row.family, row.client, row.key, row.tier) == ("one client", 13, CONTACTS, "worth a look")
    assert 56 <= week_indexes(rows)[0] < 64
    assert row.ratio is not None
    assert row.ratio > 1.5


def test_clients_as_usual_give_no_notice() -> None:
    ordinary = [[0.0, 1, 0, 1] * 18 for _ in range(12)]

    assert detect_shifts(measured({"overrun_minutes": [UNKNOWN] * 72}), weeks(72), contacts(*ordinary)) == []
    assert detect_shifts(measured({"overrun_minutes": [UNKNOWN] * 72}), weeks(72), contacts([])) == []


# Several things at once


def test_what_is_too_little_alone_is_a_pattern_together() -> None:
    rng = np.random.default_rng(3)
    slight = {
        "after_hours_replies": np.concatenate([rng.poisson(4, (8, 60)), rng.poisson(6, (8, 20))], axis=1),
        "overrun_minutes": np.concatenate([rng.normal(1, 1.4, (8, 60)), rng.normal(2.2, 1.4, (8, 20))], axis=1),
        "contact_hours": np.exp(
            np.concatenate([rng.normal(2.8, 0.12, (8, 60)), rng.normal(2.92, 0.12, (8, 20))], axis=1)
        ),
    }
    people = [{key: values[n].astype(float).tolist() for key, values in slight.items()} for n in range(8)]
    patterns = [row for person in people for row in detect_shifts(measured(person), weeks(80)) if row.tier == "pattern"]
    in_time = [row for row in patterns if 60 <= week_indexes([row])[0] < 72]

    assert {row.family for row in patterns} == {ALL_FAMILIES.key}
    assert len(in_time) >= 6
    assert {signal.key for row in patterns for signal in row.signals} <= slight.keys()
    assert {len(row.signals) for row in patterns} <= {2, 3}


def test_one_family_alone_is_no_pattern() -> None:
    flat = {watched.metric: life(watched.metric, 20) for entry in BY_WEEK for watched in entry.metrics}
    rows = detect_shifts(measured(flat | {"after_hours_replies": life("after_hours_replies", 15, 5)}), weeks(80))

    assert {row.tier for row in rows} == {"worth a look"}


# What answers change


def exception(metric: str = "after_hours_replies", first: int = 60, last: int = 79, client: int = 0) -> Exclusion:
    return Exclusion(metric, client, FIRST + 7 * first, FIRST + 7 * last + 6)


def test_an_exception_leaves_the_count_and_the_baseline() -> None:
    numbers = {"after_hours_replies": life("after_hours_replies", 12, 4) + life("after_hours_replies", 5, 4)}
    exclusion = exception(first=48, last=63)
    as_missing = weeks(100, away=range(48, 64))

    assert week_indexes(detect_shifts(measured(numbers), weeks(100)))[0] < 60
    rows = detect_shifts(measured(numbers), weeks(100), exclusions=[exclusion])
    assert rows == detect_shifts(measured(numbers), as_missing)
    assert [84 <= place < 90 for place in week_indexes(rows)] == [True]


def weeks_of_next(
    answer: str, numbers: Mapping[str, Sequence[float]], count: int, contacts_: Contacts | None
) -> list[int]:
    """Return how many weeks after the answered notice further ones of its kind come (0: the notice itself)."""
    table, calendar = measured(numbers), weeks(count)
    first = next(row for row in detect_shifts(table, calendar, contacts_) if row.tier == "worth a look")
    stored = [replace(first, answer=answer, answered_at=0)]
    rows = detect_shifts(table, calendar, contacts_, exclusions_from(stored), stored)
    return [(row.week - first.week) // 7 for row in drop_answered(rows, stored) if row.tier == "worth a look"]


@families
@pytest.mark.parametrize("answer", ["planned", "needed", "wrong"])
def test_a_rise_that_outlasts_an_exception_is_reported_after_eight_weeks(entry: NoticeFamily, answer: str) -> None:
    (again,) = weeks_of_next(answer, of_family(entry, 15, 12), 108, None)

    assert 8 <= again <= 16


@pytest.mark.parametrize(("answer", "latest"), [("planned", 8), ("needed", 8), ("wrong", 8), ("noted", 0)])
def test_contact_with_one_client_that_outlasts_an_exception_is_reported_again(answer: str, latest: int) -> None:
    ordinary = [[0.0, 1, 0, 1] * 27 for _ in range(12)]
    contacts_ = contacts(*ordinary, [0.0, 1, 0, 1] * 14 + [3.0, 4, 3, 3] * 13)

    assert weeks_of_next(answer, {"overrun_minutes": [UNKNOWN] * 108}, 108, contacts_) == [latest]


@families
def test_a_noted_change_is_not_reported_again_while_it_lasts(entry: NoticeFamily) -> None:
    assert weeks_of_next("noted", of_family(entry, 15, 12), 108, None) == [0]


def test_an_exception_is_its_measures_alone() -> None:
    step = measured({"after_hours_replies": life("after_hours_replies", 15, 5)})

    assert detect_shifts(
        step, weeks(80), exclusions=[exception("contact_hours"), exception("client_contacts", client=3)]
    ) == detect_shifts(step, weeks(80))
    assert detect_shifts(step, weeks(80), exclusions=[exception()]) == []


def test_an_exception_with_one_client_is_that_clients_alone() -> None:
    rising = [[0.0, 1, 0, 1] * 14 + [3.0, 4] * 8 for _ in range(2)]
    contacts_ = contacts(*[[0.0, 1, 0, 1] * 18 for _ in range(12)], *rising)
    nothing = measured({"overrun_minutes": [UNKNOWN] * 72})
    exclusion = exception("client_contacts", 50, 71, client=13)

    assert {row.client for row in detect_shifts(nothing, weeks(72), contacts_)} == {13, 14}
    assert {row.client for row in detect_shifts(nothing, weeks(72), contacts_, [exclusion])} == {14}


def test_what_is_left_out_is_no_data_on_the_pages_and_the_directors_numbers_stay() -> None:
    table = measured({key: life(key, 20) for key in ("after_hours_replies", "contact_hours", "weighted_load")})
    remaining = exclude(table, [exception(), exception("contact_hours"), exception("weighted_load")])
    wide = remaining.pivot_table(index="week", columns="key", values="value", dropna=False)
    excluded_weeks = wide.loc[FIRST + 60 * 7 :]

    assert excluded_weeks[["after_hours_replies", "contact_hours"]].isna().all(axis=None)
    assert wide.loc[: FIRST + 59 * 7, ["after_hours_replies", "contact_hours"]].notna().all(axis=None)
    untouched = ["weighted_load", "sessions_held"]
    assert remaining[remaining["key"].isin(untouched)].equals(table[table["key"].isin(untouched)])
    assert (remaining["coverage"] == 0).sum() - (table["coverage"] == 0).sum() == 2 * 20
    assert exclude(table, []).equals(table)


def spans(*rows: NoticeRow) -> set[tuple[str, int, int]]:
    """Return what the answers exclude: metric, first and last week."""
    return {
        (exclusion.metric, (exclusion.first - FIRST) // 7, (exclusion.last - FIRST) // 7)
        for exclusion in exclusions_from(rows)
    }


def signal(metric: str, since: int) -> Signal:
    return Signal(metric, 1.5, 1.1, 2, FIRST + 7 * since)


@pytest.mark.parametrize("answer", ["planned", "needed", "wrong"])
def test_an_answer_to_a_pattern_takes_out_each_familys_own_weeks(answer: str) -> None:
    signals = signal("after_hours_replies", 30), signal("contact_hours", 20), signal("shortened_share", 38)
    pattern = replace(notice_row(40, "pattern", answer), tier="pattern", since=FIRST + 7 * 30, signals=signals)

    assert spans(pattern) == {
        ("after_hours_replies", 30, 40),
        ("contact_hours", 20, 40),
        ("weighted_load", 20, 40),
        ("reply_minutes_working", 38, 40),
        ("clinician_cancel_share", 38, 40),
        ("shortened_share", 38, 40),
    }
    assert spans(replace(pattern, answer="noted")) == set()


def test_a_rule_notice_answered_as_wrong_excludes_its_week_of_the_metric() -> None:
    line = NoticeRow(FIRST + 7 * 40, "line", "rest", "short_rests", None, None, None, FIRST + 7 * 40, measured=2)
    due = replace(line, family="review", key="", topic="review_on")

    assert spans(replace(line, answer="wrong")) == {("short_rests", 40, 40)}
    assert spans(replace(line, answer="planned"), replace(due, answer="wrong"), replace(due, answer="planned")) == set()
    nights = measured({"short_rests": [3.0] * 80})
    remaining = exclude(nights, exclusions_from([replace(line, answer="wrong")]))
    assert remaining.loc[remaining["value"].isna() & (remaining["key"] == "short_rests"), "week"].tolist() == [
        FIRST + 7 * 40
    ]


def test_a_notice_about_a_single_day_allows_no_answer_that_excludes_weeks() -> None:
    line = NoticeRow(FIRST, "line", "rest", "short_rests", None, None, None, FIRST, measured=2)

    assert possible_answers(line) == ANSWERS
    assert list(possible_answers(replace(line, family="review", key="", topic="review_on"))) == ["noted", "not_now"]


def notice_row(week: int, family: str = "availability", answer: str | None = None, client: int = 0) -> NoticeRow:
    return NoticeRow(
        FIRST + 7 * week, "worth a look", family, "after_hours_replies", 1.8, 1.3, 2.4, FIRST, client, answer=answer
    )


@pytest.mark.parametrize(
    ("detected", "stored", "remaining"),
    [
        ([40], [], [40]),
        ([40], [(40, "noted")], [40]),
        ([41, 60], [(40, "noted")], [60]),
        ([47], [(40, "wrong")], []),
        ([48], [(40, "wrong")], [48]),
        ([41], [(40, None)], [41]),
    ],
)
def test_an_answered_change_is_not_reported_again_a_week_later(
    detected: list[int], stored: list[tuple[int, str | None]], remaining: list[int]
) -> None:
    answered = [notice_row(week, answer=answer) for week, answer in stored]

    assert week_indexes(drop_answered([notice_row(week) for week in detected], answered)) == remaining
    assert drop_answered([notice_row(41, client=3)], [notice_row(40, client=4, answer="noted")]) != []
    assert drop_answered([notice_row(41)], [notice_row(40, "load", answer="noted")]) != []


# What is declared


def test_every_family_and_every_measure_is_declared_once() -> None:
    assert len({entry.key for entry in FAMILIES}) == len(FAMILIES)
    assert len(WATCHED) == len(set(WATCHED))
    assert set(WATCHED) <= catalogue().keys()
    assert {entry.alarms_per_year for entry in (*FAMILIES, ALL_FAMILIES)} == {0.5}


def test_the_swing_of_an_eight_week_mean_is_that_of_the_smoothing() -> None:
    decay = 1 - MEAN_SMOOTHING
    assert round(np.sqrt(1 + 2 * sum((1 - k / 8) * decay**k for k in range(1, 8))), 1) == EIGHT_WEEK_SPREAD
