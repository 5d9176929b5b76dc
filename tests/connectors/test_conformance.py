"""The conformance suite: every connector behaves alike, through the ordinary ingest into a real database.

A kind in the registry without a made-up world fails here. Which behaviours mean nothing to which source, and why, is
declared by the worlds and documented in docs/sources.md. One kind alone: ``pytest -k csv`` on this file.
"""

from __future__ import annotations

import base64
import logging
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from connectors.base import RecordType
from connectors.errors import (
    AuthorizationError,
    ConnectorError,
    MalformedError,
    RateLimitError,
    ShrunkSourceError,
    UnavailableError,
)
from connectors.registry import kind_names, source_kind
from monitor import cli
from monitor.cli.context import CliContext
from monitor.credentials import create_key
from monitor.ingest import exit_code
from tests.connectors.worlds.practice import NEIGHBOUR, SOURCE, CutOffError, DiskError, Practice, nights
from tests.connectors.worlds.world import ANA, BEN, CANARY, NOW, NUMBER, ZONE, Behaviour, Trouble, World, moment, worlds

ITEMS = 10
WORLDS = [(kind, world) for kind in kind_names() for world in worlds(kind)]
PASSING = (Trouble.LIMITED, Trouble.LIMITED_SILENTLY, Trouble.FAILING, Trouble.RESET)
REFUSED = (MalformedError, UnavailableError, ShrunkSourceError)
LASTING: dict[Trouble, tuple[type[ConnectorError], ...]] = {
    Trouble.LIMITED: (RateLimitError,),
    Trouble.LIMITED_SILENTLY: (RateLimitError,),
    Trouble.FAILING: (UnavailableError,),
    Trouble.RESET: (UnavailableError,),
    Trouble.TRUNCATED: REFUSED,
    Trouble.JUNK: REFUSED,
}

MakePractice = Callable[[], Practice]


def of_worlds(behaviour: Behaviour) -> pytest.MarkDecorator:
    """Return a mark that runs a test on every world to which the behaviour applies."""
    chosen = [world for _, world in WORLDS if behaviour not in world.declines]
    return pytest.mark.parametrize("world", chosen, ids=_name, indirect=True)


def in_trouble(*troubles: Trouble) -> pytest.MarkDecorator:
    """Return a mark that runs a test on every world with each of these troubles that it can have."""
    pairs = [(world, how) for _, world in WORLDS for how in troubles if how.value not in world.declines]
    names = [f"{_name(world)}-{how.name.lower()}" for world, how in pairs]
    return pytest.mark.parametrize(("world", "how"), pairs, ids=names, indirect=["world"])


