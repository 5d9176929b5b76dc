"""What connectors are tested with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.connectors.google_fake.server import Google


pytest.register_assert_rewrite("tests.connectors.histories")


@pytest.fixture
def google() -> Iterator[Google]:
    """Google on this machine, held to its own descriptions."""
    from tests.connectors.google_fake.server import google_on_loopback

    with google_on_loopback() as fake:
        yield fake
