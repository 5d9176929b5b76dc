"""What one run is to read: which sources, account by account, for which days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from connectors.base import Context, Owner, Window
from connectors.pseudonyms import Pseudonyms
from monitor.config import Config, SourceConfig, classifier, owners
from monitor.credentials import secret_reader
from monitor.errors import UsageError
from monitor.ingest.policy import Policy

DAYS_BACK, DAYS_AHEAD = 750, 120


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What one run was asked for: which sources (all if empty), which local days, from the start, shrinking allowed."""

    sources: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    full: bool = False
    accept_shrink: bool = False


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """One thing to read: a source, or one ``owner``'s account of it, with what its connector is told and is kept."""

    source: SourceConfig
    owner: str | None
    context: Context
    policy: Policy


def source_accounts(config: Config, names: Pseudonyms, request: IngestRequest, *, now: datetime) -> list[SourceAccount]:
    """All that a run is to read, in the order of the configuration. Raises :class:`UsageError`."""
    chosen = []
    for source in _requested(config, request):
        for owner in source.accounts:
            context = context_for(config, source, names, request, now=now, account=owner)
            chosen.append(SourceAccount(source, owner, context, _policy(config, source, context, request)))
    return chosen


def _policy(config: Config, source: SourceConfig, context: Context, request: IngestRequest) -> Policy:
    return Policy(
        source=source.name,
        owners=frozenset(owner.key for owner in context.owners),
        window=context.window,
        busy_only=source.busy_only,
        longest_seconds=config.practice.longest_session_hours * 3600,
        accept_shrink=request.accept_shrink,
    )


def _requested(config: Config, request: IngestRequest) -> list[SourceConfig]:
    known = {source.name: source for source in config.sources}
    unknown = [name for name in request.sources if name not in known]
    if unknown:
        raise UsageError(f'There is no source "{unknown[0]}". The configuration has: {", ".join(known) or "none"}.')
    requested = [source for name, source in known.items() if not request.sources or name in request.sources]
    for source in requested:
        if not source.clinicians:
            raise _nobodys(source)
    return requested


def _nobodys(source: SourceConfig) -> UsageError:
    return UsageError(f"{source.name}: nobody's times are in it. Add a [[clinician]] to the configuration.")


def context_for(
    config: Config,
    source: SourceConfig,
    names: Pseudonyms,
    request: IngestRequest,
    *,
    now: datetime,
    account: str | None = None,
) -> Context:
    """All that a connector is told for this run; of one owner's ``account`` it is told that owner alone."""
    people = tuple(owner for owner in owners(config, source, now) if account in {None, owner.key})
    if not people:
        raise _nobodys(source)
    return Context(
        source=source.name,
        owners=people,
        window=window_of(source, people, request, now),
        classifier=classifier(config),
        pseudonyms=names,
        folder=config.folder,
        read_secret=secret_reader(source.name, config.folder),
        times_suffice=source.busy_only,
    )


def window_of(source: SourceConfig, people: Sequence[Owner], request: IngestRequest, now: datetime) -> Window:
    """The instants that are wanted: the run's own days, else the source's, else 750 days back to 120 ahead.

    Days are local to the owners and both inclusive.
    """
    today = now.astimezone(people[0].zone).date()
    first = request.first or source.window[0] or today - timedelta(days=DAYS_BACK)
    last = request.last or source.window[1] or today + timedelta(days=DAYS_AHEAD)
    if last < first:
        raise UsageError(f"{source.name}: the window ends on {last}, before it begins on {first}.")
    zones = [owner.zone for owner in people]
    try:
        start = min(datetime.combine(first, time(), zone).astimezone(UTC) for zone in zones)
        end = max(datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC) for zone in zones)
    except OverflowError as error:
        raise UsageError(f"{source.name}: the window from {first} to {last} reaches beyond the calendar.") from error
    return Window(start, end)
