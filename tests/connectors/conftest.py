"""Fixtures of the connectors' tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.connectors.fake_google.server import FakeGoogle


pytest.register_assert_rewrite("tests.connectors.histories")


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    """Run a fake Google on this machine, checked against Google's own descriptions."""
    from tests.connectors.fake_google.server import run_fake_google

    with run_fake_google() as fake:
        yield fake
