"""``evenhours serve``: on this machine alone, a link for each reader, one sentence where it cannot."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from monitor.cli.desk import Desk
from monitor.cli.serve import PortError, serve_pages
from monitor.errors import StoreError, UsageError
from tests.monitor import practices
from tests.monitor.office import MAIN
from tests.monitor.practices import Written

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(config: Path, *options: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """The command, running; stopped as with Ctrl+C."""
    arguments = ["serve", "--config", str(config), "--port", "0", *options]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=20)
    assert complaints == ""
    assert process.returncode == 0


def opened(address: str) -> tuple[str, str]:
    """Where a browser ends up, and what it reads there."""
    with build_opener(HTTPCookieProcessor(CookieJar())).open(address, timeout=20) as answer:
        return answer.url, answer.read().decode()


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


@pytest.fixture
def desk(practice: Written) -> Desk:
    """A desk whose database is this test's own."""
    desk = Desk()
    desk.__dict__["config"] = practice.config
    return desk


def test_the_links_lead_to_their_pages(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)

    with serving(config.path, "--as", "ana", "--as", "director") as process:
        address = re.fullmatch(r"Evenhours is on (http://127\.0\.0\.1:\d+) — press Ctrl\+C to stop\.", told(process))
        assert address is not None
        links = [re.fullmatch(r"(\w+): (http\S+)  \(works once, for 15 minutes\)", told(process)) for _ in range(2)]
        assert [link and link[1] for link in links] == ["ana", "director"]

        pages = [opened(link[2]) for link in links if link]

        assert [url for url, _ in pages] == [f"{address[1]}/me/", f"{address[1]}/practice/"]
        assert "Private to you" in pages[0][1]


def test_enter_brings_new_links(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)
    terminal, keyboard = pty.openpty()

    with serving(config.path, "--as", "ana", stdin=keyboard) as process:
        first = [told(process) for _ in range(3)][1]
        os.write(terminal, b"\n")
        second = told(process)

        assert first != second
        assert [opened(line.split()[1])[0].rpartition("/me/")[1] for line in (first, second)] == ["/me/", "/me/"]
    os.close(terminal)
    os.close(keyboard)


def test_scripts_read_one_line_of_json(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)

    with serving(config.path, "--as", "director", "--json") as process:
        told_all = json.loads(told(process))

        assert list(told_all) == ["url", "links"]
        assert opened(told_all["links"]["director"])[0] == f"{told_all['url']}/practice/"


def test_a_port_in_use_is_said(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port} is in use, .* --port 0$") as said:
            serve_pages(desk, ["ana"], port=port)
    assert said.value.exit_code == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "practice.example", "::"])
def test_other_machines_are_kept_out(desk: Desk, host: str) -> None:
    with pytest.raises(UsageError, match="to this machine alone"):
        serve_pages(desk, ["ana"], port=0, host=host)


def test_an_unknown_reader_is_said(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r'There is no clinician "zoe"\. The configuration has: ana, ben'):
        serve_pages(desk, ["ana", "zoe"], port=0)


def test_where_there_are_several_readers_one_is_named(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"--as ana \| ben \| cleo \| dev \| finn \| director"):
        serve_pages(desk, [], port=0)


def test_without_a_database_the_way_to_one_is_said(desk: Desk) -> None:
    desk.config.database.unlink()

    with pytest.raises(StoreError, match="evenhours init"):
        serve_pages(desk, ["ana"], port=0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_asked_to_end_leaves_no_log_behind(practice: Written, number: signal.Signals) -> None:
    with serving(practice.config.path, "--as", "ana") as server:
        _, link = told(server), told(server)
        opened(re.findall(r"http\S+", link)[0])  # it answers
        log = practice.config.path.parent / "evenhours.db-wal"
        assert log.exists()
        server.send_signal(number)
        assert server.wait(60) == 0
        assert not log.exists()
