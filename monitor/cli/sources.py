"""``evenhours ingest``, ``classify``, ``inspect`` and ``correct``: the commands about sources and their sessions."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from monitor.cli.context import DAY, CliContext, pass_context, printable
from monitor.cli.own_mail import print_likely_address, print_unrecognised
from monitor.cli.progress import ProgressBar
from monitor.errors import UsageError

_CONFIRMED_AFTER = timedelta(hours=3)  # so long after the booked end, a correction may be a typing error

if TYPE_CHECKING:
    from connectors.classify import ClassifiedEntry
    from monitor.config import SourceConfig
    from monitor.ingest import IngestRequest, SourceOutcome
    from monitor.store.events import EventMatch


@click.command()
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only this source; repeat it for several.")
@click.option("--from", "first", type=DAY, help="First local day to read.")
@click.option("--to", "last", type=DAY, help="Last local day to read.")
@click.option("--full", is_flag=True, help="Read everything again, whatever was read before.")
@click.option("--accept-shrink", is_flag=True, help="Accept a source that contains far fewer records than before.")
@pass_context
def ingest(
    context: CliContext,
    sources: tuple[str, ...],
    first: date | None,
    last: date | None,
    *,
    full: bool,
    accept_shrink: bool,
) -> None:
    """Read what is new from every source into the database."""
    from monitor.ingest import IngestRequest, exit_code

    with context.open_for_writing():
        outcomes = read_sources(context, IngestRequest(sources, first, last, full=full, accept_shrink=accept_shrink))
        for outcome in outcomes:  # after all sources, so that the remedy is the last thing on the screen
            print_unrecognised(context, outcome, outcome.unrecognised.keys(), name_address=True)
    sys.exit(exit_code(outcomes))


def read_sources(context: CliContext, request: IngestRequest) -> list[SourceOutcome]:
    """Read the requested sources, print the result of each, and return them."""
    from monitor.ingest import ingest as run

    outcomes = []
    with reading(context) as bar:
        for outcome in run(
            context.config, context.store, context.pseudonyms, request, now=context.now, progress=bar.step
        ):
            bar.clear()
            print_outcome(context, outcome)
            outcomes.append(outcome)
    return outcomes


@contextmanager
def reading(context: CliContext) -> Iterator[ProgressBar]:
    """Show progress while sources are read, and say what is stored if the user interrupts."""
    if not context.config.sources:
        context.print_note("There is no source yet. Add a [[source]] to the configuration.")
    try:
        with ProgressBar() as bar:
            yield bar
    except (KeyboardInterrupt, SystemExit):
        context.print_note("Stopped. What was read so far is stored; the next run continues from there.")
        raise


def print_outcome(context: CliContext, outcome: SourceOutcome, seconds: float | None = None) -> None:
    """Print one line about a source, and its problem with the remedy to standard error. ``seconds`` is its duration."""
    rejected = f", {outcome.rejected} rejected (evenhours doctor shows why)" if outcome.rejected else ""
    rows = f"{outcome.rows} row{'' if outcome.rows == 1 else 's'} changed"
    result = f"{'read in part, ' if outcome.problem else ''}{rows}{rejected}"
    duration = {} if seconds is None else {"seconds": round(seconds, 1)}
    context.print_result(
        f"{outcome.name}: {'not read' if outcome.problem and not outcome.rows else result}"
        + (f" ({seconds:.1f} s)" if seconds is not None else ""),
        source=outcome.source,
        account=outcome.account,
        rows=outcome.rows,
        rejected=outcome.rejected,
        problem=str(outcome.problem) if outcome.problem else None,
        unrecognised=[*outcome.unrecognised],
        **duration,
    )
    if outcome.problem:
        account = f"{outcome.account}: " if outcome.account else ""
        context.print_note(f"evenhours: {account}{outcome.problem}")
        if context.verbose:
            traceback.print_exception(outcome.problem)


@click.command()
@click.option("--try", "try_", is_flag=True, help="Show how the rules classify the last weeks; nothing is stored.")
@click.option("--source", "name", metavar="NAME", help="Only this calendar.")
@click.option("--clinician", "key", metavar="KEY", help="The owner of the account, if a calendar has several.")
@click.option("--weeks", type=click.IntRange(1, 520), default=4, show_default=True, help="How many weeks back.")
@pass_context
def classify(context: CliContext, name: str | None, key: str | None, weeks: int, *, try_: bool) -> None:
    """Show how the rules classify the entries of your calendar. Nothing is stored."""
    from connectors.registry import source_kind
    from monitor.ingest import IngestRequest, context_for

    if not try_:
        raise UsageError("Add --try: evenhours classify --try")
    today = context.now.astimezone(context.config.practice.zone).date()
    request = IngestRequest(first=today - timedelta(weeks=weeks), last=today)
    kinds: Counter[str] = Counter()
    person, calendars = context.clinician(key).key if key else None, _calendars(context, name)
    if not calendars:
        context.print_note("There is no calendar yet. Add one as a [[source]] to the configuration.")
    for source in calendars:
        if person not in {None, *source.clinicians}:  # --clinician was given, and the calendar is not theirs
            continue
        account, preview = _account(source, person), source_kind(source.kind).preview
        source_context = context_for(
            context.config, source, context.pseudonyms, request, now=context.now, account=account
        )
        if source.busy_only:
            context.print_note(f"{source.name}: it is busy_only, so only its times are stored and no rule applies.")
            continue
        for seen in preview(source.options, source_context) if preview else ():
            if source_context.window.touches(seen.start, seen.end):  # connectors may return more than was asked
                kinds[seen.kind] += 1
                _print_entry(context, source.name, seen, source_context.owners[0].zone)
    context.print_result(
        ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "No entries in these weeks."
    )


def _calendars(context: CliContext, name: str | None) -> list[SourceConfig]:
    from connectors.registry import source_kind

    calendars = {source.name: source for source in context.config.sources if source_kind(source.kind).preview}
    if name is not None and name not in calendars:
        names = ", ".join(calendars) or "none"
        raise UsageError(f'There is no calendar "{name}". The configuration has: {names}.')
    return [source for source in calendars.values() if name in {None, source.name}]


def _account(source: SourceConfig, key: str | None) -> str | None:
    """Return the owner whose account is shown, if each owner has one: titles are for their owner alone."""
    if source.accounts == (None,):
        return None
    if key is None and len(source.accounts) > 1:
        raise UsageError(f"{source.name}: choose an account: --clinician {' | '.join(source.clinicians)}")
    return key or source.accounts[0]


def _print_entry(context: CliContext, source: str, seen: ClassifiedEntry, zone: ZoneInfo) -> None:
    start = seen.start.astimezone(zone)
    client = f"  client {seen.client[:4]}" if seen.client else ""  # as much of the pseudonym as pages show
    context.print_result(
        f"{start:%a %d %b %H:%M}  {seen.kind:<16}{printable(seen.title)}{client}",
        source=source,
        start=start.isoformat(),
        kind=seen.kind,
        title=seen.title,
        client=seen.client,
        rule=seen.rule,
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def inspect(context: CliContext, file: Path) -> None:
    """Examine an exported file and print a [[source]] that reads it."""
    from connectors.csv_export.inspect import propose
    from connectors.detect import detect_kind, source_block

    kind = detect_kind(file)
    proposal = source_block(kind, file) if kind else propose(file).toml()
    context.print_result(proposal, proposal=proposal)
    if kind:
        print_likely_address(context, kind, file)


@click.command()
@click.argument("uid_key")
@click.argument("end", required=False)
@click.option("--clinician", metavar="KEY", help="The clinician, if several have this session.")
@click.option("--yes", is_flag=True, help="Confirm an end hours after the booked one.")
@click.option("--undo", is_flag=True, help="Remove the correction, so that the sources count again.")
@pass_context
def correct(
    context: CliContext, uid_key: str, end: str | None, clinician: str | None, *, yes: bool, undo: bool
) -> None:
    """Correct the end of a session: END is a local time (18:05) or date and time (2026-11-20T18:05)."""
    from monitor.store.evidence import drop_correction, save_correction
    from reports.wording import day_and_month

    if undo == (end is not None):  # both or neither
        raise UsageError("Give the END of the session, or --undo to remove a correction.")
    session = _find_session(context, uid_key, clinician)
    if end is None:
        with context.open_for_writing() as store, store.write() as connection:
            if not drop_correction(connection, session.clinician, uid_key):
                raise UsageError("That session has no correction.")
        context.print_result(
            f"Correction removed. {_computed(context, session.clinician)}", uid_key=uid_key, ended_at=None
        )
        return
    ended = _ended(context, session, end, yes=yes)
    with context.open_for_writing() as store, store.write() as connection:
        save_correction(connection, session.clinician, uid_key, int(ended.timestamp()), int(context.now.timestamp()))
    computed = _computed(context, session.clinician)
    text = f"Corrected: the session ended at {ended:%H:%M} on {day_and_month(ended)}. {computed}"
    context.print_result(text, uid_key=uid_key, ended_at=ended.isoformat())


def _computed(context: CliContext, key: str) -> str:
    """Compute a clinician's numbers after a change; return a sentence that says whether they are up to date."""
    from monitor.compute import bring_up_to_date

    ready = bring_up_to_date(context.config, context.store, context.clinician(key), now=context.now)
    if ready.is_current:
        return "The weekly numbers are up to date."
    return "The weekly numbers could not be computed; the previous ones stay. Run: evenhours doctor"


