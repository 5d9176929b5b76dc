"""Connections for Google's client library, with a deadline over all of its reconnects and no unencrypted ones."""

from __future__ import annotations

from typing import Any

from httplib2 import Http, HTTPConnectionWithTimeout, HTTPSConnectionWithTimeout

from connectors.deadline import Deadline, watch_socket
from connectors.network import is_loopback


class UnencryptedError(Exception):
    """An address without encryption, on another machine."""


class _WatchedConnection:
    """A mix-in for connecting, and connecting again, within the deadline."""

    deadline: Deadline
    timeout: float
    host: str
    sock: Any

    def connect(self) -> None:
        """Connect in the time that is left, and watch the socket."""
        timeout = self.timeout
        try:
            with self.deadline.measure() as left:
                self.timeout = min(timeout, left)
                super().connect()  # type: ignore[misc]
        finally:
            self.timeout = timeout
        self.sock = watch_socket(self.sock, self.deadline)
        self.sock.settimeout(timeout)


class _GoogleHttpConnection(_WatchedConnection, HTTPConnectionWithTimeout):  # type: ignore[misc]
    """A watched connection without TLS, to this machine only."""

    def connect(self) -> None:
        if not is_loopback(self.host):
            raise UnencryptedError
        super().connect()


class _GoogleHttpsConnection(_WatchedConnection, HTTPSConnectionWithTimeout):  # type: ignore[misc]
    """A watched connection with TLS."""


class WatchedHttp(Http):  # type: ignore[misc]
    """The transport of Google's client library, for tokens too. It follows no redirects."""

    def __init__(self, deadline: Deadline, seconds: float) -> None:
        super().__init__(timeout=seconds)
        self.follow_redirects = False
        # httplib2 creates connections from a class, so the deadline becomes an attribute of a class made for it.
        kinds = {"http": _GoogleHttpConnection, "https": _GoogleHttpsConnection}
        self._kinds = {scheme: type(kind.__name__, (kind,), {"deadline": deadline}) for scheme, kind in kinds.items()}

    def request(self, uri: str, *args: Any, **kwargs: Any) -> Any:
        """Send a request over a watched connection."""
        kind = self._kinds.get(uri.partition(":")[0].lower())
        return super().request(uri, *args, **{**kwargs, "connection_type": kind})
