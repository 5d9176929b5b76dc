"""The standard library's connection to a mail server, kept from swallowing more than an answer can be."""

from __future__ import annotations

import ssl
from contextlib import suppress
from imaplib import IMAP4, IMAP4_SSL
from io import BufferedReader
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any

from connectors.deadline import Deadline, TooLargeError, watch_socket

SECONDS = 60  # without a word from the server
LARGEST = 64 * 1024 * 1024  # bytes of one answer
_LONGEST_LINE = 1_000_000
_AT_ONCE = 256 * 1024


class Connection(IMAP4):
    """A connection whose answers are bounded, and watched from its first packet; ``renew`` before each question."""

    _left = LARGEST
    _coming: BufferedReader | None = None
    _of: socket | None = None

    def __init__(self, deadline: Deadline, host: str, port: int, **told: Any) -> None:
        self._deadline = deadline
        super().__init__(host, port, timeout=SECONDS, **told)

    def _create_socket(self, timeout: float | None) -> socket:
        return self._deadline.connect((self.host, self.port), timeout)

    def open(self, *where: Any, **told: Any) -> None:
        """Connect. The standard library signs in by small pieces, which a system would hold back to send together."""
        super().open(*where, **told)
        self.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Go on encrypted. Raises ssl.SSLError where the server offers no such thing."""
        if "STARTTLS" not in self.capabilities:
            raise ssl.SSLError("not offered")
        with self._deadline.measure() as left:
            self.sock.settimeout(min(SECONDS, left))
            self.starttls(context)
        self.sock = watch_socket(self.sock, self._deadline)
        self.sock.settimeout(SECONDS)

    def renew(self) -> None:
        """Begin a new answer."""
        self._left = LARGEST

    def peek(self) -> bytes:
        """What has come, without taking it; where there is nothing, what comes next. Nothing where it ended."""
        return self._answers().peek()

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the connection ended."""
        if size > self._left:
            raise TooLargeError
        return self._spent(self._answers().read(size))

    def readline(self) -> bytes:
        """One line with its end; nothing where the connection ended."""
        line = self._answers().readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise TooLargeError
        return self._spent(line)

    def shutdown(self) -> None:
        """Hang up."""
        if self._coming:
            self._coming.close()
        super().shutdown()

    def _answers(self) -> BufferedReader:
        """The stream of the present socket: what came before it was encrypted is not believed afterwards."""
        if self._coming is None or self._of is not self.sock:
            self._of, self._coming = self.sock, BufferedReader(self.sock.makefile("rb", 0), _AT_ONCE)
        return self._coming

    def _spent(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise TooLargeError
        return data


class SecureConnection(Connection, IMAP4_SSL):
    """The same, encrypted from the beginning."""

    def _create_socket(self, timeout: float | None) -> socket:
        plain = super()._create_socket(timeout)
        with self._deadline.measure() as left:
            plain.settimeout(min(SECONDS, left))
            sock = self.ssl_context.wrap_socket(plain, server_hostname=self.host)
        secure: socket = watch_socket(sock, self._deadline)
        secure.settimeout(timeout)
        return secure


def connected(host: str, port: int, tls: str, deadline: Deadline) -> Connection:
    """A connection that has been greeted: ``tls`` is "tls", "starttls" or "none"."""
    if tls == "tls":
        return SecureConnection(deadline, host, port, ssl_context=ssl.create_default_context())
    connection = Connection(deadline, host, port)
    if tls == "starttls":
        try:
            connection.encrypt(ssl.create_default_context())
        except BaseException:
            with suppress(OSError):
                connection.shutdown()
            raise
    return connection
