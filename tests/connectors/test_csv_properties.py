from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Batch
from connectors.records import CalendarEvent, Record
from tests.connectors.exports import Export, export, visits

START = datetime(2023, 12, 31, 22, 0)  # noqa: DTZ001 - a wall clock's time, written into a cell
CALLS = {"id": "Nr", "actual_start": "Join", "actual_end": "Leave"}


def visit_row(client: int, quarter: int, overrun: int | None) -> str:
    start = START + timedelta(minutes=15 * quarter)
    end = start + timedelta(minutes=50)
    actual_end = end + timedelta(minutes=overrun) if overrun is not None else ""
    return f"C{client},{start},{end},,{actual_end},Show,"


def call_row(number: int, quarter: int) -> str:
    start = START + timedelta(minutes=15 * quarter)
    return f"{number},{start},{start + timedelta(minutes=50)}"


VISITS = st.lists(
    st.builds(visit_row, st.integers(0, 3), st.integers(0, 36_000), st.none() | st.integers(-9, 60)), min_size=1
)
CALL_ROWS = st.lists(st.builds(call_row, st.integers(), st.integers(0, 36_000)), min_size=1, unique=True)


def key_of(record: Record) -> object:
    return type(record), record.uid_key if isinstance(record, CalendarEvent) else record.key


def stored(batches: Iterable[Batch]) -> dict[object, Record]:
    """Return what a store contains after these batches: a snapshot replaces, everything else is added."""
    records: dict[object, Record] = {}
    for batch in batches:
        if batch.replaces:
            records.clear()
        records |= {key_of(record): record for record in batch.records}
    return records


def read_in_two(source: Export, before: str, after: str) -> list[Batch]:
    first = source.write(before).batch()
    second = source.write(after).batch(first.cursor)
    return [first, second, source.batch(second.cursor)]


@settings(max_examples=40)
@given(VISITS, VISITS)
def test_snapshot_leaves_the_last_file_and_a_third_run_yields_nothing(before: list[str], after: list[str]) -> None:
    with TemporaryDirectory() as folder:
        batches = read_in_two(export(Path(folder)), visits(*before), visits(*after))
        at_once = export(Path(folder)).batch()
    assert stored(batches) == stored([at_once])
    assert batches[2].records == ()


@settings(max_examples=40)
@given(CALL_ROWS, st.data())
def test_log_read_while_it_grows_equals_the_log_read_at_once(rows: list[str], data: st.DataObject) -> None:
    first_rows = data.draw(st.integers(1, len(rows)))
    header = "Nr,Join,Leave"
    with TemporaryDirectory() as folder:
        source = export(Path(folder), CALLS)
        batches = read_in_two(source, "\n".join([header, *rows[:first_rows]]), "\n".join([header, *rows]))
        at_once = source.batch()
    assert stored(batches) == stored([at_once])
    assert batches[2].records == ()


@settings(max_examples=40)
@given(VISITS, st.randoms(use_true_random=False))
def test_the_order_of_distinct_rows_does_not_matter(rows: list[str], random: st.DataObject) -> None:
    distinct = list({tuple(row.split(",")[:2]): row for row in rows}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    with TemporaryDirectory() as folder:
        first = export(Path(folder)).write(visits(*distinct)).batch()
        second = export(Path(folder)).write(visits(*shuffled)).batch()
    assert stored([first]) == stored([second])
