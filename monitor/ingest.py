"""Each source from its cursor into the store; a page is a transaction.

::

    source ─fetch(cursor)→ Batch ─┬─ events, evidence, messages
                                  ├─ faults            one transaction
                                  ├─ dirty marks
                                  └─ cursor

A source that fails keeps its rows and its cursor and never stops another. Where each owner has an account of their own,
each account is read, and fails, on its own. Nothing here knows what a source is.
"""

from __future__ import annotations

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
from monitor.store import events, evidence, sources
from monitor.store.database import Store
from monitor.store.messages import save_messages
from monitor.store.sources import SourceRow
from monitor.store.touched import Touched, mark_dirty

DAYS_BACK, DAYS_AHEAD = 400, 120
SHRUNKEN_PERCENT = 30  # a source that lost more than this of what it held is refused


@dataclass(frozen=True, slots=True)
class Wish:
    """What one run was asked for: which sources (all if empty), which local days, from the start, shrinking allowed."""

    sources: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    full: bool = False
    accept_shrink: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source, or of one owner's ``account`` of it.

    Rows changed, records kept aside, and what stopped it, if anything did.
    """

    source: str
    kind: str
    rows: int = 0
    kept_aside: int = 0
    problem: ConnectorError | None = None
    account: str | None = None

    @property
    def name(self) -> str:
        """What to call it: "diary", or "mail of ana"."""
        return f"{self.source} of {self.account}" if self.account else self.source


@dataclass(frozen=True, slots=True)
class _Account:
    """One thing to read: a source, or one owner's account of it."""

    source: SourceConfig
    owner: str | None
    context: Context


Progress = Callable[[str, Batch], None]
"""Is told what each page came from, as :attr:`Outcome.name` says it, once the page is stored."""


def ingest(
    config: Config, store: Store, names: Pseudonyms, wish: Wish, *, now: datetime, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Read every wished-for source; yields an outcome as each, or each account of it, is done.

    Raises:
        UsageError: before anything is read: the wish names a source that the configuration does not have, or days that
            end before they begin.
        StoreError: the database could not be written; the page in hand is not stored, all earlier ones are.
    """
    chosen = [
        _Account(source, account, context_for(config, source, names, wish, now=now, account=account))
        for source in _wished(config, wish)
        for account in source.accounts
    ]
    for account in chosen:
        yield _ingest_account(store, account, wish, now, progress or _silent)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The exit code of a run: 0 all read, 4 somebody must re-authorise, 3 some failed, 1 every source failed."""
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    if any(isinstance(problem, AuthorizationError) for problem in problems):
        return EXIT_AUTHORISE
    if not problems:
        return EXIT_OK
    return EXIT_PARTLY if len(problems) < len(outcomes) else EXIT_ERROR


def context_for(
    config: Config, source: SourceConfig, names: Pseudonyms, wish: Wish, *, now: datetime, account: str | None = None
) -> Context:
    """All that a connector is told for this run; of one owner's ``account`` it is told that owner alone."""
    people = tuple(owner for owner in owners(config, source) if account in {None, owner.key})
    if not people:
        raise UsageError(f"{source.name}: nobody's times are in it. Add a [[clinician]] to the configuration.")
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
    try:
        start = min(datetime.combine(first, time(), zone).astimezone(UTC) for zone in zones)
        end = max(datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC) for zone in zones)
    except OverflowError as error:
        raise UsageError(f"{source.name}: the window from {first} to {last} reaches beyond the calendar.") from error
    return Window(start, end)


def _wished(config: Config, wish: Wish) -> list[SourceConfig]:
    known = {source.name: source for source in config.sources}
    unknown = [name for name in wish.sources if name not in known]
    if unknown:
        raise UsageError(f'There is no source "{unknown[0]}". The configuration has: {", ".join(known) or "none"}.')
    return [source for name, source in known.items() if not wish.sources or name in wish.sources]


