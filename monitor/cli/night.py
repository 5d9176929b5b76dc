"""``evenhours analyse`` and ``nightly``: compute what is out of date, alone or after reading the sources."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.cli.context import CliContext, pass_context
from monitor.cli.ingest import print_outcome, reading
from monitor.cli.own_mail import print_unrecognised
from monitor.cli.progress import ProgressBar
from monitor.store.runs import last_runs

if TYPE_CHECKING:
    from monitor.ingest import ProgressCallback, SourceOutcome
    from monitor.night import AnalysisResult
    from monitor.readiness import Gap
    from monitor.roster import Clinician

RUNS_SHOWN = 31


@click.command()
@click.option("--full", is_flag=True, help="Compute everybody, not only those whose records changed.")
@pass_context
def analyse(context: CliContext, *, full: bool) -> None:
    """Compute the weekly numbers and notices that are out of date."""
    _ = context.store  # fails here if there is no database, before the lock is taken
    with context.run_lock():
        code = compute(context, full=full)
    sys.exit(code)


def compute(context: CliContext, *, full: bool = False) -> int:
    """Compute the numbers that are out of date, print the result and return the exit code."""
    from monitor.night import analyse_all

    printer = NightPrinter(context)
    with printer.computing() as progress:
        analysis = analyse_all(context.config, context.store, now=context.now, everyone=full, progress=progress)
    printer.computed(analysis)
    return analysis.exit_code


@click.command()
@click.option("--log", is_flag=True, help="Show the last nightly runs and do nothing else.")
@pass_context
def nightly(context: CliContext, *, log: bool) -> None:
    """Read what is new, compute the numbers and report problems: the command for cron.

    Prints only problems and their remedies; on a terminal, with -v or with --json everything that was done.
    """
    if log:
        print_nights(context)
        return
    from monitor.night import night

    # cron mails whatever is printed: without a problem there should be no mail.
    context.quiet = not (context.verbose or context.as_json or sys.stdout.isatty())
    with context.open_for_writing() as store:
        local = context.now.astimezone(context.config.practice.zone)
        context.print_result(f"Started on {local:%A, %d %B %Y at %H:%M} ({local.tzinfo}).")
        ended = night(context.config, store, context.pseudonyms, NightPrinter(context), now=context.now)
        context.print_result(f"Done after {ended.seconds:.0f} s (exit code {ended.exit_code}).")
    sys.exit(ended.exit_code)


class NightPrinter:
    """Prints the progress of a nightly run; see :class:`monitor.night.NightListener`."""

    def __init__(self, context: CliContext) -> None:
        self._context = context
        self._outcomes: list[SourceOutcome] = []
        self._bar = ProgressBar()

    @contextmanager
    def reading(self) -> Iterator[ProgressCallback]:
        """Show on a terminal the progress of each source."""
        with reading(self._context) as self._bar:
            yield self._bar.step

    def read(self, outcome: SourceOutcome) -> None:
        """Print a line about a source."""
        self._bar.clear()
        print_outcome(self._context, outcome, outcome.seconds)
        self._outcomes.append(outcome)

    @contextmanager
    def computing(self) -> Iterator[Callable[[str], None]]:
        """Show on a terminal whose numbers are being computed."""
        with ProgressBar() as bar:
            yield lambda key: bar.show(f"{key} …")

    def computed(self, analysis: AnalysisResult) -> None:
        """Print how many values changed, and whose numbers could not be computed. No value is printed."""
        changed = sum(result.changed for result in analysis.computed)
        summary = (
            f"{len(analysis.computed)} of {analysis.people} clinicians computed, {changed} weekly values changed."
            if analysis.computed or analysis.failed
            else "Nothing new to compute."
        )
        self._context.print_result(
            summary,
            computed=[result.clinician for result in analysis.computed],
            changed=changed,
            failed=[*analysis.failed],
        )
        for key, error in analysis.failed.items():
            # Not the error's message, which may contain text from a source.
            self._context.print_note(
                f"evenhours: {key}: the numbers could not be computed ({type(error).__name__}); the previous "
                "ones stay. This is a bug in Evenhours: please report it. evenhours -v analyse shows where it arose."
            )
            if self._context.verbose:
                traceback.print_exception(error)

    def missing(self, clinician: Clinician, gap: Gap) -> None:
        """Print a gap of a clinician's page and its remedy.

        If this run has seen which address may be missing, it is named, but only on a terminal.
        """
        from monitor.readiness import GapKind
        from monitor.weekly_report import gaps

        outcomes = [
            outcome
            for outcome in self._outcomes
            if outcome.source == gap.source and clinician.key in outcome.unrecognised
        ]
        if gap.kind is GapKind.OWNER_UNKNOWN and outcomes:
            print_unrecognised(self._context, outcomes[0], [clinician.key], name_address=sys.stderr.isatty())
        else:
            found, remedy = gaps.operator_texts(clinician, gap)
            self._context.print_note(f"evenhours: {found}. {remedy}")


def print_nights(context: CliContext) -> None:
    """Print the last nightly runs, the newest last."""
    with context.store.read() as connection:
        runs = last_runs(connection, "nightly", RUNS_SHOWN)
    zone = context.config.practice.zone
    for run in reversed(runs):
        started = datetime.fromtimestamp(run.started_at, zone)
        ended = None if run.ended_at is None else datetime.fromtimestamp(run.ended_at, zone)
        end = "did not end" if ended is None else f"{ended:%H:%M:%S}, exit code {run.exit_code}"
        lines = [f"{started:%Y-%m-%d %H:%M:%S} – {end}"]
        for source in run.sources:
            rows = f"{source.changed} row{'' if source.changed == 1 else 's'} changed"
            rejected = f", {source.rejected} rejected" if source.rejected else ""
            error = f"; {source.error}" if source.error else ""
            lines.append(f"    {source.name}: {rows}{rejected} ({source.seconds:.1f} s){error}")
        context.print_result(
            "\n".join(lines),
            begun=started.isoformat(),
            ended=ended and ended.isoformat(),
            exit_code=run.exit_code,
            sources=[asdict(source) for source in run.sources],
        )
    if not runs:
        context.print_result("No nightly run in the last 30 days.")
