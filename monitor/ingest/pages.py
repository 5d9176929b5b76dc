"""A page is a transaction: its records, its rejected records, whose numbers it touches, and the cursor.

::

    the first page     the whole answer is judged; what it tells under new names is renamed
    every page         records, rejected records, dirty marks
    the last page      what the answer takes back is removed; cursor, policy, how much the source has

So a run that is cut off in between has taken nothing back, and asks its source again. What is taken back::

    by a page          what its source removed, and entries that moved out of the window
    by a snapshot      what it could tell and does not (monitor.ingest.snapshots says what it could), with its times

Both are refused where they are far too much (:meth:`~monitor.ingest.policy.Policy.refuse_shrunken`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.base import Window
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from monitor.ingest.policy import Page, Policy
from monitor.ingest.results import BufferedResult
from monitor.ingest.snapshots import Snapshot, SnapshotSummary
from monitor.store import events, evidence, renaming, sources
from monitor.store.database import Connection, Store
from monitor.store.events import EntryKey
from monitor.store.evidence import EvidenceRow
from monitor.store.invalidation import Invalidation, mark_dirty
from monitor.store.messages import drop_messages, save_messages
from monitor.store.sources import SourceRow


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a snapshot takes back: entries, and true times of its own that it tells no more."""

    entries: set[EntryKey] = field(default_factory=set)
    times: set[EntryKey] = field(default_factory=set)


def save_result(
    store: Store, row: SourceRow, answer: BufferedResult, told: SnapshotSummary, policy: Policy, now: int, *, anew: bool
) -> Iterator[tuple[SourceRow, Page, Invalidation]]:
    """Store an answer, page by page; yield each with the source as it is then, and what changed.

    Raises:
        ShrunkSourceError: Far too much is gone. Nothing of the answer was stored.
    """
    window = answer.last.batch.replaces
    removals = TakenBack()
    is_first = True
    for page in answer.pages():
        with store.write() as connection:
            parts: list[Invalidation] = []
            if is_first:
                row, parts = _begin(connection, row, answer, policy, now, anew=anew)
                if window:
                    snapshot = Snapshot(answer, told, now)
                    parts.append(_rename(connection, row, snapshot, window, now))
                    removals = _judge(connection, row, snapshot, window, policy)
            parts += _save(connection, row, page, policy, now)
            if not page.batch.has_more and window:
                parts.append(events.remove_events(connection, row, removals.entries, now))
                parts.append(evidence.drop_evidence(connection, _lost_times(connection, row, answer, removals)))
            invalidation = Invalidation.merged(parts)
            mark_dirty(connection, invalidation)
            if not page.batch.has_more:
                sources.save_cursor(connection, row, page.batch.cursor)
                row = sources.save_read_state(connection, row, policy.settings, page.skipped, page.batch.source_size)
        is_first = False
        yield row, page, invalidation


def _begin(
    connection: Connection, row: SourceRow, answer: BufferedResult, policy: Policy, now: int, *, anew: bool
) -> tuple[SourceRow, list[Invalidation]]:
    """Refuse a log of which much is gone; begin a reading, and another job's source as such."""
    batch = answer.last.batch
    if batch.source_size is not None:
        policy.refuse_shrunken(row.size, batch.source_size)
    if batch.replaces:  # it tells again of what could not be used
        sources.delete_rejected_records(connection, row)
    if anew:
        row = sources.begin_generation(connection, row)
    if not policy.busy_only or row.policy in {None, policy.settings}:
        return row, []
    # What an ordinary reading has stored goes as well, also of days that this one does not reach.
    return row, [
        events.reduce_to_busy(connection, row, now),
        evidence.drop_all_evidence(connection, row),
        drop_messages(connection, row),
    ]


def _rename(connection: Connection, row: SourceRow, snapshot: Snapshot, window: Window, now: int) -> Invalidation:
    """Rename what a snapshot tells under another name."""
    names = snapshot.new_names(lambda: events.stored_events(connection, row, window))
    if names:  # a name that was in use before is not new
        stored = renaming.existing_keys(connection, row, names.values())
        names = {(who, old): new for (who, old), new in names.items() if (who, new) not in stored}
    return renaming.rename_events(connection, row, names, now) if names else Invalidation()


def _judge(connection: Connection, row: SourceRow, snapshot: Snapshot, window: Window, policy: Policy) -> TakenBack:
    """Return what a snapshot takes back: what it could tell and does not.

    Raises:
        ShrunkSourceError: That would be far too much.
    """
    entries, known = snapshot.missing(lambda: events.stored_events(connection, row, window))
    policy.refuse_shrunken(known, snapshot.told.present)
    if not snapshot.tells_all_times:
        return TakenBack(entries)
    times, known = snapshot.lost_times(evidence.stored_spans(connection, row, window))
    policy.refuse_shrunken(known, snapshot.told.number_of_times, "true times")
    return TakenBack(entries, times)


def _save(connection: Connection, row: SourceRow, page: Page, policy: Policy, now: int) -> list[Invalidation]:
    """Store what one page tells."""
    batch = page.batch
    entries = [record for record in batch.records if isinstance(record, CalendarEvent)]
    times = [record for record in batch.records if isinstance(record, SessionEvidence)]
    stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
    parts = [
        events.remove_events(connection, row, _removed(connection, row, page, policy), now),
        events.save_events(connection, row, entries, now),
        evidence.save_evidence(connection, row, times),
        save_messages(connection, row, stamps),
    ]
    sources.delete_resolved_records(connection, row, batch.resolved)
    sources.save_rejected_records(connection, row, batch.rejected, now)
    sources.save_has_records(connection, row, {record.clinician for record in batch.records})
    # With its page: a run that is cut off before it ends does not read it again.
    sources.save_recognised(connection, row, {one.clinician for one in stamps if one.outgoing and not one.automatic})
    return parts


def _removed(connection: Connection, row: SourceRow, page: Page, policy: Policy) -> set[EntryKey]:
    """Return what a page by itself takes back: what its source removed, and entries that moved out of the window.

    What a snapshot does not keep is judged with all that it tells.

    Raises:
        ShrunkSourceError: That would be far too much.
    """
    batch = page.batch
    removed = events.stored_keys(connection, row, batch.removed, policy.window)
    dropped = page.dropped if batch.replaces is None else frozenset()
    if not removed and not dropped:
        return set()
    held = events.stored_events_by_key(connection, row, policy.window).keys()
    gone = removed | (dropped & held)
    told = {(entry.clinician, entry.uid_key) for entry in batch.records if isinstance(entry, CalendarEvent)}
    policy.refuse_shrunken(len(held), len((held - gone) | told))
    return gone


def _lost_times(
    connection: Connection, row: SourceRow, answer: BufferedResult, removals: TakenBack
) -> list[EvidenceRow]:
    """Return the stored true times that go with a snapshot, none of which it tells again.

    They go with their entry, or by themselves, or because the snapshot tells their entry without them. The last does
    not hold where true times have a reach of their own: an entry may be told for longer than they are.
    """
    keys = {id_: key for key, id_ in row.owners.items()}
    lost = []
    for some in evidence.stored_evidence(connection, row):
        entries = [(keys[one.clinician_id], one.uid_key or "") for one in some]
        times = [(keys[one.clinician_id], one.evidence_key) for one in some]
        kept, told = answer.keeps(entries), answer.tells(times)
        for one, entry, time, is_kept, is_told in zip(some, entries, times, kept, told, strict=True):
            is_left_out = is_kept and not answer.last.batch.replaces_times
            if not is_told and (is_left_out or entry in removals.entries or time in removals.times):
                lost.append(one)
    return lost
