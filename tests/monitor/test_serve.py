"""The command ``evenhours serve``: this machine only, a link for each reader, one sentence for each error."""

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
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from monitor.cli.context import CliContext
from monitor.cli.serve import PortError, _server, serve_pages
from monitor.dashboard.app import HEADERS
from monitor.errors import StoreError, UsageError
from tests.monitor import practices
from tests.monitor.office import MAIN
from tests.monitor.practices import WrittenPractice

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(config: Path, *options: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """Run the command, and stop it as Ctrl+C does."""
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


def open_link(link: str) -> tuple[str, str]:
    """Open a link, press its button, and return the address and the text of the page that follows."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(link, timeout=20) as page:
        token = re.search('name="csrf_token" value="([^"]+)"', page.read().decode())
    assert token is not None
    with browser.open(link, data=urlencode({"csrf_token": token[1]}).encode(), timeout=20) as answer:
        return answer.url, answer.read().decode()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


@pytest.fixture
def context(practice: WrittenPractice) -> CliContext:
    """Return a context with a database of this test's own."""
    context = CliContext()
    context.__dict__["config"] = practice.config
    return context


def test_the_links_lead_to_their_pages(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)

    with serving(config.path, "--as", "ana", "--as", "director") as process:
        address = re.fullmatch(
            r"Evenhours is on (http://127\.0\.0\.1:\d+/[0-9a-f]{24}) — press Ctrl\+C to stop\.", next_line(process)
        )
        assert address is not None
        links = [
            re.fullmatch(r"(\w+): (http\S+)  \(works once, for 15 minutes\)", next_line(process)) for _ in range(2)
        ]
        assert [link and link[1] for link in links] == ["ana", "director"]

        pages = [open_link(link[2]) for link in links if link]

        assert [url for url, _ in pages] == [f"{address[1]}/me/", f"{address[1]}/practice/"]
        assert "Private to you" in pages[0][1]


def test_enter_prints_new_links(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)
    terminal, keyboard = pty.openpty()

    with serving(config.path, "--as", "ana", stdin=keyboard) as process:
        first = [next_line(process) for _ in range(3)][1]
        os.write(terminal, b"\n")
        second = next_line(process)

        assert first != second
        assert [open_link(line.split()[1])[0].rpartition("/me/")[1] for line in (first, second)] == ["/me/", "/me/"]
    os.close(terminal)
    os.close(keyboard)


def test_scripts_read_one_line_of_json(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)

    with serving(config.path, "--as", "director", "--json") as process:
        output = json.loads(next_line(process))

        assert list(output) == ["url", "links"]
        assert open_link(output["links"]["director"])[0] == f"{output['url']}/practice/"


def send_raw(address: str, request: bytes) -> tuple[bytes, dict[str, str], bytes]:
    """Send raw bytes and return the status line, the headers and the body of the response."""
    with socket.create_connection((urlsplit(address).hostname, urlsplit(address).port), timeout=20) as connection:
        with suppress(ConnectionError):  # the server may answer and close before everything is sent
            connection.sendall(request)
        answer = b""
        with suppress(ConnectionError):
            while received := connection.recv(65536):
                answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first.encode(), dict(line.split(": ", 1) for line in lines), body


def test_the_servers_own_responses_have_the_headers(tmp_path: Path) -> None:
    config = practices.empty_practice(tmp_path)
    with serving(config.path, "--as", "ana") as process:
        address = next_line(process).split()[3]
        link = urlsplit(next_line(process).split()[1]).path.encode()
        here = urlsplit(address).path.encode()
        rest = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        requests = {
            b"400 no request": b"GET\r\n\r\n",
            b"400 no version": b"GET " + link + b" HTTP/x\r\n\r\n",
            b"400 length": b"POST " + here + b"/sign-out" + rest + b"Content-Length: -1\r\n\r\n",
            b"400 another name": b"GET " + here + b"/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            b"400 no token": b"POST " + here + b"/sign-out" + rest + b"Content-Length: 0\r\n\r\n",
            b"401 nobody": b"GET " + here + b"/me/" + rest + b"\r\n",
            b"404 outside": b"GET /me/" + rest + b"\r\n",
            b"404 unknown": b"GET " + here + b"/nowhere" + rest + b"\r\n",
            b"405 method": b"BREW " + here + b"/" + rest + b"\r\n",
            b"413 body": b"POST " + here + b"/sign-out" + rest + b"Content-Length: 70000\r\n\r\n",
            b"413 chunks": b"POST " + here + b"/sign-out" + rest + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"fff0\r\n" + b"x" * 0xFFF0 + b"\r\nfff0\r\n" + b"x" * 0xFFF0 + b"\r\n0\r\n\r\n",
            b"431 header": b"GET " + here + b"/" + rest + b"X: " + b"x" * 300_000 + b"\r\n\r\n",
            b"501 coding": b"POST " + here + b"/" + rest + b"Transfer-Encoding: x\r\n\r\n",
        }  # fmt: skip
        for name, request in requests.items():
            first, headers, body = send_raw(address, request)

            assert first.split()[1] == name.split()[0], name
            assert {header: headers.get(header) for header in HEADERS} == HEADERS, name
            assert "Server" not in headers
            assert b"waitress" not in body.lower()
            assert b"Traceback" not in body
        for outside in (b"400 no request", b"404 outside", b"413 body", b"431 header"):
            assert here[1:] not in send_raw(address, requests[outside])[2]


def test_an_error_below_the_application_is_one_plain_sentence_with_the_headers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_environ: object, _start_response: object) -> NoReturn:
        raise RuntimeError("ZEBRA")

    listening = socket.create_server(("127.0.0.1", 0))
    server = _server(broken, listening)
    thread = Thread(target=server.run)
    thread.start()
    try:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        first, headers, body = send_raw(address, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    finally:
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)  # type: ignore[attr-defined]
        thread.join()

    assert first.split()[1] == b"500"
    assert {header: headers.get(header) for header in HEADERS} == HEADERS
    assert b"ZEBRA" not in body
    assert "ZEBRA" in caplog.text


