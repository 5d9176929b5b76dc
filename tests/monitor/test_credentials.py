"""Tests of secrets by reference, and of the key file, which is refused unless private."""

from __future__ import annotations

import os
import shlex
import stat
import sys
import traceback
from pathlib import Path

import pytest

from connectors.errors import UnavailableError
from monitor import credentials
from monitor.credentials import create_key, is_private_url, is_reference, read_key, read_secret, secret_reader
from monitor.errors import KeyFileError, SecretError

SECRET = "correct-horse-battery"


def private_file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def command_of(code: str) -> str:
    return f"command:{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


@pytest.mark.parametrize("text", ["env:TOKEN", "file:token.txt", "file: ~/token", "command:pass show mail"])
def test_a_text_with_a_known_scheme_is_a_reference(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize(
    "text", [SECRET, "", "env:", "file: ", "vault:token", "https://mail.example/env:TOKEN", "env:A\nB"]
)
def test_other_texts_are_no_references(text: str) -> None:
    assert not is_reference(text)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://harbour.example/team.ics", False),
        (
            "https://calendar.example/calendar/ical/c_0a1b2c3d4e5f6a7b8c9d0e1f%40group.calendar.example/public/basic.ics",
            False,
        ),
        ("https://harbour.example/team.ics?month=11", False),
        ("https://calendar.example/ical/ana%40harbour.example/private-0a1b2c/basic.ics", True),
        ("https://calendar.example/ical/ana/%70rivate-0a1b2c/basic.ics", True),
        ("https://ana:horse@harbour.example/team.ics", True),
        ("https://harbour.example/team.ics?key=1", True),
        ("https://harbour.example/team.ics?access_token=", True),
        ("https://harbour.example/team.ics?client%5Fsecret=1", True),
        ("https://harbour.example/ics/7d3c1c1e-1f0b-4f64-9b0c-3a2f5be4a111/calendar.ics", True),
        ("webcal://p12.harbour.example/published/2/MTIzNDU2Nzg5MDEyMzQ1Njc4OTA", True),
        ("https://p12-caldav.icloud.com/published/2/MTIzNDU2Nzg5", True),
        ("webcal://p101-caldav.icloud.com/published/2/abcdefgh", True),
        ("https://cloud.example/remote.php/dav/public-calendars/Wx8sYd4kEiGjNL2b?export", True),
        ("https://cloud.example/nextcloud/remote.php/dav/public-calendars/WxqsYdakEiGjNLub", True),
        ("https://cloud.example/index.php/apps/calendar/p/Wx8sYd4kEiGjNL2b", True),
        ("https://cloud.example/apps/calendar/embed/WxqsYdakEiGjNLub", True),
        ("https://cloud.example/s/WxqsYdakEiGjNLu/download", True),
        ("https://cloud.example/index.php/s/Wx8sYd4kEiGjNL2", True),
        ("https://ics.teamup.com/feed/ks1a2b3c4d5e6f7a8b/0.ics", True),
        ("https://ics.teamup.com/feed/ksabcdefghabcdefgh/1234567.ics", True),
        ("https://feeds.harbour.example/Wx8sYd4kEiGjNL2b.ics", True),
        ("https://feeds.harbour.example/ics?calendar=Wx8sYd4kEiGjNL2b", True),
        ("https://feeds.harbour.example/ics/0a1b2c3d4e5f6a7b8c9d0e1f2a3b.ics", True),
        ("https://calendars.icloud.com/holidays/us_en.ics/", False),
        ("https://harbour.example/calendars/german-holidays-2026-berlin.ics", False),
        ("https://harbour.example/HarbourStreetTeamCalendar2026.ics", False),
        ("https://fhir.harbour.example/baseR4", False),
        ("https://harbour.example/s/team.ics", False),
        ("https://harbour.example/feed/holidays.ics?from=2026-01-01&kw=05", False),
    ],
)
def test_an_address_that_opens_a_calendar_by_itself_is_private(url: str, *, private: bool) -> None:
    assert is_private_url(url) is private


def test_a_secret_is_read_from_the_environment(tmp_path: Path) -> None:
    assert read_secret("env:TOKEN", tmp_path, {"TOKEN": SECRET}) == SECRET


