"""Tests of the Makefile: if something is missing it prints one sentence with the remedy, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


@pytest.fixture
def bare_project(tmp_path: Path) -> Path:
    """Return a project folder without an environment."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    command = ["make", "-s", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def interpreter(folder: Path, pretended: str) -> str:
    """Return the path of a Python in which the code ``pretended`` has run."""
    path = folder / "python-pretending"
    path.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import sys; {pretended}; exec(sys.argv[2])' \"$@\"\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_is_refused(bare_project: Path) -> None:
    old = interpreter(bare_project, 'sys.version_info = (3, 9, 2, "final", 0)')

    run = make(bare_project, "demo", f"PYTHON={old}")

    assert run.returncode
    assert run.stderr.splitlines()[0] == (
        "Evenhours needs Python 3.11 or newer; found 3.9. Install one and run: make PYTHON=python3.11 demo"
    )
    assert not (bare_project / ".venv").exists()


def test_a_missing_venv_names_the_package(bare_project: Path) -> None:
    bare = interpreter(bare_project, 'sys.modules["ensurepip"] = None')

    run = make(bare_project, "test", f"PYTHON={bare}")

    assert run.returncode
    assert run.stderr.splitlines()[0] == (
        "Python's venv is missing here. On Debian or Ubuntu, as root: apt-get install python3-venv"
    )
    assert not (bare_project / ".venv").exists()


def test_no_python_at_all(bare_project: Path) -> None:
    run = make(bare_project, "demo", "PYTHON=python3.99")

    assert run.returncode
    assert run.stderr.startswith("Evenhours needs Python 3.11 or newer; there is no python3.99 here.")


def test_help_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    listed = {line.split()[1] for line in make(ROOT, "help").stdout.splitlines()}

    assert targets is not None
    assert listed == set(targets[1].split())
