"""Radicale and Xandikos, two calendar servers that share nothing but the standard."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from shutil import rmtree

from tests.peers.process import free_port, serving

PASSWORD = "correct horse"
USERS = 200
_RADICALE = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/collections
[logging]
level = error
"""


@dataclass(frozen=True)
class CalendarServer:
    """A running server; ``home`` is the pattern of the path to a user's calendars."""

    folder: Path
    port: int
    home: str
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def user(self) -> str:
        """Return a user that no other test has taken (only Radicale separates users)."""
        return f"user{next(self.numbers)}"

    def ask(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None, user: str = "user0"
    ) -> tuple[int, str]:
        """Send one request as ``user`` and return the status and the body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=600)
        password = b64encode(f"{user}:{PASSWORD}".encode()).decode()
        defaults = {"Authorization": f"Basic {password}", "Content-Type": "application/xml; charset=utf-8"}
        try:
            connection.request(method, path, body.encode(), defaults | dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def calendar(self, user: str, name: str, components: str = "VEVENT") -> str:
        """Create a calendar called ``name`` and return its path."""
        path = f"{self.home.format(user=user)}{name}/"
        body = f"""<?xml version="1.0"?><C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set>
            <D:prop><D:displayname>{name}</D:displayname><C:supported-calendar-component-set>
            <C:comp name="{components}"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>"""
        status, answer = self.ask("MKCALENDAR", path, body, user=user)
        assert status == 201, (status, answer)
        return path

    def put(self, user: str, path: str, entry: str) -> None:
        """Store a calendar object, or with a calendar's own path (Radicale) a whole calendar."""
        status, answer = self.ask("PUT", path, entry, {"Content-Type": "text/calendar; charset=utf-8"}, user)
        assert status in {200, 201, 204}, (status, answer)

    def delete(self, user: str, path: str) -> None:
        status, answer = self.ask("DELETE", path, user=user)
        assert status in {200, 204}, (status, answer)

    def forget_tokens(self, user: str) -> None:
        """Let every sync token of a user's calendars expire (Radicale)."""
        for folder in (self.folder / "collections").rglob(f"{user}/*/.Radicale.cache/sync-token"):
            rmtree(folder)


@contextmanager
def radicale(folder: Path) -> Iterator[CalendarServer]:
    """Run Radicale, with :data:`USERS` users."""
    port, configuration = free_port(), folder / "radicale.conf"
    configuration.write_text(_RADICALE.format(port=port, folder=folder), encoding="utf-8")
    (folder / "users").write_text("".join(f"user{n}:{PASSWORD}\n" for n in range(USERS)), encoding="utf-8")
    command = [sys.executable, "-m", "radicale", "--config", str(configuration)]
    with serving(command, port, folder / "radicale.log"):
        yield CalendarServer(folder, port, "/{user}/")


@contextmanager
def xandikos(folder: Path) -> Iterator[CalendarServer]:
    """Run Xandikos, in which everybody is its one user."""
    port = free_port()
    command = [
        sys.executable, "-m", "xandikos", "serve", "-d", str(folder / "store"), "--defaults",
        "--current-user-principal", "/user", "--listen-address", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    with serving(command, port, folder / "xandikos.log"):
        yield CalendarServer(folder, port, "/user/calendars/")
