"""Commands of the night: compute what is out of date, or everything that cron is there for."""

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
from monitor.cli.progress import ProgressBar
from monitor.store import tables

if TYPE_CHECKING:
    from monitor.ingest import ProgressCallback as PageProgress
    from monitor.ingest import SourceOutcome
    from monitor.night import AnalysisResult
    from monitor.readiness import Gap
    from monitor.roster import Clinician

NIGHTS_SHOWN = 31


@click.command()
@click.option("--full", is_flag=True, help="Everybody, not only those whose records changed.")
@pass_context
def analyse(context: CliContext, *, full: bool) -> None:
    """Compute the weekly numbers and notices that are out of date."""
    _ = context.store  # it has to be there
    with context.run_lock():
        code = compute(context, full=full)
    sys.exit(code)


def compute(context: CliContext, *, full: bool = False) -> int:
    """Analyse whoever is out of date and tell how it went; return the exit code."""
    from monitor.night import analyse_all

    printer = Printer(context)
    with printer.computing() as progress:
        analysis = analyse_all(context.config, context.store, now=context.now, everyone=full, progress=progress)
    printer.computed(analysis)
    return analysis.exit_code


@click.command()
@click.option("--log", is_flag=True, help="Show what the last nights did, and do nothing.")
@pass_context
def nightly(context: CliContext, *, log: bool) -> None:
    """Everything that cron is there for: read what is new, compute, and say what to do where something broke.

    Only what somebody has to do is printed; on a terminal, with -v and with --json all that was done.
    """
    if log:
        print_nights(context)
        return
    from monitor.night import night

    context.quiet = not (context.verbose or context.as_json or sys.stdout.isatty())
    with context.open_for_writing() as store:
        local = context.now.astimezone(context.config.practice.zone)
        context.print_result(f"Begun on {local:%A, %d %B %Y at %H:%M} ({local.tzinfo}).")
        ended = night(context.config, store, context.pseudonyms, Printer(context), now=context.now)
        context.print_result(f"Done after {ended.seconds:.0f} s (exit code {ended.exit_code}).")
    sys.exit(ended.exit_code)


class Printer:
    """Prints what a night does (see :class:`monitor.night.NightListener`)."""

    def __init__(self, context: CliContext) -> None:
        self._context = context
        self._outcomes: list[SourceOutcome] = []
        self._bar = ProgressBar()

    @contextmanager
    def reading(self) -> Iterator[PageProgress]:
        """Show on a terminal how far each source is."""
        from monitor.cli.sources import reading

        with reading(self._context) as self._bar:
            yield self._bar.step

    def read(self, outcome: SourceOutcome) -> None:
        """Print a line about a source."""
        from monitor.cli.sources import print_outcome

        self._bar.clear()
        print_outcome(self._context, outcome, outcome.seconds)
        self._outcomes.append(outcome)

    @contextmanager
    def computing(self) -> Iterator[Callable[[str], None]]:
        """Show on a terminal whose numbers are being computed."""
        with ProgressBar() as bar:
            yield lambda person: bar.show(f"{person} …")

    def computed(self, analysis: AnalysisResult) -> None:
        """Print how many values changed, and whose numbers could not be computed; no number of anybody is printed."""
        changed = sum(person.changed for person in analysis.computed)
        told = (
            f"{len(analysis.computed)} of {analysis.people} clinicians computed, {changed} weekly values changed."
            if analysis.computed or analysis.failed
            else "Nothing new to compute."
        )
        self._context.print_result(
            told,
            computed=[person.clinician for person in analysis.computed],
            changed=changed,
            failed=[*analysis.failed],
        )
        for person, error in analysis.failed.items():
            # Without the error's own words: they may repeat what was read.
            self._context.print_note(
                f"evenhours: {person}: the numbers could not be computed ({type(error).__name__}); the last ones "
                "stand. This is a fault of ours: please report it. evenhours -v analyse shows where it arose."
            )
            if self._context.verbose:
                traceback.print_exception(error)

    def missing(self, clinician: Clinician, gap: Gap) -> None:
        """Print what keeps somebody's page from saying more.

        Tonight's outcomes may know which address is missing; that is named where somebody looks at standard error.
        """
        from monitor.cli.own_mail import print_unrecognised
        from monitor.readiness import GapKind
        from monitor.weekly_report import gaps

        seen = [one for one in self._outcomes if one.source == gap.source and clinician.key in one.unrecognised]
        if gap.kind is GapKind.OWNER_UNKNOWN and seen:
            print_unrecognised(self._context, seen[0], [clinician.key], name_address=sys.stderr.isatty())
        else:
            found, mend = gaps.operator_texts(clinician, gap)
            self._context.print_note(f"evenhours: {found}. {mend}")


def print_nights(context: CliContext) -> None:
    """Print what the last nights did, the newest last."""
    with context.store.read() as connection:
        nights = tables.last_runs(connection, "nightly", NIGHTS_SHOWN)
    zone = context.config.practice.zone
    for night in reversed(nights):
        begun = datetime.fromtimestamp(night.started_at, zone)
        ended = None if night.ended_at is None else datetime.fromtimestamp(night.ended_at, zone)
        how = "it did not end" if ended is None else f"{ended:%H:%M:%S}, exit code {night.exit_code}"
        lines = [f"{begun:%Y-%m-%d %H:%M:%S} – {how}"]
        for source in night.sources:
            rows = f"{source.changed} row{'' if source.changed == 1 else 's'} changed"
            aside = f", {source.rejected} kept aside" if source.rejected else ""
            fault = f"; {source.error}" if source.error else ""
            lines.append(f"    {source.name}: {rows}{aside} ({source.seconds:.1f} s){fault}")
        context.print_result(
            "\n".join(lines),
            begun=begun.isoformat(),
            ended=ended and ended.isoformat(),
            exit_code=night.exit_code,
            sources=[asdict(source) for source in night.sources],
        )
    if not nights:
        context.print_result("There was no night in the last 30 days.")
