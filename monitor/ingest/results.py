"""An answer of a source, in pages that are held until the last one has come: then it can be judged as a whole.

::

    page, page, … ─add→ a file without a name, names in eight bytes each ─pages→ one transaction each

So a calendar of 60 MB or an export of a million visits takes no more memory than some of its pages. An answer of one
page, as almost all are, never leaves the memory.
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
from monitor.ingest.policy import EntryKey, Page
from monitor.store.keys import epoch, epoch_or_none

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

_LENGTH = 8  # bytes before each page that say how long it is
IN_MEMORY = 8 * 1024**2  # bytes of pages that are held before they go into a file


class KeyPositions:
    """The names of many things, by the place at which each came. Of two of one name the later counts.

    Of a name the 64 bits are kept that Python makes of it in this process. That two names of a million agree in all of
    them happens once in some ten million runs, and then something that was taken back stays until the next one.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._sorted: tuple[Numbers, Numbers] | None = None

    def add(self, name: Hashable) -> None:
        """Put one behind the others."""
        self._hashes.append(hash(name))
        self._sorted = None

    def places(self, names: Sequence[Hashable]) -> Numbers:
        """Return the last place of each of these names, -1 where it is not there."""
        import numpy as np

        wanted = np.fromiter(map(hash, names), np.int64, len(names))
        hashes, order = self._in_order()
        if not len(hashes):
            return np.full(len(names), -1)
        found = np.searchsorted(hashes, wanted, side="right") - 1  # -1 is the last one, which then is another
        return np.where(hashes[found] == wanted, order[found], -1)

    def standing(self) -> bytes:
        """Return for each place whether no later one has its name: 1, else 0."""
        import numpy as np

        hashes, order = self._in_order()
        stands = np.ones(len(order), np.uint8)
        stands[order[:-1][hashes[1:] == hashes[:-1]]] = 0
        return stands.tobytes()

    def _in_order(self) -> tuple[Numbers, Numbers]:
        import numpy as np

        if self._sorted is None:
            hashes = np.array(self._hashes, dtype=np.int64)  # a copy: an array that is looked into cannot grow
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], order
        return self._sorted


