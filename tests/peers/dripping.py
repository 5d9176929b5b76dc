"""A server that says something at once and then one byte after another, without end."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

EVERY = 0.02  # seconds between two bytes


def drip(to: BufferedIOBase, byte: bytes, over: threading.Event) -> None:
    """Say ``byte`` again and again, until the other side hangs up or the test is over."""
    while not over.wait(EVERY):
        try:
            to.write(byte)
        except OSError:
            return


@contextmanager
def dripping(
    at_once: bytes = b"",
    byte: bytes = b"0",
    *,
    whole: Mapping[str, bytes] | None = None,
    unasked: bool = False,
    pause: float = 0,
    certificate: Path | None = None,
) -> Iterator[int]:
    """The port of a server that answers every question so: what it says ``at_once``, then ``byte`` by ``byte``.

    Where the path has one of the words of ``whole`` in it, it gives that answer, after a ``pause``, and no more. One
    that speaks ``unasked`` begins as soon as somebody has connected. With a folder that holds a
    ``certificate`` all is encrypted.
    """
    over = threading.Event()
    encryption = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if certificate and encryption:
        encryption.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = "" if unasked else self._asked()
            for word, answer in (whole or {}).items():
                if word in path:
                    over.wait(pause)
                    self.wfile.write(answer)
                    return
            self.wfile.write(at_once)
            drip(self.wfile, byte, over)

        def _asked(self) -> str:
            first, length = self.rfile.readline().decode(), 0
            while line := self.rfile.readline().strip().lower():
                length = int(line.partition(b":")[2]) if line.startswith(b"content-length:") else length
            self.rfile.read(length)
            return first

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def get_request(self) -> tuple[Any, Any]:
            taken, where = super().get_request()
            return (encryption.wrap_socket(taken, server_side=True) if encryption else taken), where

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up is no news."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            over.set()
            listening.shutdown()
            thread.join()


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    """A whole answer over HTTP."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + body
