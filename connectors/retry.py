"""Asking again: one policy for web servers, Google and mail servers.

::

    no whole answer, or HTTP 429, 500, 502, 503, 504    again after 1, 2, 4 … seconds, or what Retry-After says
    asked to wait for more than a minute                left until the next run
    all tries made, or the deadline used up             the last problem is raised

All tries of a question share one :class:`~connectors.deadline.Deadline`; whoever asks renews it. A server that took
all the time or room there is, is not asked again.
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
GOOGLE_MAX_ATTEMPTS = 7  # its quotas are counted by the minute: 1 + 2 + … + 32 seconds outlast one
FIRST_PAUSE = 1.0  # seconds; doubles
LONGEST_PAUSE = 60.0  # seconds; a server that asks for more is left until the next run
RETRYABLE_STATUSES = frozenset((429, 500, 502, 503, 504))  # statuses that may be others in a moment

Pause = Callable[[float], None]
T = TypeVar("T")


class RetryableError(Exception):
    """It may work later: after ``wait`` seconds if the server said so. Else ``problem`` is what to say."""

    def __init__(self, problem: ConnectorError, wait: float | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.wait = wait


class Retrier:
    """Asks again as long as it makes sense. ``pause`` sleeps for some seconds; a test may count instead."""

    def __init__(self, deadline: Deadline, pause: Pause | None = None, tries: int = MAX_ATTEMPTS) -> None:
        self._deadline = deadline
        self._pause = pause or _sleep
        self._tries = tries

    def run(self, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` gives. Where it raises :class:`RetryableError` to the end, its problem is raised."""
        tried = 0
        while True:
            try:
                return attempt()
            except RetryableError as error:
                again = error
            # outside of the handler: what led to the problem may repeat an address
            tried += 1
            self.wait(again, tried)

    def wait(self, again: RetryableError, tried: int) -> None:
        """Pause after so many tries, or raise the problem where there is to be none after them."""
        wait = FIRST_PAUSE * 2 ** (tried - 1) if again.wait is None else again.wait
        is_over = tried >= self._tries or wait > LONGEST_PAUSE or isinstance(again.problem, LimitExceededError)
        if is_over or not self._deadline.allows_pause(wait):
            raise again.problem
        self._pause(wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait, if it does.

    The header's number, or its date counted from the server's own clock. ``headers`` have lower-case names.
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
    """Return for how long a server wants to be left alone, where that is longer than we wait."""
    return timedelta(seconds=wait) if wait is not None and wait > LONGEST_PAUSE else None


def _sleep(seconds: float) -> None:
    time.sleep(seconds)
