"""Test of docs/add-a-connector.md: every file is created and every command run exactly as the page shows."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-connector.md"
PACKAGE = ("pyproject.toml", "evenhours_bookings/source.py", "evenhours_bookings/world.py")


def files() -> dict[str, str]:
    """Return the files that the page shows, by path: a path on a line of its own, then the block."""
    blocks = re.findall(
        r"^`([^`\n]+)`\n\n```\w+\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return dict(blocks)


def commands() -> list[str]:
    """Return the commands on the page, one a line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class Follower:
    """A reader of the page, with an empty folder and an environment that contains Evenhours."""

    def __init__(self, folder: Path) -> None:
        self.package, self.practice, self.active = (
            folder / name for name in ("evenhours-bookings", "practice", "active")
        )
        (self.package / "evenhours_bookings").mkdir(parents=True)
        self.practice.mkdir()
        (self.package / "evenhours_bookings" / "__init__.py").touch()
        for name, text in files().items():
            ((self.package if name in PACKAGE else self.practice) / name).write_text(text, encoding="utf-8")
        self._environment()

    def _environment(self) -> None:
        """Create an environment that includes the packages of this one, so that nothing is installed into this one."""
        venv.create(self.active, symlinks=True)
        (site_packages,) = self.active.glob("lib/python*/site-packages")
        here = sysconfig.get_path("purelib")
        (site_packages / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")
        for name, call in {"pip": "pip._internal.cli.main", "evenhours": "monitor.cli"}.items():
            script = self.active / "bin" / name
            script.write_text(f"#!{self.active}/bin/python\nfrom {call} import main\nraise SystemExit(main())\n")
            script.chmod(0o700)

    def types(self, command: str, *, finds: bool = False) -> str:
        """Run a command of the page, offline, and return its standard output; it has to succeed.

        A command that ``finds`` something to correct may end with 1.
        """
        words = command.split()
        place = {"pip": self.package, "evenhours": self.practice, "python": ROOT}[words[0]]
        own = ("EVENHOURS", "PYTEST", "PYTHON", "PIP", "VIRTUAL_ENV")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        path = f"{self.active}/bin{os.pathsep}{os.environ['PATH']}"
        ended = subprocess.run(
            [self.active / "bin" / words[0], *words[1:]],
            cwd=place,
            env={**inherited, **offline, "PATH": path, "VIRTUAL_ENV": str(self.active)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode in ({0, 1} if finds else {0}), ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    made = Follower(tmp_path)
    made.types(commands()[0])
    return made


def test_the_page_shows_every_file_and_command() -> None:
    assert list(files()) == [*PACKAGE[:2], "evenhours.toml", "bookings.json", PACKAGE[2]]
    assert [command.split()[0] for command in commands()] == ["pip", "evenhours", "evenhours", "evenhours", "python"]


def test_the_page_names_the_folders_of_files_and_commands(follower: Follower) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for folder in (follower.package.name, follower.practice.name):
        assert re.search(rf"[Mm]ake (a|another) folder,? `{folder}`", text)
        assert re.search(rf"^From the folder `{folder}`", text, re.MULTILINE)


def test_the_page_leads_to_a_connector_that_reads(follower: Follower) -> None:
    ingest, export, doctor = (command for command in commands() if command.startswith("evenhours"))
    assert "2 rows changed, 1 rejected" in follower.types(ingest)
    rows = list(csv.DictReader(io.StringIO(follower.types(export))))
    assert [(row["start"], row["status"], row["kind"]) for row in rows] == [
        ("2026-03-02T08:00:00Z", "confirmed", "session"),
        ("2026-03-02T09:00:00Z", "cancelled", "session"),
    ]
    assert all(re.fullmatch("[A-Z2-7]{13}", row["client"]) for row in rows)
    assert "its id or its times cannot be read, for example booking 3" in follower.types(doctor, finds=True)


@pytest.mark.slow
def test_the_pages_connector_passes_the_suite(follower: Follower) -> None:
    (suite,) = (command for command in commands() if command.startswith("python -m pytest"))
    output = follower.types(f"{suite} -q -p no:cacheprovider")
    passed = re.search(r"(\d+) passed, (\d+) deselected", output)
    assert passed, output
    assert int(passed[1]) >= 12
    assert "skipped" not in output
