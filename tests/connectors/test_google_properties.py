"""After any changes at Google in any order, reading the changes gives the same records as reading everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Owner
from connectors.errors import ConnectorError
from connectors.google.access import CALENDAR, MAIL
from connectors.google.calendar import CalendarOptions, GoogleCalendar
from connectors.google.gmail import Gmail, GmailOptions
from connectors.private import write_private
from tests.connectors.fake_google.calendar import utc
from tests.connectors.fake_google.practice import GoogleReader, context
from tests.connectors.fake_google.server import FakeGoogle, run_fake_google

START = utc("2026-03-02 08:00")
ACCOUNTS = count()
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
CALENDAR_STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 200)),
    st.tuples(st.just("move"), st.integers(0, 5), st.integers(0, 5000)),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("type"), st.integers(0, 5), st.sampled_from(["default", "birthday", "outOfOffice"])),
    st.tuples(st.just("series"), st.integers(0, 2), st.integers(1, 4)),
    st.tuples(st.just("end of series"), st.integers(0, 2)),
    st.tuples(st.just("expire")),
    st.tuples(st.just("page"), st.integers(1, 4)),
    st.tuples(st.just("cut off"), st.integers(1, 4)),
    st.tuples(st.just("read")),
)
MAIL_STEPS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from([("INBOX",), ("SPAM",), ("SENT",), ("DRAFT",), ()])),
    st.tuples(st.just("rescue"), st.integers(0, 9)),
    st.tuples(st.just("forget")),
    st.tuples(st.just("other day")),
    st.tuples(st.just("page"), st.integers(1, 4)),
    st.tuples(st.just("cut off"), st.integers(1, 9)),
    st.tuples(st.just("read")),
)


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with run_fake_google() as fake:
        yield fake


def account(google: FakeGoogle, folder: Path, scope: str) -> tuple[str, dict[str, Any]]:
    """Return a new account of Ana's, and her connector's context."""
    address = f"ana{next(ACCOUNTS)}@harbour.example"
    write_private(folder / "google-tokens", "ana.json", google.auth.allow(address, scope))
    owner = context(folder).owners[0]
    return address, {"owners": (Owner("ana", owner.zone, frozenset({address})),)}


def read(reader: GoogleReader) -> None:
    """Read to the end, however often it takes."""
    for _ in range(5):
        with suppress(ConnectorError):
            reader.read()
            return
    raise AssertionError("never read to its end")


@FEW
@given(steps=st.lists(CALENDAR_STEPS, max_size=12))
def test_a_calendar(google: FakeGoogle, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    google.failures.clear()
    address, changes_of_context = account(google, tmp_path, CALENDAR)
    calendar = google.calendar(address)
    make = partial(
        GoogleReader, GoogleCalendar, CalendarOptions(api_endpoint=google.url), context(tmp_path, **changes_of_context)
    )
    reader = make()
    for step, *details in steps:
        _change(google, calendar, reader, step, details)
    google.failures.clear()
    read(reader)
    whole = make()
    whole.read()

    assert reader.records == whole.records


def _change(google: FakeGoogle, calendar: Any, reader: GoogleReader, step: str, details: list[Any]) -> None:
    name = f"e{details[0]}" if details else ""
    if step == "put":
        calendar.put(name, START + timedelta(hours=details[1]))
    elif step == "series":
        calendar.put_weekly(f"s{details[0]}", START, details[1])
    elif step == "end of series":
        calendar.delete_series(f"s{details[0]}")
    elif step == "expire":
        calendar.expire_tokens()
    elif name in calendar.events and step in {"move", "delete", "type"}:
        change = {
            "move": lambda: calendar.move(name, START + timedelta(hours=details[1])),
            "delete": lambda: calendar.delete(name),
            "type": lambda: calendar.change(name, eventType=details[1]),
        }
        change[step]()
    else:
        _happen(google, calendar, reader, step, details)


def _happen(google: FakeGoogle, store: Any, reader: GoogleReader, step: str, details: list[Any]) -> None:
    """Apply a change that calendars and mailboxes share."""
    if step == "page":
        store.page = details[0]
    elif step == "read":
        read(reader)
    elif step == "cut off":
        google.fail(403, "quotaExceeded", after=details[0])
        with suppress(ConnectorError):
            reader.read()
        google.failures.clear()


@FEW
@given(steps=st.lists(MAIL_STEPS, max_size=14))
def test_a_mailbox(google: FakeGoogle, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    google.failures.clear()
    address, changes_of_context = account(google, tmp_path, MAIL)
    mailbox = google.mailbox(address)
    make = partial(GoogleReader, Gmail, GmailOptions(api_endpoint=google.url), context(tmp_path, **changes_of_context))
    reader = make()
    for step, *details in steps:
        if step == "come":
            mailbox.put(
                START + timedelta(hours=len(mailbox.messages)), "kim@elsewhere.example", address, labels=details[0]
            )
        elif step == "rescue" and details[0] < len(mailbox.messages):
            mailbox.relabel(list(mailbox.messages)[details[0]], remove=("SPAM",), add=("INBOX",))
        elif step == "forget":
            mailbox.forget_history()
        elif step == "other day":
            mailbox.generation += 1
        else:
            _happen(google, mailbox, reader, step, details)
    google.failures.clear()
    read(reader)
    read(reader)  # messages that arrived during the full read are in the history of the next run
    whole = make()
    whole.read()

    assert reader.records == whole.records
