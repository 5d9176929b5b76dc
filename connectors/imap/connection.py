"""The standard library's connection to a mail server, kept from swallowing more than an answer can be."""

from __future__ import annotations

import ssl
from contextlib import suppress
from imaplib import IMAP4, IMAP4_SSL

SECONDS = 60  # without a word from the server
LARGEST = 64 * 1024 * 1024  # bytes of one answer


class TooMuchError(OSError):
    """A server that does not stop."""


class Connection(IMAP4):
    """A connection whose answers are bounded; ``renew`` before each question."""

    _left = LARGEST

    def renew(self) -> None:
        """Begin a new answer."""
        self._left = LARGEST

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the connection ended."""
        if size > self._left:
            raise TooMuchError
        return self._spent(super().read(size))

    def readline(self) -> bytes:
        """One line with its end; nothing where the connection ended."""
        return self._spent(super().readline())

    def _spent(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise TooMuchError
        return data


class SecureConnection(Connection, IMAP4_SSL):
    """The same, encrypted from the beginning."""


def connected(host: str, port: int, tls: str) -> Connection:
    """A connection that has been greeted: ``tls`` is "tls", "starttls" or "none"."""
    if tls == "tls":
        return SecureConnection(host, port, ssl_context=ssl.create_default_context(), timeout=SECONDS)
    connection = Connection(host, port, timeout=SECONDS)
    if tls == "starttls":
        try:
            connection.starttls(ssl.create_default_context())
        except BaseException:
            with suppress(OSError):
                connection.shutdown()
            raise
    return connection