def test_a_secret_is_read_from_a_file_beside_the_configuration_without_its_line_end(tmp_path: Path) -> None:
    private_file(tmp_path / "token", f"{SECRET}\r\n")
    assert read_secret("file:token", tmp_path) == SECRET


def test_a_secret_is_what_a_command_prints_in_the_folder_of_the_configuration(tmp_path: Path) -> None:
    private_file(tmp_path / "token", SECRET)
    assert read_secret(command_of("print(open('token').read())"), tmp_path) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_secret_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    private_file(tmp_path / "token", SECRET).chmod(mode)
    with pytest.raises(SecretError, match=r"can be read by others\. Run: chmod 600 .*/token$"):
        read_secret("file:token", tmp_path)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (SECRET, "Write where the secret is kept (env:NAME, file:PATH or command:…), not the secret itself."),
        ("env:NOWHERE", "The environment variable NOWHERE is empty."),
        ("file:nowhere", "cannot be read: no such file or directory."),
        ("file:.", "is not a regular file."),
        ("file:empty", "The file empty is empty."),
        ("file:~nobody-here/token", "is in a home folder that does not exist."),
        ("command:no-such-program-here", "The secret's command cannot be run."),
        ("command:echo 'unclosed", "The secret's command cannot be run."),
        ("command:true", "The output of the secret's command is empty."),
    ],
)
def test_a_reference_without_a_secret_is_reported(tmp_path: Path, reference: str, message: str) -> None:
    private_file(tmp_path / "empty", "\n")
    with pytest.raises(SecretError) as error:
        read_secret(reference, tmp_path, {})
    assert message in str(error.value)
    assert SECRET not in str(error.value)


def test_a_pipe_in_a_secrets_place_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SecretError, match="is not a regular file"):
        read_secret("file:pipe", tmp_path)


def test_the_output_of_a_failing_command_is_not_in_the_error(tmp_path: Path) -> None:
    code = f"import sys; print('{SECRET[::-1]}'[::-1]); sys.exit('{SECRET[::-1]}'[::-1])"
    with pytest.raises(SecretError) as error:
        read_secret(command_of(code), tmp_path)
    assert "failed with exit code 1" in str(error.value)
    assert SECRET not in "".join(traceback.format_exception(error.value))


def test_a_command_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.05)
    with pytest.raises(SecretError, match="took more than"):
        read_secret(command_of("import signal; signal.pause()"), tmp_path)


def test_a_missing_secret_is_an_error_of_its_source(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as error:
        secret_reader("ana-mail", tmp_path)("file:nowhere")
    assert error.value.source == "ana-mail"
    assert "no such file" in str(error.value)


def test_a_new_key_is_32_bytes_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "evenhours.key"
    previous = os.umask(0)
    try:
        create_key(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(read_key(path)) == 32
    assert read_key(path).hex() == path.read_text().strip()


def test_no_two_keys_are_the_same(tmp_path: Path) -> None:
    for name in "ab":
        create_key(tmp_path / name)
    assert read_key(tmp_path / "a") != read_key(tmp_path / "b")


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "evenhours.key"
    create_key(path)
    before = read_key(path)
    with pytest.raises(KeyFileError, match="exists already"):
        create_key(path)
    assert read_key(path) == before


def test_a_key_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError):
        create_key(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_that_could_not_be_written_whole_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match=r"the disk of .* is full"):
        create_key(tmp_path / "evenhours.key")
    assert list(tmp_path.iterdir()) == []


def test_the_error_for_a_missing_key_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"No key file at .*evenhours\.key\. Restore it"):
        read_key(tmp_path / "evenhours.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_loose_key_file_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "evenhours.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=r"can be read by others\. Run: chmod 600 .*evenhours\.key"):
        read_key(path)


def test_a_link_to_a_key_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path / "real.key")
    (tmp_path / "evenhours.key").symlink_to("real.key")
    with pytest.raises(KeyFileError, match="is a symbolic link"):
        read_key(tmp_path / "evenhours.key")


def test_somebody_elses_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "evenhours.key"
    create_key(path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(KeyFileError, match="belongs to the user"):
        read_key(path)


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 31, "00" * 33])
def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = private_file(tmp_path / "evenhours.key", text)
    with pytest.raises(KeyFileError, match="is damaged") as error:
        read_key(path)
    assert not text or text not in str(error.value).removeprefix(f"The key file {path}")


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="is not a regular file"):
        read_key(tmp_path)
