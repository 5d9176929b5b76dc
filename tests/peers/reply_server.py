"""An HTTP server whose replies a test scripts: refusals, nonsense, replies that break off."""

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
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Reply:
    """One reply; ``length`` announces more or less than is sent, ``reset`` resets the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    reset: bool = False


@dataclass
class ReplyServer:
    """A running server: ``answer`` makes the replies, ``received`` are the requests so far."""

    url: str
    answer: Callable[[ReceivedRequest], Reply]
    received: list[ReceivedRequest] = field(default_factory=list)

    def set_replies(self, *replies: Reply) -> None:
        """Send these in turn, the last one repeatedly."""
        remaining = list(replies)
        self.answer = lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0]


@contextmanager
def reply_server() -> Iterator[ReplyServer]:
    """Run a server on a free port that sends an empty reply with status 200 unless a test changes that."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # head and body in one packet

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            request = ReceivedRequest(self.command, self.path, dict(self.headers), body)
            server.received.append(request)
            reply = server.answer(request)
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
        server = ReplyServer(f"http://127.0.0.1:{listening.server_port}/", lambda _: Reply())
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
