"""A buffer for the pages of one result, which is stored only when it is complete and has been judged as a whole.

::

    page, page, … ─add→ an unnamed file, keys of eight bytes each ─pages→ one transaction each

So a calendar of 60 MB or an export of a million visits needs no more memory than some of its pages. A result of one
page, as almost all are, stays in memory.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from connectors.base import RejectedRecord
from connectors.private import is_disk_full, write_error_reason
from connectors.records import (
    CalendarEvent,
    CounterpartKind,
    Grade,
    Kind,
    MessageStamp,
    Record,
    SessionEvidence,
    Status,
)
from monitor.errors import DiskFullError, StoreError
from monitor.ingest.policy import Page
from monitor.store.events import EventKey
from monitor.store.keys import epoch, epoch_or_none

if TYPE_CHECKING:
    import numpy as np

    IntArray = np.ndarray[Any, np.dtype[np.int64]]

_LENGTH_BYTES = 8  # before each page, with its length
MAX_BYTES_IN_MEMORY = 8 * 1024**2  # larger results are written to a file


class KeyPositions:
    """The positions at which keys were added. The last position of a key counts.

    Only the 64-bit hash of each key is stored. Two of a million keys have the same hash in about one of ten million
    runs; then a removed record may stay stored until the next run.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._sorted: tuple[IntArray, IntArray] | None = None

    def add(self, key: Hashable) -> None:
        """Add a key at the next position."""
        self._hashes.append(hash(key))
        self._sorted = None

    def last_positions(self, keys: Sequence[Hashable]) -> IntArray:
        """Return the last position of each of these keys, -1 for a key that was not added."""
        import numpy as np

        wanted = np.fromiter(map(hash, keys), np.int64, len(keys))
        hashes, order = self._sorted_hashes()
        if not len(hashes):
            return np.full(len(keys), -1)
        # A hash below all others gets the index -1, which is the last hash and differs from it.
        index = np.searchsorted(hashes, wanted, side="right") - 1
        return np.where(hashes[index] == wanted, order[index], -1)

    def is_last_mask(self) -> bytes:
        """Return one byte for each position: 1 if it is the last one of its key, else 0."""
        import numpy as np

        hashes, order = self._sorted_hashes()
        is_last = np.ones(len(order), np.uint8)
        is_last[order[:-1][hashes[1:] == hashes[:-1]]] = 0
        return is_last.tobytes()

    def _sorted_hashes(self) -> tuple[IntArray, IntArray]:
        import numpy as np

        if self._sorted is None:
            hashes = np.array(self._hashes, dtype=np.int64)  # a copy, since an array cannot grow while numpy uses it
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], order
        return self._sorted


