"""Whatever happens at Google in whatever order: reading what is new gives what reading everything gives."""

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
from tests.connectors.google_fake.diary import at
from tests.connectors.google_fake.office import Reader, context
from tests.connectors.google_fake.server import Google, google_on_loopback

START = at("2026-03-02 08:00")
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
def google() -> Iterator[Google]:
    with google_on_loopback() as fake:
        yield fake


def account(google: Google, folder: Path, scope: str) -> tuple[str, dict[str, Any]]:
    """A fresh account of Ana's, and what a connector is told of her."""
    address = f"ana{next(ACCOUNTS)}@harbour.example"
    write_private(folder / "google-tokens", "ana.json", google.doors.allow(address, scope))
    known = context(folder).owners[0]
    return address, {"owners": (Owner("ana", known.zone, frozenset({address})),)}


def read(reader: Reader) -> None:
    """Read to the end, however often it takes."""
    for _ in range(5):
        with suppress(ConnectorError):
            reader.read()
            return
    raise AssertionError("never read to its end")


@FEW
@given(steps=st.lists(CALENDAR_STEPS, max_size=12))
def test_a_calendar(google: Google, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    google.troubles.clear()
    address, told = account(google, tmp_path, CALENDAR)
    diary = google.diary(address)
    make = partial(Reader, GoogleCalendar, CalendarOptions(api_endpoint=google.url), context(tmp_path, **told))
    reader = make()
    for step, *details in steps:
        _change(google, diary, reader, step, details)
    google.troubles.clear()
    read(reader)
    whole = make()
    whole.read()

    assert reader.held == whole.held


def _change(google: Google, diary: Any, reader: Reader, step: str, details: list[Any]) -> None:
    name = f"e{details[0]}" if details else ""
    if step == "put":
        diary.put(name, START + timedelta(hours=details[1]))
    elif step == "series":
        diary.put_weekly(f"s{details[0]}", START, details[1])
    elif step == "end of series":
        diary.delete_series(f"s{details[0]}")
    elif step == "expire":
        diary.expire_tokens()
    elif name in diary.events and step in {"move", "delete", "type"}:
        change = {
            "move": lambda: diary.move(name, START + timedelta(hours=details[1])),
            "delete": lambda: diary.delete(name),
            "type": lambda: diary.change(name, eventType=details[1]),
        }
        change[step]()
    else:
        _happen(google, diary, reader, step, details)


def _happen(google: Google, store: Any, reader: Reader, step: str, details: list[Any]) -> None:
    """What may happen to a calendar as well as to a mailbox."""
    if step == "page":
        store.page = details[0]
    elif step == "read":
        read(reader)
    elif step == "cut off":
        google.trouble(403, "quotaExceeded", after=details[0])
        with suppress(ConnectorError):
            reader.read()
        google.troubles.clear()


@FEW
@given(steps=st.lists(MAIL_STEPS, max_size=14))
def test_a_mailbox(google: Google, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    google.troubles.clear()
    address, told = account(google, tmp_path, MAIL)
    box = google.postbox(address)
    make = partial(Reader, Gmail, GmailOptions(api_endpoint=google.url), context(tmp_path, **told))
    reader = make()
    for step, *details in steps:
        if step == "come":
            box.put(START + timedelta(hours=len(box.messages)), "kim@elsewhere.example", address, labels=details[0])
        elif step == "rescue" and details[0] < len(box.messages):
            box.relabel(list(box.messages)[details[0]], remove=("SPAM",), add=("INBOX",))
        elif step == "forget":
            box.forget_history()
        elif step == "other day":
            box.generation += 1
        else:
            _happen(google, box, reader, step, details)
    google.troubles.clear()
    read(reader)
    read(reader)  # what came while the whole was read, the history tells the next time
    whole = make()
    whole.read()

    assert reader.held == whole.held
