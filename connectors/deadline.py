"""The time for which a server may keep us waiting: for one answer, and in a whole run.

::

    an answer, its tries and pauses included     300 s, and a second more for each 32 KiB of it that came
    a run                                        two hours, however many answers

A timeout of a socket begins anew with every byte, so one byte in five seconds would hold a night for ever. Here the
time spent waiting is added up, and each wait of a watched socket ends where the sum would go beyond what is allowed.
Our own work between two waits costs a server nothing.
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
MIN_BYTES_PER_SECOND = 32 * 1024  # bytes in a second
MAX_RESPONSE_BYTES = 64 * 1024 * 1024  # bytes of one answer as they travel

T = TypeVar("T")


class TooSlowError(TimeoutError):
    """A server kept us waiting for longer than it may; the words say how long for how much."""


class TooLargeError(OSError):
    """A server does not stop."""


class Deadline:
    """The time that a server has used up. Call :meth:`renew` before each question."""

    def __init__(self) -> None:
        self._waited = 0.0  # seconds in all
        self._before = 0.0  # of these before the present answer
        self._arrived = 0  # bytes of the present answer

    def renew(self) -> None:
        """Begin a new answer."""
        self._before, self._arrived = self._waited, 0

    def seconds_left(self) -> float:
        """The seconds that are left. Raises :class:`TooSlowError` where none are, :class:`TooLargeError` likewise."""
        if self._arrived > MAX_RESPONSE_BYTES:
            raise TooLargeError
        left = self._left()
        if left <= 0:
            raise self._too_slow()
        return left

    def allows_pause(self, pause: float) -> bool:
        """Count a pause between two tries as waiting, if there is time for it; return ``False`` where there is none."""
        if pause >= self._left():
            return False
        self._waited += pause
        return True

    def count_bytes(self, size: int) -> None:
        """Count bytes that came."""
        self._arrived += size

    def wait(self, sock: socket.socket, operation: Callable[..., T], *arguments: Any) -> T:
        """Do what may have to wait for the other side, for as long as the socket's own timeout and the rest allow."""
        own, left = sock.gettimeout(), self.seconds_left()
        is_last = own is None or left < own
        if is_last:
            sock.settimeout(left)
        begun = time.monotonic()
        try:
            return operation(*arguments)
        except TimeoutError:
            if not is_last:
                raise
        finally:
            self._waited += time.monotonic() - begun
            if is_last and sock.fileno() >= 0:
                sock.settimeout(own)
        raise self._too_slow()

    @contextmanager
    def measure(self) -> Iterator[float]:
        """Count everything meanwhile as waiting, also where no socket is watched yet; gives the seconds left."""
        before, begun = self._waited, time.monotonic()
        try:
            yield self.seconds_left()
        except TimeoutError as error:
            self._waited = before + time.monotonic() - begun
            if self._left() <= 0:
                raise self._too_slow() from error
            raise
        finally:
            self._waited = before + time.monotonic() - begun

    def connect(
        self, address: tuple[str, int], timeout: float | None, options: Iterable[tuple[Any, ...]] = ()
    ) -> socket.socket:
        """A watched connection to the first of a name's addresses that takes one."""
        problem = OSError("no address")
        for family, kind, protocol, _, place in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
            sock = WatchedSocket(family, kind, protocol)
            sock.deadline = self
            try:
                for option in options:
                    sock.setsockopt(*option)
                sock.settimeout(timeout)
                sock.connect(place)
            except OSError as error:
                sock.close()
                problem = error
            else:
                return sock
        raise problem

    def _left(self) -> float:
        answer = RESPONSE_SECONDS + self._arrived / MIN_BYTES_PER_SECOND - (self._waited - self._before)
        return min(answer, RUN_SECONDS - self._waited)

    def _too_slow(self) -> TooSlowError:
        if self._waited >= RUN_SECONDS:
            return TooSlowError(f"{RUN_SECONDS / 3600:.0f} hours of waiting in one run")
        seconds = self._waited - self._before
        return TooSlowError(f"{self._arrived:,} bytes in {seconds:.0f} s")


class _Watch:
    """The calls of a socket in which it waits."""

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


class WatchedSocket(_Watch, socket.socket):
    """A connection whose every wait counts."""

    def sendall(self, *arguments: Any) -> None:
        """Send everything; the system's own loop counts its timeout from the beginning."""
        self.deadline.wait(self, super().sendall, *arguments)


class _WatchedTls(_Watch, ssl.SSLSocket):
    """The same, encrypted. What sends everything here calls ``send``."""


def watch_socket(sock: Any, deadline: Deadline) -> Any:
    """The connection, watched from now on.

    What an ``SSLContext`` wrapped is of the class that it says, and the libraries make the context themselves: so it is
    made one of ours afterwards. Its handshake ends by itself: ssl counts a timeout from the handshake's beginning.
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
