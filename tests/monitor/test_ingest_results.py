"""A result of many pages is judged as a whole; a run that is cut off in between loses, repeats and removes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Batch
from connectors.csv_export import source as csv_source
from connectors.errors import ShrunkSourceError
from connectors.ics import source as ics_source
from monitor.config import load
from monitor.ingest import IngestRequest, SourceOutcome, ingest, results
from monitor.store.database import Store, opened
from tests.monitor.memory import NOW, PSEUDONYMS, dump
from tests.monitor.office import ENTRY, calendar

PAGE, ENTRIES = 7, 60
PRACTICE = """
[practice]
name = "Pages"
zone = "Europe/Paris"
domains = ["two.example"]
[[clinician]]
key = "ana"
addresses = ["ana@two.example"]
[[source]]
name = "source"
clinician = "ana"
"""
ICS = 'kind = "ics"\npath = "calendar.ics"\n'
FOLDER = 'kind = "ics"\npath = "calendars"\n'
CSV = """kind = "csv"
path = "visits.csv"
[source.columns]
id = "ID"
client = "Client"
booked_start = "Start"
booked_end = "End"
actual_end = "Left"
"""
CALLS = 'kind = "csv"\npath = "visits.csv"\n[source.columns]\nid = "ID"\nactual_start = "Start"\nactual_end = "Left"\n'
WEEKLY = """\
BEGIN:VEVENT
UID:weekly
DTSTART;TZID=Europe/Paris:20260302T180000
DTEND;TZID=Europe/Paris:20260302T185000
RRULE:FREQ=WEEKLY;COUNT=10
END:VEVENT
"""
MOVED = """\
BEGIN:VEVENT
UID:weekly
RECURRENCE-ID;TZID=Europe/Paris:20260309T180000
DTSTART;TZID=Europe/Paris:20260310T190000
DTEND;TZID=Europe/Paris:20260310T195000
END:VEVENT
"""
INVALID = ENTRY.format(uid="bad", start="20260303T100000", end="20260303T090000", title="", guest="x")
Numbers = Callable[[int], bool]


def entry(number: int, later: int = 0) -> str:
    day, hour = 2 + number // 6, 8 + number % 6 + later
    start, end = f"202603{day:02}T{hour:02}0000", f"202603{day:02}T{hour:02}5000"
    return ENTRY.format(uid=f"s{number}", start=start, end=end, title=f"Session {number}", guest=f"w{number % 9}")


def row(number: int, later: int = 0, left: str = "") -> str:
    day, hour = 2 + number // 6, 8 + number % 6 + later
    return f"{number},C{number % 9},2026-03-{day:02}T{hour:02}:00,2026-03-{day:02}T{hour:02}:50,{left}"


def write_ics(folder: Path, is_present: Numbers, later: Numbers) -> None:
    entries = [entry(n, int(later(n))) for n in range(ENTRIES) if is_present(n)]
    (folder / "calendar.ics").write_text(calendar(WEEKLY, *entries, INVALID, MOVED), encoding="utf-8", newline="")


def write_folder(folder: Path, is_present: Numbers, later: Numbers) -> None:
    (folder / "calendars").mkdir(exist_ok=True)
    entries = [entry(n, int(later(n))) for n in range(ENTRIES) if is_present(n)]
    for name, text in (("a", calendar(MOVED, *entries[::2])), ("b", calendar(*entries[1::2], INVALID, WEEKLY))):
        (folder / "calendars" / f"{name}.ics").write_text(text, encoding="utf-8", newline="")


def write_csv(folder: Path, is_present: Numbers, later: Numbers) -> None:
    rows = [row(n, int(later(n)), f"2026-03-{2 + n // 6:02}T20:{n % 60:02}") for n in range(ENTRIES) if is_present(n)]
    (folder / "visits.csv").write_text("\n".join(["ID,Client,Start,End,Left", *rows, "x,y,,,"]), encoding="utf-8")


KINDS = [(ICS, write_ics), (FOLDER, write_folder), (CSV, write_csv), (CALLS, write_csv)]
of_kinds = pytest.mark.parametrize(("options", "write"), KINDS, ids=["ics", "folder", "visits", "calls"])


class CutOffError(Exception):
    """An interruption of the run, as if the machine had been switched off."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ics_source, "PAGE_RECORDS", PAGE)
    monkeypatch.setattr(csv_source, "PAGE_ROWS", PAGE)


def every(_: int) -> bool:
    return True


def none(_: int) -> bool:
    return False


def read(
    folder: Path, options: str, store: Store, cut_after: int | None = None, **request: Any
) -> tuple[SourceOutcome, int]:
    """Run ingest, perhaps cut off after a page; return the outcome and the number of stored pages."""
    (folder / "evenhours.toml").write_text(PRACTICE + options, encoding="utf-8")
    pages = 0

    def progress(_name: str, _batch: Batch) -> None:
        nonlocal pages
        pages += 1
        if pages == cut_after:
            raise CutOffError

    (outcome,) = ingest(
        load(folder / "evenhours.toml"), store, PSEUDONYMS, IngestRequest(**request), now=NOW, progress=progress
    )
    return outcome, pages


def stored_content(store: Store) -> dict[str, Any]:
    """Return everything that is stored except the generation of the source."""
    content = dump(store)
    source = "SELECT name, cursor, policy, skipped_before, skipped_after, size, read_from, read_to, error FROM source"
    content["source"] = store.connection.execute(source).fetchall()
    content["rejected"] = sorted(store.connection.execute("SELECT place, reason FROM rejected_record").fetchall())
    return content