def test_another_server_of_this_machine_is_not_sent_the_cookie(tmp_path: Path, browser: Browser) -> None:
    seen: list[tuple[str, str | None]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Cookie")))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    config = practices.empty_practice(tmp_path)
    with (
        serving(config.path, "--as", "ana") as process,
        ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener,
        browser.new_context() as browser_context,
    ):
        thread = Thread(target=listener.serve_forever)
        thread.start()
        address, link, window = next_line(process).split()[3], next_line(process).split()[1], browser_context.new_page()
        window.goto(link)
        window.get_by_role("button").click()
        assert window.url == f"{address}/me/"
        assert {cookie["path"] for cookie in browser_context.cookies()} == {urlsplit(address).path}

        for path in ("/", "/me/", "/sign-in/x", f"{urlsplit(address).path}x/"):
            window.goto(f"http://127.0.0.1:{listener.server_port}{path}")
        listener.shutdown()
        thread.join()

    assert len([path for path, _ in seen if path != "/favicon.ico"]) == 4
    assert {cookie for _, cookie in seen} == {None}


def test_a_port_in_use_is_reported(context: CliContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port} is in use, .* --port 0$") as error:
            serve_pages(context, ["ana"], port=port)
    assert error.value.exit_code == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "practice.example", "::"])
def test_other_machines_are_kept_out(context: CliContext, host: str) -> None:
    with pytest.raises(UsageError, match="to this machine only"):
        serve_pages(context, ["ana"], port=0, host=host)


def test_an_unknown_reader_is_reported(context: CliContext) -> None:
    with pytest.raises(UsageError, match=r'There is no clinician "zoe"\. The configuration has: ana, ben'):
        serve_pages(context, ["ana", "zoe"], port=0)


def test_with_several_possible_readers_one_must_be_named(context: CliContext) -> None:
    with pytest.raises(UsageError, match=r"--as ana \| ben \| cleo \| dev \| finn \| director"):
        serve_pages(context, [], port=0)


def test_without_a_database_the_error_names_the_command(context: CliContext) -> None:
    context.config.database.unlink()

    with pytest.raises(StoreError, match="evenhours init"):
        serve_pages(context, ["ana"], port=0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_leaves_no_write_ahead_log(practice: WrittenPractice, number: signal.Signals) -> None:
    with serving(practice.config.path, "--as", "ana") as server:
        _, link = next_line(server), next_line(server)
        open_link(re.findall(r"http\S+", link)[0])  # the server answers
        log = practice.config.path.parent / "evenhours.db-wal"
        assert log.exists()
        server.send_signal(number)
        assert server.wait(60) == 0
        assert not log.exists()
