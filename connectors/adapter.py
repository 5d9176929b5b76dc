"""Connections for requests that count their waiting against a deadline: connecting, headers, body and chunks."""

from __future__ import annotations

from functools import partial
from socket import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from connectors.deadline import Deadline, watch_socket


class _WatchedHttpConnection(HTTPConnection):
    """A connection that is watched from its first packet."""

    def __init__(self, deadline: Deadline, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = deadline

    def _new_conn(self) -> socket:
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else None
        address = self._dns_host, self.port or self.default_port
        # urllib3 would apply the timeout to each of the host's addresses anew; the deadline limits all of them.
        return self._deadline.connect(address, timeout, self.socket_options or ())


class _WatchedHttpsConnection(_WatchedHttpConnection, HTTPSConnection):
    """A watched connection with TLS."""

    def connect(self) -> None:
        """Connect, do the TLS handshake and watch the encrypted socket."""
        with self._deadline.measure() as left:
            self.timeout = min(self.timeout, left) if isinstance(self.timeout, (int, float)) else left
            super().connect()
        self.sock = watch_socket(self.sock, self._deadline)


_WATCHED = {HTTPConnection: _WatchedHttpConnection, HTTPSConnection: _WatchedHttpsConnection}


class WatchedAdapter(HTTPAdapter):
    """A transport adapter whose connections share one deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the usual connection pool, changed to create watched connections.

        A SOCKS proxy's pool has a connection class of its own and is left as it is.
        """
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if watched_class := _WATCHED.get(pool.ConnectionCls):
            # The pool calls this attribute to create a connection, so a class with a bound deadline is enough.
            pool.ConnectionCls = partial(watched_class, self._deadline)
        return pool
