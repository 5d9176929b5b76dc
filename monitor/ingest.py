"""Each source from its cursor into the store; a page is a transaction.

::

    source ─fetch(cursor)→ Batch ─┬─ events, evidence, messages
                                  ├─ faults            one transaction
                                  ├─ dirty marks
                                  └─ cursor

A source that fails keeps its rows and its cursor and never stops another. Nothing here knows what a source is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from connectors.base import Batch, Context, Owner, Window
from connectors.errors import AuthorizationError, ConnectorError, ShrunkenError
from connectors.pseudonyms import Pseudonyms
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence
from connectors.registry import source_kind
from monitor.config import Config, SourceConfig, classifier, owners
from monitor.credentials import secret_reader
from monitor.errors import EXIT_AUTHORISE, EXIT_ERROR, EXIT_OK, EXIT_PARTLY, UsageError
from monitor.store import records
from monitor.store.database import Store
from monitor.store.records import SourceRow, Touched

DAYS_BACK, DAYS_AHEAD = 400, 120
SHRUNKEN_SHARE = 0.3  # a source that lost more than this of what it held is refused


@dataclass(frozen=True, slots=True)
class Wish:
    """What one run was asked for: which source (all if empty), which local days, from the start, shrinking allowed."""

    sources: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    full: bool = False
    accept_shrink: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source: rows changed, records kept aside, and what stopped it, if anything did."""

    source: str
    kind: str
    rows: int = 0
    kept_aside: int = 0
    problem: ConnectorError | None = None


Progress = Callable[[str, Batch], None]


def ingest(
    config: Config, store: Store, names: Pseudonyms, wish: Wish, *, now: datetime, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Read every wished-for source; yields an outcome as each is done.

    Raises:
        UsageError: the wish names a source that the configuration does not have, or days that end before they begin.
        StoreError: the database could not be written; the page in hand is not stored, all earlier ones are.
    """
    for source in _wished(config, wish):
        yield _ingest_source(config, store, names, source, wish, now, progress or _silent)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The exit code of a run: 0 all read, 4 somebody must re-authorise, 3 some failed, 1 every source failed."""
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    if any(isinstance(problem, AuthorizationError) for problem in problems):
        return EXIT_AUTHORISE
    if not problems:
        return EXIT_OK
    return EXIT_PARTLY if len(problems) < len(outcomes) else EXIT_ERROR


def context_for(  # noqa: PLR0913
    config: Config, source: SourceConfig, names: Pseudonyms, wish: Wish, *, now: datetime
) -> Context:
    """All that a connector is told for this run."""
    people = owners(config, source)
    return Context(
        source=source.name,
        owners=people,
        window=window_of(source, people, wish, now),
        classifier=classifier(config),
        names=names,
        folder=config.folder,
        read_secret=secret_reader(source.name, config.folder),
        busy_only=source.busy_only,
        longest_session=timedelta(hours=config.practice.longest_session_hours),
        accept_shrink=wish.accept_shrink,
    )


def window_of(source: SourceConfig, people: Sequence[Owner], wish: Wish, now: datetime) -> Window:
    """The instants that are wanted: the run's own days, else the source's, else 400 days back to 120 ahead.

    Days are local to the owners and both inclusive.
    """
    today = now.astimezone(people[0].zone).date()
    first = wish.first or source.window[0] or today - timedelta(days=DAYS_BACK)
    last = wish.last or source.window[1] or today + timedelta(days=DAYS_AHEAD)
    if last < first:
        raise UsageError(f"{source.name}: the window ends on {last}, before it begins on {first}.")
    zones = [owner.zone for owner in people]
    start = min(datetime.combine(first, time(), zone).astimezone(UTC) for zone in zones)
    end = max(datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC) for zone in zones)
    return Window(start, end)


def _wished(config: Config, wish: Wish) -> list[SourceConfig]:
    known = {source.name: source for source in config.sources}
    unknown = [name for name in wish.sources if name not in known]
    if unknown:
        raise UsageError(f'There is no source "{unknown[0]}". The configuration has: {", ".join(known) or "none"}.')
    return [source for name, source in known.items() if not wish.sources or name in wish.sources]


