"""Fixtures for all tests: real data, a browser and real servers, and the check that required ones were used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:  # playwright loads only for the tests that look at pages
    from playwright.sync_api import Browser, Page

    from tests.peers.calendars import CalendarServer
    from tests.peers.dovecot import Dovecot
    from tests.peers.emulate import Emulator
    from tests.peers.medplum import Medplum

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("EVENHOURS_REAL", ROOT.parent / "shared" / "real"))
CHROMIUM = os.environ.get("EVENHOURS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FHIR_PACKAGES = ROOT / ".peers" / "fhir"
GOOGLE_PACKAGES = ROOT / ".peers" / "google"
EMULATE = shutil.which("node") and (GOOGLE_PACKAGES / "node_modules" / "emulate").is_dir()
MEDPLUM = shutil.which("node") and (FHIR_PACKAGES / "node_modules" / "@medplum" / "fhir-router").is_dir()
DOVECOT = shutil.which("dovecot") and os.geteuid() == 0

# KINDS: the kind that a fixture gives to a test. MISSING: why a kind or a fixture cannot be used here (None: it can).
KINDS = {
    "real": "real", "browser": "browser", "page": "browser",
    "dovecot": "peers", "radicale": "peers", "xandikos": "peers", "medplum": "peers",
    "emulator": "peers",
}  # fmt: skip
MISSING = {
    "real": None if REAL.is_dir() else f"the real data are missing: {REAL}",
    "browser": None if CHROMIUM else "no Chromium found; set EVENHOURS_CHROMIUM to its path",
    "emulator": None if EMULATE else "no emulator of Google, or no Node to run it (run: make peers)",
    "medplum": None if MEDPLUM else "no Medplum, or no Node to run it (run: make peers)",
    "dovecot": None if DOVECOT else "no Dovecot, or not root, who alone can start it (as root: make peers)",
}

settings.register_profile("evenhours", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "evenhours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use real data, a browser or a real server, and skip them if it is missing."""
    for item in items:
        fixtures = KINDS.keys() & getattr(item, "fixturenames", ())
        for kind in {KINDS[name] for name in fixtures}:
            item.add_marker(kind)
        for name, reason in MISSING.items():
            if reason and (name in fixtures or item.get_closest_marker(name)):
                item.add_marker(pytest.mark.skip(reason=reason))


class Demanded:
    """Plugin that fails the run unless tests of each required kind ran and none of them was skipped."""

    def __init__(self, kinds: list[str]) -> None:
        self.passed = dict.fromkeys(kinds, 0)
        self.skipped = dict.fromkeys(kinds, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind in self.passed.keys() & report.keywords:
            self.passed[kind] += report.when == "call" and report.passed
            self.skipped[kind] += report.skipped

    def unfulfilled(self) -> list[str]:
        return [kind for kind, passed in self.passed.items() if not passed or self.skipped[kind]]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unfulfilled() and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for kind, passed in self.passed.items():
            terminalreporter.write_line(f"demanded: {kind}, {passed} passed, {self.skipped[kind]} skipped")


def pytest_configure(config: pytest.Config) -> None:
    """Register the check for the kinds in EVENHOURS_REQUIRE, such as ``real,browser,peers``."""
    demanded = os.environ.get("EVENHOURS_REQUIRE")
    if demanded and not hasattr(config, "workerinput"):  # only the main process of xdist sees all reports
        config.pluginmanager.register(Demanded(demanded.split(",")))


@pytest.fixture(scope="session")
def real() -> Path:
    """Return the folder of real data, which is never copied into the project."""
    return REAL


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a headless Chromium that can reach this machine only."""
    from playwright.sync_api import sync_playwright

    loopback_only = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[loopback_only, *quiet])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a fresh page; the test fails if it requested anything from another machine."""
    requested: list[str] = []
    with browser.new_context(locale="en-GB", timezone_id="Europe/London") as context:
        context.on("request", lambda request: requested.append(request.url))
        yield context.new_page()
    own = ("http://127.0.0.1:", "http://localhost:", "file:", "data:", "about:", "blob:")
    assert [url for url in requested if not url.startswith(own)] == []


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Yield a mail server on this machine; each test uses its own user."""
    from tests.peers.dovecot import dovecot

    with dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalendarServer]:
    """Yield a calendar server on this machine; each test uses its own user."""
    from tests.peers.calendars import radicale

    with radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture(scope="session")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalendarServer]:
    """Yield another calendar server on this machine, with one user; each test uses its own calendar."""
    from tests.peers.calendars import xandikos

    with xandikos(tmp_path_factory.mktemp("xandikos")) as server:
        yield server


@pytest.fixture(scope="session")
def medplum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Medplum]:
    """Yield the server of a record system on this machine; each test uses its own practice."""
    from tests.peers.medplum import medplum

    with medplum(FHIR_PACKAGES, tmp_path_factory.mktemp("medplum")) as server:
        yield server


@pytest.fixture
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Yield a third-party emulator of Google's consent and mail on this machine, one for each test."""
    from tests.peers.emulate import emulate

    with emulate(GOOGLE_PACKAGES, tmp_path_factory.mktemp("emulate")) as server:
        yield server
