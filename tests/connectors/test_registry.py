from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import RecordType, SourceKind
from connectors.csv_export.options import CsvColumns, CsvOptions
from connectors.microsoft.options import MicrosoftOptions
from connectors.registry import KINDS, UnknownKindError, kind_names, source_kind

HEAVY = (
    "numpy",
    "pandas",
    "icalendar",
    "matplotlib",
    "flask",
    "googleapiclient",
    "email.message",
    "importlib.metadata",
)


@dataclass(frozen=True)
class Options:
    pass


def maker(*_: object) -> None:
    return None


FAX = SourceKind("fax", Options, maker, "Fax log", (), "never requested")  # type: ignore[arg-type]
NO_KIND = "fax"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that packages outside offer these entry points."""

    def offer(**values: str) -> None:
        entry_points = [
            EntryPoint(name.strip("_"), value, registry.ENTRY_POINT_GROUP) for name, value in values.items()
        ]
        monkeypatch.setattr(
            metadata, "entry_points", lambda group: entry_points if group == registry.ENTRY_POINT_GROUP else []
        )

    sys.modules.setdefault("fax_package", sys.modules[__name__])
    monkeypatch.setitem(sys.modules, "fax_package", sys.modules[__name__])
    return offer


def test_the_registry_loads_no_kind_and_nothing_heavy() -> None:
    code = "import sys, connectors.registry; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint(KINDS.values())


def test_naming_the_kinds_imports_none_of_them() -> None:
    code = "import sys; from connectors.registry import kind_names; kind_names(); print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded.isdisjoint(KINDS.values())
    assert kind_names()[:4] == ("ics", "mbox", "maildir", "csv")


@pytest.mark.parametrize("name", KINDS)
def test_a_built_in_kind_is_what_it_is_called_and_explains_each_option(name: str) -> None:
    kind = source_kind(name)
    assert kind.name == name
    assert is_dataclass(kind.options)
    assert kind.title
    assert kind.kept_fields
    assert kind.other_fields
    assert [field.name for field in fields(kind.options) if field.init and not field.metadata.get("help")] == []


@pytest.mark.parametrize("name", ["gmail", "google_meet", "imap", "mbox", "maildir", "sms_xml"])
def test_no_caseload_rests_on_mail_texts_and_calls(name: str) -> None:
    assert RecordType.CALENDAR not in source_kind(name).record_types(object())


@pytest.mark.parametrize(
    ("options", "entries"),
    [
        (CsvOptions(Path("a.csv"), CsvColumns(booked_start="from", booked_end="to")), True),
        (CsvOptions(Path("a.csv"), preset="jane"), True),
        (CsvOptions(Path("a.csv"), CsvColumns(actual_start="from", actual_end="to")), False),
        (MicrosoftOptions(client_id="app"), True),
        (MicrosoftOptions(client_id="app", read=("mail",)), False),
    ],
)
def test_the_record_types_of_a_kind_with_parts_depend_on_its_options(
    options: CsvOptions | MicrosoftOptions,
    entries: bool,  # noqa: FBT001
) -> None:
    kind = "csv" if isinstance(options, CsvOptions) else "microsoft"
    assert (RecordType.CALENDAR in source_kind(kind).record_types(options)) is entries


def test_an_unknown_kind_is_reported_with_suggestions() -> None:
    with pytest.raises(UnknownKindError) as error:
        source_kind("mailbox dir")
    assert error.value.kinds == kind_names()
    with pytest.raises(UnknownKindError, match=r'^"maildri" is not a source kind; did you mean maildir, gmail\?$'):
        source_kind("maildri")


def test_an_unknown_kind_without_a_similar_one_is_reported_with_all() -> None:
    with pytest.raises(
        UnknownKindError, match=r"^\"telepathy\" is not a source kind; the kinds are ics, mbox, maildir, csv"
    ):
        source_kind("telepathy")


def test_a_package_outside_adds_a_kind(outside: Callable[..., None]) -> None:
    outside(fax="fax_package:FAX")
    assert kind_names() == (*KINDS, "fax")
    assert source_kind("fax") is FAX


def test_a_package_outside_replaces_no_built_in_kind(outside: Callable[..., None]) -> None:
    outside(mbox="fax_package:FAX")
    assert kind_names() == tuple(KINDS)
    assert source_kind("mbox").name == "mbox"


def test_of_two_packages_with_one_name_the_same_one_wins_whatever_their_order(outside: Callable[..., None]) -> None:
    outside(fax="fax_package:FAX", fax_="zebra:FAX")
    assert source_kind("fax") is FAX
    outside(fax_="zebra:FAX", fax="fax_package:FAX")
    assert source_kind("fax") is FAX


def test_a_package_with_another_object_is_reported(outside: Callable[..., None]) -> None:
    outside(fax="fax_package:NO_KIND")
    with pytest.raises(TypeError, match=r'the entry point "fax" of evenhours\.connectors is not a SourceKind'):
        source_kind("fax")


def test_required_options_have_no_default_and_paths_are_required() -> None:
    required = {field.name for field in fields(source_kind("mbox").options) if field.default is MISSING}
    assert required == {"path"}