def _name(world: type[World]) -> str:
    return f"{world.kind}-{world.title}" if world.title else world.kind


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    folder = tmp_path / "world"
    folder.mkdir()
    made: World = request.param(folder, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def practices(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePractice]:
    """Return a function that creates practices, which read the same world, each into a database of its own."""
    made: list[Practice] = []

    def make() -> Practice:
        made.append(Practice(tmp_path / f"practice {len(made)}", world, monkeypatch))
        return made[-1]

    yield make
    for practice in made:
        practice.close()


@pytest.fixture
def practice(practices: MakePractice) -> Practice:
    """Return a practice with ten items in each account, read once."""
    made = practices()
    made.put(*range(ITEMS))
    assert problems(made.read()) == {}
    assert made.items() == ITEMS * len(made.accounts)
    return made


def problems(outcomes: dict[str, Any]) -> dict[str, ConnectorError]:
    return {name: outcome.problem for name, outcome in outcomes.items() if outcome.problem}


# Every kind has a world


@pytest.mark.parametrize("kind", kind_names())
def test_every_kind_in_the_registry_has_a_made_up_world(kind: str) -> None:
    assert worlds(kind), f"there is no world of {kind}: make tests/connectors/worlds/{kind}.py"


@pytest.mark.parametrize("world", [world for _, world in WORLDS], ids=_name)
def test_a_world_declares_its_exceptions_with_reasons_and_the_fields_of_the_canary(world: type[World]) -> None:
    kind = source_kind(world.kind)
    assert all(reason.strip() for reason in world.declines.values())
    assert Behaviour.SILENT not in world.declines
    assert world.planted
    assert set(world.planted).isdisjoint(kind.kept_fields)
    assert (Behaviour.ACCOUNTS in world.declines) is not kind.per_owner


@of_worlds(Behaviour.TWICE)
def test_a_kind_with_entries_declares_them(practice: Practice) -> None:
    (options,) = [source.options for source in practice.config.sources if source.name == SOURCE]
    entries = [row for row in practice.stored_rows()["event"] if row[1] == SOURCE]
    assert RecordType.CALENDAR in practice.kind.record_types(options) or not entries


# Once, twice, in parts, from the beginning


@of_worlds(Behaviour.TWICE)
def test_reading_twice_changes_no_row(practice: Practice) -> None:
    before = practice.all_rows()
    again = practice.read(now=nights(1))
    assert problems(again) == {}
    assert {name: outcome.rows for name, outcome in again.items() if outcome.rows} == {}
    assert practice.all_rows() == before
    assert practice.stored_rows()["rejected"] == []


@of_worlds(Behaviour.FULL)
def test_reading_changes_gives_the_same_as_reading_everything(practice: Practice, practices: MakePractice) -> None:
    world = practice._world
    for night, numbers in enumerate(((10,), (11, 12, 13), (), (14,)), 1):
        practice.put(*numbers)
        if night == 2 and Behaviour.CHANGED not in world.declines:
            world.change(3)
        if night == 3 and Behaviour.DELETED not in world.declines:
            world.drop(1, 12)
        assert problems(practice.read(now=nights(night))) == {}
    whole = practices()
    assert problems(whole.read(now=nights(4))) == {}
    assert practice.stored_rows() == whole.stored_rows()
    practice.read(now=nights(5), full=True)
    assert practice.stored_rows() == whole.stored_rows()


@of_worlds(Behaviour.FULL)
@pytest.mark.parametrize("options", [{"last": date(2026, 2, 3)}, {"first": date(2026, 2, 12)}], ids=["to", "from"])
def test_a_run_for_some_days_loses_nothing_of_the_others(
    practice: Practice, practices: MakePractice, options: dict[str, Any]
) -> None:
    narrow = practices()  # nothing was read before
    practice.put(10, 11, 50, 51)
    for current in (practice, narrow):
        assert problems(current.read(now=nights(1), **options)) == {}
    practice.put(12, 52)
    whole = practices()
    assert problems(whole.read(now=nights(2))) == {}
    for current in (practice, narrow):
        assert problems(current.read(now=nights(2))) == {}
        assert current.stored_rows() == whole.stored_rows()


@of_worlds(Behaviour.CHANGED)
def test_a_changed_item_arrives(practice: Practice) -> None:
    before = practice.stored_rows()
    practice._world.change(3)
    outcome = practice.outcome(now=nights(1))
    assert (outcome.problem, outcome.rows) == (None, 1)
    assert practice.stored_rows() != before
    assert practice.items() == ITEMS * len(practice.accounts)


@of_worlds(Behaviour.CHANGED)
def test_entries_before_the_window_stay_when_they_change(practice: Practice) -> None:
    assert problems(practice.read(now=nights(430))) == {}
    for owner in practice.accounts:
        practice._world.change(3, owner=owner)
    assert problems(practice.read(now=nights(431))) == {}
    assert practice.items() == ITEMS * len(practice.accounts)


@of_worlds(Behaviour.DELETED)
def test_an_entry_deleted_at_the_source_is_removed_and_keeps_its_history(practice: Practice) -> None:
    practice._world.drop(4)
    outcome = practice.outcome(now=nights(1))
    assert (outcome.problem, outcome.rows) == (None, 1)
    assert practice.items() == ITEMS * len(practice.accounts) - 1
    if practice.stored_rows()["event"]:
        assert practice.rows("SELECT count(*) FROM event WHERE status = 'removed'") == [1]
        assert practice.rows("SELECT count(*) FROM event_history WHERE status <> 'removed'") == [1]
    practice._world.put(4)
    practice.read(now=nights(2))
    assert practice.items() == ITEMS * len(practice.accounts)


def forget(practice: Practice, *numbers: int) -> None:
    """Let the source leave these items out of a complete result, without reporting them as deleted."""
    for owner in practice.accounts:
        practice._world.drop(*numbers, owner=owner)
        if Behaviour.EXPIRED not in practice._world.declines:
            practice._world.forget(owner)


@of_worlds(Behaviour.FORGETS)
def test_past_items_that_the_source_drops_stay_and_deleted_ones_are_removed(practice: Practice) -> None:
    soon = range(250, 255)
    practice.put(*soon)
    assert problems(practice.read(now=nights(1))) == {}
    held = practice.items()
    forget(practice, *range(5))  # the first of two days
    assert problems(practice.read(now=nights(2))) == {}
    assert practice.items() == held
    forget(practice, 7, 251)
    assert problems(practice.read(now=nights(3))) == {}
    assert practice.items() == held - 2 * len(practice.accounts)
    forget(practice, 5, 6, 8, 9)
    assert problems(practice.read(now=nights(4))) == {}
    assert practice.items() == held - 2 * len(practice.accounts)


@of_worlds(Behaviour.FORGETS)
def test_eleven_weekly_readings_of_a_source_that_keeps_a_month_only_ever_add(practice: Practice) -> None:
    today = (NOW - moment(0)).days
    days = range(today - 27, today + 80, 7)
    listed, held = {*range(ITEMS)}, set[Any]()
    for week in range(11):
        now = today + 7 * week
        now_listed = {5 * day + number for day in days if now - 30 <= day < now + 7 for number in range(3)}
        practice.put(*sorted(now_listed - listed))
        forget(practice, *sorted(listed - now_listed))
        listed = now_listed
        assert problems(practice.read(now=nights(7 * week))) == {}
        rows = {row[:3] for table in ("event", "evidence") for row in practice.stored_rows()[table]}
        assert held < rows
        held = rows
    assert practice.items() == (ITEMS + 3 * 15) * len(practice.accounts)


# Cut off


@of_worlds(Behaviour.RESUMES)
@pytest.mark.usefixtures("world")
def test_an_interruption_after_any_page_loses_and_repeats_nothing(practices: MakePractice) -> None:
    whole = practices()
    whole.put(*range(ITEMS))
    whole.read()
    pages = whole.pages
    assert pages >= 3 * len(whole.accounts), (
        "ten items come in three pages at least: a world's have four of them at most"
    )
    for page in range(1, pages):
        practice = practices()
        with pytest.raises(CutOffError):
            practice.read(cut_after=page)
        assert practice.cursors()
        assert practice.items() < whole.items() or page == pages - 1
        assert problems(practice.read()) == {}
        assert practice.stored_rows() == whole.stored_rows(), f"after page {page}"


@of_worlds(Behaviour.GOES_ON)
def test_an_interrupted_run_continues_with_the_next_page(practice: Practice, practices: MakePractice) -> None:
    pages, cut_off = practice.pages, practices()
    with pytest.raises(CutOffError):
        cut_off.read(cut_after=2)
    cut_off.read()
    assert cut_off.pages == pages - 2
    assert cut_off.stored_rows() == practice.stored_rows()


@of_worlds(Behaviour.PROGRESS)
def test_a_first_reading_reports_progress(practice: Practice) -> None:
    for account in map(practice.name, practice.accounts):
        pages = [(done, total) for done, total in practice.progress[account] if done is not None and total is not None]
        assert len(pages) == len(practice.progress[account]) > 0
        assert all(before < after for (before, _), (after, _) in pairwise(pages)), pages
        assert pages[-1][0] == pages[-1][1]


@of_worlds(Behaviour.TOGETHER)
@pytest.mark.usefixtures("world")
def test_a_page_and_its_cursor_are_stored_together_or_not_at_all(practices: MakePractice) -> None:
    whole = practices()
    whole.put(*range(ITEMS))
    whole.read()
    for page in sorted({1, (whole.pages + 1) // 2, whole.pages}):
        practice, before = practices(), practices()
        if page > 1:
            with pytest.raises(CutOffError):
                before.read(cut_after=page - 1)
        with practice.disk_fails_at(page), pytest.raises(DiskError):
            practice.read()
        assert practice.stored_rows() == before.stored_rows(), f"page {page}"
        assert practice.cursors() == before.cursors()
        assert problems(practice.read()) == {}
        assert practice.stored_rows() == whole.stored_rows()


@of_worlds(Behaviour.UNKNOWN)
def test_a_cursor_that_is_not_its_own_is_read_as_none(practice: Practice, practices: MakePractice) -> None:
    practice.put(10)
    whole = practices()
    whole.read(now=nights(1))
    for cursor in ("", "nonsense", "{}", "[]", "null", '{"settings": 1}', "\x00"):
        practice.forget_cursors(cursor)
        assert problems(practice.read(now=nights(1))) == {}
        assert practice.stored_rows() == whole.stored_rows()


@of_worlds(Behaviour.EXPIRED)
def test_a_forgotten_cursor_leads_to_a_new_reading_and_our_history_stays(
    practice: Practice, practices: MakePractice
) -> None:
    world = practice._world
    if Behaviour.CHANGED not in world.declines:
        world.change(2)
    if Behaviour.DELETED not in world.declines:
        world.drop(5)
    assert problems(practice.read(now=nights(1))) == {}
    history = set(practice.rows("SELECT * FROM event_history"))
    first_seen = set(practice.rows("SELECT uid_key, first_seen_at FROM event"))
    for owner in practice.accounts:
        world.forget(owner)
    practice.put(10)
    assert problems(practice.read(now=nights(2))) == {}
    whole = practices()
    whole.read(now=nights(2))
    assert practice.stored_rows() == whole.stored_rows()
    assert history <= set(practice.rows("SELECT * FROM event_history"))
    assert first_seen <= set(practice.rows("SELECT uid_key, first_seen_at FROM event"))


@of_worlds(Behaviour.RESOLVED)
def test_a_rejected_record_is_resolved_once_it_can_be_used(practice: Practice, practices: MakePractice) -> None:
    items, whole = ITEMS * len(practice.accounts), practices()
    practice._world.spoil(3)
    for current in (practice, whole):
        assert problems(current.read(now=nights(1))) == {}
        assert current.items() == items - 1
        assert len(current.stored_rows()["rejected"]) == 1
    assert practice.stored_rows() == whole.stored_rows()
    practice._world.change(3)
    assert problems(practice.read(now=nights(2))) == {}
    assert practice.stored_rows()["rejected"] == []
    assert practice.items() == items


# The practice's policy, whoever brings the records

EVENT = (
    "whose", "source", "uid_key", "start", "end", "all_day", "status", "kind", "client", "excluded", "edited_at",
    "meeting", "series",
)  # fmt: skip
ANOTHER_JOB, SHORT = "busy_only = true", "longest_session_hours = 0.5"  # an item lasts 50 minutes
NO_BOOKINGS = "busy_only: needs booked_start"  # an export of calls or messages alone is none of another job


def entries_of(practice: Practice) -> list[dict[str, Any]]:
    """Return the source's entries as they are stored."""
    return [dict(zip(EVENT, row, strict=True)) for row in practice.stored_rows()["event"] if row[1] == SOURCE]


def others_of(practice: Practice) -> list[Any]:
    """Return the source's actual times and messages as they are stored."""
    return [row for table in ("evidence", "message") for row in practice.stored_rows()[table] if row[1] == SOURCE]


def times_of(entries: list[dict[str, Any]]) -> set[Any]:
    return {(entry["whose"], entry["uid_key"], entry["start"], entry["end"]) for entry in entries}


def read_as(practice: Practice, now: int) -> None:
    """Read once more; a source without booked times may refuse to be read as another job's."""
    for problem in problems(practice.read(now=nights(now))).values():
        assert NO_BOOKINGS in str(problem)


@of_worlds(Behaviour.BUSY)
def test_of_another_job_only_times_are_stored(practice: Practice, practices: MakePractice) -> None:
    ordinary, fresh = entries_of(practice), practices()
    fresh.settle(source=ANOTHER_JOB)
    read_as(fresh, 1)
    assert times_of(entries_of(fresh)) == times_of(ordinary)
    assert others_of(fresh) == []
    for entry in entries_of(fresh):
        fields = {name: entry[name] for name in ("kind", "status", "client", "excluded", "edited_at", "meeting")}
        assert fields == {"kind": "busy", "status": "confirmed"} | dict.fromkeys(
            ("client", "excluded", "edited_at", "meeting")
        )
    before = practice.stored_rows()
    practice.settle(source=ANOTHER_JOB)
    read_as(practice, 1)
    if not others_of(practice):  # else it was refused, and everything stays as it was
        assert entries_of(practice) == entries_of(fresh)
    practice.settle()
    assert problems(practice.read(now=nights(2))) == {}
    assert {table: rows for table, rows in practice.stored_rows().items() if table != "thread"} == {
        table: rows for table, rows in before.items() if table != "thread"
    }


@of_worlds(Behaviour.LONG)
def test_entries_longer_than_any_session_count_only_as_another_job(practice: Practice, practices: MakePractice) -> None:
    before, fresh = practice.stored_rows(), practices()
    assert {entry["excluded"] for entry in entries_of(practice)} <= {None}
    for current in (practice, fresh):
        current.settle(practice=SHORT)
        assert problems(current.read(now=nights(1))) == {}
    assert practice.stored_rows() == fresh.stored_rows()
    long = [entry for entry in entries_of(practice) if not entry["all_day"]]
    assert all(entry["excluded"] == "longer than longest_session_hours" for entry in long)
    believed = [row for row in practice.stored_rows()["evidence"] if row[3] == "ehr" and row[4] and row[5]]
    assert [row for row in believed if row[5] - row[4] > 1800] == []
    fresh.settle(practice=SHORT, source=ANOTHER_JOB)
    read_as(fresh, 2)
    assert {entry["excluded"] for entry in entries_of(fresh) if entry["kind"] == "busy"} <= {None}
    practice.settle()
    assert problems(practice.read(now=nights(2))) == {}
    assert practice.stored_rows() == before


@of_worlds(Behaviour.WINDOW)
def test_records_outside_the_window_are_stored_only_once_the_window_covers_them(
    practice: Practice, practices: MakePractice
) -> None:
    day = date(2026, 2, 3)
    start = int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).timestamp())
    end = start + 24 * 60 * 60

    def inside(rows: list[Any], first: int, last: int) -> list[Any]:
        spans = [(row, row[first] or row[last], row[last] or row[first]) for row in rows if row[1] == SOURCE]
        return [row for row, begin, over in spans if begin < end and (over > start or begin >= start)]

    whole, narrow = practice.stored_rows(), practices()
    assert problems(narrow.read(first=day, last=day)) == {}
    stored = narrow.stored_rows()
    for table, first, last in (("event", 3, 4), ("evidence", 4, 5), ("message", 3, 3)):
        expected = [row[:first] for row in inside(whole[table], first, last)]
        assert [row[:first] for row in stored[table]] == expected
    assert 0 < narrow.items() < practice.items()
    assert problems(narrow.read(now=nights(1))) == {}
    assert narrow.stored_rows() == whole


SHRINKING = [
    (world, forgets)
    for _, world in WORLDS
    if Behaviour.SHRUNK not in world.declines
    for forgets in (False, True)
    if not forgets or Behaviour.EXPIRED not in world.declines
]


@pytest.mark.parametrize(
    ("world", "forgets"),
    SHRINKING,
    ids=[f"{_name(world)}-{'whole' if forgets else 'as is'}" for world, forgets in SHRINKING],
    indirect=["world"],
)
def test_a_source_that_suddenly_shrinks_is_refused_until_somebody_confirms_it(
    practice: Practice,
    forgets: bool,  # noqa: FBT001 - whether it returns all that it holds, or only what was removed
) -> None:
    practice._world.drop(2, 4, 6, 8)  # not the first, which it may have forgotten
    if forgets:
        practice._world.forget()
    before, cursors, held = practice.all_rows(), practice.cursors(), practice.stored_rows()
    refused = practice.outcome(now=nights(1))
    assert isinstance(refused.problem, ShrunkSourceError)
    assert "--accept-shrink" in str(refused.problem)
    assert (practice.all_rows(), practice.cursors()) == (before, cursors)
    again = practice.outcome(now=nights(1), full=True)
    assert isinstance(again.problem, ShrunkSourceError)
    assert practice.stored_rows() == held
    assert practice.outcome(now=nights(2), accept_shrink=True).problem is None
    assert practice.outcome(now=nights(3)).problem is None
    if Behaviour.DELETED not in practice._world.declines:
        assert practice.items() == ITEMS * len(practice.accounts) - 4


# In trouble


def check_refusal(problem: ConnectorError | None, *expected: type[ConnectorError]) -> None:
    """Assert that the problem has one of these classes and a remedy, and repeats nothing of the response."""
    assert isinstance(problem, expected), repr(problem)
    assert problem.remedy.strip()
    assert "\n" not in str(problem)
    assert CANARY.lower() not in "".join(traceback.format_exception(problem)).lower()


@of_worlds(Behaviour.REVOKED)
def test_a_refused_password_stops_only_this_source_keeps_its_cursor_and_has_a_remedy(practice: Practice) -> None:
    cursors, held = practice.cursors(), practice.items()
    practice.put(10)
    practice.neighbour.put(0)
    for owner in practice.accounts:
        practice._world.trouble(Trouble.REVOKED, owner=owner)
    outcomes = practice.read(now=nights(1))
    refused = outcomes[practice.name()].problem
    check_refusal(refused, AuthorizationError)
    assert "evenhours " in str(refused), "it does not say what to type"
    assert exit_code(list(outcomes.values())) == 4
    assert (outcomes[NEIGHBOUR].problem, outcomes[NEIGHBOUR].rows) == (None, 1)
    assert (practice.cursors(), practice.items()) == (cursors, held)
    practice._world.mend()
    assert problems(practice.read(now=nights(2))) == {}
    assert practice.items() == held + len(practice.accounts)


@of_worlds(Behaviour.ACCOUNTS)
def test_one_failing_account_never_stops_another(practice: Practice) -> None:
    practice.put(10)
    practice._world.trouble(Trouble.REVOKED, owner=ANA)
    outcomes = practice.read(now=nights(1))
    assert list(problems(outcomes)) == [practice.name(ANA)]
    assert outcomes[practice.name(BEN)].rows >= 1
    errors = "SELECT key FROM source JOIN clinician ON clinician.id = owner_id WHERE error IS NOT NULL"
    assert practice.rows(errors) == [ANA]
    practice._world.mend()
    assert problems(practice.read(now=nights(2))) == {}
    assert practice.items() == 2 * (ITEMS + 1)


@in_trouble(*PASSING)
def test_a_trouble_that_passes_is_waited_for(practice: Practice, practices: MakePractice, how: Trouble) -> None:
    practice.put(10, 11)
    practice._world.trouble(how, times=1)
    assert problems(practice.read(now=nights(1))) == {}
    assert practice.waited or how is Trouble.RESET
    assert max(practice.waited, default=0) <= 60
    whole = practices()
    whole.read(now=nights(1))
    assert practice.stored_rows() == whole.stored_rows()


@in_trouble(*LASTING)
def test_a_trouble_that_lasts_leaves_everything_for_the_next_run(
    practice: Practice, practices: MakePractice, how: Trouble
) -> None:
    before, cursors = practice.all_rows(), practice.cursors()
    practice.put(10, 11)
    practice._world.trouble(how)
    refused = practice.outcome(now=nights(1))
    check_refusal(refused.problem, *LASTING[how])
    if len(practice.accounts) == 1:
        assert (practice.all_rows(), practice.cursors()) == (before, cursors)
    practice._world.mend()
    assert problems(practice.read(now=nights(2))) == {}
    whole = practices()
    whole.read(now=nights(2))
    assert practice.stored_rows() == whole.stored_rows()


# Nothing else is stored


def spellings(word: str) -> set[bytes]:
    """Return a word's encodings: plain, base64 at each offset, hexadecimal, percent-encoded, UTF-16."""
    encodings: set[bytes] = set()
    for plain in (word, word.lower(), word.upper()):
        data = plain.encode()
        for lead in range(3):
            # the first signs hang on what stands before, the last ones on what comes after
            encodings.add(base64.b64encode(b"\0" * lead + data)[lead + 1 : -4])
        encodings |= {data, data.hex().encode(), data.hex().upper().encode(), plain.encode("utf-16-le")}
        encodings |= {
            "".join(f"%{sign:02X}" for sign in data).encode(),
            "".join(f"%{sign:02x}" for sign in data).encode(),
        }
    return encodings


CANARIES = spellings(CANARY) | spellings(NUMBER)


def found_in(*data: bytes) -> set[bytes]:
    return {canary for canary in CANARIES for part in data if canary in part}


def files_below(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("lead", ["", "a", "ab", "abc"])
def test_a_canary_is_found_however_it_is_written(lead: str) -> None:
    text = f"{lead}{CANARY} and more".encode()
    assert found_in(text)
    assert found_in(base64.b64encode(text))
    assert found_in(base64.b64encode(text.lower()))
    assert found_in(text.hex().encode())
    assert found_in("".join(f"%{sign:02X}" for sign in text).encode())
    assert not found_in(b"nothing here")


COMMANDS = (
    ("doctor",),
    ("analyse",),
    *(
        ("export", table, "--clinician", ANA)
        for table in ("events", "sessions", "messages", "replies", "metrics", "notices")
    ),
    ("report", "weekly", "--clinician", ANA, "--week", "2026-W09", "--format", "html"),
    ("report", "fairness"),
)


@of_worlds(Behaviour.SILENT)
def test_no_name_address_or_content_is_found_anywhere(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    world = practice._world
    practice.put(10, 11)
    outputs = [repr(outcome) for outcome in practice.read(now=nights(1)).values()]
    for how in (how for how in Trouble if how.value not in world.declines):
        world.trouble(how)
        outputs += [f"{outcome!r} {outcome.problem}" for outcome in practice.read(now=nights(2), full=True).values()]
        world.mend()
    assert practice.items() == (ITEMS + 2) * len(practice.accounts)
    create_key(practice.folder / "evenhours.key")
    outputs += [output_of(practice, *command) for command in COMMANDS]
    (practice.folder / "evenhours.toml").unlink()  # it says where the world is
    (practice.folder / "neighbour.ics").unlink()  # it is a part of the world
    assert found_in(caplog.text.encode(), *(text.encode() for text in outputs)) == set()
    assert found_in(*files_below(practice.folder), *files_below(temporary)) == set()


def output_of(practice: Practice, *command: str) -> str:
    """Return a command's output on both streams."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "CliContext", partial(CliContext, now=NOW))
        config = str(practice.folder / "evenhours.toml")
        result = CliRunner().invoke(cli.evenhours, ["--config", config, *command], prog_name="evenhours")
    assert "Traceback" not in result.output
    assert result.exit_code in {0, 1}, result.output
    return result.output
