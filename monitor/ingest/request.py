"""The request of a run: which sources and days to read, and the accounts that result from it."""

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
    """The sources (all if empty) and local days that a run is to read.

    ``full`` reads from the beginning, ``accept_shrink`` accepts that a source has lost much of its content.
    """

    sources: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    full: bool = False
    accept_shrink: bool = False


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """A source, or one ``owner``'s account of it, with its connector's context and the practice's policy."""

    source: SourceConfig
    owner: str | None
    context: Context
    policy: Policy


def source_accounts(
    config: Config, pseudonyms: Pseudonyms, request: IngestRequest, *, now: datetime
) -> list[SourceAccount]:
    """Return the accounts that a run is to read, in the order of the configuration. Raises :class:`UsageError`."""
    configured = {source.name: source for source in config.sources}
    unknown = [name for name in request.sources if name not in configured]
    if unknown:
        raise UsageError(
            f'There is no source "{unknown[0]}". The configuration has: {", ".join(configured) or "none"}.'
        )
    requested = [source for name, source in configured.items() if not request.sources or name in request.sources]
    for source in requested:
        if not source.clinicians:
            raise _no_owner_error(source)
    accounts = []
    for source in requested:
        for owner in source.accounts:
            context = context_for(config, source, pseudonyms, request, now=now, account=owner)
            policy = Policy(
                source=source.name,
                owners=frozenset(owner.key for owner in context.owners),
                window=context.window,
                busy_only=source.busy_only,
                longest_seconds=config.practice.longest_session_hours * 3600,
                accept_shrink=request.accept_shrink,
            )
            accounts.append(SourceAccount(source, owner, context, policy))
    return accounts


def _no_owner_error(source: SourceConfig) -> UsageError:
    return UsageError(f"{source.name}: the source has no clinician. Add a [[clinician]] to the configuration.")


def context_for(
    config: Config,
    source: SourceConfig,
    pseudonyms: Pseudonyms,
    request: IngestRequest,
    *,
    now: datetime,
    account: str | None = None,
) -> Context:
    """Return the context of a connector for this run; that of an ``account`` has its owner only."""
    source_owners = tuple(owner for owner in owners(config, source, now) if account in {None, owner.key})
    if not source_owners:
        raise _no_owner_error(source)
    return Context(
        source=source.name,
        owners=source_owners,
        window=window_of(source, source_owners, request, now),
        classifier=classifier(config),
        pseudonyms=pseudonyms,
        folder=config.folder,
        read_secret=secret_reader(source.name, config.folder),
        times_suffice=source.busy_only,
    )


def window_of(source: SourceConfig, source_owners: Sequence[Owner], request: IngestRequest, now: datetime) -> Window:
    """Return the window to read: the days of the request, else those of the source, else 750 days back to 120 ahead.

    Days are local to the owners, and both ends are inclusive.
    """
    today = now.astimezone(source_owners[0].zone).date()
    first = request.first or source.window[0] or today - timedelta(days=DAYS_BACK)
    last = request.last or source.window[1] or today + timedelta(days=DAYS_AHEAD)
    if last < first:
        raise UsageError(f"{source.name}: the window ends on {last}, before it begins on {first}.")
    # Owners may live in different zones: the window begins with the first and ends with the last of their days.
    zones = [owner.zone for owner in source_owners]
    try:
        start = min(datetime.combine(first, time(), zone).astimezone(UTC) for zone in zones)
        end = max(datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC) for zone in zones)
    except OverflowError as error:
        raise UsageError(f"{source.name}: the window from {first} to {last} reaches beyond the calendar.") from error
    return Window(start, end)
