"""Gmail: headers of received and sent messages, by the history, in batches whose parts may fail alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Window
from connectors.errors import AuthorizationError, RateLimitError, UnavailableError
from connectors.google.access import MAIL
from connectors.google.gmail import Gmail, GmailOptions
from connectors.mail.headers import Headers
from connectors.records import CounterpartKind
from tests.connectors.fake_google.calendar import CANARY, utc
from tests.connectors.fake_google.discovery import masked
from tests.connectors.fake_google.mailbox import FakeMailbox
from tests.connectors.fake_google.practice import ANA, PSEUDONYMS, WINDOW, GoogleReader, context, grant_access
from tests.connectors.fake_google.server import FakeGoogle

CLIENT = "kim@elsewhere.example"


@pytest.fixture
def mailbox(google: FakeGoogle, tmp_path: Path) -> FakeMailbox:
    grant_access(google, tmp_path, [MAIL])
    return google.mailbox(ANA)


@pytest.fixture
def reader(google: FakeGoogle, tmp_path: Path, mailbox: FakeMailbox) -> GoogleReader:
    assert mailbox.address == ANA
    return GoogleReader(Gmail, GmailOptions(api_endpoint=google.url), context(tmp_path))


def letters(mailbox: FakeMailbox, number: int, first: int = 0) -> list[str]:
    """Put a client's messages into the mailbox, one an hour; return their ids."""
    return [
        mailbox.put(utc("2026-03-02 08:00") + timedelta(hours=n), CLIENT, ANA) for n in range(first, first + number)
    ]


# What a message becomes


