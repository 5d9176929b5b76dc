"""Detection of a file's source kind from its first bytes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from connectors.detect import detect_kind, source_block


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("export", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "ics"),
        ("export.csv", "\ufeff\nbegin:vcalendar\n", "ics"),
        ("empty.ics", "", "ics"),
        ("mail", "From someone Mon Mar  2 09:00:00 2026\nFrom: a@b.example\n", "mbox"),
        ("mail.mbox", "", "mbox"),
        ("texts.xml", "<?xml version='1.0'?>\n<!-- a backup -->\n<smses count='0'></smses>", "sms_xml"),
        ("other.xml", "<calls count='0'></calls>", None),
        ("calls.csv", "From number,Joined,Left\n1,2024-03-01 09:00,2024-03-01 09:50\n", None),
        ("visits.csv", "Start,End\n", None),
    ],
)
def test_a_file_is_detected_by_its_first_bytes(tmp_path: Path, name: str, content: str, kind: str | None) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_kind(path) == kind


def test_a_folder_is_detected_by_its_files(tmp_path: Path) -> None:
    assert detect_kind(tmp_path) is None
    (tmp_path / "ana.ics").touch()
    assert detect_kind(tmp_path) == "ics"
    for name in ("cur", "new"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    assert detect_kind(tmp_path / "Maildir") == "maildir"


def test_what_is_not_there_is_of_no_kind(tmp_path: Path) -> None:
    assert detect_kind(tmp_path / "nowhere.ics") is None


@pytest.mark.parametrize("kind", ["ics", "mbox", "maildir", "sms_xml"])
def test_a_block_names_its_kind_and_leaves_the_clinician_to_be_filled_in(tmp_path: Path, kind: str) -> None:
    (source,) = tomllib.loads(source_block(kind, tmp_path / 'a "file"'))["source"]
    assert (source["kind"], source["path"], source["clinician"]) == (kind, str(tmp_path / 'a "file"'), "KEY")
