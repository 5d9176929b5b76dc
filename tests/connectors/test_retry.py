"""Retries: the pauses, their limit, and the error that is raised in the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors import deadline
from connectors.deadline import Deadline
from connectors.errors import LimitExceededError, UnavailableError
from connectors.retry import GOOGLE_MAX_ATTEMPTS, MAX_ATTEMPTS, Retrier, RetryableError, long_wait, retry_after

BUSY = UnavailableError("calendar", "the server answered HTTP 503.", "The next run tries again.")
LATER = "Mon, 05 Jan 2026 10:00:09 GMT"
NOW = "Mon, 05 Jan 2026 10:00:00 GMT"


def pauses_before_it_is_given_up(
    wait: float | None, tries: int = MAX_ATTEMPTS, problem: UnavailableError = BUSY
) -> list[float]:
    pauses: list[float] = []

    def attempt() -> None:
        try:
            Path("/private-7f3a").stat()
        except FileNotFoundError:
            raise RetryableError(problem, wait) from None

    with pytest.raises(UnavailableError) as error:
        Retrier(Deadline(), pauses.append, tries).run(attempt)
    assert error.value is problem
    assert error.value.__context__ is None  # what led to it may repeat a private link
    return pauses


def test_the_pause_doubles_or_is_what_the_server_asks_for() -> None:
    assert pauses_before_it_is_given_up(None) == [1, 2, 4]
    assert pauses_before_it_is_given_up(7) == [7, 7, 7]
    assert sum(pauses_before_it_is_given_up(None, GOOGLE_MAX_ATTEMPTS)) > 60


def test_a_server_that_asks_for_over_a_minute_or_used_up_its_time_is_left_at_once() -> None:
    assert pauses_before_it_is_given_up(61) == []
    assert pauses_before_it_is_given_up(None, problem=LimitExceededError("calendar", "too slow.", "Ask.")) == []


def test_pauses_count_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", 4)
    assert pauses_before_it_is_given_up(None) == [1, 2]


def test_the_result_of_the_last_attempt_is_returned() -> None:
    problems = iter([RetryableError(BUSY), RetryableError(BUSY, 3)])
    pauses: list[float] = []

    def attempt() -> str:
        if problem := next(problems, None):
            raise problem
        return "there"

    assert Retrier(Deadline(), pauses.append).run(attempt) == "there"
    assert pauses == [1, 3]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": LATER, "date": NOW}, 9),
        ({"retry-after": NOW, "date": LATER}, 0),
        ({"retry-after": LATER}, None),
        ({"retry-after": "soon", "date": NOW}, None),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date_by_the_servers_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_long_wait_is_longer_than_the_longest_pause() -> None:
    assert (long_wait(None), long_wait(60), long_wait(7200)) == (None, None, timedelta(hours=2))