def _silent(_source: str, _batch: Batch) -> None:
    """No progress is shown."""


def _ingest_account(store: Store, account: _Account, wish: Wish, now: datetime, progress: Progress) -> Outcome:
    source, context, at = account.source, account.context, int(now.timestamp())
    outcome = Outcome(source.name, source.kind, account=account.owner)
    with store.write() as connection:
        sources.keep_accounts(connection, source.name, source.accounts)
        people = [owner.key for owner in context.owners]
        row = sources.source_row(connection, source.name, source.kind, people, account.owner)
    cursor = None if wish.full else row.cursor
    from_beginning = cursor is None
    try:
        for batch in _pages(source, context, cursor):
            row, touched = _save(store, row, batch, context, at, anew=from_beginning or batch.anew)
            from_beginning = False
            kept_aside = outcome.kept_aside + len(batch.faults)
            outcome = replace(outcome, rows=outcome.rows + touched.rows, kept_aside=kept_aside)
            progress(outcome.name, batch)
    except ConnectorError as problem:
        with store.write() as connection:
            sources.save_failure(connection, row, str(problem), at)
        return replace(outcome, problem=problem)
    with store.write() as connection:
        sources.save_success(connection, row, context.window, at)
    return outcome


def _pages(source: SourceConfig, context: Context, cursor: str | None) -> Iterator[Batch]:
    """What the connector yields; whatever it does against its contract is an error of this one source."""
    people = {owner.key for owner in context.owners}
    try:
        for batch in source_kind(source.kind).make(source.options, context).fetch(cursor):
            if not people.issuperset(record.clinician for record in batch.records):
                raise LookupError("a record of somebody whose source it is not")  # noqa: TRY301 - a fault like any other
            yield batch
    except ConnectorError:
        raise
    except Exception as error:
        # The error's own words stay out: they may repeat what was read.
        found = f"its reader broke off ({type(error).__name__})."
        remedy = "This is a fault of ours: please report it. evenhours -v ingest shows where it arose."
        raise ConnectorError(source.name, found, remedy) from error


def _save(
    store: Store, row: SourceRow, batch: Batch, context: Context, now: int, *, anew: bool
) -> tuple[SourceRow, Touched]:
    """Store one page: everything or nothing."""
    entries = [record for record in batch.records if isinstance(record, CalendarEvent)]
    times = [record for record in batch.records if isinstance(record, SessionEvidence)]
    stamps = [record for record in batch.records if isinstance(record, MessageStamp)]
    with store.write() as connection:
        if anew:
            row = sources.begin_reading(connection, row)
        parts = [events.remove_events(connection, row, events.named(row, batch.removed), now)]
        if batch.replaces:
            sources.forget_faults(connection, row)
            held = events.held_in(connection, row, batch.replaces)
            gone = _missing(held, batch.replaces, entries, context)
            parts.append(events.remove_events(connection, row, gone, now))
            parts.append(evidence.drop_evidence(connection, row, held, times))
        parts.append(events.save_events(connection, row, entries, now))
        parts.append(evidence.save_evidence(connection, row, times))
        parts.append(save_messages(connection, row, stamps))
        touched = Touched.together(parts)
        sources.save_faults(connection, row, batch.faults, now)
        mark_dirty(connection, touched)
        sources.save_cursor(connection, row, batch.cursor)
    return row, touched


def _missing(
    held: set[events.EntryKey], window: Window, entries: Sequence[CalendarEvent], context: Context
) -> set[events.EntryKey]:
    """What a snapshot no longer holds. A source that has lost far too much is refused, not believed."""
    present = {(entry.clinician, entry.uid_key): window.touches(entry.start, entry.end) for entry in entries}
    inside = sum(present.values())
    if 100 * (len(held) - inside) > SHRUNKEN_PERCENT * len(held) and not context.accept_shrink:
        raise ShrunkenError(context.source, len(held), inside)
    return held - present.keys()
