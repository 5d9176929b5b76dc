"""Tests of EVENHOURS_REQUIRE: a run without the required kinds of tests fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "test_facts.py").write_text(
        "def test_plain(): pass\ndef test_on_real_data(real): assert real.is_dir()\n"
    )
    return tmp_path


def run(suite: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "test_facts.py"]
    return subprocess.run(command, cwd=suite, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_without_the_real_data_its_tests_are_skipped_with_a_reason(suite: Path) -> None:
    outcome = run(suite, EVENHOURS_REAL=str(suite / "nowhere"), EVENHOURS_REQUIRE="")

    assert outcome.returncode == 0
    assert "1 passed, 1 skipped" in outcome.stdout


def test_demanded_and_skipped_is_a_failure(suite: Path) -> None:
    outcome = run(suite, EVENHOURS_REAL=str(suite / "nowhere"), EVENHOURS_REQUIRE="real")

    assert outcome.returncode == 1
    assert "demanded: real, 0 passed, 1 skipped" in outcome.stdout


def test_demanded_and_absent_is_a_failure(suite: Path) -> None:
    assert run(suite, EVENHOURS_REAL=str(suite), EVENHOURS_REQUIRE="browser").returncode == 1


def test_demanded_and_passed_is_green(suite: Path) -> None:
    assert run(suite, EVENHOURS_REAL=str(suite), EVENHOURS_REQUIRE="real").returncode == 0
