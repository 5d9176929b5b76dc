"""Gmail: headers of what came and went, by the history, in batches whose parts may fail alone."""

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
from tests.connectors.google_fake.diary import CANARY, at
from tests.connectors.google_fake.discovery import masked
from tests.connectors.google_fake.office import ANA, NAMES, WINDOW, Reader, context, let_in
from tests.connectors.google_fake.postbox import Postbox
from tests.connectors.google_fake.server import Google

CLIENT = "kim@elsewhere.example"


@pytest.fixture
def box(google: Google, tmp_path: Path) -> Postbox:
    let_in(google, tmp_path, [MAIL])
    return google.postbox(ANA)


@pytest.fixture
def reader(google: Google, tmp_path: Path, box: Postbox) -> Reader:
    assert box.address == ANA
    return Reader(Gmail, GmailOptions(api_endpoint=google.url), context(tmp_path))


def letters(box: Postbox, number: int, first: int = 0) -> list[str]:
    """Letters from a client, one an hour."""
    return [box.put(at("2026-03-02 08:00") + timedelta(hours=n), CLIENT, ANA) for n in range(first, first + number)]


# What a message becomes


def test_a_letter_that_came_and_the_answer(reader: Reader, box: Postbox) -> None:
    first = box.put(at("2026-03-02 20:00"), f"Kim <{CLIENT}>", ANA, thread="1f")
    box.put(at("2026-03-02 23:00"), ANA, CLIENT, labels=("SENT",), thread="1f", In_Reply_To=f"<{first}@mail.example>")
    reader.read()

    came, went = reader.stamps
    assert (came.outgoing, went.outgoing) == (False, True)
    assert came.counterpart == went.counterpart == NAMES.person("ana", CLIENT)
    assert came.counterpart_kind is CounterpartKind.CLIENT
    assert (came.sent_at, came.channel) == (at("2026-03-02 20:00"), "email")
    assert came.key in went.thread_nodes
    assert NAMES.node("ana", "thread:1f") in set(came.thread_nodes) & set(went.thread_nodes)


def test_the_thread_is_the_one_that_a_mailbox_file_of_googles_export_names(reader: Reader, box: Postbox) -> None:
    box.put(at("2026-03-02 20:00"), CLIENT, ANA, thread="18c5f3a2b1d0e9f7")
    reader.read()

    exported = Headers.from_fields({"x-gm-thrid": [str(int("18c5f3a2b1d0e9f7", 16))]}).provider_thread
    assert NAMES.node("ana", f"thread:{exported}") in reader.stamps[0].thread_nodes


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
def test_the_label_says_the_direction_and_what_is_no_correspondence(
    reader: Reader, box: Postbox, labels: tuple[str, ...], directions: list[bool]
) -> None:
    box.put(at("2026-03-02 20:00"), "somebody@else.example", "other@else.example", labels=labels)
    reader.read()

    assert [stamp.outgoing for stamp in reader.stamps] == directions


def test_when_it_was_accepted_counts_and_not_what_the_sender_says(reader: Reader, box: Postbox) -> None:
    box.put(at("2026-03-02 20:00"), CLIENT, ANA, Date="Mon, 01 Jan 2001 00:00:00 +0000")
    reader.read()

    assert reader.stamps[0].sent_at == at("2026-03-02 20:00")


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [("Mon, 02 Mar 2026 19:59:00 +0000", "2026-03-02 20:00"), ("Sun, 01 Feb 2026 10:00:00 +0000", "2026-02-01 10:00")],
)
def test_an_own_message_brought_over_later_keeps_its_date(
    reader: Reader, box: Postbox, date: str, sent_at: str
) -> None:
    box.put(at("2026-03-02 20:00"), ANA, CLIENT, labels=("SENT",), Date=date)
    reader.read()

    assert reader.stamps[0].sent_at == at(sent_at)


def test_mailing_lists_and_machines_are_automatic(google: Google, tmp_path: Path, box: Postbox) -> None:
    box.put(at("2026-03-02 20:00"), CLIENT, ANA, List_Id="<list.else.example>")
    box.put(at("2026-03-02 21:00"), CLIENT, ANA, Auto_Submitted="auto-replied")
    for lists, automatic in (("ignore", [True, True]), ("ordinary", [False, True])):
        reader = Reader(Gmail, GmailOptions(api_endpoint=google.url, lists=lists), context(tmp_path))  # type: ignore[arg-type]
        reader.read()
        assert [stamp.automatic for stamp in reader.stamps] == automatic


