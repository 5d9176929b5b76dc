"""What becomes a notice, and in which words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from monitor.analysis.catalogue import catalogue
from monitor.notices import ANSWERS, FAMILIES, NoticeFamily, explanation, family, find, what_moved
from monitor.store.notices import NoticeRow
from tests.monitor.facts import day

FIRST = day("2025-01-06")
UNKNOWN = float("nan")
BANNED = re.compile(r"burn-?out|\brisk|\bscor|\bshould\b|\bfail", re.IGNORECASE)
families = pytest.mark.parametrize("entry", FAMILIES, ids=lambda entry: entry.metric)


def weeks(count: int, *, away: Sequence[int] = ()) -> pd.DataFrame:
    """The weeks table, all compared but those that one was away."""
    index = pd.Index(FIRST + 7 * np.arange(count), name="week")
    return pd.DataFrame({"compared": ~np.isin(np.arange(count), away)}, index=index)


def measured(key: str, values: Sequence[float], *, sessions: float = 20, coverage: float = 1) -> pd.DataFrame:
    """A clinician's weekly numbers: one series is known, and as many sessions every week; nothing else is."""
    series: dict[str, tuple[float | Sequence[float], int, float]] = {
        **dict.fromkeys([entry.metric for entry in FAMILIES], (UNKNOWN, 0, 0.0)),
        key: (values, 18, coverage),
        "sessions_held": (sessions, int(sessions), 1.0),
    }
    index = FIRST + 7 * np.arange(len(values))
    tables = [
        pd.DataFrame({"week": index, "key": name, "value": value, "n": n, "coverage": known})
        for name, (value, n, known) in series.items()
    ]
    return pd.concat(tables, ignore_index=True)


def row(key: str = "after_hours_replies", **told: float) -> NoticeRow:
    entry = next(entry for entry in FAMILIES if entry.metric == key)
    ratio, low, high = told.get("ratio", 1.8), told.get("low", 1.3), told.get("high", 2.4)
    since = int(told.get("since", FIRST + 35 * 7))
    return NoticeRow(FIRST + 40 * 7, "worth a look", entry.key, key, ratio, low, high, since)


# What is found


@pytest.mark.parametrize(
    ("key", "usual", "then"),
    [("after_hours_replies", [4.0, 5, 3, 4], [8.0, 10, 9, 9]), ("overrun_minutes", [1.0, 2, 3, 2], [4.0, 5, 6, 5])],
)
def test_a_step_is_noticed_once_within_weeks(key: str, usual: list[float], then: list[float]) -> None:
    (found,) = find(measured(key, usual * 15 + then * 5), weeks(80))

    assert FIRST + 60 * 7 <= found.week < FIRST + 67 * 7
    assert abs(found.since - (FIRST + 60 * 7)) <= 14
    assert None not in (told := (found.low, found.ratio, found.high))
    assert list(told) == sorted(told)  # type: ignore[type-var]
    assert (found.tier, found.key, found.client, found.answer) == ("worth a look", key, 0, None)
    assert family(found.family).metric == key


@families
def test_life_as_usual_is_no_notice(entry: NoticeFamily) -> None:
    assert find(measured(entry.metric, [4.0, 5, 3, 4] * 20), weeks(80)) == []
    assert find(measured(entry.metric, [0.0] * 80), weeks(80)) == []
    assert find(measured(entry.metric, [UNKNOWN] * 80), weeks(80)) == []


@families
def test_nothing_is_noticed_before_half_a_year(entry: NoticeFamily) -> None:
    assert find(measured(entry.metric, [1.0, 2] * 5 + [9.0] * 15), weeks(25)) == []


def test_weeks_that_are_not_compared_say_nothing() -> None:
    step = [4.0, 5, 3, 4] * 15 + [9.0] * 12
    away = list(range(60, 72))

    assert find(measured("after_hours_replies", step), weeks(72)) != []
    assert find(measured("after_hours_replies", step), weeks(72, away=away)) == []