class BufferedResult:
    """The pages of one result. If they are many, they are written to a file in ``folder``.

    ``event_keys`` are the keys of all events in the result, ``is_stored`` has a byte for each that says if the policy
    stores it. ``other_keys`` are those of evidence and messages.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._last: Page | None = None
        self.event_keys, self.other_keys = KeyPositions(), KeyPositions()
        self.is_stored = bytearray()
        self.restarts = False

    @property
    def last(self) -> Page:
        """The last page, whose cursor and window apply to the whole result."""
        if self._last is None:
            raise ValueError("the result is not complete")
        return self._last

    def add(self, page: Page) -> None:
        """Add a page; all but the last one are written to the file.

        Raises:
            StoreError: It cannot be written.
        """
        batch = page.batch
        self.restarts = self.restarts or batch.restarts
        if not batch.has_more:
            self._last = page
        if batch.has_more or self._file or batch.replaces:
            for record in batch.records:
                if isinstance(record, CalendarEvent):
                    self.event_keys.add((record.clinician, record.uid_key))
                    self.is_stored.append(1)
                else:
                    self.other_keys.add((record.clinician, record.key, type(record).__name__))
            for key in sorted(page.dropped):
                self.event_keys.add(key)
                self.is_stored.append(0)
        if not batch.has_more:
            return
        rejected = [(record.where, record.reason) for record in batch.rejected]
        records, dropped = [*map(_packed, batch.records)], [*page.dropped]
        # marshal is the fastest way to write plain values, and the file is read by this process only.
        content = marshal.dumps((records, dropped, rejected, batch.resolved, batch.removed, batch.done, batch.total))
        try:
            if self._file is None:
                # In the folder of the database, whose disk is the encrypted one. On Linux the file never has a name.
                self._file = SpooledTemporaryFile(  # noqa: SIM115 - open until everything is stored
                    MAX_BYTES_IN_MEMORY, dir=str(self._folder)
                )
            self._file.write(len(content).to_bytes(_LENGTH_BYTES, "big") + content)
        except OSError as error:
            found = f"Nothing can be written beside the database: {write_error_reason(self._folder, error)}."
            kind = DiskFullError if is_disk_full(error) else StoreError
            raise kind(f"{found} Nothing of this source was stored. Make room and run the command again.") from error

    def close(self) -> None:
        """Delete the file."""
        if self._file:
            self._file.close()

    def has_stored_events(self, keys: Sequence[EventKey]) -> list[bool]:
        """Return for each of these keys if the result has an event with it that is stored."""
        positions = self.event_keys.last_positions(keys).tolist()
        return [position >= 0 and bool(self.is_stored[position]) for position in positions]

    def has_dropped_events(self, keys: Sequence[EventKey]) -> list[bool]:
        """Return for each of these keys if the result has an event with it that the policy does not store."""
        positions = self.event_keys.last_positions(keys).tolist()
        return [position >= 0 and not self.is_stored[position] for position in positions]

    def has_evidence(self, keys: Sequence[EventKey]) -> list[bool]:
        """Return for each clinician and evidence key if the result has this evidence."""
        evidence_keys = [(*key, SessionEvidence.__name__) for key in keys]
        return [position >= 0 for position in self.other_keys.last_positions(evidence_keys).tolist()]

    def has_duplicates(self) -> bool:
        """Return ``True`` if two records of different pages have the same key."""
        return self._file is not None and any(0 in keys.is_last_mask() for keys in (self.event_keys, self.other_keys))

    def pages(self) -> Iterator[Page]:
        """Yield all pages, without records that are repeated on a later page."""
        if self._file is None:
            yield self.last
        elif not self.has_duplicates():
            yield from self._all_pages(self._file)
        else:
            event_mask, other_mask = iter(self.event_keys.is_last_mask()), iter(self.other_keys.is_last_mask())
            for page in self._all_pages(self._file):
                yield _without_repeated(page, event_mask, other_mask)

    def _all_pages(self, file: SpooledTemporaryFile[bytes]) -> Iterator[Page]:
        file.seek(0)
        while length := int.from_bytes(file.read(_LENGTH_BYTES), "big"):
            content = marshal.loads(file.read(length))  # noqa: S302 - this process wrote it
            records, dropped, rejected, resolved, removed, done, total = content
            position = file.tell()
            batch = replace(
                self.last.batch, records=tuple(map(_unpacked, records)),
                rejected=tuple(RejectedRecord(*record) for record in rejected),
                resolved=resolved, removed=removed, done=done, total=total, has_more=True,
            )  # fmt: skip
            yield Page(batch, frozenset(dropped), self.last.skipped)
            file.seek(position)  # the caller may have started another iteration meanwhile
        yield self.last


def _without_repeated(page: Page, event_mask: Iterator[int], other_mask: Iterator[int]) -> Page:
    """Return a page without records that a later page repeats; evidence is left out together with its event.

    The masks yield for one key after the other if it is the last one, as :meth:`KeyPositions.is_last_mask` returns it.
    """
    records: list[Record] = []
    repeated: set[Hashable] = set()
    for record in page.batch.records:
        if next(event_mask if isinstance(record, CalendarEvent) else other_mask):
            records.append(record)
        elif isinstance(record, CalendarEvent):
            repeated.add((record.clinician, record.uid_key))
    records = [
        record
        for record in records
        if not (isinstance(record, SessionEvidence) and (record.clinician, record.uid_key) in repeated)
    ]
    dropped = frozenset(key for key in sorted(page.dropped) if next(event_mask))
    return replace(page, batch=replace(page.batch, records=tuple(records)), dropped=dropped)


_Packed = tuple[Any, ...]


def _packed(record: Record) -> _Packed:
    """Return the values of a record as types that marshal knows; instants become epoch seconds."""
    if isinstance(record, CalendarEvent):
        return (
            record.clinician, record.uid_key, epoch(record.start), epoch(record.end), record.kind.value, record.all_day,
            record.status.value, record.client, epoch_or_none(record.edited_at), record.excluded, record.is_free,
            record.meeting, record.series,
        )  # fmt: skip
    if isinstance(record, SessionEvidence):
        return (
            record.clinician, record.key, record.grade.value, epoch_or_none(record.started_at),
            epoch_or_none(record.ended_at), record.uid_key, record.meeting,
        )  # fmt: skip
    return (
        record.clinician, record.key, epoch(record.sent_at), record.outgoing, record.counterpart,
        record.counterpart_kind.value, record.automatic, record.channel, record.thread_nodes,
    )  # fmt: skip


def _unpacked(packed: _Packed) -> Record:
    """Return the record of packed values; the three types have different numbers of values."""
    if len(packed) == 13:
        clinician, uid_key, start, end, kind, all_day, status, client, edited_at, *rest = packed
        return CalendarEvent(
            clinician, uid_key, _instant(start), _instant(end), Kind(kind), all_day, Status(status), client,
            _instant_or_none(edited_at), *rest,
        )  # fmt: skip
    if len(packed) == 7:
        clinician, key, grade, started, ended, *rest = packed
        return SessionEvidence(
            clinician, key, Grade(grade), _instant_or_none(started), _instant_or_none(ended), *rest
        )  # fmt: skip
    clinician, node, sent_at, outgoing, counterpart, kind, *rest = packed
    return MessageStamp(clinician, node, _instant(sent_at), outgoing, counterpart, CounterpartKind(kind), *rest)


def _instant_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
