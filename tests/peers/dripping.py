"""A server that says something at once and then one byte after another, without end."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

EVERY = 0.02  # seconds between two bytes


def drip(to: BinaryIO, byte: bytes, over: threading.Event) -> None:
    """Say ``byte`` again and again, until the other side hangs up or the test is over."""
    while not over.wait(EVERY):
        try:
            to.write(byte)
        except OSError:
            return


@contextmanager
def dripping(at_once: bytes = b"", byte: bytes = b"0", *, after_question: bool = True) -> Iterator[int]:
    """The port of a server that answers every question so: what it says ``at_once``, then ``byte`` by ``byte``.

    Without ``after_question`` it begins as soon as somebody has connected.
    """
    over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while after_question and self.rfile.readline().strip():
                pass
            self.wfile.write(at_once)
            drip(self.wfile, byte, over)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            over.set()
            listening.shutdown()
            thread.join()
