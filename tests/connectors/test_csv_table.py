from __future__ import annotations

import csv
from pathlib import Path
from random import Random
from time import process_time

import pytest

from connectors.content import Content
from connectors.csv_export.columns import CellError, parse_minutes, possible_names
from connectors.csv_export.inspect import propose
from connectors.csv_export.table import TableError, clean_cell, read_table
from connectors.errors import ConnectorError, MalformedError
from tests.connectors.exports import HEADER, PSEUDONYMS, events, evidence, export, local, reasons, visits

NINE_O_CLOCK = "C1,2024-03-04 09:00,2024-03-04 09:50,2024-03-04 09:02,2024-03-04 10:01,Show,n"
TEN_O_CLOCK = "C2,2024-03-04 10:00,2024-03-04 10:50,,,Show,n"
CANARY = "Zebrafink"


@pytest.mark.parametrize(
    "content",
    [
        visits(NINE_O_CLOCK).encode("utf-8-sig"),
        visits(NINE_O_CLOCK).encode("utf-16"),
        visits(NINE_O_CLOCK).replace("\n", "\r\n").encode(),
        visits(NINE_O_CLOCK).replace("\n", "\r").encode(),
        visits(NINE_O_CLOCK).replace(",", ";").encode(),
        visits(NINE_O_CLOCK).replace(",", "\t").encode(),
        visits(NINE_O_CLOCK).replace("Show,n", "Show,né").encode("cp1252"),
        visits(NINE_O_CLOCK).encode().replace(b"Show,n", b"Show,\x81\x00"),
        b"sep=,\n" + visits(NINE_O_CLOCK).encode(),
        b"Appointments of March\n\nPractice,Harbour\n" + visits(NINE_O_CLOCK).encode(),
        visits(NINE_O_CLOCK.replace("Show,n", 'Show,"a\nb, ""c"""')).encode(),
        visits(NINE_O_CLOCK.replace(",Show", ",' Show").replace("C1", '="C1"')).encode(),
        visits(NINE_O_CLOCK + ",,").encode(),
        visits("", " , ,,,,,", NINE_O_CLOCK, "").encode(),
        visits(NINE_O_CLOCK, header=HEADER.replace("Start", " Start\u00a0")).encode(),
        visits(NINE_O_CLOCK + "x" * 300_000).encode(),
    ],
)
def test_visit_is_the_same_in_every_file_format(tmp_path: Path, content: bytes) -> None:
    batch = export(tmp_path).write(content).batch()
    assert [event.client for event in events(batch)] == [PSEUDONYMS.person("ana", "C1")]
    assert evidence(batch)[0].ended_at == local("2024-03-04 10:01")
    assert batch.rejected == ()


def test_totals_row_is_reported_as_one(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE_O_CLOCK, "Total,1,,,,,", "Grand total,1")).batch()
    assert reasons(batch) == [("line 3", "totals row"), ("line 4", "totals row")]
    assert len(events(batch)) == 1


def test_row_with_another_number_of_cells_is_rejected(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE_O_CLOCK, "C2,2024-03-04 10:00", TEN_O_CLOCK + ",one more")).batch()
    assert {reason for _, reason in reasons(batch)} == {"the row has another number of cells than the header"}
    assert len(events(batch)) == 1


def test_rejected_row_has_the_line_on_which_it_begins(tmp_path: Path) -> None:
    batch = (
        export(tmp_path)
        .write(visits(NINE_O_CLOCK.replace("Show,n", 'Show,"a\n\nb"'), TEN_O_CLOCK.replace("10:50", "9:5O")))
        .batch()
    )
    assert [where for where, _ in reasons(batch)] == ["line 5"]


def test_a_file_cut_off_inside_quotation_marks_is_refused(tmp_path: Path) -> None:
    source = export(tmp_path).write(visits(NINE_O_CLOCK, TEN_O_CLOCK.replace("Show,n", 'Show,"begun and')))
    with pytest.raises(MalformedError, match="line 3 is never closed"):
        source.batch()


def test_a_quotation_mark_inside_a_cell_opens_nothing(tmp_path: Path) -> None:
    assert (
        len(
            events(export(tmp_path).write(visits(NINE_O_CLOCK.replace("Show,n", 'Show,5" nails'), TEN_O_CLOCK)).batch())
        )
        == 2
    )


def test_other_header_is_refused_with_every_missing_column(tmp_path: Path) -> None:
    source = export(tmp_path).write(
        visits(NINE_O_CLOCK, header=HEADER.replace("Actual end", "Left").replace("Status", CANARY))
    )
    with pytest.raises(MalformedError) as refused:
        source.batch()
    assert refused.value.found == (
        'columns actual_end = "Actual end": the file has no such column; '
        'columns status = "Status": the file has no such column.'
    )
    assert "evenhours inspect export.csv" in refused.value.remedy
    assert CANARY not in str(refused.value)


def test_duplicate_column_is_refused_only_if_it_has_a_role(tmp_path: Path) -> None:
    duplicate_header = HEADER.replace("Actual end", "End")
    with pytest.raises(MalformedError, match="more than one column of that name"):
        export(tmp_path).write(visits(NINE_O_CLOCK, header=duplicate_header)).batch()
    assert export(tmp_path).write(visits(NINE_O_CLOCK + ",m", header=HEADER + ",Notes")).batch().records


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xef\xbb\xbf", b"\0", b"<!DOCTYPE html><title>Sign in</title>", b"PK\x03\x04"]
)
def test_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(MalformedError):
        export(tmp_path).write(content).batch()


