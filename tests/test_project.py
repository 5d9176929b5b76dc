"""Tests of the project's own rules: light imports, one clock, pinned dependencies, no secrets."""

from __future__ import annotations

import ast
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import monitor

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("connectors", "monitor", "reports")
HEAVY = frozenset(
    {"flask", "googleapiclient", "icalendar", "matplotlib", "numpy", "pandas", "recurring_ical_events", "sqlite_utils"}
)


# Light imports


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after running ``code``."""
    report = "\nimport sys; print('loaded:', *{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["nightly", "--help"]])
def test_version_and_help_load_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(
        f"import sys; sys.argv = ['evenhours', *{arguments}]\n"
        "from monitor.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code"
    )

    assert "click" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("module", ["connectors.base", "connectors.registry", "monitor.config", "reports.models"])
def test_the_basic_modules_load_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") & HEAVY == set()


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_version_is_printed_fast(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)  # as on any machine, the second start finds bytecode
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "--version"]

    cpu_seconds(command, environment)

    assert min(cpu_seconds(command, environment) for _ in range(5)) < 0.15


# One clock


@cache
def trees() -> dict[str, ast.Module]:
    files = chain.from_iterable((ROOT / package).rglob("*.py") for package in PACKAGES)
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def clock_readings(tree: ast.Module) -> set[str]:
    readings = re.compile(r"(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|localtime|gmtime)")
    calls = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {call for call in calls if readings.search(call)}


def test_only_the_command_line_reads_the_clock() -> None:
    others = {path: tree for path, tree in trees().items() if not path.startswith("monitor/cli/")}

    assert {path: readings for path, tree in others.items() if (readings := clock_readings(tree))} == {}


@pytest.mark.parametrize("code", ["datetime.now(tz=UTC)", "dt.date.today()", "time.time()", "datetime.datetime.now()"])
def test_a_reading_of_the_clock_is_detected(code: str) -> None:
    assert clock_readings(ast.parse(code))


# Dependencies


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    pairs = (line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    return {normalized(name): version for name, version in pairs}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]  # type: ignore[no-any-return]


def required() -> set[str]:
    extras = project()["optional-dependencies"].values()
    requirements = chain(project()["dependencies"], *extras)
    return {normalized(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements}


def test_every_dependency_is_pinned() -> None:
    assert required() - pins().keys() == set()


def test_what_is_pinned_is_what_is_installed() -> None:
    from importlib.metadata import distributions

    installed = {normalized(distribution.metadata["Name"]): distribution.version for distribution in distributions()}
    assert {name: installed[name] for name in required()} == {name: pins()[name] for name in required()}


def test_the_pins_are_exact_and_contain_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")

    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in text.splitlines())


# Published files


@cache
def published() -> dict[str, bytes]:
    """Return every file that git would publish, committed or not yet."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    names = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names_out = subprocess.run(names, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name: (ROOT / name).read_bytes() for name in names_out if (ROOT / name).is_file()}


def test_no_private_key_is_published() -> None:
    key = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY|AGE-SECRET-" + rb"KEY-")

    assert [name for name, content in published().items() if key.search(content)] == []


def test_no_registry_is_named() -> None:
    hosts = [".".join(parts).encode() for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]

    assert [name for name, content in published().items() if any(host in content for host in hosts)] == []


def test_no_database_and_no_mailbox_is_published() -> None:
    forbidden = {".db", ".db-wal", ".db-shm", ".sqlite", ".key"}

    assert [name for name in published() if Path(name).suffix in forbidden] == []


def test_the_licence_is_apache_2() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License\n                           Version 2.0" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert project()["license"] == "Apache-2.0"


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {monitor.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def links() -> Iterator[tuple[str, str]]:
    for name, content in published().items():
        if name.endswith(".md"):
            for target in re.findall(r"\]\(([^)#\s]+)", content.decode()):
                yield name, target


def test_every_link_between_the_documents_leads_somewhere() -> None:
    local = [(name, target) for name, target in links() if not re.match(r"[a-z]+:", target)]

    assert [pair for pair in local if not (ROOT / pair[0]).parent.joinpath(pair[1]).exists()] == []
