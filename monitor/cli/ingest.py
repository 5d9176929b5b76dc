"""``evenhours ingest``: reads the sources. ``nightly`` and ``demo`` report what was read in the same words."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import click

from monitor.cli.context import DAY, CliContext, pass_context
from monitor.cli.own_mail import print_unrecognised
from monitor.cli.progress import ProgressBar

if TYPE_CHECKING:
    from monitor.ingest import IngestRequest, SourceOutcome


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
