"""A server that says what a test tells it to: refusals, junk, answers that break off."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Reply:
    """One answer; ``length`` promises more or less than is sent, ``reset`` breaks off without a word."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    reset: bool = False


@dataclass
class Replies:
    """A running server: ``answer`` decides, ``request`` is what came so far."""

    url: str
    answer: Callable[[ReceivedRequest], Reply]
    received: list[ReceivedRequest] = field(default_factory=list)

    def give(self, *replies: Reply) -> None:
        """Give these in turn, the last one again and again."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def replies() -> Iterator[Replies]:
    """A server on a free port that answers 200 and nothing until told otherwise."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # head and body in one packet

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            request = ReceivedRequest(self.command, self.path, dict(self.headers), body)
            told.received.append(request)
            reply = told.answer(request)
            if reply.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            say = (
                self.send_response_only if "Date" in reply.headers else self.send_response
            )  # with its own clock, or ours
            say(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_PROPFIND = do_REPORT = do_POST = answer  # noqa: N815 - the names that the library looks for

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        told = Replies(f"http://127.0.0.1:{listening.server_port}/", lambda _: Reply())
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            listening.shutdown()
            thread.join()
