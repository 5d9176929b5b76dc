"""Fixtures: a practice written once a session and copied for each test, and its pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors import registry
from monitor.config import load
from tests.monitor import practices
from tests.monitor.dashboard_pages import DashboardPages
from tests.monitor.memory import MemoryPractice, PracticeFactory
from tests.monitor.practices import WrittenPractice


@pytest.fixture(scope="session")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> WrittenPractice:
    return practices.written_practice(tmp_path_factory.mktemp("practice"))


@pytest.fixture
def practice(read_once: WrittenPractice, tmp_path: Path) -> WrittenPractice:
    """Return a copy of the practice in this test's own folder, which commands and servers may change."""
    folder = shutil.copytree(read_once.config.folder, tmp_path / "practice")
    return replace(read_once, config=load(folder / read_once.config.path.name))


@pytest.fixture
def pages(practice: WrittenPractice) -> Iterator[DashboardPages]:
    with DashboardPages(practice.config) as opened:
        yield opened


@pytest.fixture
def empty_pages(tmp_path: Path) -> Iterator[DashboardPages]:
    with DashboardPages(practices.empty_practice(tmp_path)) as opened:
        yield opened


@pytest.fixture
def make_practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PracticeFactory]:
    kinds = {"memory": "tests.monitor.memory", "accounts": "tests.monitor.memory_accounts"}
    monkeypatch.setattr(registry, "KINDS", {**registry.KINDS, **kinds})
    made: list[MemoryPractice] = []

    def make(**owners: str) -> MemoryPractice:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(MemoryPractice(folder, **owners))
        return made[-1]

    yield make
    for practice in made:
        practice.store.close()
