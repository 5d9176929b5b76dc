"""A made-up server that can be troubled: it answers as it is told, but for the requests that meet a trouble."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from tests.connectors.worlds.world import ANA, CANARY, Trouble
from tests.peers.replies import ReceivedRequest, Reply, replies

JUNK = f"<!doctype html><title>{CANARY}</title><p>Please sign in, {CANARY}.".encode()
WAIT_ALL, WAIT_SOME = "3600", "1"  # seconds


class Server:
    """Answers with ``answer``; ``whose`` tells from a request whose account it is about.

    It runs on a free port of 127.0.0.1 at ``url`` (with a slash at its end) until it is closed.
    """

    def __init__(
        self, answer: Callable[[ReceivedRequest], Reply], whose: Callable[[ReceivedRequest], str] = lambda _: ANA
    ) -> None:
        self._answer, self._whose = answer, whose
        self._troubles: dict[str, tuple[Trouble, int | None]] = {}
        self._running = ExitStack()
        self._told = self._running.enter_context(replies())
        self._told.answer = self._meet
        self.url = self._told.url

    @property
    def received(self) -> list[ReceivedRequest]:
        """What came so far."""
        return self._told.received

    def trouble(self, how: Trouble, times: int | None, owner: str) -> None:
        """Trouble the next ``times`` requests of this owner, or all."""
        self._troubles[owner] = how, times

    def mend(self) -> None:
        """No trouble any more."""
        self._troubles.clear()

    def close(self) -> None:
        """Stop listening."""
        self._running.close()

    def _meet(self, request: ReceivedRequest) -> Reply:
        owner = self._whose(request)
        how, times = self._troubles.get(owner, (None, None))
        if how is None:
            return self._answer(request)
        if times is not None:
            self._troubles[owner] = how, times - 1
            if times == 1:
                del self._troubles[owner]
        return self._troubled(how, request, WAIT_SOME if times is not None else WAIT_ALL)

    def _troubled(self, how: Trouble, request: ReceivedRequest, wait: str) -> Reply:
        if how is Trouble.TRUNCATED:
            whole = self._answer(request)
            half = whole.body[: len(whole.body) // 2]
            return Reply(whole.status, half, whole.headers, length=len(whole.body) or 1)
        return {
            Trouble.REVOKED: Reply(401, JUNK),
            Trouble.LIMITED: Reply(429, JUNK, {"Retry-After": wait}),
            Trouble.LIMITED_SILENTLY: Reply(429, JUNK),
            Trouble.FAILING: Reply(503, JUNK),
            Trouble.RESET: Reply(reset=True),
            Trouble.JUNK: Reply(200, JUNK, {"Content-Type": "text/html"}),
        }[how]
