"""A page is a transaction: its records, its faults, whose numbers it touches, and the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Batch, Context, Window
from connectors.errors import ShrunkenError
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from monitor.store import events, evidence, sources
from monitor.store.database import Store
from monitor.store.messages import save_messages
from monitor.store.sources import SourceRow
from monitor.store.touched import Touched, mark_dirty

SHRUNKEN_PERCENT = 30  # a source that lost more than this of what it held is refused


def save_page(
    store: Store, row: SourceRow, batch: Batch, context: Context, now: int, *, anew: bool
) -> tuple[SourceRow, Touched]:
    """Store one page: everything or nothing. Raises :class:`~connectors.errors.ShrunkenError`."""
    entries = [record for record in batch.records if isinstance(record, CalendarEvent)]
    times = [record for record in batch.records if isinstance(record, SessionEvidence)]
    stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
    with store.write() as connection:
        if anew:
            row = sources.begin_reading(connection, row)
        taken_back = events.taken_back(connection, row, batch.removed, context.window)
        if taken_back:
            held = events.held_in(connection, row, context.window)
            come = {name for name, is_inside in _told(entries, context.window).items() if is_inside}
            _refuse_shrunken(len(held), len((held - taken_back) | come), context)
        parts = [events.remove_events(connection, row, taken_back, now)]
        if batch.replaces:
            sources.forget_faults(connection, row)
            held = events.held_in(connection, row, batch.replaces)
            gone = _missing(held, batch.replaces, entries, context)
            known = evidence.times_in(connection, row, batch.replaces) if batch.replaces_times else set()
            _refuse_shrunken(len(known), len({(one.clinician, one.key) for one in times}), context, "true times")
            parts.append(events.remove_events(connection, row, gone, now))
            parts.append(evidence.drop_evidence(connection, row, held, known, times))
        parts.append(events.save_events(connection, row, entries, now))
        parts.append(evidence.save_evidence(connection, row, times))
        parts.append(save_messages(connection, row, stamps))
        touched = Touched.together(parts)
        sources.mend_faults(connection, row, batch.mended)
        sources.save_faults(connection, row, batch.faults, now)
        mark_dirty(connection, touched)
        sources.save_cursor(connection, row, batch.cursor)
    return row, touched


def _missing(
    held: set[events.EntryKey], window: Window, entries: Sequence[CalendarEvent], context: Context
) -> set[events.EntryKey]:
    """What a snapshot no longer holds."""
    present = _told(entries, window)
    _refuse_shrunken(len(held), sum(present.values()), context)
    return held - present.keys()


def _told(entries: Sequence[CalendarEvent], window: Window) -> dict[events.EntryKey, bool]:
    """Each entry that is told of, and whether it lies in the window."""
    return {(entry.clinician, entry.uid_key): window.touches(entry.start, entry.end) for entry in entries}


def _refuse_shrunken(held: int, holds: int, context: Context, what: str = "entries") -> None:
    """A source that has lost far too much is refused, not believed, until somebody confirms it."""
    if 100 * (held - holds) > SHRUNKEN_PERCENT * held and not context.accept_shrink:
        raise ShrunkenError(context.source, held, holds, what)