@of_kinds
def test_many_pages_store_what_one_does(
    options: str, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened(tmp_path / "one.db", create=True) as single_page,
        opened(tmp_path / "many.db", create=True) as many_pages,
    ):
        for is_present, later in ((every, none), (lambda n: n % 11 != 3, lambda n: n % 17 == 0)):
            write(tmp_path, is_present, later)
            outcome, pages = read(tmp_path, options, many_pages)
            assert outcome.problem is None
            assert pages >= ENTRIES // PAGE
            with monkeypatch.context() as patch:
                patch.setattr(ics_source, "PAGE_RECORDS", 5_000)
                patch.setattr(csv_source, "PAGE_ROWS", 5_000)
                assert read(tmp_path, options, single_page)[1] == 1
            assert stored_content(single_page) == stored_content(many_pages)
            assert stored_content(many_pages)["rejected"]
            assert read(tmp_path, options, many_pages, full=True)[0].rows == 0


@of_kinds
def test_a_run_cut_off_between_pages_loses_repeats_and_removes_nothing(
    options: str, write: Any, tmp_path: Path
) -> None:
    write(tmp_path, every, none)
    with opened(tmp_path / "whole.db", create=True) as whole:
        read(tmp_path, options, whole)
        write(tmp_path, lambda n: n % 11 != 3, lambda n: n % 17 == 0)
        _, pages = read(tmp_path, options, whole)
        for page in range(1, pages):
            write(tmp_path, every, none)
            with opened(tmp_path / f"{page}.db", create=True) as store:
                with pytest.raises(CutOffError):
                    read(tmp_path, options, store, cut_after=page)
                read(tmp_path, options, store)
                write(tmp_path, lambda n: n % 11 != 3, lambda n: n % 17 == 0)
                with pytest.raises(CutOffError):
                    read(tmp_path, options, store, cut_after=page)
                removed = store.connection.execute("SELECT count(*) FROM event WHERE status = 'removed'").fetchone()
                assert removed == (0,)
                read(tmp_path, options, store)
                assert stored_content(store) == stored_content(whole), f"after page {page}"


@of_kinds
def test_a_large_result_that_shrank_is_refused_before_any_page_is_stored(
    options: str, write: Any, tmp_path: Path
) -> None:
    write(tmp_path, every, none)
    with opened(tmp_path / "practice.db", create=True) as store:
        read(tmp_path, options, store)
        before = dump(store)
        write(tmp_path, lambda n: n % 2 == 0 or n == ENTRIES - 1, lambda n: n % 17 == 0)
        outcome, pages = read(tmp_path, options, store)
        assert isinstance(outcome.problem, ShrunkSourceError)
        assert pages == 0
        assert dump(store) == before
        assert read(tmp_path, options, store, accept_shrink=True)[0].problem is None
        assert dump(store) != before


def test_the_later_of_two_rows_of_one_entry_on_two_pages_counts(tmp_path: Path) -> None:
    rows = [row(n, left="2026-03-30T20:00" if n == 1 else "") for n in range(30)]
    rows += [row(3), row(1, later=1), row(2, later=2), row(2, later=1)]
    (tmp_path / "visits.csv").write_text("\n".join(["ID,Client,Start,End,Left", *rows]), encoding="utf-8")
    starts = "SELECT count(*), count(DISTINCT uid_key) FROM event"
    with opened(tmp_path / "practice.db", create=True) as store:
        outcome, _ = read(tmp_path, CSV, store)
        assert (outcome.problem, outcome.rows) == (None, 30)
        assert store.connection.execute(starts).fetchone() == (30, 30)
        assert store.connection.execute("SELECT count(*) FROM event_history").fetchone() == (0,)
        assert store.connection.execute("SELECT count(*) FROM evidence").fetchone() == (0,)
        places = [place for place, reason in stored_content(store)["rejected"] if "a later row" in reason]
        assert places == ["line 33", "line 34", "line 35"]
        assert read(tmp_path, CSV, store, full=True)[0].rows == 0


def test_new_identifiers_in_many_pages_are_recognised(tmp_path: Path) -> None:
    with opened(tmp_path / "practice.db", create=True) as store:
        write_ics(tmp_path, every, none)
        read(tmp_path, ICS, store)
        path = tmp_path / "calendar.ics"
        path.write_text(re.sub(r"UID:", "UID:new-", path.read_text(encoding="utf-8")), encoding="utf-8", newline="")
        assert read(tmp_path, ICS, store)[0].problem is None
        count = store.connection.execute("SELECT count(*), sum(status = 'removed') FROM event").fetchone()
        assert count == (ENTRIES + 10, 0)


def test_a_result_buffered_in_a_file_is_stored_like_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "a.db", create=True) as in_memory, opened(tmp_path / "b.db", create=True) as in_file:
        write_csv(tmp_path, every, none)
        read(tmp_path, CSV, in_memory)
        monkeypatch.setattr(results, "MAX_BYTES_IN_MEMORY", 1)
        read(tmp_path, CSV, in_file)
        assert stored_content(in_memory) == stored_content(in_file)
    assert {path.name for path in tmp_path.iterdir()} == {"a.db", "b.db", "visits.csv", "evenhours.toml"}
