"""Mail on a real server: which messages are read, in which order, and how reading continues."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pytest

from connectors.address_count import LikelyAddress
from connectors.base import Batch, Context
from connectors.errors import AuthorizationError, UnavailableError
from connectors.imap import source
from connectors.imap.session import ImapSession
from connectors.imap.source import SOURCE_KIND, ImapConnector, ImapOptions
from tests.connectors.mailboxes import ANA, CANARY, WINDOW, Reading, letter, practice, read
from tests.peers.dovecot import PASSWORD, Dovecot
from tests.peers.dovecot import dovecot as started

BODY = f"\r\n{CANARY}\r\n".encode()
RECEIVED = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses in seconds, which are recorded instead of slept."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def context(password: str = PASSWORD, **changes: Any) -> Context:
    secrets = {"env:MAIL": password, "env:MAIL_ana": password}
    return replace(practice(Path()), read_secret=secrets.__getitem__, **changes)


def options(server: Dovecot, user: str) -> ImapOptions:
    return ImapOptions(host="127.0.0.1", port=server.port, username=user, password="env:MAIL", tls="none")


def connector(server: Dovecot, user: str, **changes: Any) -> ImapConnector:
    return ImapConnector(options(server, user), context(**changes))


def letters(numbers: Iterable[int], **fields: str) -> list[bytes]:
    return [letter(number, **fields).replace(b"\n", b"\r\n") + BODY for number in numbers]


def test_messages_are_read_once(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(5)))
    first = read(connector(dovecot, user))
    second = read(connector(dovecot, user), first.cursor)
    assert len(first.keys) == 5
    assert [(batch.cursor, batch.records, batch.rejected) for batch in second.batches] == [(first.cursor, (), ())]


def test_next_run_returns_the_new_records(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(5)))
    first = read(connector(dovecot, user))
    dovecot.deliver(user, letters([7, 8]))
    second = read(connector(dovecot, user), first.cursor)
    assert len(second.stamps) == 2
    assert second.keys.isdisjoint(first.keys)


@pytest.mark.parametrize("folder", ["Sent", "Gesendete Elemente", "&AMk-l&AOk-ments envoy&AOk-s", "Old/Sent Items"])
def test_message_in_a_folder_for_sent_mail_counts_as_sent_whatever_its_sender(folder: str, dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters([1], From="anastasia@elsewhere.example", To="client1@post.example"), folder)
    dovecot.deliver(user, letters([2], From="ana@old.example", To="client1@post.example"))
    dovecot.deliver(user, letters([8]))
    stamps = read(connector(dovecot, user)).stamps
    assert sorted(stamp.outgoing for stamp in stamps) == [False, True, True]
    assert len({stamp.counterpart for stamp in stamps}) == 1


def test_most_common_address_is_counted_if_the_owners_is_not_configured(dovecot: Dovecot) -> None:
    user, no_addresses = dovecot.user(), replace(ANA, addresses=frozenset())
    dovecot.deliver(user, letters(range(5), To="anna@post.example"))
    dovecot.deliver(user, letters([20], From="anna@post.example", To="client1@post.example"), "Handled")
    not_configured, configured = (
        context(owners=(no_addresses,)),
        context(owners=(replace(ANA, addresses=frozenset({"anna@post.example"})),)),
    )
    for practice_context in (not_configured, configured):
        read(ImapConnector(options(dovecot, user), practice_context))
    assert not_configured.address_count.most_likely() == LikelyAddress("anna@post.example", 6, 6)
    assert configured.address_count.messages == 0


def test_sent_copy_counts_before_the_received_one(dovecot: Dovecot) -> None:
    user = dovecot.user()
    for folder in ("", "Sent"):
        dovecot.deliver(user, letters([1], From="anastasia@elsewhere.example"), folder)
    stamps = read(connector(dovecot, user)).stamps
    assert [stamp.outgoing for stamp in stamps].count(True) == 1
    assert len({stamp.key for stamp in stamps}) == 1


@pytest.mark.parametrize("folder", ["Drafts", "Trash", "Junk", "Entw&APw-rfe", "Papierkorb", "Spam"])
def test_drafts_junk_and_trash_are_not_read(folder: str, dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters([1]), folder)
    dovecot.deliver(user, letters([2]))
    assert len(read(connector(dovecot, user)).keys) == 1


@pytest.mark.parametrize(
    ("sender", "date", "expected"),
    [
        ("client1@post.example", "Tue, 1 Sep 2026 10:00:00 +0000", RECEIVED),
        ("client1@post.example", "Mon, 1 Jun 2026 10:00:00 +0000", RECEIVED),  # nobody may choose when it came
        ("client1@post.example", "", RECEIVED),
        ("ana@harbour.example", "Tue, 1 Sep 2026 10:00:00 +0000", RECEIVED),
        ("ana@harbour.example", "Mon, 31 Aug 2026 11:00:00 +0000", datetime(2026, 8, 31, 11, tzinfo=UTC)),
        ("ana@harbour.example", "Wed, 2 Sep 2026 13:00:00 +0000", RECEIVED),
        ("ana@harbour.example", "gestern", RECEIVED),
    ],
)
def test_servers_time_counts_unless_a_sent_message_was_filed_late(
    sender: str, date: str, expected: datetime, dovecot: Dovecot
) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters([1], From=sender, Date=date), received_at=RECEIVED)
    (stamp,) = read(connector(dovecot, user)).stamps
    assert stamp.sent_at == expected


def test_newest_messages_are_read_first_and_any_page_may_be_the_last(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE", 3)
    user = dovecot.user()
    first_day = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(8):
        dovecot.deliver(user, letters([number]), received_at=first_day + timedelta(days=number))
    dovecot.deliver(user, letters(range(8, 12)), "Sent")
    complete = read(connector(dovecot, user))
    newest = [stamp.sent_at for stamp in Reading(complete.batches[:1]).stamps]
    dovecot.deliver(user, letters([20]))
    for pages in range(1, len(complete.batches)):
        interrupted = Reading(list(islice(connector(dovecot, user).fetch(None), pages)))
        rest = read(connector(dovecot, user), interrupted.cursor)
        assert len(interrupted.keys | rest.keys) == 13
        assert len(interrupted.stamps) + len(rest.stamps) == 13
    assert newest == [first_day + timedelta(days=number) for number in (5, 6, 7)]


def test_message_that_arrives_after_an_interrupted_first_reading_is_read(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE", 2)
    user = dovecot.user()
    dovecot.deliver(user, letters(range(6)))
    interrupted = Reading(list(islice(connector(dovecot, user).fetch(None), 1)))
    dovecot.deliver(user, letters(range(6, 11)))
    rest = read(connector(dovecot, user), interrupted.cursor)
    assert len(interrupted.keys | rest.keys) == 11
    assert interrupted.keys.isdisjoint(rest.keys)


def test_renumbered_folder_is_read_again_with_the_same_keys(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(4)))
    dovecot.deliver(user, letters([9], message_id=""))
    first = read(connector(dovecot, user))
    dovecot.renumber(user)
    dovecot.deliver(user, letters([5]))
    second = read(connector(dovecot, user), first.cursor)
    assert first.keys < second.keys
    assert len(second.keys) == 6
    assert not any(batch.restarts for batch in second.batches)


def test_message_that_breaks_the_connection_is_rejected_and_tried_again(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(4)))
    dovecot.deliver(user, letters([4]), size=7)
    dovecot.deliver(user, letters(range(5, 9)))
    first = read(connector(dovecot, user))
    assert len(first.keys) == 8
    assert [(record.where, record.reason) for record in first.rejected] == [
        ("folder 1, message 5", "the mail server closes the connection while sending it")
    ]
    second = read(connector(dovecot, user), first.cursor)
    assert (second.stamps, second.rejected) == ([], first.rejected)
    (broken,) = (dovecot.folder_path(user) / "cur").glob("*,S=7:2,")
    broken.rename(broken.with_name(broken.name.replace(",S=7", f",S={broken.stat().st_size}")))
    third = read(connector(dovecot, user), second.cursor)
    assert len(third.keys - first.keys) == 1
    assert [batch.records for batch in read(connector(dovecot, user), third.cursor).batches] == [()]


def test_draft_is_read_once_it_has_been_sent(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(3)), "Sent")
    path = max((dovecot.folder_path(user, "Sent") / "cur").iterdir())
    draft = path.rename(path.with_name(f"{path.name}D"))
    first = read(connector(dovecot, user))
    assert len(first.keys) == 2
    draft.rename(path)
    assert len(read(connector(dovecot, user), first.cursor).keys - first.keys) == 1


def test_nothing_is_changed_in_the_mailbox_and_no_body_is_read() -> None:
    log: list[str] = []
    with started(log) as server:
        server.deliver("ana", letters(range(20)))
        server.deliver("ana", letters(range(20, 25)), "Sent")
        before = sorted(server.folder_path("ana").rglob("*:2,*"))
        assert len(read(connector(server, "ana")).keys) == 25
        assert sorted(server.folder_path("ana").rglob("*:2,*")) == before
    lines = [line for line in log if "imap(ana)" in line and "body_count" in line]
    assert lines
    assert all("body_count=0 body_bytes=0" in line for line in lines)


def test_earlier_window_restarts_the_mailbox(dovecot: Dovecot) -> None:
    user = dovecot.user()
    old = datetime(2024, 6, 1, tzinfo=UTC)
    dovecot.deliver(user, letters([1]), received_at=old)
    dovecot.deliver(user, letters([2, 3]))
    first = read(connector(dovecot, user))
    assert len(first.keys) == 2
    later = replace(WINDOW, start=datetime(2025, 1, 2, tzinfo=UTC), end=datetime(2027, 1, 2, tzinfo=UTC))
    second = read(connector(dovecot, user, window=later), first.cursor)
    assert second.stamps == []
    earlier = replace(WINDOW, start=datetime(2024, 1, 1, tzinfo=UTC))
    third = read(connector(dovecot, user, window=earlier), second.cursor)
    assert len(third.keys) == 3
    assert third.batches[0].restarts


def test_mailbox_is_searched_by_day_only_after_a_page_outside_the_window(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE", 1)
    searches: list[str] = []
    search = ImapSession.search

    def recorded(session: ImapSession, criteria: str) -> list[int]:
        searches.append(criteria)
        return search(session, criteria)

    monkeypatch.setattr(ImapSession, "search", recorded)
    user = dovecot.user()
    dovecot.deliver(user, letters(range(4)))
    assert len(read(connector(dovecot, user)).keys) == 4
    assert not any("SINCE" in criteria for criteria in searches)

    user = dovecot.user()
    dovecot.deliver(user, letters([1]))
    dovecot.deliver(user, letters(range(10, 30)), received_at=datetime(2024, 6, 1, tzinfo=UTC))
    dovecot.deliver(user, letters([2, 3]))
    complete = read(connector(dovecot, user))
    assert len(complete.keys) == 3
    assert any("SINCE" in criteria for criteria in searches)
    outside_or_pending, last = 3, 1
    assert len(complete.batches) == 3 + outside_or_pending + last


def test_archive_is_read_and_later_years_once_the_window_includes_them(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters([1]), received_at=datetime(2024, 6, 1, tzinfo=UTC))
    dovecot.deliver(user, letters([2, 3]))
    filed = letters([4], From="ana@harbour.example", Date="Wed, 5 Jun 2024 10:00:00 +0000")
    dovecot.deliver(user, filed, "Sent")
    archive = replace(WINDOW, start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2025, 1, 1, tzinfo=UTC))
    first = read(connector(dovecot, user, window=archive))
    assert len(first.keys) == 2
    assert len(read(connector(dovecot, user), first.cursor).keys) == 2


def test_batch_has_the_number_of_messages_in_the_mailbox(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(10)))
    first = read(connector(dovecot, user))
    for path in sorted((dovecot.folder_path(user) / "cur").iterdir())[:6]:
        path.unlink()
    second = read(connector(dovecot, user), first.cursor)
    assert second.stamps == []
    assert (first.batches[0].source_size, second.batches[0].source_size) == (10, 4)
    assert read(connector(dovecot, user), second.cursor).rejected == []


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "junk", '{"folders": {"a": 1}}'])
def test_unknown_cursor_restarts_the_mailbox(cursor: str, dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(3)))
    reading = read(connector(dovecot, user), cursor)
    assert len(reading.keys) == 3
    assert reading.batches[0].restarts


def test_other_addresses_restart_the_mailbox(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters([1], From="ana@private.example"))
    first = read(connector(dovecot, user))
    owner = replace(ANA, addresses=ANA.addresses | {"ana@private.example"})
    second = read(connector(dovecot, user, owners=(owner,)), first.cursor)
    assert [stamp.outgoing for stamp in (*first.stamps, *second.stamps)] == [False, True]
    assert second.batches[0].restarts


def test_another_account_restarts_the_mailbox_despite_equal_numbering(dovecot: Dovecot) -> None:
    first, other = dovecot.user(), dovecot.user()
    dovecot.deliver(first, letters(range(2)))
    dovecot.deliver(other, letters(range(10, 14)))
    for user in (first, other):
        (dovecot.folder_path(user) / "dovecot-uidlist").write_text(f"3 V7 N1 G{'ab' * 16}\n", encoding="ascii")
    before = read(connector(dovecot, first))
    after = read(connector(dovecot, other), before.cursor)
    assert after.batches[0].restarts
    assert len(after.keys) == 4
    assert not read(connector(dovecot, other), after.cursor).batches[0].restarts


def test_empty_account_is_read(dovecot: Dovecot) -> None:
    first = read(connector(dovecot, dovecot.user()))
    assert [batch.records for batch in first.batches] == [()]


def test_one_configuration_serves_several_accounts(dovecot: Dovecot) -> None:
    dovecot.deliver("ana-of-several", letters([1]))
    several = replace(options(dovecot, "{key}-of-several"), password="env:MAIL_{key}")
    assert len(read(ImapConnector(several, context())).keys) == 1


def test_wrong_password_is_an_authorization_error_that_does_not_repeat_it(dovecot: Dovecot) -> None:
    with pytest.raises(AuthorizationError, match="does not accept the name and password") as raised:
        read(connector(dovecot, dovecot.user(), password=CANARY))
    assert CANARY not in f"{raised.value!r}{raised.value.__cause__!r}{raised.value.__context__!r}"


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_encrypted_connection_requires_a_trusted_certificate(
    tls: Literal["tls", "starttls"], dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters([1]))
    port = dovecot.secure_port if tls == "tls" else dovecot.port
    secure = replace(options(dovecot, user), tls=tls, host="localhost", port=port)
    with pytest.raises(UnavailableError, match="certificate cannot be trusted"):
        read(ImapConnector(secure, context()))
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate))
    assert len(read(ImapConnector(secure, context())).keys) == 1
    with pytest.raises(UnavailableError, match="certificate cannot be trusted"):
        read(ImapConnector(replace(secure, host="127.0.0.1"), context()))  # another name than the certificate's


def test_no_content_leaves_the_connector(dovecot: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    user = dovecot.user()
    dovecot.deliver(user, letters(range(3)), CANARY)
    dovecot.deliver(user, letters([4], From=f"{CANARY} <broken"))
    with caplog.at_level(logging.DEBUG):
        reading = read(connector(dovecot, user))
    assert (len(reading.keys), len(reading.rejected)) == (3, 1)
    assert CANARY not in f"{reading}{caplog.text}"
    assert "post.example" not in repr(reading)


def test_batches_report_their_progress(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE", 2)
    user = dovecot.user()
    dovecot.deliver(user, letters(range(4)))
    batches: list[Batch] = list(connector(dovecot, user).fetch(None))
    assert [(batch.done, batch.total) for batch in batches] == [(2, 4), (4, 4), (4, 4)]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, []),
        ({"password": None}, ["password: give either password or token"]),
        ({"token": "env:TOKEN"}, ["password: give either password or token"]),
        ({"tls": "none"}, ['tls: "none" would send the password unencrypted; it is allowed for this machine only']),
        ({"tls": "none", "host": "127.0.0.1"}, []),
        ({"tls": "none", "host": "127.0.0.1.example"}, [
            'tls: "none" would send the password unencrypted; it is allowed for this machine only'
        ]),
    ],
)  # fmt: skip
def test_configuration_that_would_expose_the_password_is_refused(changed: dict[str, str], problem: list[str]) -> None:
    assert SOURCE_KIND.check is not None
    defaults = ImapOptions(host="mail.example", username="ana", password="env:MAIL")
    assert SOURCE_KIND.check(replace(defaults, **changed)) == problem  # type: ignore[arg-type]
