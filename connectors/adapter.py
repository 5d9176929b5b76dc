"""The connections of requests, with a deadline over connecting, head, body and chunks."""

from __future__ import annotations

from functools import partial
from socket import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from connectors.deadline import Deadline, watch_socket


class _Plain(HTTPConnection):
    """A connection that is watched from its first packet."""

    def __init__(self, deadline: Deadline, *arguments: Any, **told: Any) -> None:
        super().__init__(*arguments, **told)
        self._deadline = deadline

    def _new_conn(self) -> socket:
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else None
        place = self._dns_host, self.port or self.default_port
        return self._deadline.connect(place, timeout, self.socket_options or ())


class _Secure(_Plain, HTTPSConnection):
    """The same, encrypted."""

    def connect(self) -> None:
        """Connect, shake hands, and watch_socket what comes of it."""
        with self._deadline.measure() as left:
            self.timeout = min(self.timeout, left) if isinstance(self.timeout, (int, float)) else left
            super().connect()
        self.sock = watch_socket(self.sock, self._deadline)


_WATCHED = {HTTPConnection: _Plain, HTTPSConnection: _Secure}


class WatchedAdapter(HTTPAdapter):
    """A session's way out, under one deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def get_connection_with_tls_context(self, *arguments: Any, **told: Any) -> Any:
        """Return the pool that requests would take, making watched connections; SOCKS has connections of its own."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **told)
        if made := _WATCHED.get(pool.ConnectionCls):
            pool.ConnectionCls = partial(made, self._deadline)
        return pool
