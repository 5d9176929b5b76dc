"""A page is a transaction: its records, its faults, whose numbers it touches, and the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Batch, Context, Window
from connectors.errors import ShrunkenError
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from monitor.ingest.snapshots import Snapshot, missing_times
from monitor.store import events, evidence, renaming, sources
from monitor.store.database import Connection, Store
from monitor.store.messages import save_messages
from monitor.store.sources import SourceRow
from monitor.store.touched import Touched, mark_dirty

SHRUNKEN_PERCENT = 30  # a source that lost more than this of what it held, where it reaches, is refused


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
            _refuse_shrunken(len(held), len((held.keys() - taken_back) | come), context)
        parts = [events.remove_events(connection, row, taken_back, now)]
        if batch.replaces:
            sources.forget_faults(connection, row)
            parts += _compare(connection, row, batch, batch.replaces, times, context, now)
        parts.append(events.save_events(connection, row, entries, now))
        parts.append(evidence.save_evidence(connection, row, times))
        parts.append(save_messages(connection, row, stamps))
        touched = Touched.together(parts)
        sources.mend_faults(connection, row, batch.mended)
        sources.save_faults(connection, row, batch.faults, now)
        mark_dirty(connection, touched)
        sources.save_holds(connection, row, {record.clinician for record in batch.records})
        sources.save_cursor(connection, row, batch.cursor)
    return row, touched


def _compare(
    connection: Connection,
    row: SourceRow,
    batch: Batch,
    window: Window,
    times: Sequence[SessionEvidence],
    context: Context,
    now: int,
) -> list[Touched]:
    """Rename what a snapshot tells under another name, and remove what it takes back."""
    snapshot = Snapshot(batch, now)
    held = events.held_in(connection, row, window)
    parts = []
    names = snapshot.new_names(held)
    if names:  # a name that was in use before is not new
        stored = renaming.stored_names(connection, row, names.values())
        names = {(who, old): new for (who, old), new in names.items() if (who, new) not in stored}
    if names:
        parts.append(renaming.rename_events(connection, row, names, now))
        held = events.held_in(connection, row, window)
    gone = snapshot.missing(held)
    present = sum(window.touches(entry.start, entry.end) for entry in snapshot.told.values())
    _refuse_shrunken(len(gone | (held.keys() & snapshot.told.keys())), present, context)
    parts.append(events.remove_events(connection, row, gone, now))

    told_times = {(one.clinician, one.key) for one in times}
    stored_times = evidence.times_in(connection, row, window) if batch.replaces_times else {}
    lost = missing_times(stored_times, batch, times, now)
    _refuse_shrunken(len(lost | (stored_times.keys() & told_times)), len(told_times), context, "true times")
    # Where true times have a reach of their own, an entry may be told for longer than they are.
    about = gone if batch.replaces_times else gone | snapshot.told.keys()
    parts.append(evidence.drop_evidence(connection, row, about, lost, times))
    return parts


def _told(entries: Sequence[CalendarEvent], window: Window) -> dict[events.EntryKey, bool]:
    """Each entry that is told of, and whether it lies in the window."""
    return {(entry.clinician, entry.uid_key): window.touches(entry.start, entry.end) for entry in entries}


def _refuse_shrunken(held: int, holds: int, context: Context, what: str = "entries") -> None:
    """A source that has lost far too much is refused, not believed, until somebody confirms it."""
    if 100 * (held - holds) > SHRUNKEN_PERCENT * held and not context.accept_shrink:
        raise ShrunkenError(context.source, held, holds, what)
