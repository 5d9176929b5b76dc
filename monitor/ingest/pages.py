"""Storing a result page by page. Each page is one transaction, with its records, rejected records and dirty marks.

::

    the first page     the whole result is judged; events with new identifiers are renamed
    every page         records, rejected records, dirty marks
    the last page      records that the result removes are removed; cursor, policy and size of the source are stored

So a run that is cut off in between has removed nothing, and reads the result again. Records are removed::

    by a page          that the source removed, and events that moved out of the window
    by a snapshot      that it would contain and does not (see monitor.ingest.snapshots), with their evidence

Both are refused if far too much would be removed (:meth:`~monitor.ingest.policy.Policy.refuse_shrunk`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from monitor.ingest.policy import Page, Policy
from monitor.ingest.results import BufferedResult
from monitor.ingest.snapshots import Snapshot, SnapshotSummary
from monitor.store import events, evidence, sources
from monitor.store.computations import Invalidation, mark_dirty
from monitor.store.database import Connection, Store
from monitor.store.events import EventKey
from monitor.store.evidence import EvidenceRow
from monitor.store.messages import drop_messages, save_messages
from monitor.store.sources import SourceRow


@dataclass(frozen=True, slots=True)
class Removals:
    """The events, and the evidence by itself, that a snapshot removes."""

    events: set[EventKey] = field(default_factory=set)
    evidence: set[EventKey] = field(default_factory=set)


def save_result(
    store: Store,
    row: SourceRow,
    result: BufferedResult,
    summary: SnapshotSummary,
    policy: Policy,
    now: int,
    *,
    restarts: bool,
) -> Iterator[tuple[SourceRow, Page, Invalidation]]:
    """Store a result page by page; yield the source's row after each page, the page, and what it invalidates.

    Raises:
        ShrunkSourceError: Far too many records are gone. Nothing of the result was stored.
    """
    removals = Removals()
    is_first = True
    for page in result.pages():
        is_last = not page.batch.has_more
        with store.write() as connection:
            parts: list[Invalidation] = []
            if is_first:
                row, removals, parts = _begin(connection, row, result, summary, policy, now, restarts=restarts)
            parts += _save_page(connection, row, page, policy, now)
            if is_last and page.batch.replaces:
                parts.append(events.remove_events(connection, row, removals.events, now))
                parts.append(evidence.drop_evidence(connection, _evidence_to_drop(connection, row, result, removals)))
            invalidation = Invalidation.merged(parts)
            mark_dirty(connection, invalidation)
            if is_last:
                row = sources.save_read_state(
                    connection, row, cursor=page.batch.cursor, policy=policy.settings, skipped=page.skipped,
                    size=page.batch.source_size,
                )  # fmt: skip
        is_first = False
        yield row, page, invalidation


def _begin(
    connection: Connection,
    row: SourceRow,
    result: BufferedResult,
    summary: SnapshotSummary,
    policy: Policy,
    now: int,
    *,
    restarts: bool,
) -> tuple[SourceRow, Removals, list[Invalidation]]:
    """Judge a result and prepare the stored records for it; return the source's row and what a snapshot removes.

    Raises:
        ShrunkSourceError: Far too many records are gone.
    """
    batch = result.last.batch
    if batch.source_size is not None:
        policy.refuse_shrunk(row.size, batch.source_size)
    if batch.replaces:  # a snapshot contains the rejected records again
        sources.delete_rejected_records(connection, row)
    if restarts:
        row = sources.begin_generation(connection, row)
    parts: list[Invalidation] = []
    if policy.busy_only and row.policy not in {None, policy.settings}:
        # Also the records outside the window of this run, which were stored before the source became another job's.
        parts += [
            events.reduce_to_busy(connection, row, now),
            evidence.drop_all_evidence(connection, row),
            drop_messages(connection, row),
        ]
    window = batch.replaces
    if window is None:
        return row, Removals(), parts

    # Events that the snapshot contains with another uid_key are renamed first, so that they are not missing from it.
    snapshot = Snapshot(result, summary, now)
    stored = partial(events.stored_events, connection, row, window)
    new_uid_keys = snapshot.new_uid_keys(stored)
    existing = events.stored_keys(connection, row, new_uid_keys.values())  # a uid_key that was in use before is not new
    new_uid_keys = {key: new for key, new in new_uid_keys.items() if (key[0], new) not in existing}
    if new_uid_keys:
        parts.append(events.rename_events(connection, row, new_uid_keys, now))

    missing_events, stored_count = snapshot.missing_events(stored)
    policy.refuse_shrunk(stored_count, snapshot.summary.events_in_window)
    if not batch.replaces_times:  # evidence that is missing from the snapshot need not have been removed
        return row, Removals(missing_events), parts
    missing_evidence, stored_count = snapshot.missing_evidence(evidence.stored_spans(connection, row, window))
    policy.refuse_shrunk(stored_count, snapshot.summary.evidence_count, "actual times")
    return row, Removals(missing_events, missing_evidence), parts


def _save_page(connection: Connection, row: SourceRow, page: Page, policy: Policy, now: int) -> list[Invalidation]:
    """Store the records of one page.

    Raises:
        ShrunkSourceError: Far too many events are gone.
    """
    batch = page.batch
    page_events = [record for record in batch.records if isinstance(record, CalendarEvent)]
    page_evidence = [record for record in batch.records if isinstance(record, SessionEvidence)]
    stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
    # The events that the source removed, and those that moved out of the window. Events that a snapshot drops are
    # judged with the whole snapshot.
    removed = events.stored_keys(connection, row, batch.removed, policy.window)
    dropped = page.dropped if batch.replaces is None else frozenset()
    if removed or dropped:
        stored = {(event.clinician, event.uid_key) for event in events.stored_events(connection, row, policy.window)}
        removed |= dropped & stored
        on_page = {(event.clinician, event.uid_key) for event in page_events}
        policy.refuse_shrunk(len(stored), len((stored - removed) | on_page))
    parts = [
        events.remove_events(connection, row, removed, now),
        events.save_events(connection, row, page_events, now),
        evidence.save_evidence(connection, row, page_evidence),
        save_messages(connection, row, stamps),
    ]
    sources.delete_resolved_records(connection, row, batch.resolved)
    sources.save_rejected_records(connection, row, batch.rejected, now)
    sources.save_has_records(connection, row, {record.clinician for record in batch.records})
    # In the same transaction: if the run is cut off later, this page is not read again.
    senders = {stamp.clinician for stamp in stamps if stamp.outgoing and not stamp.automatic}
    sources.save_recognised(connection, row, senders)
    return parts


def _evidence_to_drop(
    connection: Connection, row: SourceRow, result: BufferedResult, removals: Removals
) -> list[EvidenceRow]:
    """Return the stored evidence that a snapshot removes and does not contain.

    Evidence is removed with its event, or by itself, or because the snapshot contains its event without evidence. The
    last does not apply if the snapshot contains all evidence: events may reach further back than evidence.
    """
    owner_keys = row.owner_keys
    to_drop = []
    for rows in evidence.stored_evidence(connection, row):
        event_keys = [(owner_keys[stored.clinician_id], stored.uid_key or "") for stored in rows]
        evidence_keys = [(owner_keys[stored.clinician_id], stored.evidence_key) for stored in rows]
        has_event, has_evidence = result.has_stored_events(event_keys), result.has_evidence(evidence_keys)
        for stored, event_key, evidence_key, event_is_there, evidence_is_there in zip(
            rows, event_keys, evidence_keys, has_event, has_evidence, strict=True
        ):
            is_left_out = event_is_there and not result.last.batch.replaces_times
            is_removed = event_key in removals.events or evidence_key in removals.evidence
            if not evidence_is_there and (is_left_out or is_removed):
                to_drop.append(stored)
    return to_drop
