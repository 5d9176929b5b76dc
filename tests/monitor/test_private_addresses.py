"""A secret calendar address is in no error, log or record, whatever its server answers."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.monitor.office import CONFIG, Office
from tests.peers.dripping import answer, dripping

PLACES = {
    "google": "calendar/ical/ana%40harbour.example/private-0a1b2c3d4e5f6a7b8c/basic.ics",
    "outlook": "owa/calendar/ana@harbour.example/0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f/calendar.ics",
    "nextcloud": "remote.php/dav/public-calendars/Wx8sYd4kEiGjNL2b?export",
    "nextcloud's page": "index.php/apps/calendar/p/Wx8sYd4kEiGjNL2b",
    "nextcloud's share": "s/Wx8sYd4kEiGjNL2/download",
    "teamup": "feed/ks1a2b3c4d5e6f7a8b/0.ics",
    "icloud": "published/2/MTIzNDU2Nzg5MDEyMzQ1Njc4OTA",
}
SECRETS = ("0a1b2c3d4e5f6a7b8c", "Wx8sYd4kEiGjNL2", "ks1a2b3c4d5e6f7a8b", "MTIzNDU2Nzg5")
FEED = '\n[[source]]\nname = "feed"\nkind = "ics"\nclinician = "ana"\nurl = "WHERE"\n'
ODD_HEAD = b"HTTP/1.1 200 OK\r\nno field at all\r\nContent-Length: 4\r\n\r\njunk"
SERVER_ANSWERS = {
    "nothing there": answer(b"", "404 Not Found"),
    "refused": answer(b"", "401 Unauthorized"),
    "failing": answer(b"", "500 Oh"),
    "no calendar": answer(b"<html>"),
    "odd head": ODD_HEAD,
    "broken off": b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nBEGIN",
    "moved": answer(b"", "302 Found", Location="http://elsewhere.example/private-0a1b2c3d4e5f6a7b8c"),
}


def assert_no_secret_in(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("place", PLACES)
def test_private_address_in_the_configuration_is_refused_and_not_repeated(place: str, tmp_path: Path) -> None:
    office = Office(tmp_path, CONFIG + FEED.replace("WHERE", f"https://calendars.example/{PLACES[place]}"))
    refused = office("nightly")
    assert refused.code == 2
    assert "whoever has this address can read the data" in refused.err
    assert_no_secret_in(refused.err + refused.out)


@pytest.mark.parametrize("server_answer", SERVER_ANSWERS)
@pytest.mark.parametrize("place", PLACES)
def test_private_address_is_neither_printed_nor_stored(
    place: str, server_answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("connectors.retry.FIRST_PAUSE", 0)
    office = Office(tmp_path, CONFIG + FEED.replace("WHERE", "env:HOLDING_FEED"))
    with dripping(complete_answers={"/": SERVER_ANSWERS[server_answer]}) as port, caplog.at_level(logging.DEBUG):
        monkeypatch.setenv("HOLDING_FEED", f"http://127.0.0.1:{port}/{PLACES[place]}")
        night = office("nightly")
        doctor, as_json = office("doctor"), office("doctor", "--json")
    assert night.code in {3, 4}
    assert "feed: " in night.err
    written = b"".join(path.read_bytes() for path in tmp_path.glob("evenhours.db*"))
    assert_no_secret_in(caplog.text)
    for answered in (night, doctor, as_json):
        assert_no_secret_in(answered.out + answered.err)
    assert_no_secret_in(written.decode("latin-1"))
