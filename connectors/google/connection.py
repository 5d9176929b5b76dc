"""The connections of Google's client: encrypted, with a deadline over all of its reconnects."""

from __future__ import annotations

from typing import Any

from httplib2 import Http, HTTPConnectionWithTimeout, HTTPSConnectionWithTimeout

from connectors.deadline import Deadline, watch_socket
from connectors.network import is_loopback


class UnencryptedError(Exception):
    """An address at which everybody on the way could read along."""


class _WatchedConnection:
    """Connecting, and connecting again, as both kinds of connection do it."""

    deadline: Deadline
    timeout: float
    host: str
    sock: Any

    def connect(self) -> None:
        """Connect in the time that is left, and watch what comes of it."""
        usual = self.timeout
        try:
            with self.deadline.measure() as left:
                self.timeout = min(usual, left)
                super().connect()  # type: ignore[misc]
        finally:
            self.timeout = usual
        self.sock = watch_socket(self.sock, self.deadline)
        self.sock.settimeout(usual)


class _GoogleHttpConnection(_WatchedConnection, HTTPConnectionWithTimeout):  # type: ignore[misc]
    """A connection to this machine itself."""

    def connect(self) -> None:
        if not is_loopback(self.host):
            raise UnencryptedError
        super().connect()


class _GoogleHttpsConnection(_WatchedConnection, HTTPSConnectionWithTimeout):  # type: ignore[misc]
    """A connection to anybody."""


class WatchedHttp(Http):  # type: ignore[misc]
    """The way out of Google's client, for tokens too. A question goes where it was meant to and is not sent on."""

    def __init__(self, deadline: Deadline, seconds: float) -> None:
        super().__init__(timeout=seconds)
        self.follow_redirects = False
        made = {"http": _GoogleHttpConnection, "https": _GoogleHttpsConnection}
        self._made = {scheme: type(kind.__name__, (kind,), {"deadline": deadline}) for scheme, kind in made.items()}

    def request(self, uri: str, *arguments: Any, **told: Any) -> Any:
        """Ask, by connections of ours."""
        made = self._made.get(uri.partition(":")[0].lower())
        return super().request(uri, *arguments, **{**told, "connection_type": made})
