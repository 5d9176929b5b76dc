"""A night with slow servers and a pipe: it ends in time, and the other sources are read and computed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from connectors import deadline, http
from connectors.imap import connection
from tests.monitor.office import CONFIG, Office
from tests.peers.dripping import dripping
from tests.peers.scripted_imap import DRIP, scripted_imap

SECONDS = 0.5
DRIPPING = """
[[source]]
name = "feed"
kind = "ics"
clinician = "ana"
url = "http://127.0.0.1:WEB/teams.ics"

[[source]]
name = "post"
kind = "imap"
clinician = "ben"
host = "127.0.0.1"
port = MAIL
username = "ben"
password = "env:SLOW_PASSWORD"
tls = "none"

[[source]]
name = "texts"
kind = "sms_xml"
clinician = "ben"
path = "texts"
"""


def test_a_night_with_a_server_that_sends_slowly_ends_in_time_and_reads_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", SECONDS)
    for module, name in ((http, "READ_SECONDS"), (connection, "TIMEOUT_SECONDS")):
        monkeypatch.setattr(module, name, 60)
    monkeypatch.setenv("SLOW_PASSWORD", "x")
    (tmp_path / "texts").mkdir()
    os.mkfifo(tmp_path / "texts" / "sms-1.xml")
    (tmp_path / "alone").mkdir()
    alone = Office(tmp_path / "alone")
    assert alone("nightly").code == 0
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nBEGIN:VCAL", b"E") as web, scripted_imap() as mail:
        mail.set_answer("FETCH", b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {100000}\r\n" + DRIP)
        office = Office(tmp_path, CONFIG + DRIPPING.replace("WEB", str(web)).replace("MAIL", str(mail.port)))
        began_at = time.monotonic()
        answer = office("nightly")
        took = time.monotonic() - began_at
    assert took < SECONDS + 5
    assert answer.code == 3
    assert "feed: the server answers too slowly: " in answer.err
    assert "post: the mail server answers too slowly: " in answer.err
    assert 'texts: the folder "texts" contains a pipe or a device. Move it elsewhere.' in answer.err
    stored, expected = office.dump(), alone.dump()
    assert {name: len(stored[name]) for name in ("event", "message")} == {
        name: len(expected[name]) for name in ("event", "message")
    }
    assert office("export", "metrics", "--clinician", "ana").out == alone("export", "metrics", "--clinician", "ana").out
