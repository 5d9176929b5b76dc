"""The real servers that other tests read from are running."""

from __future__ import annotations

from imaplib import IMAP4
from typing import TYPE_CHECKING

from tests.peers.dovecot import PASSWORD

if TYPE_CHECKING:
    from tests.peers.calendars import CalendarServer
    from tests.peers.dovecot import Dovecot

ENTRY = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260105T090000Z\r\n"
    "DTSTART:20260105T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_mailbox_written_as_files_is_served(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, [b"Subject: a\r\n\r\n", b"Subject: b\r\n\r\n"])

    with IMAP4("127.0.0.1", dovecot.port) as client:
        client.login(user, PASSWORD)
        assert client.select(readonly=True) == ("OK", [b"2"])


def test_radicale_stores_an_event(radicale: CalendarServer) -> None:
    user = radicale.user()
    path = radicale.calendar(user, "Clients")
    radicale.put(user, f"{path}a.ics", ENTRY)

    assert radicale.ask("GET", f"{path}a.ics", user=user)[0] == 200
    assert radicale.ask("GET", f"{path}a.ics", user=radicale.user())[0] == 403


def test_xandikos_stores_an_event(xandikos: CalendarServer) -> None:
    user = xandikos.user()
    path = xandikos.calendar(user, user)
    xandikos.put(user, f"{path}a.ics", ENTRY)

    assert xandikos.ask("GET", f"{path}a.ics")[0] == 200
