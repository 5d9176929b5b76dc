"""Time limits for waiting on a server: for one response, and for a whole run.

::

    a response, with its retries and pauses    300 s, plus one second for each 32 KiB received
    a run                                      two hours, however many responses

A socket's timeout begins again with every byte, so a server that sends a byte every five seconds could hold up the
nightly run for ever. Here the waiting time is added up, and each wait on a watched socket ends where the sum would
exceed its limit. Our own work between two waits does not count.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

RESPONSE_SECONDS = 300.0
RUN_SECONDS = 2 * 60 * 60.0
MIN_BYTES_PER_SECOND = 32 * 1024
MAX_RESPONSE_BYTES = 64 * 1024 * 1024  # of one response, compressed as it is sent

T = TypeVar("T")


class TooSlowError(TimeoutError):
    """A server took longer than it may; the message says how many bytes came in how many seconds."""


class TooLargeError(OSError):
    """A server sent more than a response may contain."""


class Deadline:
    """The waiting time of a run, added up. Call :meth:`renew` before each request."""

    def __init__(self) -> None:
        self._waited = 0.0  # seconds in all
        self._waited_before = 0.0  # seconds until the current response began
        self._received = 0  # bytes of the current response

    def renew(self) -> None:
        """Begin a new response."""
        self._waited_before, self._received = self._waited, 0

    def seconds_left(self) -> float:
        """Return the seconds left. Raises :class:`TooSlowError` if there are none, :class:`TooLargeError` likewise."""
        if self._received > MAX_RESPONSE_BYTES:
            raise TooLargeError
        left = self._left()
        if left <= 0:
            raise self._too_slow()
        return left

    def allows_pause(self, pause: float) -> bool:
        """Count a pause between two attempts as waiting; return ``False`` if there is no time for it."""
        if pause >= self._left():
            return False
        self._waited += pause
        return True

    def count_bytes(self, size: int) -> None:
        """Count received bytes."""
        self._received += size

    def wait(self, sock: socket.socket, operation: Callable[..., T], *arguments: Any) -> T:
        """Call a blocking operation of a socket, limited by the socket's own timeout and by the time left."""
        own_timeout, left = sock.gettimeout(), self.seconds_left()
        # With the deadline as timeout, a TimeoutError means that the deadline has passed.
        is_limited = own_timeout is None or left < own_timeout
        if is_limited:
            sock.settimeout(left)
        began = time.monotonic()
        try:
            return operation(*arguments)
        except TimeoutError:
            if not is_limited:
                raise
        finally:
            self._waited += time.monotonic() - began
            if is_limited and sock.fileno() >= 0:
                sock.settimeout(own_timeout)
        raise self._too_slow()

    @contextmanager
    def measure(self) -> Iterator[float]:
        """Count the time spent in a ``with`` as waiting, and yield the seconds left before it.

        For work in which no socket is watched yet, such as connecting and a TLS handshake. Waits of watched sockets in
        between are part of this time and not counted twice.
        """
        before, began = self._waited, time.monotonic()
        try:
            yield self.seconds_left()
        except TimeoutError as error:
            self._waited = before + time.monotonic() - began
            if self._left() <= 0:
                raise self._too_slow() from error
            raise
        finally:
            self._waited = before + time.monotonic() - began

    def connect(
        self, address: tuple[str, int], timeout: float | None, options: Iterable[tuple[Any, ...]] = ()
    ) -> socket.socket:
        """Return a watched connection to the first of a host name's addresses that accepts one."""
        problem = OSError("no address")
        for family, kind, protocol, _, endpoint in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
            sock = WatchedSocket(family, kind, protocol)
            sock.deadline = self
            try:
                for option in options:
                    sock.setsockopt(*option)
                sock.settimeout(timeout)
                sock.connect(endpoint)
            except OSError as error:
                sock.close()
                problem = error
            else:
                return sock
        raise problem

    def _left(self) -> float:
        of_response = RESPONSE_SECONDS + self._received / MIN_BYTES_PER_SECOND - (self._waited - self._waited_before)
        return min(of_response, RUN_SECONDS - self._waited)

    def _too_slow(self) -> TooSlowError:
        if self._waited >= RUN_SECONDS:
            return TooSlowError(f"{RUN_SECONDS / 3600:.0f} hours of waiting in one run")
        seconds = self._waited - self._waited_before
        return TooSlowError(f"{self._received:,} bytes in {seconds:.0f} s")


class _WatchedCalls:
    """A mix-in for the methods of a socket that wait."""

    deadline: Deadline

    def connect(self, *arguments: Any) -> None:
        self.deadline.wait(self, super().connect, *arguments)  # type: ignore[arg-type, misc]

    def recv(self, *arguments: Any) -> bytes:
        data: bytes = self.deadline.wait(self, super().recv, *arguments)  # type: ignore[arg-type, misc]
        self.deadline.count_bytes(len(data))
        return data

    def recv_into(self, *arguments: Any) -> int:
        size: int = self.deadline.wait(self, super().recv_into, *arguments)  # type: ignore[arg-type, misc]
        self.deadline.count_bytes(size)
        return size

    def send(self, *arguments: Any) -> int:
        size: int = self.deadline.wait(self, super().send, *arguments)  # type: ignore[arg-type, misc]
        return size


class WatchedSocket(_WatchedCalls, socket.socket):
    """A socket whose waits count against a deadline."""

    def sendall(self, *arguments: Any) -> None:
        """Send everything. The socket's own loop applies its timeout to the whole of it."""
        self.deadline.wait(self, super().sendall, *arguments)


class _WatchedTls(_WatchedCalls, ssl.SSLSocket):
    """A watched socket with TLS. Its ``sendall`` calls ``send``, which is watched."""


def watch_socket(sock: Any, deadline: Deadline) -> Any:
    """Return the connection as a watched one.

    The libraries create the ``SSLContext`` themselves, and it decides the class of the sockets it wraps; so the class
    is changed afterwards. A handshake needs no watching: ssl applies the timeout to the whole of it.
    """
    if isinstance(sock, ssl.SSLSocket):
        sock.__class__ = _WatchedTls
        sock.deadline = deadline  # type: ignore[attr-defined]
        return sock
    if isinstance(sock, socket.socket) and not isinstance(sock, WatchedSocket):
        timeout = sock.gettimeout()
        sock = WatchedSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        sock.settimeout(timeout)
        sock.deadline = deadline
    return sock