def test_ends_that_are_hardly_known_say_nothing() -> None:
    step = [1.0, 2, 3, 2] * 15 + [6.0] * 12

    assert find(measured("overrun_minutes", step, coverage=0.59), weeks(72)) == []
    assert find(measured("overrun_minutes", step, coverage=0.6), weeks(72)) != []


def test_without_sessions_there_is_nothing_to_measure_replies_by() -> None:
    assert find(measured("after_hours_replies", [4.0, 5, 3, 4] * 15 + [9.0] * 12, sessions=0), weeks(72)) == []


def test_missing_rows_are_missing_weeks() -> None:
    table = measured("after_hours_replies", [4.0, 5, 3, 4] * 15 + [9.0] * 12)
    gap = FIRST + 7 * np.arange(30, 34)

    assert (
        find(table[~table["week"].isin(gap)], weeks(72).drop(gap)) == find(table, weeks(72, away=range(30, 34))) != []
    )


def test_no_weeks_no_notices() -> None:
    assert find(measured("after_hours_replies", []), weeks(0)) == []


# In which words


def weekly(inbound: tuple[float, float], share: tuple[float, float]) -> pd.DataFrame:
    """The year before the notice and its own weeks, each with client messages after hours and the share answered."""
    index = FIRST + 7 * np.arange(41)
    late = index >= FIRST + 35 * 7
    return pd.DataFrame(
        {"after_hours_inbound": np.where(late, *inbound[::-1]), "reply_propensity": np.where(late, *share[::-1])},
        index=index,
    )


def test_replies_are_explained_by_how_many_times_the_usual() -> None:
    assert explanation(row(), "Clients wrote more after hours; the share you answered did not change.") == (
        "For six weeks your after-hours replies per session ran 1.8 times your usual (90 % interval 1.3 to 2.4). "
        "Clients wrote more after hours; the share you answered did not change. "
        "Chance alone produces about one such note every two years for each of the things watched."
    )


def test_overruns_are_explained_in_minutes() -> None:
    found = explanation(row("overrun_minutes", ratio=2.04, low=0.8, high=3.3, since=FIRST + 40 * 7), "")

    assert found.startswith(
        "This week your sessions ended 2.0 minutes later than your usual (90 % interval 0.8 to 3.3). Ch"
    )


@pytest.mark.parametrize(
    ("inbound", "share", "moved"),
    [
        ((4, 8), (40, 42), "Clients wrote more after hours; the share you answered did not change."),
        ((4, 2), (40, 42), "Clients wrote less after hours; the share you answered did not change."),
        ((4, 4), (40, 60), "Clients wrote about as much after hours as before; you answered a larger share of it"),
        ((4, 8), (60, 40), "Clients wrote more after hours; you answered a smaller share of it"),
        ((4, UNKNOWN), (60, 40), ""),
        ((4, 8), (UNKNOWN, 40), ""),
    ],
)
def test_demand_and_boundary_are_told_apart(
    inbound: tuple[float, float], share: tuple[float, float], moved: str
) -> None:
    found = what_moved(row(), weekly(inbound, share))

    assert found.startswith(moved)
    assert bool(found) is bool(moved)


def test_of_sessions_nothing_moved_but_the_sessions() -> None:
    assert what_moved(row("overrun_minutes"), weekly((4, 8), (40, 60))) == ""


@families
def test_no_word_judges(entry: NoticeFamily) -> None:
    moved = what_moved(row(entry.metric), weekly((4, 8), (40, 60)))
    words = [explanation(row(entry.metric), moved), entry.headline, entry.title, entry.try_this, *ANSWERS.values()]

    assert [text for text in words if BANNED.search(text)] == []
    assert "interval" in words[0]


def test_no_definition_judges() -> None:
    assert [key for key, entry in catalogue().items() if BANNED.search(entry.definition + entry.title)] == []


def test_every_family_is_watched_for_one_thing() -> None:
    assert len({entry.key for entry in FAMILIES}) == len({entry.metric for entry in FAMILIES}) == len(FAMILIES)