def test_a_letter_that_came_and_the_answer(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    first = mailbox.put(utc("2026-03-02 20:00"), f"Kim <{CLIENT}>", ANA, thread="1f")
    mailbox.put(
        utc("2026-03-02 23:00"), ANA, CLIENT, labels=("SENT",), thread="1f", In_Reply_To=f"<{first}@mail.example>"
    )
    reader.read()

    received, sent = reader.stamps
    assert (received.outgoing, sent.outgoing) == (False, True)
    assert received.counterpart == sent.counterpart == PSEUDONYMS.person("ana", CLIENT)
    assert received.counterpart_kind is CounterpartKind.CLIENT
    assert (received.sent_at, received.channel) == (utc("2026-03-02 20:00"), "email")
    assert received.key in sent.thread_nodes
    assert PSEUDONYMS.node("ana", "thread:1f") in set(received.thread_nodes) & set(sent.thread_nodes)


def test_the_thread_is_the_one_that_a_mailbox_file_of_googles_export_names(
    reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    mailbox.put(utc("2026-03-02 20:00"), CLIENT, ANA, thread="18c5f3a2b1d0e9f7")
    reader.read()

    exported = Headers.from_fields({"x-gm-thrid": [str(int("18c5f3a2b1d0e9f7", 16))]}).provider_thread
    assert PSEUDONYMS.node("ana", f"thread:{exported}") in reader.stamps[0].thread_nodes


@pytest.mark.parametrize(
    ("labels", "directions"),
    [
        (("INBOX",), [False]),
        (("INBOX", "UNREAD", "CATEGORY_PERSONAL"), [False]),
        ((), [False]),
        (("SENT",), [True]),
        (("SENT", "INBOX"), [True]),
        (("DRAFT",), []),
        (("CHAT",), []),
        (("SPAM",), []),
        (("TRASH", "SENT"), []),
    ],
)
def test_labels_decide_the_direction_and_exclude_other_messages(
    reader: GoogleReader, mailbox: FakeMailbox, labels: tuple[str, ...], directions: list[bool]
) -> None:
    mailbox.put(utc("2026-03-02 20:00"), "somebody@else.example", "other@else.example", labels=labels)
    reader.read()

    assert [stamp.outgoing for stamp in reader.stamps] == directions


def test_the_time_of_receipt_counts_and_not_the_senders_date(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    mailbox.put(utc("2026-03-02 20:00"), CLIENT, ANA, Date="Mon, 01 Jan 2001 00:00:00 +0000")
    reader.read()

    assert reader.stamps[0].sent_at == utc("2026-03-02 20:00")


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [("Mon, 02 Mar 2026 19:59:00 +0000", "2026-03-02 20:00"), ("Sun, 01 Feb 2026 10:00:00 +0000", "2026-02-01 10:00")],
)
def test_a_sent_message_imported_later_keeps_its_date(
    reader: GoogleReader, mailbox: FakeMailbox, date: str, sent_at: str
) -> None:
    mailbox.put(utc("2026-03-02 20:00"), ANA, CLIENT, labels=("SENT",), Date=date)
    reader.read()

    assert reader.stamps[0].sent_at == utc(sent_at)


def test_mailing_lists_and_machines_are_automatic(google: FakeGoogle, tmp_path: Path, mailbox: FakeMailbox) -> None:
    mailbox.put(utc("2026-03-02 20:00"), CLIENT, ANA, List_Id="<list.else.example>")
    mailbox.put(utc("2026-03-02 21:00"), CLIENT, ANA, Auto_Submitted="auto-replied")
    for lists, automatic in (("ignore", [True, True]), ("ordinary", [False, True])):
        reader = GoogleReader(Gmail, GmailOptions(api_endpoint=google.url, lists=lists), context(tmp_path))  # type: ignore[arg-type]
        reader.read()
        assert [stamp.automatic for stamp in reader.stamps] == automatic


# What is asked for


def test_the_permission_is_for_metadata_and_nothing_else_is_sent(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def recording(*arguments: Any) -> Any:
        sent.append(str(masked(*arguments)))
        return masked(*arguments)

    monkeypatch.setattr("tests.connectors.fake_google.server.masked", recording)
    letters(mailbox, 3)
    reader.read()
    letters(mailbox, 2, first=3)
    reader.read()

    assert len(reader.stamps) == 5
    assert sent
    assert [text for text in sent if CANARY in text] == []
    assert {request.query.get("format") for request in google.requests} == {None, "metadata"}
    assert not any("q" in request.query for request in google.requests)


def test_messages_come_in_batches_of_fifty_at_most(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    letters(mailbox, 120)
    reader.read()

    assert len(reader.stamps) == 120
    gets = [request for request in google.requests if request.method == "gmail.users.messages.get"]
    assert len(gets) == 120
    assert all(request.batched for request in gets)


# The whole, and what has come since


def test_newest_first_and_resumable_at_any_page(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    mailbox.page = 4
    letters(mailbox, 10)
    pages = Gmail(reader.options, reader.context).fetch(None)
    first = next(pages)
    reader._store(first)
    pages.close()  # type: ignore[attr-defined]

    assert first.restarts
    assert [stamp.sent_at.hour for stamp in reader.stamps] == [14, 15, 16, 17]
    letters(mailbox, 1, first=10)
    reader.read()
    assert not any(batch.restarts for batch in reader.batches)
    assert len(reader.stamps) == 11


def cut_short(reader: GoogleReader, pages: int) -> None:
    """Run a night that ends after some pages."""
    running = Gmail(reader.options, reader.context).fetch(reader.cursor)
    for batch in islice(running, pages):
        reader._store(batch)
    running.close()  # type: ignore[attr-defined]


def test_years_of_mail_never_hold_back_what_has_come_since(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    mailbox.page = 10
    letters(mailbox, 60)
    cut_short(reader, 2)
    for night in range(1, 4):
        newest = mailbox.put(utc("2026-03-10 08:00") + timedelta(days=night), CLIENT, ANA)
        cut_short(reader, 2)
        assert reader.stamps[-1].key == PSEUDONYMS.node("ana", f"{newest}@mail.example")
        assert len(reader.stamps) == 20 + night * 11
    reader.read()

    assert len(reader.stamps) == 63


def test_a_history_forgotten_while_the_whole_is_listed_begins_again_with_the_newest(
    reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    mailbox.page = 10
    letters(mailbox, 40)
    cut_short(reader, 2)
    letters(mailbox, 5, first=40)
    mailbox.forget_history()
    cut_short(reader, 1)
    assert len(reader.stamps) == 25
    reader.read()

    assert len(reader.stamps) == 45


def test_the_list_reports_progress(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    mailbox.page = 2
    letters(mailbox, 9)
    cut_short(reader, 2)
    reader.read()
    whole = GoogleReader(Gmail, reader.options, reader.context)
    progress = [(batch.done, batch.total) for batch in whole.read()]

    assert [done for done, _ in progress] == sorted({done or 0 for done, _ in progress})
    assert len({total for _, total in progress}) == 1
    assert progress[-1][0] == progress[-1][1]
    assert [(batch.done, batch.total) for batch in reader.batches] == progress[2:]


def test_records_that_arrive_during_a_full_reading_are_not_missed(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters(mailbox, 2)
    profile = FakeMailbox.profile

    def and_one_more(self: FakeMailbox) -> Any:
        response = profile(self)
        letters(mailbox, 1, first=2)
        return response

    monkeypatch.setattr(FakeMailbox, "profile", and_one_more)
    monkeypatch.setattr(FakeMailbox, "list_response", _without_newest(FakeMailbox.list_response))
    reader.read()
    assert len(reader.stamps) == 2
    monkeypatch.undo()
    google.requests.clear()
    reader.read()

    assert len(reader.stamps) == 3
    assert "gmail.users.messages.list" not in google.methods()


def _without_newest(list_response: Callable[..., Any]) -> Callable[..., Any]:
    def shortened(mailbox: FakeMailbox, query: dict[str, Any], **options: Any) -> Any:
        response = list_response(mailbox, query, **options)
        return response | {"messages": response["messages"][1:]}

    return shortened


def test_nothing_new_is_one_small_request(google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox) -> None:
    letters(mailbox, 3)
    reader.read()
    google.requests.clear()
    reader.read()

    assert google.methods() == ["gmail.users.history.list"]
    assert [batch.records for batch in reader.batches] == [()]


@pytest.mark.parametrize("page", [1, 500])
def test_reading_new_messages_gives_the_same_as_reading_everything(
    tmp_path: Path, reader: GoogleReader, mailbox: FakeMailbox, page: int
) -> None:
    letters(mailbox, 3)
    spam = mailbox.put(utc("2026-03-04 10:00"), CLIENT, ANA, labels=("SPAM",))
    reader.read()
    mailbox.page = page
    letters(mailbox, 4, first=3)
    mailbox.put(utc("2026-03-05 10:00"), ANA, CLIENT, labels=("DRAFT",))
    mailbox.relabel(spam, remove=("SPAM",), add=("INBOX",))
    mailbox.relabel("m00001", remove=("UNREAD",))
    mailbox.delete(letters(mailbox, 1, first=9)[0])
    reader.read()

    whole = GoogleReader(Gmail, reader.options, context(tmp_path))
    whole.read()
    assert len(whole.stamps) == 8
    assert reader.records == whole.records


def test_a_draft_that_is_sent_under_its_own_id_is_read(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    draft = mailbox.put(utc("2026-03-05 10:00"), ANA, CLIENT, labels=("DRAFT",))
    reader.read()
    assert reader.stamps == []
    mailbox.relabel(draft, remove=("DRAFT",), add=("SENT",))
    reader.read()

    assert [stamp.outgoing for stamp in reader.stamps] == [True]


def test_a_history_that_google_has_forgotten_begins_again(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    letters(mailbox, 3)
    reader.read()
    letters(mailbox, 2, first=3)
    mailbox.forget_history()
    reader.read()

    assert [batch.restarts for batch in reader.batches] == [True]
    assert len(reader.stamps) == 5


def test_another_account_begins_again_and_the_same_one_under_a_new_permission_goes_on(
    google: FakeGoogle, tmp_path: Path, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    letters(mailbox, 3)
    reader.read()
    grant_access(google, tmp_path, [MAIL])
    letters(mailbox, 1, first=3)
    reader.read()
    assert [(len(batch.records), batch.restarts) for batch in reader.batches] == [(1, False)]

    other = google.mailbox("ana@elsewhere.example")
    for number in range(5):
        other.put(utc("2026-03-01 08:00") + timedelta(hours=number), CLIENT, ANA, id=f"other{number}")
    grant_access(google, tmp_path, [MAIL], account="ana@elsewhere.example")
    reader.read()
    assert [(len(batch.records), batch.restarts) for batch in reader.batches] == [(5, True)]
    google.requests.clear()
    reader.read()
    assert google.methods() == ["gmail.users.history.list"]


@pytest.mark.parametrize("listed", [True, False])
def test_a_page_token_of_another_day_is_left_out(reader: GoogleReader, mailbox: FakeMailbox, listed: bool) -> None:  # noqa: FBT001
    letters(mailbox, 6)
    if not listed:
        reader.read()
        letters(mailbox, 6, first=6)
    mailbox.page = 2
    pages = Gmail(reader.options, reader.context).fetch(reader.cursor)
    reader._store(next(pages))
    pages.close()  # type: ignore[attr-defined]
    mailbox.generation += 1
    reader.read()

    assert len(reader.stamps) == (6 if listed else 12)


def test_reading_ends_with_the_first_page_that_is_older_than_the_window(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    for day in range(1, 21):
        mailbox.put(utc(f"2025-11-{day:02} 10:00"), CLIENT, ANA)
    letters(mailbox, 3)
    mailbox.page = 4
    reader.read()

    assert len(reader.stamps) == 3
    assert google.methods().count("gmail.users.messages.list") == 2


def test_a_window_that_reaches_further_back_reads_again(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    mailbox.put(utc("2025-11-01 10:00"), CLIENT, ANA)
    letters(mailbox, 2)
    reader.read()
    assert len(reader.stamps) == 2
    reader.read(window=Window(utc("2025-10-01"), WINDOW.end))

    assert reader.batches[0].restarts
    assert len(reader.stamps) == 3


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "[]",
        "{}",
        '{"settings":"","history":"1","page":"","listed":0,"skipped":{}}',
        '{"settings":"","history":"x","news":"","page":"","listed":0,"newest":0,"skipped":{}}',
    ],
)
def test_a_cursor_that_is_not_understood_is_none(reader: GoogleReader, mailbox: FakeMailbox, cursor: str) -> None:
    letters(mailbox, 1)
    reader.cursor = cursor
    reader.read()

    assert reader.batches[0].restarts


# Parts that fail alone


@pytest.mark.parametrize(("status", "reason"), [(429, "rateLimitExceeded"), (403, "userRateLimitExceeded"), (500, "x")])
def test_parts_that_fail_are_requested_again_and_no_others(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox, status: int, reason: str
) -> None:
    letters(mailbox, 30)
    google.fail(status, reason, method="gmail.users.messages.get", after=10, times=15)
    reader.read()

    assert len(reader.stamps) == 30
    assert google.methods().count("gmail.users.messages.get") == 30 + 15
    assert reader.pauses == [1]


def test_a_part_that_never_comes_keeps_the_page_before(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    mailbox.page = 2
    letters(mailbox, 4)
    google.fail(500, "backendError", method="gmail.users.messages.get", after=3, times=99)
    with pytest.raises(UnavailableError):
        reader.read()
    assert len(reader.stamps) == 2
    google.failures.clear()
    reader.read()

    assert len(reader.stamps) == 4


def test_a_quota_that_is_used_up_in_a_batch_is_left_to_the_next_run(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    mailbox.page = 2
    letters(mailbox, 6)
    google.fail(403, "dailyLimitExceeded", method="gmail.users.messages.get", after=3, times=99)
    with pytest.raises(RateLimitError, match="the next run goes on from there"):
        reader.read()
    assert len(reader.stamps) == 2
    assert reader.pauses == []
    google.failures.clear()
    reader.read()

    assert len(reader.stamps) == 6


def test_a_message_deleted_in_the_meantime_is_passed_over(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    letters(mailbox, 5)
    google.fail(404, "notFound", method="gmail.users.messages.get", after=2, times=1)
    reader.read()

    assert len(reader.stamps) == 4
    assert reader.rejected == []


def test_a_message_that_gmail_refuses_is_rejected(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    names = letters(mailbox, 5)
    google.fail(400, "failedPrecondition", method="gmail.users.messages.get", after=2, times=1)
    reader.read()

    assert [record.reason for record in reader.rejected] == ["Gmail refuses to return it"]
    assert names[2] not in reader.rejected[0].where
    assert len(reader.stamps) == 4
    letters(mailbox, 1, first=5)
    google.fail(400, "failedPrecondition", method="gmail.users.messages.get", times=1)
    reader.read()
    letters(mailbox, 1, first=6)
    reader.read()

    assert len(reader.stamps) == 5


def test_where_gmail_hands_out_none_nothing_is_passed_over(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    letters(mailbox, 3)
    google.fail(400, "badRequest", method="gmail.users.messages.get", times=99)
    with pytest.raises(UnavailableError, match="does not accept the request"):
        reader.read()
    google.failures.clear()
    reader.read()

    assert len(reader.stamps) == 3


# Google's client renews the token of a refused part through a connection of its own, which it never closes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_permission_taken_back_in_a_batch(google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox) -> None:
    letters(mailbox, 5)
    google.fail(401, "authError", method="gmail.users.messages.get", after=2, times=99)
    with pytest.raises(AuthorizationError, match="evenhours connect google --clinician ana"):
        reader.read()


def test_batches_are_sent_to_the_configured_endpoint(
    google: FakeGoogle, reader: GoogleReader, mailbox: FakeMailbox
) -> None:
    letters(mailbox, 1)
    reader.read()  # pytest-socket refuses every address that is not this machine's

    assert {request.account for request in google.requests} == {ANA}


def test_an_unreadable_message_is_rejected(reader: GoogleReader, mailbox: FakeMailbox) -> None:
    letters(mailbox, 2)
    mailbox.messages["m00001"]["payload"]["headers"].append({"name": "From"})
    reader.read()

    assert [record.reason for record in reader.rejected] == ["it has no readable date or headers"]
    assert len(reader.stamps) == 1
