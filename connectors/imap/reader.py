"""An account read to its end although its server may break off: it is asked again, a broken message passed by."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import NamedTuple, TypeVar

from connectors import retry
from connectors.deadline import Deadline
from connectors.errors import LimitExceededError, RateLimitError, UnavailableError
from connectors.imap.folders import Folder
from connectors.imap.messages import Row
from connectors.imap.session import Account, BrokenOffError, Conversation, spelled, unreachable
from connectors.retry import Retrier, RetryableError

MOST_BREAKS = 40
T = TypeVar("T")


class Part(NamedTuple):
    """Some numbers of a folder and the messages that came of them; ``None`` where the server breaks off at the one."""

    numbers: Sequence[int]
    rows: list[Row] | None


class Reader:
    """Reads the folders of an account. Close it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._deadline = Deadline()
        self._retrier = Retrier(self._deadline, self._pause)
        self._breaks = 0
        self._talk: Conversation | None = None
        self._open: Folder | None = None

    def close(self) -> None:
        """Sign out."""
        if self._talk:
            self._talk.close()
        self._talk = self._open = None

    def folders(self) -> list[Folder]:
        """Every folder there is."""
        return self._tried(lambda: self._conversation().folders())

    def found(self, folder: Folder, criteria: str) -> list[int]:
        """The numbers of the messages of a folder that meet the criteria, lowest first."""
        return self._tried(lambda: self._in(folder).found(criteria))

    def parts(self, folder: Folder, parts: Iterable[Sequence[int]]) -> Iterator[Part]:
        """The messages of the parts, in their order; a part over which the server breaks off comes in smaller ones.

        A part is looked up when it is asked for, a few before the last that came.
        """
        left, asked = iter(parts), deque[Sequence[int]]()
        while (first := next(left, None)) is not None:
            left = chain([first], left)
            self._deadline.renew()
            try:
                for rows in self._in(folder).rows(_noted(left, asked)):
                    yield Part(asked.popleft(), rows)
            except LimitExceededError:
                raise
            except (BrokenOffError, RateLimitError, UnavailableError):
                self._pause(retry.FIRST_PAUSE)
            else:
                return
            broken = asked.popleft() if asked else next(left)
            smaller = list(self._halved(folder, broken))
            if all(part.rows is None for part in smaller) and not self._answers(folder, broken):
                raise unreachable(self._account.source)
            yield from smaller
            left = chain(tuple(asked), left)
            asked.clear()

    def _halved(self, folder: Folder, numbers: Sequence[int]) -> Iterator[Part]:
        """The same numbers tried again, then half of them, until the one is found at which the server breaks off."""
        try:
            (rows,) = self._tried(lambda: list(self._in(folder).rows([numbers])))
        except BrokenOffError:
            self._pause(retry.FIRST_PAUSE)
            middle = len(numbers) // 2
            if not middle:
                yield Part(numbers, None)
                return
            yield from self._halved(folder, numbers[:middle])
            yield from self._halved(folder, numbers[middle:])
        else:
            yield Part(numbers, rows)

    def _answers(self, folder: Folder, but: Sequence[int]) -> bool:
        """Whether another message comes, so that it is not the server itself that breaks off."""
        others = self.found(folder, f"NOT UID {spelled(but)}")[-1:]
        with suppress(BrokenOffError):
            return all(self._tried(lambda: list(self._in(folder).rows([others])))) if others else True
        return False

    def _tried(self, ask: Callable[[], T]) -> T:
        """Return what a question gives, asked again after a pause where the server is not there or wants us to stop.

        All tries have one deadline together.
        """

        def attempt() -> T:
            try:
                return ask()
            except (RateLimitError, UnavailableError) as error:
                raise RetryableError(error) from None

        self._deadline.renew()
        return self._retrier.run(attempt)

    def _pause(self, seconds: float) -> None:
        """Hang up and wait a little. Raises UnavailableError where that has been done often enough."""
        self._breaks += 1
        self.close()
        if self._breaks > MOST_BREAKS:
            raise unreachable(self._account.source)
        time.sleep(seconds)

    def _in(self, folder: Folder) -> Conversation:
        talk = self._conversation()
        if self._open != folder:
            talk.examine(folder)
            self._open = folder
        return talk

    def _conversation(self) -> Conversation:
        if self._talk is None:
            self._talk = Conversation(self._account, self._deadline)
        return self._talk


def _noted(parts: Iterable[Sequence[int]], asked: deque[Sequence[int]]) -> Iterator[Sequence[int]]:
    """The parts, each noted when it is asked for."""
    for part in parts:
        asked.append(part)
        yield part