class BufferedResult:
    """The pages of one answer. ``folder`` is where they lie meanwhile, if they are many.

    ``entries`` are the names of all entries that it tells, ``kept`` which of them are stored; ``others`` are the names
    of true times and messages.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._last: Page | None = None
        self.entries, self.others = KeyPositions(), KeyPositions()
        self.kept = bytearray()
        self.anew = False

    @property
    def last(self) -> Page:
        """The last page, which says what holds for all of them."""
        if self._last is None:
            raise ValueError("an answer without an end")
        return self._last

    def add(self, page: Page) -> None:
        """Put a page behind the others. Raises :class:`~monitor.errors.StoreError` where there is no room for it."""
        batch = page.batch
        self.anew = self.anew or batch.restarts
        if not batch.has_more:
            self._last = page
        if batch.has_more or self._file or batch.replaces:
            for record in batch.records:
                if isinstance(record, CalendarEvent):
                    self.entries.add((record.clinician, record.uid_key))
                    self.kept.append(1)
                else:
                    self.others.add(_name_of(record))
            for key in sorted(page.dropped):
                self.entries.add(key)
                self.kept.append(0)
        if batch.has_more:
            self._hold(page)

    def close(self) -> None:
        """Give back what the pages took."""
        if self._file:
            self._file.close()

    def keeps(self, names: Sequence[EntryKey]) -> list[bool]:
        """Return for each of these names whether an entry of it is told and stored."""
        return [at >= 0 and bool(self.kept[at]) for at in self.entries.places(names).tolist()]

    def drops(self, names: Sequence[EntryKey]) -> list[bool]:
        """Return for each of these names whether an entry of it is told and not stored."""
        return [at >= 0 and not self.kept[at] for at in self.entries.places(names).tolist()]

    def tells(self, names: Sequence[EntryKey]) -> list[bool]:
        """Return for each of these names whether true times of it are told."""
        wanted = [(*name, SessionEvidence.__name__) for name in names]
        return [at >= 0 for at in self.others.places(wanted).tolist()]

    def _hold(self, page: Page) -> None:
        batch = page.batch
        rejected = [(record.where, record.reason) for record in batch.rejected]
        content = marshal.dumps(
            (
                [*map(_packed, batch.records)],
                [*page.dropped],
                rejected,
                batch.resolved,
                batch.removed,
                batch.done,
                batch.total,
            )
        )
        try:
            if self._file is None:
                # Beside the database, whose disk is the one that is encrypted; on Linux it never has a name.
                self._file = SpooledTemporaryFile(IN_MEMORY, dir=str(self._folder))  # noqa: SIM115 - until all is stored
            self._file.write(len(content).to_bytes(_LENGTH, "big") + content)
        except OSError as error:
            found = f"Nothing can be written beside the database: {write_error_reason(self._folder, error)}."
            kind = DiskFullError if is_disk_full(error) else StoreError
            raise kind(f"{found} Nothing of this answer was stored. Make room and run the command again.") from error

    def tells_twice(self) -> bool:
        """Return ``True`` if a page tells something that a later one tells again."""
        return self._file is not None and any(0 in names.standing() for names in (self.entries, self.others))

    def pages(self) -> Iterator[Page]:
        """Yield every page, without what a later one tells again."""
        if self._file is None:
            yield self.last
        elif not self.tells_twice():
            yield from self._all_pages(self._file)
        else:
            entries, others = iter(self.entries.standing()), iter(self.others.standing())
            for page in self._all_pages(self._file):
                yield _without_earlier(page, entries, others)

    def _all_pages(self, file: SpooledTemporaryFile[bytes]) -> Iterator[Page]:
        file.seek(0)
        while length := int.from_bytes(file.read(_LENGTH), "big"):
            records, dropped, rejected, resolved, removed, done, total = marshal.loads(file.read(length))  # noqa: S302 - ours
            at = file.tell()
            batch = replace(
                self.last.batch, records=tuple(map(_unpacked, records)),
                rejected=tuple(RejectedRecord(*one) for one in rejected),
                resolved=resolved, removed=removed, done=done, total=total, has_more=True,
            )  # fmt: skip
            yield Page(batch, frozenset(dropped), self.last.skipped)
            file.seek(at)  # somebody else may read, too
        yield self.last


def _name_of(record: SessionEvidence | MessageStamp) -> Hashable:
    return record.clinician, record.key, type(record).__name__


def _without_earlier(page: Page, entries: Iterator[int], others: Iterator[int]) -> Page:
    """Return a page without what a later one tells again; the true times of an entry go with it.

    The iterators tell of one name after the other whether it stands.
    """
    kept: list[Record] = []
    gone: set[Hashable] = set()
    for record in page.batch.records:
        if next(entries if isinstance(record, CalendarEvent) else others):
            kept.append(record)
        elif isinstance(record, CalendarEvent):
            gone.add((record.clinician, record.uid_key))
    kept = [one for one in kept if not (isinstance(one, SessionEvidence) and (one.clinician, one.uid_key) in gone)]
    dropped = frozenset(key for key in sorted(page.dropped) if next(entries))
    return replace(page, batch=replace(page.batch, records=tuple(kept)), dropped=dropped)


_Packed = tuple[Any, ...]


def _packed(record: Record) -> _Packed:
    """Return a record in plain numbers and words, as the store will keep them: instants are epoch seconds."""
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
    if len(packed) == 13:
        clinician, uid_key, start, end, kind, all_day, status, client, edited_at, *rest = packed
        return CalendarEvent(
            clinician, uid_key, _instant(start), _instant(end), Kind(kind), all_day, Status(status), client,
            _known(edited_at), *rest,
        )  # fmt: skip
    if len(packed) == 7:
        clinician, key, grade, started, ended, *rest = packed
        return SessionEvidence(clinician, key, Grade(grade), _known(started), _known(ended), *rest)
    clinician, node, sent_at, outgoing, counterpart, kind, *rest = packed
    return MessageStamp(clinician, node, _instant(sent_at), outgoing, counterpart, CounterpartKind(kind), *rest)


def _known(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