def _silent(_source: str, _batch: Batch) -> None:
    """No progress is shown."""


def _ingest_source(  # noqa: PLR0913, PLR0917
    config: Config, store: Store, names: Pseudonyms, source: SourceConfig, wish: Wish, now: datetime, progress: Progress
) -> Outcome:
    outcome, at = Outcome(source.name, source.kind), int(now.timestamp())
    context = context_for(config, source, names, wish, now=now)
    row = _source_row(store, source, context, wish)
    try:
        connector = source_kind(source.kind).make(source.options, context)
        for batch in connector.fetch(row.cursor):
            touched = _save(store, row, batch, context, at)
            outcome = replace(
                outcome, rows=outcome.rows + touched.rows, kept_aside=outcome.kept_aside + len(batch.faults)
            )
            progress(source.name, batch)
    except ConnectorError as problem:
        with store.write() as connection:
            records.save_failure(connection, row, str(problem), at)
        return replace(outcome, problem=problem)
    with store.write() as connection:
        records.save_success(connection, row, context.window, at)
    return outcome


def _source_row(store: Store, source: SourceConfig, context: Context, wish: Wish) -> SourceRow:
    """The source as stored; its cursor is set back where it is to be read from the beginning."""
    fingerprint = _fingerprint(source, context)
    with store.write() as connection:
        row = records.source_row(connection, source.name, source.kind, source.clinicians)
        if row.fingerprint != fingerprint:
            return records.begin_reading(connection, row, fingerprint)
        return replace(row, cursor=None) if wish.full else row


def _fingerprint(source: SourceConfig, context: Context) -> str:
    """What a source was read under. Another one means other kinds, directions or keys: everything is read anew."""
    owned = sorted((owner.key, str(owner.zone), sorted(owner.addresses)) for owner in context.owners)
    rules = context.classifier
    inside = sorted(rules.domains), sorted(rules.staff), sorted(rules.management)
    key = context.names.entry("evenhours", "fingerprint")
    told = (source.kind, source.options, source.busy_only, context.longest_session, owned, rules.rules, inside,
            rules.client_title, key)  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _save(store: Store, row: SourceRow, batch: Batch, context: Context, now: int) -> Touched:
    """Store one page: everything or nothing."""
    with store.write() as connection:
        if batch.replaces or row.cursor is None:
            records.forget_faults(connection, row)
        parts = [records.remove_events(connection, row, batch.removed, now)]
        events = [record for record in batch.records if isinstance(record, CalendarEvent)]
        if batch.replaces:
            gone = _missing(connection, row, batch, events, context)
            parts.append(records.remove_events(connection, row, gone, now))
        parts.append(records.save_events(connection, row, events, now))
        evidence = [record for record in batch.records if isinstance(record, SessionEvidence)]
        parts.append(records.save_evidence(connection, row, evidence))
        stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
        parts.append(records.save_messages(connection, row, stamps))
        touched = _together(parts)
        records.save_faults(connection, row, batch.faults, now)
        records.mark_dirty(connection, touched)
        records.save_cursor(connection, row, batch.cursor)
        return touched


def _missing(
    connection: sqlite3.Connection,
    row: SourceRow,
    batch: Batch,
    events: Sequence[CalendarEvent],
    context: Context,
) -> list[str]:
    """What a snapshot no longer holds. A source that has lost far too much is refused, not believed."""
    assert batch.replaces is not None
    held = records.held_in(connection, row, batch.replaces)
    present = {event.uid_key for event in events}
    inside = sum(batch.replaces.touches(event.start, event.end) for event in events)
    if inside < (1 - SHRUNKEN_SHARE) * len(held) and not context.accept_shrink:
        raise ShrunkenError(context.source, len(held), inside)
    return [key for key in held if key not in present]


def _together(parts: Sequence[Touched]) -> Touched:
    whole = Touched()
    for part in parts:
        for clinician, since in part.since.items():
            whole.add(clinician, since)
    whole.rows = sum(part.rows for part in parts)
    return whole
