"""Reading of an account with retries: a lost connection is opened again, and a message that breaks it is skipped."""

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
from connectors.imap.messages import FetchedMessage
from connectors.imap.session import ConnectionBrokenError, ImapAccount, ImapSession, uid_set, unreachable_error
from connectors.retry import Retrier, RetryableError

MAX_RECONNECTS = 40
T = TypeVar("T")


class FetchedChunk(NamedTuple):
    """Some UIDs of a folder and their messages; ``None`` for a single UID at which the server breaks the connection."""

    uids: Sequence[int]
    messages: list[FetchedMessage] | None


class AccountReader:
    """Reads the folders of an account. Close it."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        self._deadline = Deadline()
        self._retrier = Retrier(self._deadline, self._reconnect_later)
        self._reconnects = 0
        self._session: ImapSession | None = None
        self._open_folder: Folder | None = None

    def close(self) -> None:
        """Sign out."""
        if self._session:
            self._session.close()
        self._session = self._open_folder = None

    def folders(self) -> list[Folder]:
        """Return every folder of the account."""
        return self._retried(lambda: self._connected().folders())

    def search(self, folder: Folder, criteria: str) -> list[int]:
        """Return the UIDs of a folder's messages that meet the criteria, lowest first."""
        return self._retried(lambda: self._opened(folder).search(criteria))

    def fetch(self, folder: Folder, chunks: Iterable[Sequence[int]]) -> Iterator[FetchedChunk]:
        """Yield the messages of the chunks in order; a chunk that breaks the connection comes in smaller ones.

        A chunk is taken from ``chunks`` when it is requested, which is a few before the last one that was yielded.
        """
        remaining, requested = iter(chunks), deque[Sequence[int]]()
        while (first := next(remaining, None)) is not None:
            remaining = chain([first], remaining)
            self._deadline.renew()
            try:
                for messages in self._opened(folder).fetch(_recorded(remaining, requested)):
                    yield FetchedChunk(requested.popleft(), messages)
            # The same command would again take all the time or memory that is allowed.
            except LimitExceededError:
                raise
            except (ConnectionBrokenError, RateLimitError, UnavailableError):
                self._reconnect_later(retry.FIRST_PAUSE)
            else:
                return
            # The connection ended in the first chunk that was requested and not received.
            broken = requested.popleft() if requested else next(remaining)
            smaller = list(self._bisect(folder, broken))
            # If none of the messages came, another one has to show that the server works at all.
            if all(chunk.messages is None for chunk in smaller) and not self._can_fetch_others(folder, broken):
                raise unreachable_error(self._account.source)
            yield from smaller
            remaining = chain(tuple(requested), remaining)
            requested.clear()

    def _bisect(self, folder: Folder, uids: Sequence[int]) -> Iterator[FetchedChunk]:
        """Fetch the UIDs again, then each half, until the single message that breaks the connection is found."""
        try:
            (messages,) = self._retried(lambda: list(self._opened(folder).fetch([uids])))
        except ConnectionBrokenError:
            self._reconnect_later(retry.FIRST_PAUSE)
            middle = len(uids) // 2
            if not middle:
                yield FetchedChunk(uids, None)
                return
            yield from self._bisect(folder, uids[:middle])
            yield from self._bisect(folder, uids[middle:])
        else:
            yield FetchedChunk(uids, messages)

    def _can_fetch_others(self, folder: Folder, except_uids: Sequence[int]) -> bool:
        """Return ``True`` if another message can be fetched, so that the server itself is not the cause."""
        other_uids = self.search(folder, f"NOT UID {uid_set(except_uids)}")[-1:]
        with suppress(ConnectionBrokenError):
            return all(self._retried(lambda: list(self._opened(folder).fetch([other_uids])))) if other_uids else True
        return False

    def _retried(self, command: Callable[[], T]) -> T:
        """Return the command's result; repeat it after a pause if the server is unreachable or asks us to wait.

        All attempts share one deadline.
        """

        def attempt() -> T:
            try:
                return command()
            except (RateLimitError, UnavailableError) as error:
                raise RetryableError(error) from None

        self._deadline.renew()
        return self._retrier.run(attempt)

    def _reconnect_later(self, seconds: float) -> None:
        """Close the connection and pause. Raises UnavailableError after too many of them."""
        self._reconnects += 1
        self.close()
        if self._reconnects > MAX_RECONNECTS:
            raise unreachable_error(self._account.source)
        time.sleep(seconds)

    def _opened(self, folder: Folder) -> ImapSession:
        session = self._connected()
        if self._open_folder != folder:
            session.examine(folder)
            self._open_folder = folder
        return session

    def _connected(self) -> ImapSession:
        if self._session is None:
            self._session = ImapSession(self._account, self._deadline)
        return self._session


def _recorded(chunks: Iterable[Sequence[int]], requested: deque[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Yield the chunks, each appended to ``requested`` when it is taken."""
    for chunk in chunks:
        requested.append(chunk)
        yield chunk
