"""A page is a transaction: its records, its faults, whose numbers it touches, and the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Window
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from monitor.ingest.policy import Page, Policy
from monitor.ingest.snapshots import Snapshot, missing_times
from monitor.store import events, evidence, renaming, sources
from monitor.store.database import Connection, Store
from monitor.store.messages import drop_messages, save_messages
from monitor.store.sources import SourceRow
from monitor.store.touched import Touched, mark_dirty


def save_page(
    store: Store, row: SourceRow, page: Page, policy: Policy, now: int, *, anew: bool
) -> tuple[SourceRow, Touched]:
    """Store one page: everything or nothing. Raises :class:`~connectors.errors.ShrunkenError`."""
    batch = page.batch
    entries = [record for record in batch.records if isinstance(record, CalendarEvent)]
    times = [record for record in batch.records if isinstance(record, SessionEvidence)]
    stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
    with store.write() as connection:
        if batch.holds is not None:
            policy.refuse_shrunken(row.held, batch.holds)
        if anew:
            row = sources.begin_reading(connection, row)
        parts = []
        if policy.busy_only and row.policy not in {None, policy.settings}:
            # What an ordinary reading has stored goes as well, also of days that this one does not reach.
            parts += [
                events.keep_times_alone(connection, row, now),
                evidence.drop_all_evidence(connection, row),
                drop_messages(connection, row),
            ]
        taken_back = events.taken_back(connection, row, batch.removed, policy.window)
        if batch.replaces is None and page.dropped:
            taken_back |= page.dropped & events.held_in(connection, row, policy.window).keys()
        if taken_back:
            held = events.held_in(connection, row, policy.window)
            told = {(entry.clinician, entry.uid_key) for entry in entries}
            policy.refuse_shrunken(len(held), len((held.keys() - taken_back) | told))
        parts.append(events.remove_events(connection, row, taken_back, now))
        if batch.replaces:
            sources.forget_faults(connection, row)
            parts += _compare(connection, row, page, batch.replaces, times, policy, now)
        parts.append(events.save_events(connection, row, entries, now))
        parts.append(evidence.save_evidence(connection, row, times))
        parts.append(save_messages(connection, row, stamps))
        touched = Touched.together(parts)
        sources.mend_faults(connection, row, batch.mended)
        sources.save_faults(connection, row, batch.faults, now)
        mark_dirty(connection, touched)
        sources.save_holds(connection, row, {record.clinician for record in batch.records})
        # With its page: a run that is cut off before it ends does not read it again.
        sources.save_recognised(
            connection, row, {one.clinician for one in stamps if one.outgoing and not one.automatic}
        )
        sources.save_cursor(connection, row, batch.cursor)
        row = sources.save_terms(connection, row, policy.settings, page.skipped, batch.holds)
    return row, touched


def _compare(
    connection: Connection,
    row: SourceRow,
    page: Page,
    window: Window,
    times: Sequence[SessionEvidence],
    policy: Policy,
    now: int,
) -> list[Touched]:
    """Rename what a snapshot tells under another name, and remove what it takes back."""
    batch = page.batch
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
    gone = snapshot.missing(held) | (page.dropped & held.keys())
    present = sum(window.touches(entry.start, entry.end) for entry in snapshot.told.values())
    policy.refuse_shrunken(len(gone | (held.keys() & snapshot.told.keys())), present)
    parts.append(events.remove_events(connection, row, gone, now))

    told_times = {(one.clinician, one.key) for one in times}
    stored_times = evidence.times_in(connection, row, window) if batch.replaces_times else {}
    lost = missing_times(stored_times, batch, times, now)
    policy.refuse_shrunken(len(lost | (stored_times.keys() & told_times)), len(told_times), "true times")
    # Where true times have a reach of their own, an entry may be told for longer than they are.
    about = gone if batch.replaces_times else gone | snapshot.told.keys()
    parts.append(evidence.drop_evidence(connection, row, about, lost, times))
    return parts
