"""Whoever opens the pages in a test: a browser of their own, a clock that the test moves."""

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
from monitor.store.signin import make_link
from tests.monitor import practices


class Clock:
    def __init__(self) -> None:
        self.now = practices.NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


class Pages:
    """The pages of a practice; leaving the ``with`` closes what making links opened."""

    def __init__(self, config: Config) -> None:
        self.config, self.clock = config, Clock()
        self.app = create_app(config, self.clock)
        self.store: Store = open_store(config.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.store.close()

    @property
    def root(self) -> str:
        """The path below which the pages lie; the client of a test adds it by itself."""
        return str(self.app.config["APPLICATION_ROOT"])

    def link(self, subject: str) -> str:
        with self.store.write() as connection:
            return f"/sign-in/{make_link(connection, subject, int(self.clock().timestamp()))}"

    def stranger(self) -> FlaskClient:
        return self.app.test_client()

    def signed_in(self, subject: str) -> FlaskClient:
        client = self.stranger()
        assert press(client, self.link(subject)).status_code == 303
        return client


def press(client: FlaskClient, link: str) -> TestResponse:
    """Open a one-time link and press its button."""
    return client.post(link, data={"csrf_token": token_on(client.get(link))})


def cookie(client: FlaskClient) -> str:
    held = client.get_cookie("evenhours", path=client.application.config["APPLICATION_ROOT"])
    assert held is not None
    return held.value


def bearer(pages: Pages, value: str) -> FlaskClient:
    """Somebody who got hold of a cookie."""
    client = pages.stranger()
    client.set_cookie("evenhours", value, path=pages.root)
    return client


def token_on(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]
