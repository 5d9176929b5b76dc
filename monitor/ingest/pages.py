"""A page is a transaction: its records, its faults, whose numbers it touches, and the cursor.

::

    the first page     the whole answer is judged; what it tells under new names is renamed
    every page         records, faults, dirty marks
    the last page      what the answer takes back is removed; cursor, policy, how much the source has

So a run that is cut off in between has taken nothing back, and asks its source again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from monitor.ingest.answers import Answer
from monitor.ingest.policy import Page, Policy
from monitor.ingest.snapshots import Snapshot, Told
from monitor.store import events, evidence, renaming, sources
from monitor.store.database import Connection, Store
from monitor.store.events import EntryKey
from monitor.store.messages import drop_messages, save_messages
from monitor.store.sources import SourceRow
from monitor.store.touched import Touched, mark_dirty


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a snapshot takes back: entries, and true times of its own that it tells no more."""

    entries: set[EntryKey] = field(default_factory=set)
    times: set[EntryKey] = field(default_factory=set)


def save_answer(
    store: Store, row: SourceRow, answer: Answer, told: Told, policy: Policy, now: int, *, anew: bool
) -> Iterator[tuple[SourceRow, Page, Touched]]:
    """Store an answer, page by page; yield each with the source as it is then, and what changed.

    Raises:
        ShrunkenError: Far too much is gone. Nothing of the answer was stored.
    """
    taken_back = TakenBack()
    is_first = True
    for page in answer.pages():
        with store.write() as connection:
            parts: list[Touched] = []
            if is_first:
                row, parts = _begin(connection, row, answer, policy, now, anew=anew)
                if answer.last.batch.replaces:
                    taken_back, renamed = _judge(connection, row, answer, told, policy, now)
                    parts.append(renamed)
            parts += _save(connection, row, page, policy, now)
            if not page.batch.goes_on:
                parts += _take_back(connection, row, answer, taken_back, now)
            touched = Touched.together(parts)
            mark_dirty(connection, touched)
            if not page.batch.goes_on:
                sources.save_cursor(connection, row, page.batch.cursor)
                row = sources.save_terms(connection, row, policy.settings, page.skipped, page.batch.holds)
        is_first = False
        yield row, page, touched


def _begin(
    connection: Connection, row: SourceRow, answer: Answer, policy: Policy, now: int, *, anew: bool
) -> tuple[SourceRow, list[Touched]]:
    """Refuse a log of which much is gone; begin a reading, and another job's source as such."""
    holds = answer.last.batch.holds
    if holds is not None:
        policy.refuse_shrunken(row.held, holds)
    if anew:
        row = sources.begin_reading(connection, row)
    if not policy.busy_only or row.policy in {None, policy.settings}:
        return row, []
    # What an ordinary reading has stored goes as well, also of days that this one does not reach.
    return row, [
        events.keep_times_alone(connection, row, now),
        evidence.drop_all_evidence(connection, row),
        drop_messages(connection, row),
    ]


def _judge(
    connection: Connection, row: SourceRow, answer: Answer, told: Told, policy: Policy, now: int
) -> tuple[TakenBack, Touched]:
    """Rename what a snapshot tells under another name; return what it takes back.

    Raises:
        ShrunkenError: That would be far too much.
    """
    batch = answer.last.batch
    assert batch.replaces is not None  # noqa: S101 - whoever calls this has looked
    window = batch.replaces
    sources.forget_faults(connection, row)
    if answer.tells_twice():
        told = Told()
        for page in answer.pages():
            told.add(page)
    snapshot = Snapshot(answer, told, now)
    renamed = Touched()
    names = snapshot.new_names(lambda: events.each_held(connection, row, window))
    if names:  # a name that was in use before is not new
        stored = renaming.stored_names(connection, row, names.values())
        names = {(who, old): new for (who, old), new in names.items() if (who, new) not in stored}
    if names:
        renamed = renaming.rename_events(connection, row, names, now)
    gone, known = snapshot.missing(lambda: events.each_held(connection, row, window))
    policy.refuse_shrunken(known, told.present)
    lost: set[EntryKey] = set()
    if batch.replaces_times:
        lost, known = snapshot.lost_times(evidence.times_in(connection, row, window))
        policy.refuse_shrunken(known, told.number_of_times, "true times")
    return TakenBack(gone, lost), renamed


def _save(connection: Connection, row: SourceRow, page: Page, policy: Policy, now: int) -> list[Touched]:
    """Store what one page tells."""
    batch = page.batch
    entries = [record for record in batch.records if isinstance(record, CalendarEvent)]
    times = [record for record in batch.records if isinstance(record, SessionEvidence)]
    stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
    taken_back = events.taken_back(connection, row, batch.removed, policy.window)
    if batch.replaces is None and page.dropped:
        taken_back |= page.dropped & events.held_in(connection, row, policy.window).keys()
    if taken_back:
        held = events.held_in(connection, row, policy.window)
        told = {(entry.clinician, entry.uid_key) for entry in entries}
        policy.refuse_shrunken(len(held), len((held.keys() - taken_back) | told))
    parts = [
        events.remove_events(connection, row, taken_back, now),
        events.save_events(connection, row, entries, now),
        evidence.save_evidence(connection, row, times),
        save_messages(connection, row, stamps),
    ]
    sources.mend_faults(connection, row, batch.mended)
    sources.save_faults(connection, row, batch.faults, now)
    sources.save_holds(connection, row, {record.clinician for record in batch.records})
    # With its page: a run that is cut off before it ends does not read it again.
    sources.save_recognised(connection, row, {one.clinician for one in stamps if one.outgoing and not one.automatic})
    return parts


def _take_back(
    connection: Connection, row: SourceRow, answer: Answer, taken_back: TakenBack, now: int
) -> Iterator[Touched]:
    """Remove what a snapshot takes back, and true times of entries that it tells without them."""
    batch = answer.last.batch
    if batch.replaces is None:
        return
    yield events.remove_events(connection, row, taken_back.entries, now)
    gone, lost = ({(row.owners[who], name) for who, name in names} for names in (taken_back.entries, taken_back.times))
    keys = {id_: key for key, id_ in row.owners.items()}
    leaving = []
    for some in evidence.each_stored(connection, row):
        about = answer.keeps([(keys[one.clinician_id], one.uid_key or "") for one in some])
        again = answer.tells([(keys[one.clinician_id], one.evidence_key) for one in some])
        for one, is_told, is_again in zip(some, about, again, strict=True):
            # Where true times have a reach of their own, an entry may be told for longer than they are.
            without = is_told and not batch.replaces_times
            if not is_again and (
                without or (one.clinician_id, one.uid_key) in gone or (one.clinician_id, one.evidence_key) in lost
            ):
                leaving.append(one)
    yield evidence.drop_evidence(connection, leaving)
