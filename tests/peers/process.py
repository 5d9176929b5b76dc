"""Real servers, started for tests on a free port of this machine and stopped after them."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

MAX_ATTEMPTS = 300  # a tenth of a second each


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground for the length of a ``with``, once it answers on ``port``."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            if not any(_answers(server, port) for _ in range(MAX_ATTEMPTS)):
                raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text(errors='replace')}")
            yield server
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Return ``True`` if the server accepts connections; otherwise wait a moment, or until it has ended."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    with suppress(subprocess.TimeoutExpired):
        server.wait(0.1)
    return False
