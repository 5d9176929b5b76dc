"""A server that sends something at once and then one byte after another, without end."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.02  # seconds between two bytes


def drip(stream: BufferedIOBase, byte: bytes, stopped: threading.Event) -> None:
    """Send ``byte`` again and again until the other side hangs up or the test ends."""
    while not stopped.wait(PAUSE_SECONDS):
        try:
            stream.write(byte)
        except OSError:
            return


@contextmanager
def dripping(
    first_bytes: bytes = b"",
    byte: bytes = b"0",
    *,
    complete_answers: Mapping[str, bytes] | None = None,
    speaks_first: bool = False,
    pause: float = 0,
    certificate: Path | None = None,
) -> Iterator[int]:
    """Yield the port of a server that sends ``first_bytes`` to every request, then ``byte`` after ``byte``.

    If the request's path contains a word of ``complete_answers``, that answer is sent instead, after a ``pause``. A
    server that ``speaks_first`` does not wait for a request. With a folder that contains a ``certificate`` everything
    is encrypted.
    """
    stopped = threading.Event()
    encryption = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if certificate and encryption:
        encryption.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = "" if speaks_first else self._request_line()
            for word, answer in (complete_answers or {}).items():
                if word in path:
                    stopped.wait(pause)
                    self.wfile.write(answer)
                    return
            self.wfile.write(first_bytes)
            drip(self.wfile, byte, stopped)

        def _request_line(self) -> str:
            first, length = self.rfile.readline().decode(), 0
            while line := self.rfile.readline().strip().lower():
                length = int(line.partition(b":")[2]) if line.startswith(b"content-length:") else length
            self.rfile.read(length)
            return first

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def get_request(self) -> tuple[Any, Any]:
            connection, address = super().get_request()
            return (encryption.wrap_socket(connection, server_side=True) if encryption else connection), address

        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore a client that hung up."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            stopped.set()
            listening.shutdown()
            thread.join()


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    """Return a whole HTTP response."""
    lines = [
        f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
