"""Exports for the CSV tests: a source of one or more owners, written to a folder and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base import Batch, Context, Owner, Window
from connectors.classify import Classifier
from connectors.csv_export.source import SOURCE_KIND, CsvColumns, CsvFormat, CsvOptions
from connectors.pseudonyms import Pseudonyms
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence

PARIS = ZoneInfo("Europe/Paris")
PSEUDONYMS = Pseudonyms(b"k" * 32)
ANA = Owner("ana", PARIS, frozenset({"ana@harbour.example"}), "Ana Silva")
BEN = Owner("ben", ZoneInfo("Europe/London"), frozenset({"ben@harbour.example"}), "Ben")

VISITS = {
    "client": "Client ID",
    "booked_start": "Start",
    "booked_end": "End",
    "actual_start": "Actual start",
    "actual_end": "Actual end",
    "status": "Status",
}
HEADER = "Client ID,Start,End,Actual start,Actual end,Status,Notes"


@dataclass(frozen=True, slots=True)
class Export:
    """One source of kind csv."""

    context: Context
    options: CsvOptions

    def batches(self, cursor: str | None = None) -> list[Batch]:
        return list(SOURCE_KIND.make(self.options, self.context).fetch(cursor))

    def batch(self, cursor: str | None = None) -> Batch:
        (only,) = self.batches(cursor)
        return only

    def write(self, content: str | bytes) -> Export:
        path = self.context.folder / self.options.path
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def with_context(self, **context: object) -> Export:
        return Export(replace(self.context, **context), self.options)  # type: ignore[arg-type]


def export(
    folder: Path, columns: Mapping[str, str] = VISITS, owners: tuple[Owner, ...] = (ANA,), **options_or_format: object
) -> Export:
    """Return a source that reads ``export.csv``; keyword arguments are options, or keys of ``[source.format]``."""
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))
    context = Context("visits", owners, window, Classifier(), PSEUDONYMS, folder, read_secret=str)
    options = {
        key: options_or_format.pop(key)
        for key in ("accumulate", "channel", "evidence", "path")
        if key in options_or_format
    }
    path = Path(str(options.pop("path", "export.csv")))
    csv_options = CsvOptions(path, CsvColumns(**columns), CsvFormat(**options_or_format), **options)  # type: ignore[arg-type]
    return Export(context, csv_options)


def visits(*rows: str, header: str = HEADER) -> str:
    """Return the text of a file of visits."""
    return "\n".join([header, *rows]) + "\n"


def events(batch: Batch) -> list[CalendarEvent]:
    return [record for record in batch.records if isinstance(record, CalendarEvent)]


def evidence(batch: Batch) -> list[SessionEvidence]:
    return [record for record in batch.records if isinstance(record, SessionEvidence)]


def stamps(batch: Batch) -> list[MessageStamp]:
    return [record for record in batch.records if isinstance(record, MessageStamp)]


def reasons(batch: Batch) -> list[tuple[str, str]]:
    return [(record.where, record.reason) for record in batch.rejected]


def local(text: str, zone: ZoneInfo = PARIS) -> datetime:
    """Return the instant of a local time such as ``2024-03-04 09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)
