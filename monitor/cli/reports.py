"""``evenhours report``: the weekly report of a clinician, or the director's fairness report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.context import WEEK, CliContext, pass_context

if TYPE_CHECKING:
    from reports.models import FairnessReport, WeeklyReport


@click.group()
def report() -> None:
    """Write a report: weekly for one clinician, fairness for the director."""


FORMATS = ["html", "text", "md"]


@report.command()
@click.option("--clinician", "key", metavar="KEY", help="The clinician; may be left out if there is only one.")
@click.option("--week", type=WEEK, help="The week, as 2026-W46 (default: the last that is over).")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="The file to write (default: standard output).")
@pass_context
def weekly(context: CliContext, key: str | None, week: date | None, format_: str, output: Path | None) -> None:
    """Write the weekly self-care report, which is private to its clinician."""
    from monitor.compute import bring_up_to_date
    from monitor.weekly_report.report import weekly_report
    from reports import weekly as renderer

    clinician = context.clinician(key)
    # A correction made since the last night has to be in the report.
    bring_up_to_date(context.config, context.store, clinician, now=context.now)
    model: WeeklyReport = weekly_report(context.config, context.store, clinician, week, now=context.now)
    _write(context, _renderers(renderer.standalone, renderer.text, renderer.markdown)[format_](model), output)


@report.command()
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="The file to write (default: standard output).")
@pass_context
def fairness(context: CliContext, format_: str, output: Path | None) -> None:
    """Write the director's report: how evenly the caseload was shared in the last published blocks of four weeks."""
    from monitor.fairness_report.report import fairness_report
    from reports import fairness as renderer

    model: FairnessReport = fairness_report(context.config, context.store, now=context.now)
    _write(context, _renderers(renderer.standalone, renderer.text, renderer.markdown)[format_](model), output)


def _renderers(
    html: Callable[[Any], str], text: Callable[[Any], str], markdown: Callable[[Any], str]
) -> Mapping[str, Callable[[Any], str]]:
    return {"html": html, "text": text, "md": markdown}


def _write(context: CliContext, content: str, output: Path | None) -> None:
    """Write to a private file, complete or not at all, or to standard output."""
    if output is None:
        context.print_result(content.rstrip("\n"), report=content)
        return
    write_output(output, content)
    context.print_result(f"Written: {output}", output=str(output))


def write_output(path: Path, content: str) -> None:
    """Write a file that only its owner can read; an existing one is replaced in one step or not at all.

    Raises:
        DiskFullError: The disk is full. No partial file is left.
        UsageError: The file cannot be written there.
    """
    from connectors.private import is_disk_full, replace_file, write_error_reason
    from monitor.errors import DiskFullError, UsageError

    try:
        replace_file(path, content)
    except OSError as error:
        problem = f"{path} cannot be written: {write_error_reason(path.parent, error)}."
        if is_disk_full(error):
            raise DiskFullError(f"{problem} Make room and run the command again.") from error
        raise UsageError(problem) from error