def _ended(context: CliContext, session: EventMatch, end: str, *, yes: bool) -> datetime:
    """Return the end that was typed. Raises UsageError if it is impossible, or hours late without ``yes``."""
    from monitor.analysis.clock import local_time
    from reports.wording import day_and_month

    person = context.clinician(session.clinician)
    began, booked_end = (local_time(person, instant) for instant in (session.start, session.booked_end))
    booked = f"That session was booked for {day_and_month(began)} from {began:%H:%M} to {booked_end:%H:%M}"
    ended = _instant(end, began, booked_end)
    if not 0 <= ended.timestamp() - session.start <= context.config.practice.longest_session_hours * 3600:
        raise UsageError(f"{booked}; it cannot have ended at {end}.")
    if ended - booked_end > _CONFIRMED_AFTER and not yes:
        raise UsageError(f"{booked}. If it really ended at {ended:%H:%M} on {day_and_month(ended)}, add --yes.")
    return ended


def _find_session(context: CliContext, uid_key: str, clinician: str | None) -> EventMatch:
    from monitor.store.events import find_events

    with context.store.read() as connection:
        found = [named for named in find_events(connection, uid_key) if named.kind == "session"]
    if clinician is not None:
        found = [named for named in found if named.clinician == context.clinician(clinician).key]
    if not found:
        raise UsageError(f"No session has the uid_key {uid_key}. evenhours export sessions lists them.")
    if len(found) > 1:
        raise UsageError(f"Choose a clinician: --clinician {' | '.join(named.clinician for named in found)}")
    return found[0]


def _instant(text: str, began: datetime, booked_end: datetime) -> datetime:
    """Return the instant of ``text``: a time on the day of the booked end, or a date and time, local without an offset.

    A time before the session's beginning belongs to the next day.
    """
    try:
        if len(text) <= len("18:05:00"):  # a time without a date
            parsed = datetime.strptime(text, "%H:%M" if text.count(":") == 1 else "%H:%M:%S")
            instant = datetime.combine(booked_end.date(), parsed.time(), booked_end.tzinfo)
            # A session from 23:30 to 00:20 that is corrected to 00:05 ended on the next day.
            return instant if instant >= began else instant + timedelta(days=1)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'"{text}" is not a time; write it like 18:05 or 2026-11-20T18:05.') from None
    return instant if instant.tzinfo else instant.replace(tzinfo=booked_end.tzinfo)