# What is asked for


def test_the_permission_is_for_metadata_and_nothing_else_is_sent(
    google: Google, reader: Reader, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def overheard(*asked: Any) -> Any:
        sent.append(str(masked(*asked)))
        return masked(*asked)

    monkeypatch.setattr("tests.connectors.google_fake.server.masked", overheard)
    letters(box, 3)
    reader.read()
    letters(box, 2, first=3)
    reader.read()

    assert len(reader.stamps) == 5
    assert sent
    assert [text for text in sent if CANARY in text] == []
    assert {asked.query.get("format") for asked in google.asked} == {None, "metadata"}
    assert not any("q" in asked.query for asked in google.asked)


def test_messages_come_in_batches_of_fifty_at_most(google: Google, reader: Reader, box: Postbox) -> None:
    letters(box, 120)
    reader.read()

    assert len(reader.stamps) == 120
    gets = [asked for asked in google.asked if asked.method == "gmail.users.messages.get"]
    assert len(gets) == 120
    assert all(asked.batched for asked in gets)


# The whole, and what has come since


def test_newest_first_and_resumable_at_any_page(reader: Reader, box: Postbox) -> None:
    box.page = 4
    letters(box, 10)
    pages = Gmail(reader.options, reader.context).fetch(None)
    first = next(pages)
    reader._store(first)
    pages.close()  # type: ignore[attr-defined]

    assert first.restarts
    assert [stamp.sent_at.hour for stamp in reader.stamps] == [14, 15, 16, 17]
    letters(box, 1, first=10)
    reader.read()
    assert not any(batch.restarts for batch in reader.batches)
    assert len(reader.stamps) == 11


def cut_short(reader: Reader, pages: int) -> None:
    """A night that ends after some pages."""
    running = Gmail(reader.options, reader.context).fetch(reader.cursor)
    for batch in islice(running, pages):
        reader._store(batch)
    running.close()  # type: ignore[attr-defined]


def test_years_of_mail_never_hold_back_what_has_come_since(reader: Reader, box: Postbox) -> None:
    box.page = 10
    letters(box, 60)
    cut_short(reader, 2)
    for night in range(1, 4):
        newest = box.put(at("2026-03-10 08:00") + timedelta(days=night), CLIENT, ANA)
        cut_short(reader, 2)
        assert reader.stamps[-1].key == NAMES.node("ana", f"{newest}@mail.example")
        assert len(reader.stamps) == 20 + night * 11
    reader.read()

    assert len(reader.stamps) == 63


def test_a_history_forgotten_while_the_whole_is_listed_begins_anew_with_the_newest(
    reader: Reader, box: Postbox
) -> None:
    box.page = 10
    letters(box, 40)
    cut_short(reader, 2)
    letters(box, 5, first=40)
    box.forget_history()
    cut_short(reader, 1)
    assert len(reader.stamps) == 25
    reader.read()

    assert len(reader.stamps) == 45


def test_the_list_says_how_far_it_has_come(reader: Reader, box: Postbox) -> None:
    box.page = 2
    letters(box, 9)
    cut_short(reader, 2)
    reader.read()
    whole = Reader(Gmail, reader.options, reader.context)
    told = [(batch.done, batch.total) for batch in whole.read()]

    assert [done for done, _ in told] == sorted({done or 0 for done, _ in told})
    assert len({total for _, total in told}) == 1
    assert told[-1][0] == told[-1][1]
    assert [(batch.done, batch.total) for batch in reader.batches] == told[2:]


def test_what_comes_while_the_whole_is_read_is_not_passed_over(
    google: Google, reader: Reader, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters(box, 2)
    profile = Postbox.profile

    def and_one_more(self: Postbox) -> Any:
        told = profile(self)
        letters(box, 1, first=2)
        return told

    monkeypatch.setattr(Postbox, "profile", and_one_more)
    monkeypatch.setattr(Postbox, "listed", _without_newest(Postbox.listed))
    reader.read()
    assert len(reader.stamps) == 2
    monkeypatch.undo()
    google.asked.clear()
    reader.read()

    assert len(reader.stamps) == 3
    assert "gmail.users.messages.list" not in google.methods()


def _without_newest(listed: Callable[..., Any]) -> Callable[..., Any]:
    def told(box: Postbox, asked: dict[str, Any], **how: Any) -> Any:
        answer = listed(box, asked, **how)
        return answer | {"messages": answer["messages"][1:]}

    return told


def test_nothing_new_is_one_small_request(google: Google, reader: Reader, box: Postbox) -> None:
    letters(box, 3)
    reader.read()
    google.asked.clear()
    reader.read()

    assert google.methods() == ["gmail.users.history.list"]
    assert [batch.records for batch in reader.batches] == [()]


@pytest.mark.parametrize("page", [1, 500])
def test_reading_what_has_come_gives_what_reading_everything_gives(
    tmp_path: Path, reader: Reader, box: Postbox, page: int
) -> None:
    letters(box, 3)
    spam = box.put(at("2026-03-04 10:00"), CLIENT, ANA, labels=("SPAM",))
    reader.read()
    box.page = page
    letters(box, 4, first=3)
    box.put(at("2026-03-05 10:00"), ANA, CLIENT, labels=("DRAFT",))
    box.relabel(spam, remove=("SPAM",), add=("INBOX",))
    box.relabel("m00001", remove=("UNREAD",))
    box.delete(letters(box, 1, first=9)[0])
    reader.read()

    whole = Reader(Gmail, reader.options, context(tmp_path))
    whole.read()
    assert len(whole.stamps) == 8
    assert reader.held == whole.held


def test_a_draft_that_is_sent_under_its_own_id_is_read(reader: Reader, box: Postbox) -> None:
    draft = box.put(at("2026-03-05 10:00"), ANA, CLIENT, labels=("DRAFT",))
    reader.read()
    assert reader.stamps == []
    box.relabel(draft, remove=("DRAFT",), add=("SENT",))
    reader.read()

    assert [stamp.outgoing for stamp in reader.stamps] == [True]


def test_a_history_that_google_has_forgotten_begins_anew(reader: Reader, box: Postbox) -> None:
    letters(box, 3)
    reader.read()
    letters(box, 2, first=3)
    box.forget_history()
    reader.read()

    assert [batch.restarts for batch in reader.batches] == [True]
    assert len(reader.stamps) == 5


def test_another_account_begins_anew_and_the_same_one_under_a_new_permission_goes_on(
    google: Google, tmp_path: Path, reader: Reader, box: Postbox
) -> None:
    letters(box, 3)
    reader.read()
    let_in(google, tmp_path, [MAIL])
    letters(box, 1, first=3)
    reader.read()
    assert [(len(batch.records), batch.restarts) for batch in reader.batches] == [(1, False)]

    other = google.postbox("ana@elsewhere.example")
    for number in range(5):
        other.put(at("2026-03-01 08:00") + timedelta(hours=number), CLIENT, ANA, id=f"other{number}")
    let_in(google, tmp_path, [MAIL], account="ana@elsewhere.example")
    reader.read()
    assert [(len(batch.records), batch.restarts) for batch in reader.batches] == [(5, True)]
    google.asked.clear()
    reader.read()
    assert google.methods() == ["gmail.users.history.list"]


@pytest.mark.parametrize("listed", [True, False])
def test_a_page_token_of_another_day_is_left_out(reader: Reader, box: Postbox, listed: bool) -> None:  # noqa: FBT001
    letters(box, 6)
    if not listed:
        reader.read()
        letters(box, 6, first=6)
    box.page = 2
    pages = Gmail(reader.options, reader.context).fetch(reader.cursor)
    reader._store(next(pages))
    pages.close()  # type: ignore[attr-defined]
    box.generation += 1
    reader.read()

    assert len(reader.stamps) == (6 if listed else 12)


def test_reading_ends_with_the_first_page_that_is_older_than_the_window(
    google: Google, reader: Reader, box: Postbox
) -> None:
    for day in range(1, 21):
        box.put(at(f"2025-11-{day:02} 10:00"), CLIENT, ANA)
    letters(box, 3)
    box.page = 4
    reader.read()

    assert len(reader.stamps) == 3
    assert google.methods().count("gmail.users.messages.list") == 2


def test_a_window_that_reaches_further_back_reads_anew(reader: Reader, box: Postbox) -> None:
    box.put(at("2025-11-01 10:00"), CLIENT, ANA)
    letters(box, 2)
    reader.read()
    assert len(reader.stamps) == 2
    reader.read(window=Window(at("2025-10-01"), WINDOW.end))

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
def test_a_cursor_that_is_not_understood_is_none(reader: Reader, box: Postbox, cursor: str) -> None:
    letters(box, 1)
    reader.cursor = cursor
    reader.read()

    assert reader.batches[0].restarts


# Parts that fail alone


@pytest.mark.parametrize(("status", "reason"), [(429, "rateLimitExceeded"), (403, "userRateLimitExceeded"), (500, "x")])
def test_parts_that_fail_are_asked_again_and_no_others(
    google: Google, reader: Reader, box: Postbox, status: int, reason: str
) -> None:
    letters(box, 30)
    google.trouble(status, reason, method="gmail.users.messages.get", after=10, times=15)
    reader.read()

    assert len(reader.stamps) == 30
    assert google.methods().count("gmail.users.messages.get") == 30 + 15
    assert reader.pauses == [1]


def test_a_part_that_never_comes_keeps_the_page_before(google: Google, reader: Reader, box: Postbox) -> None:
    box.page = 2
    letters(box, 4)
    google.trouble(500, "backendError", method="gmail.users.messages.get", after=3, times=99)
    with pytest.raises(UnavailableError):
        reader.read()
    assert len(reader.stamps) == 2
    google.troubles.clear()
    reader.read()

    assert len(reader.stamps) == 4


def test_a_quota_that_is_used_up_in_a_batch_is_left_for_another_night(
    google: Google, reader: Reader, box: Postbox
) -> None:
    box.page = 2
    letters(box, 6)
    google.trouble(403, "dailyLimitExceeded", method="gmail.users.messages.get", after=3, times=99)
    with pytest.raises(RateLimitError, match="the next run goes on from there"):
        reader.read()
    assert len(reader.stamps) == 2
    assert reader.pauses == []
    google.troubles.clear()
    reader.read()

    assert len(reader.stamps) == 6


def test_a_message_deleted_in_the_meantime_is_passed_over(google: Google, reader: Reader, box: Postbox) -> None:
    letters(box, 5)
    google.trouble(404, "notFound", method="gmail.users.messages.get", after=2, times=1)
    reader.read()

    assert len(reader.stamps) == 4
    assert reader.rejected == []


def test_a_message_that_gmail_never_hands_out_is_set_aside(google: Google, reader: Reader, box: Postbox) -> None:
    names = letters(box, 5)
    google.trouble(400, "failedPrecondition", method="gmail.users.messages.get", after=2, times=1)
    reader.read()

    assert [record.reason for record in reader.rejected] == ["Gmail refuses to return it"]
    assert names[2] not in reader.rejected[0].where
    assert len(reader.stamps) == 4
    letters(box, 1, first=5)
    google.trouble(400, "failedPrecondition", method="gmail.users.messages.get", times=1)
    reader.read()
    letters(box, 1, first=6)
    reader.read()

    assert len(reader.stamps) == 5


def test_where_gmail_hands_out_none_nothing_is_passed_over(google: Google, reader: Reader, box: Postbox) -> None:
    letters(box, 3)
    google.trouble(400, "badRequest", method="gmail.users.messages.get", times=99)
    with pytest.raises(UnavailableError, match="does not accept the request"):
        reader.read()
    google.troubles.clear()
    reader.read()

    assert len(reader.stamps) == 3


# Google's client renews the token of a refused part through a connection of its own, which it never closes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_permission_taken_back_in_a_batch(google: Google, reader: Reader, box: Postbox) -> None:
    letters(box, 5)
    google.trouble(401, "authError", method="gmail.users.messages.get", after=2, times=99)
    with pytest.raises(AuthorizationError, match="evenhours connect google --clinician ana"):
        reader.read()


def test_a_batch_goes_where_everything_goes(google: Google, reader: Reader, box: Postbox) -> None:
    letters(box, 1)
    reader.read()  # pytest-socket refuses every address that is not this machine's

    assert {asked.account for asked in google.asked} == {ANA}


def test_a_message_that_makes_no_sense_is_set_aside(reader: Reader, box: Postbox) -> None:
    letters(box, 2)
    box.messages["m00001"]["payload"]["headers"].append({"name": "From"})
    reader.read()

    assert [record.reason for record in reader.rejected] == ["it has no readable date or headers"]
    assert len(reader.stamps) == 1
