"""A simulated HTTP server that can have trouble: the requests of some owner then get other replies."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from tests.connectors.worlds.world import ANA, CANARY, Trouble
from tests.peers.reply_server import ReceivedRequest, Reply, reply_server

JUNK = f"<!doctype html><title>{CANARY}</title><p>Please sign in, {CANARY}.".encode()
WAIT_ALL, WAIT_SOME = "3600", "1"  # seconds


class Server:
    """Replies with ``answer``; ``owner_of`` returns whose account a request is about.

    It runs on a free port of 127.0.0.1 at ``url`` (with a slash at its end) until it is closed.
    """

    def __init__(
        self, answer: Callable[[ReceivedRequest], Reply], owner_of: Callable[[ReceivedRequest], str] = lambda _: ANA
    ) -> None:
        self._answer, self._owner_of = answer, owner_of
        self._troubles: dict[str, tuple[Trouble, int | None]] = {}
        self._running = ExitStack()
        self._server = self._running.enter_context(reply_server())
        self._server.answer = self._reply_to
        self.url = self._server.url

    @property
    def received(self) -> list[ReceivedRequest]:
        """The requests so far."""
        return self._server.received

    def trouble(self, how: Trouble, times: int | None, owner: str) -> None:
        """Let the next ``times`` requests of this owner, or all, have this trouble."""
        self._troubles[owner] = how, times

    def mend(self) -> None:
        """End all trouble."""
        self._troubles.clear()

    def close(self) -> None:
        """Stop listening."""
        self._running.close()

    def _reply_to(self, request: ReceivedRequest) -> Reply:
        owner = self._owner_of(request)
        how, times = self._troubles.get(owner, (None, None))
        if how is None:
            return self._answer(request)
        if times is not None:
            self._troubles[owner] = how, times - 1
            if times == 1:
                del self._troubles[owner]
        return self._troubled_reply(how, request, WAIT_SOME if times is not None else WAIT_ALL)

    def _troubled_reply(self, how: Trouble, request: ReceivedRequest, wait: str) -> Reply:
        if how is Trouble.TRUNCATED:
            reply = self._answer(request)
            half = reply.body[: len(reply.body) // 2]
            return Reply(reply.status, half, reply.headers, length=len(reply.body) or 1)
        return {
            Trouble.REVOKED: Reply(401, JUNK),
            Trouble.LIMITED: Reply(429, JUNK, {"Retry-After": wait}),
            Trouble.LIMITED_SILENTLY: Reply(429, JUNK),
            Trouble.FAILING: Reply(503, JUNK),
            Trouble.RESET: Reply(reset=True),
            Trouble.JUNK: Reply(200, JUNK, {"Content-Type": "text/html"}),
        }[how]
