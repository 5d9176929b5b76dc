"""The standard library's IMAP connection with limits on the size and the time of each response."""

from __future__ import annotations

import ssl
from contextlib import suppress
from imaplib import IMAP4, IMAP4_SSL
from io import BufferedReader
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any

from connectors.deadline import Deadline, TooLargeError, watch_socket

TIMEOUT_SECONDS = 60  # without a byte from the server
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_LONGEST_LINE = 1_000_000
_BUFFER_BYTES = 256 * 1024


class ImapConnection(IMAP4):
    """A connection with bounded responses, watched from its first packet; call ``renew`` before each command."""

    _bytes_left = MAX_RESPONSE_BYTES
    _reader: BufferedReader | None = None
    _reader_socket: socket | None = None

    def __init__(self, deadline: Deadline, host: str, port: int, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(host, port, timeout=TIMEOUT_SECONDS, **options)

    def _create_socket(self, timeout: float | None) -> socket:
        return self._deadline.connect((self.host, self.port), timeout)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Connect."""
        super().open(*args, **kwargs)
        # Nagle's algorithm would delay the small packets in which the standard library signs in.
        self.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Switch to an encrypted connection. Raises ssl.SSLError if the server does not offer one."""
        if "STARTTLS" not in self.capabilities:
            raise ssl.SSLError("not offered")
        with self._deadline.measure() as seconds_left:
            self.sock.settimeout(min(TIMEOUT_SECONDS, seconds_left))
            self.starttls(context)
        self.sock = watch_socket(self.sock, self._deadline)
        self.sock.settimeout(TIMEOUT_SECONDS)

    def renew(self) -> None:
        """Begin a new response: it may have the full size again."""
        self._bytes_left = MAX_RESPONSE_BYTES

    def peek(self) -> bytes:
        """Return the buffered bytes without consuming them; wait for some if there are none; empty at the end."""
        return self._buffer().peek()

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, or fewer if the connection ends."""
        if size > self._bytes_left:
            raise TooLargeError
        return self._counted(self._buffer().read(size))

    def readline(self) -> bytes:
        """Read one line with its end; empty if the connection has ended."""
        line = self._buffer().readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise TooLargeError
        return self._counted(line)

    def shutdown(self) -> None:
        """Close the connection."""
        if self._reader:
            self._reader.close()
        super().shutdown()

    def _buffer(self) -> BufferedReader:
        """Return the buffer of the present socket.

        Bytes that arrived before the connection was encrypted are dropped with the old buffer, since anybody could have
        sent them.
        """
        if self._reader is None or self._reader_socket is not self.sock:
            self._reader_socket = self.sock
            self._reader = BufferedReader(self.sock.makefile("rb", 0), _BUFFER_BYTES)
        return self._reader

    def _counted(self, data: bytes) -> bytes:
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise TooLargeError
        return data


class TlsImapConnection(ImapConnection, IMAP4_SSL):
    """A connection that is encrypted from the beginning."""

    def _create_socket(self, timeout: float | None) -> socket:
        plain = super()._create_socket(timeout)
        with self._deadline.measure() as seconds_left:
            plain.settimeout(min(TIMEOUT_SECONDS, seconds_left))
            sock = self.ssl_context.wrap_socket(plain, server_hostname=self.host)
        watched: socket = watch_socket(sock, self._deadline)
        watched.settimeout(timeout)
        return watched


def open_connection(host: str, port: int, tls: str, deadline: Deadline) -> ImapConnection:
    """Return a connection after the server's greeting; ``tls`` is "tls", "starttls" or "none"."""
    if tls == "tls":
        return TlsImapConnection(deadline, host, port, ssl_context=ssl.create_default_context())
    connection = ImapConnection(deadline, host, port)
    if tls == "starttls":
        try:
            connection.encrypt(ssl.create_default_context())
        except BaseException:
            with suppress(OSError):
                connection.shutdown()
            raise
    return connection
