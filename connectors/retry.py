"""Retries with one policy for web servers, Google and mail servers.

::

    no complete response, or HTTP 429, 500, 502, 503, 504    retried after 1, 2, 4 … seconds, or Retry-After
    Retry-After of more than a minute                        left to the next run
    all attempts made, or the deadline reached               the last error is raised

All attempts of a request share one :class:`~connectors.deadline.Deadline`, which the caller renews. A server that has
used up its time or sent too much is not asked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from connectors.deadline import Deadline
from connectors.errors import ConnectorError, LimitExceededError

MAX_ATTEMPTS = 4
GOOGLE_MAX_ATTEMPTS = 7  # Google counts quotas by the minute, and 1 + 2 + … + 32 seconds are longer than one
FIRST_PAUSE = 1.0  # seconds; doubles
LONGEST_PAUSE = 60.0  # seconds; if a server asks for more, the next run goes on
RETRYABLE_STATUSES = frozenset((429, 500, 502, 503, 504))

Pause = Callable[[float], None]
T = TypeVar("T")


class RetryableError(Exception):
    """A failure that may pass, after ``wait`` seconds if the server said so; ``problem`` is raised if it does not."""

    def __init__(self, problem: ConnectorError, wait: float | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.wait = wait


class Retrier:
    """Runs an attempt again while that makes sense. ``pause`` sleeps for some seconds; a test may count instead."""

    def __init__(self, deadline: Deadline, pause: Pause | None = None, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._deadline = deadline
        self._pause = pause or _sleep
        self._max_attempts = max_attempts

    def run(self, attempt: Callable[[], T]) -> T:
        """Return the attempt's result. If all attempts raise :class:`RetryableError`, raise the last one's problem."""
        attempts = 0
        while True:
            try:
                return attempt()
            except RetryableError as error:
                failure = error
            # Raised outside of the handler, so that the problem has no context: that may contain an address.
            attempts += 1
            self.wait(failure, attempts)

    def wait(self, failure: RetryableError, attempts: int) -> None:
        """Pause after the given number of attempts, or raise the problem if there is to be no other."""
        seconds = FIRST_PAUSE * 2 ** (attempts - 1) if failure.wait is None else failure.wait
        is_final = isinstance(failure.problem, LimitExceededError)
        is_over = is_final or attempts >= self._max_attempts or seconds > LONGEST_PAUSE
        if is_over or not self._deadline.allows_pause(seconds):
            raise failure.problem
        self._pause(seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After`` header, if there is one.

    A date in it is compared with the server's own clock (``Date``). ``headers`` have lower-case names.
    """
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def long_wait(wait: float | None) -> timedelta | None:
    """Return a server's ``Retry-After`` if it is longer than we pause."""
    return timedelta(seconds=wait) if wait is not None and wait > LONGEST_PAUSE else None


def _sleep(seconds: float) -> None:
    time.sleep(seconds)
