"""Pipes, devices and sockets in place of a file: refused unopened, at every path that a source reads."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connectors.csv_export.inspect import propose
from connectors.detect import detect_kind
from connectors.errors import ConnectorError
from connectors.files import NotAFileError, open_file
from connectors.registry import source_kind
from monitor.credentials import read_secret
from monitor.errors import SecretError
from tests.connectors.mailboxes import letter, practice

MAX_SECONDS = 5.0  # seconds
CALENDAR = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260105T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
SMS = b'<smses count="0"></smses>'


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


SPECIAL_FILES = [pipe, link_to_pipe, device, listening]


def columns() -> Any:
    options_type_ = source_kind("csv").options
    from connectors.csv_export.options import CsvColumns

    return lambda path: options_type_(
        path=path, columns=CsvColumns(client="Client", booked_start="Start", booked_end="End")
    )


def options_type(kind: str) -> Callable[[Any], Any]:
    return columns() if kind == "csv" else lambda path: source_kind(kind).options(path=path)


def within_time(read: Callable[[], Any]) -> BaseException | None:
    """Return the error that ended the call, or ``None``; fail if it does not end in time."""
    outcomes: list[BaseException | None] = []

    def run() -> None:
        try:
            read()
        except BaseException as error:  # noqa: BLE001 - it is looked at by the test
            outcomes.append(error)
        else:
            outcomes.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS)
    assert outcomes, "held"
    return outcomes[0]


def reading(kind: str, folder: Path, path: str) -> Callable[[], Any]:
    options = options_type(kind)(path if kind == "ics" else Path(path))
    return lambda: list(source_kind(kind).make(options, practice(folder)).fetch(None))


@pytest.mark.parametrize("make", SPECIAL_FILES)
@pytest.mark.parametrize("kind", ["ics", "csv", "mbox", "maildir", "sms_xml"])
def test_special_file_is_refused_unopened(kind: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "source")
    error = within_time(reading(kind, tmp_path, "source"))
    assert isinstance(error, ConnectorError)
    assert "neither a file nor a folder" in str(error)


@pytest.mark.parametrize("make", SPECIAL_FILES)
@pytest.mark.parametrize(
    ("kind", "name", "other_name", "content"),
    [
        ("ics", "b.ics", "a.ics", CALENDAR),
        ("csv", "b.csv", "a.csv", b"Client,Start,End\n7,2026-01-05 09:00,2026-01-05 10:00\n"),
        ("mbox", "b.mbox", "a.mbox", b""),
        ("sms_xml", "sms-b.xml", "sms-a.xml", SMS),
    ],
)
def test_special_file_in_a_folder_is_refused_unopened(
    kind: str, name: str, other_name: str, content: bytes, make: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / other_name).write_bytes(content)
    make(tmp_path / "source" / name)
    error = within_time(reading(kind, tmp_path, "source"))
    assert isinstance(error, ConnectorError)
    assert "contains a pipe or a device" in str(error)
    assert name not in str(error)


@pytest.mark.parametrize("make", SPECIAL_FILES)
def test_special_file_in_a_maildir_is_skipped_and_messages_are_read(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    inbox = tmp_path / "source" / "cur"
    inbox.mkdir(parents=True)
    (inbox / "1:2,S").write_bytes(letter(1))
    make(inbox / "2:2,S")
    connector = source_kind("maildir").make(options_type("maildir")(Path("source")), practice(tmp_path))
    batches: list[Any] = []
    assert within_time(lambda: batches.extend(connector.fetch(None))) is None
    assert [len(batch.records) for batch in batches] == [1]


@pytest.mark.parametrize("make", SPECIAL_FILES)
def test_special_file_as_a_secret_is_refused_unopened(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "secret")
    assert isinstance(within_time(lambda: read_secret("file:secret", tmp_path)), SecretError)


@pytest.mark.parametrize("make", SPECIAL_FILES)
@pytest.mark.parametrize("kind", ["google_calendar", "gmail", "google_meet", "microsoft"])
def test_special_file_as_a_token_is_refused_unopened(kind: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / ("microsoft-tokens" if kind == "microsoft" else "google-tokens")
    folder.mkdir(mode=0o700)
    make(folder / "ana.json")
    options = source_kind(kind).options(**({"client_id": "app"} if kind == "microsoft" else {}))

    def read() -> None:
        list(source_kind(kind).make(options, practice(tmp_path)).fetch(None))

    error = within_time(read)
    assert isinstance(error, ConnectorError)
    assert "ana.json" in str(error)


@pytest.mark.parametrize("make", SPECIAL_FILES)
def test_special_file_is_not_opened_to_propose_a_source(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "source")
    assert within_time(lambda: detect_kind(tmp_path / "source")) is None
    assert isinstance(within_time(lambda: propose(tmp_path / "source")), ConnectorError)


@pytest.mark.parametrize(
    ("kind", "content"),
    [("ics", CALENDAR), ("csv", b"Client,Start,End\n"), ("mbox", b""), ("sms_xml", SMS)],
)
def test_file_that_becomes_a_pipe_during_the_run_does_not_block(
    kind: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, original_open = tmp_path / "source", os.open
    path.write_bytes(content)

    def swap_then_open(opened_path: Any, *args: Any, **kwargs: Any) -> int:
        if Path(opened_path) == path:
            with suppress(FileNotFoundError):
                path.unlink()
            with suppress(FileExistsError):
                os.mkfifo(path)
        return original_open(opened_path, *args, **kwargs)

    monkeypatch.setattr(os, "open", swap_then_open)
    assert isinstance(within_time(reading(kind, tmp_path, "source")), ConnectorError)


def test_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"text")
    (tmp_path / "link").symlink_to("real")
    with open_file(tmp_path / "link") as file:
        assert file.read() == b"text"
    with pytest.raises(NotAFileError):
        open_file(tmp_path)
