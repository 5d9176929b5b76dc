"""Snapshots of what people read: files beside the tests, rewritten with EVENHOURS_SNAPSHOTS=write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "snapshots"

Snapshot = Callable[[str, str], None]


@pytest.fixture
def snapshot() -> Snapshot:
    """Compare a text with the one kept under a name."""

    def compare(name: str, text: str) -> None:
        if os.environ.get("EVENHOURS_SNAPSHOTS") == "write":
            (FOLDER / name).write_text(text, encoding="utf-8")
        assert text == (FOLDER / name).read_text(encoding="utf-8")

    return compare
