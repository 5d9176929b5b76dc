"""What every test may lean on: real data, a real browser, real servers, and the demand that they were used."""

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

# Which fixture makes a test one of its kind, and why one of that kind or fixture cannot run here (None: it can).
KINDS = {
    "real": "real", "browser": "browser", "page": "browser",
    "dovecot": "peers", "radicale": "peers", "xandikos": "peers", "medplum": "peers",
    "emulator": "peers",
}  # fmt: skip
MISSING = {
    "real": None if REAL.is_dir() else f"the real data is not here: {REAL}",
    "browser": None if CHROMIUM else "there is no Chromium here; EVENHOURS_CHROMIUM says where one is",
    "emulator": None if EMULATE else "there is no emulator of Google here, or no Node to run it (make peers)",
    "medplum": None if MEDPLUM else "there is no Medplum here, or no Node to run it (make peers)",
    "dovecot": None if DOVECOT else "there is no Dovecot here, or no right to start it (as root: make peers)",
}

settings.register_profile("evenhours", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "evenhours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the real data, a browser or a real server, and skip them where there is none."""
    for item in items:
        fixtures = KINDS.keys() & getattr(item, "fixturenames", ())
        for kind in {KINDS[name] for name in fixtures}:
            item.add_marker(kind)
        for name, reason in MISSING.items():
            if reason and (name in fixtures or item.get_closest_marker(name)):
                item.add_marker(pytest.mark.skip(reason=reason))


class Demanded:
    """Fails the run unless tests of each demanded kind ran and none of them was skipped."""

    def __init__(self, kinds: list[str]) -> None:
        self.passed = dict.fromkeys(kinds, 0)
        self.skipped = dict.fromkeys(kinds, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind in self.passed.keys() & report.keywords:
            self.passed[kind] += report.when == "call" and report.passed
            self.skipped[kind] += report.skipped

    def lacking(self) -> list[str]:
        return [kind for kind, passed in self.passed.items() if not passed or self.skipped[kind]]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.lacking() and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for kind, passed in self.passed.items():
            terminalreporter.write_line(f"demanded: {kind}, {passed} passed, {self.skipped[kind]} skipped")


def pytest_configure(config: pytest.Config) -> None:
    """EVENHOURS_REQUIRE=real,browser,peers demands those kinds of tests."""
    demanded = os.environ.get("EVENHOURS_REQUIRE")
    if demanded and not hasattr(config, "workerinput"):  # what each worker ran is counted where it is gathered
        config.pluginmanager.register(Demanded(demanded.split(",")))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real data, which nobody here wrote and which is never copied into the project."""
    return REAL


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium that can reach nothing but this machine."""
    from playwright.sync_api import sync_playwright

    loopback_alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[loopback_alone, *quiet])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; the test fails if it asked anything of another machine."""
    asked: list[str] = []
    with browser.new_context(locale="en-GB", timezone_id="Europe/London") as context:
        context.on("request", lambda request: asked.append(request.url))
        yield context.new_page()
    own = ("http://127.0.0.1:", "http://localhost:", "file:", "data:", "about:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A mail server on this machine; each test takes a user of its own."""
    from tests.peers.dovecot import dovecot

    with dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalendarServer]:
    """A calendar server on this machine; each test takes a user of its own."""
    from tests.peers.calendars import radicale

    with radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture(scope="session")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalendarServer]:
    """Another calendar server on this machine, with one user; each test takes a calendar of its own."""
    from tests.peers.calendars import xandikos

    with xandikos(tmp_path_factory.mktemp("xandikos")) as server:
        yield server


@pytest.fixture(scope="session")
def medplum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Medplum]:
    """A record system's server on this machine; each test takes a practice of its own."""
    from tests.peers.medplum import medplum

    with medplum(FHIR_PACKAGES, tmp_path_factory.mktemp("medplum")) as server:
        yield server


@pytest.fixture
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Google's consent and mail as others understood them, on this machine; each test has its own."""
    from tests.peers.emulate import emulate

    with emulate(GOOGLE_PACKAGES, tmp_path_factory.mktemp("emulate")) as server:
        yield server