def test_file_without_a_usable_row_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    with pytest.raises(
        MalformedError, match=r"none of its 2 rows could be used; line 2: booked_start is not a time in the format"
    ):
        export(tmp_path, instant="%d/%m/%Y %H:%M").write(visits(NINE_O_CLOCK, TEN_O_CLOCK)).batch()


def test_a_header_alone_is_an_empty_snapshot(tmp_path: Path) -> None:
    batch = export(tmp_path).write(HEADER).batch()
    assert (batch.records, batch.rejected) == ((), ())
    assert batch.replaces is not None


def test_endless_cell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.csv_export.table._LONGEST_CELL", 100)
    with pytest.raises(TableError, match="line 2 has a cell that never ends"):
        list(read_table(Content(b"A,B\n1," + b"x" * 200)).rows())
    csv.field_size_limit(2**24)


@pytest.mark.parametrize("text", ["-5", "inf", "1e3", "0:60", "fifty", "9" * 30, "", "=1+1"])
def test_invalid_duration_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(CellError) as refused:
        parse_minutes(text)
    assert str(refused.value) == "is not a number of minutes"


def test_plus_may_be_part_of_a_column_name(tmp_path: Path) -> None:
    source = export(tmp_path, {"booked_start": "Date + Start", "booked_end": "End"})
    content = "Date + Start,Date,Start,End\n2024-03-04 09:00,x,y,2024-03-04 09:50\n"
    assert len(events(source.write(content).batch())) == 1
    assert possible_names({"a": "B + C"}) == {"B + C", "B", "C"}


@pytest.mark.parametrize(
    ("cell", "text"), [('="0042"', "0042"), ("'09:00", "09:00"), (" 3:00\u202fPM ", "3:00 PM"), ("a\x07b", "ab")]
)
def test_cell_is_cleaned(cell: str, text: str) -> None:
    assert clean_cell(cell) == text


def test_unmapped_columns_and_rejected_cells_are_never_repeated(tmp_path: Path) -> None:
    rows = [
        f"{CANARY},2024-03-04 09:00,2024-03-04 09:50,,,Show,{CANARY}",
        f"{CANARY},{CANARY},2024-03-04 09:50,,,Show,{CANARY}",
        f"{CANARY},2024-03-04 10:00,2024-03-04 10:50,{CANARY},,Show,{CANARY}",
        f"{CANARY},2024-03-04 11:00,2024-03-04 11:50,,,{CANARY},{CANARY}",
        f"{CANARY},{CANARY}",
    ]
    source = export(tmp_path).write(visits(*rows))
    batch = source.batch()
    assert len(batch.rejected) == 4
    assert CANARY not in repr(batch)
    with pytest.raises(MalformedError) as refused:
        source.write(visits(*rows[1:2])).batch()
    assert CANARY not in str(refused.value)


# Hostile input is ordinary input

SEED_FILE = visits(
    *(
        f'C{day % 5},2024-03-{day:02} 09:00,2024-03-{day:02} 09:50,2024-03-{day:02} 09:02,,Show,"{CANARY}, {day}"'
        for day in range(1, 13)
    ),
    "Total,12,,,,,",
).encode()
SCRAPS = (
    *(b'"', b"\0", b"\n", b"\r", b",", b";", b"\t", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"=", b"'", b"+", b"-"),
    *(b"2024-13-41 99:99", b"0001-01-01 00:00", b"9999-12-31 23:59", b"0", b"-1e999", b"A" * 5000, b'"' * 33),
    *("\u202e\u2028\U0001f642".encode(), b"Total", b"Cancelled", HEADER.encode(), b"2024-03-31 02:30"),
)


def mutated(content: bytes, random: Random) -> bytes:
    """Return the content with one to six bytes or stretches changed, cut, doubled, moved or replaced by scraps."""
    for _ in range(random.randint(1, 6)):
        start = random.randrange(len(content) + 1)
        end = min(len(content), start + random.choice((0, 1, 4, 60, 500)))
        piece = random.choice((b"", random.choice(SCRAPS), content[start:end] * 2, random.randbytes(3)))
        content = content[:start] + piece + content[end:]
    return content if random.random() > 0.05 else content[: random.randrange(len(content) + 1)]


def read_mutants(folder: Path, count: int, seed: int) -> tuple[int, float]:
    """Return how many mutants were read and the seconds of the slowest. Raises whatever is not a ConnectorError."""
    random = Random(seed)
    read, slowest = 0, 0.0
    plain, timed = export(folder), export(folder, instant="%Y-%m-%d %H:%M", path="export.csv")
    for _ in range(count):
        source = random.choice((plain, timed)).write(mutated(SEED_FILE, random))
        started_at = process_time()
        try:
            assert CANARY not in repr(source.batch())
            read += 1
        except ConnectorError as error:
            assert CANARY not in str(error)  # noqa: PT017 - refusing is one of two right answers
        slowest = max(slowest, process_time() - started_at)
    return read, slowest


@pytest.mark.slow
def test_three_thousand_mutated_exports_are_read_or_refused(tmp_path: Path) -> None:
    read, slowest = read_mutants(tmp_path, 3000, seed=7)
    assert 1500 < read < 3000
    assert slowest < 1


def test_mutated_exports_are_inspected_or_refused_without_repeating_them(tmp_path: Path) -> None:
    random, path, proposed = Random(11), tmp_path / "export.csv", 0
    header, _, rows = SEED_FILE.partition(b"\n")
    for _ in range(300):
        path.write_bytes(header + b"\n" + mutated(rows, random))
        try:
            assert CANARY not in propose(path).toml()
            proposed += 1
        except ConnectorError as error:
            assert CANARY not in str(error)  # noqa: PT017 - as above
    assert proposed > 150
