"""The dashboard in tests: clients that sign in by a link, and a clock that the test sets."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.config import Config
from monitor.dashboard.app import create_app
from monitor.store.database import Store, open_store
from monitor.store.signin import create_link
from tests.monitor import practices


class SettableClock:
    def __init__(self) -> None:
        self.now = practices.NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class DashboardPages:
    """The pages of a practice, and a store for making links, which is closed on leaving the ``with``."""

    def __init__(self, config: Config) -> None:
        self.config, self.clock = config, SettableClock()
        self.app = create_app(config, self.clock)
        self.store: Store = open_store(config.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    @property
    def root(self) -> str:
        """The path below which the pages are served; a test client adds it by itself."""
        return str(self.app.config["APPLICATION_ROOT"])

    def sign_in_link(self, subject: str) -> str:
        with self.store.write() as connection:
            return f"/sign-in/{create_link(connection, subject, int(self.clock().timestamp()))}"

    def anonymous(self) -> FlaskClient:
        return self.app.test_client()

    def signed_in(self, subject: str) -> FlaskClient:
        client = self.anonymous()
        assert use_link(client, self.sign_in_link(subject)).status_code == 303
        return client


def use_link(client: FlaskClient, link: str) -> TestResponse:
    """Open a one-time link and press its button."""
    return client.post(link, data={"csrf_token": csrf_token_of(client.get(link))})


def session_cookie(client: FlaskClient) -> str:
    session = client.get_cookie("evenhours", path=client.application.config["APPLICATION_ROOT"])
    assert session is not None
    return session.value


def client_with_cookie(pages: DashboardPages, value: str) -> FlaskClient:
    """Return a client that sends a given session cookie."""
    client = pages.anonymous()
    client.set_cookie("evenhours", value, path=pages.root)
    return client


def csrf_token_of(page: TestResponse) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert match is not None
    return match[1]
