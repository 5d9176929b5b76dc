"""``evenhours report``: the weekly report of one clinician, or the director's page, as a file."""

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
@click.option("--clinician", metavar="KEY", help="Whose report (may be left out where there is one clinician).")
@click.option("--week", type=WEEK, help="The week, as 2026-W46 (default: the last that is over).")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="The file to write (default: standard output).")
@pass_context
def weekly(context: CliContext, clinician: str | None, week: date | None, form: str, output: Path | None) -> None:
    """The weekly self-care report: private to the clinician it is about."""
    from monitor.compute import bring_up_to_date
    from monitor.weekly_report.report import weekly_report
    from reports import weekly as drawn

    person = context.clinician(clinician)
    bring_up_to_date(context.config, context.store, person, now=context.now)
    told: WeeklyReport = weekly_report(context.config, context.store, person, week, now=context.now)
    _write(context, _drawn(drawn.standalone, drawn.text, drawn.markdown)[form](told), output)


@report.command()
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="The file to write (default: standard output).")
@pass_context
def fairness(context: CliContext, form: str, output: Path | None) -> None:
    """Write how evenly the caseload was shared in the last published blocks of four weeks: for the director."""
    from monitor.fairness_report.report import fairness_report
    from reports import fairness as drawn

    told: FairnessReport = fairness_report(context.config, context.store, now=context.now)
    _write(context, _drawn(drawn.standalone, drawn.text, drawn.markdown)[form](told), output)


def _drawn(
    html: Callable[[Any], str], text: Callable[[Any], str], markdown: Callable[[Any], str]
) -> Mapping[str, Callable[[Any], str]]:
    return {"html": html, "text": text, "md": markdown}


def _write(context: CliContext, content: str, output: Path | None) -> None:
    """To a file that is private from its beginning and whole or not there, or to standard output."""
    if output is None:
        context.print_result(content.rstrip("\n"), report=content)
        return
    write_output(output, content)
    context.print_result(f"Written: {output}", output=str(output))


def write_output(path: Path, content: str) -> None:
    """Write a file that only its owner may read; an existing one is replaced at once or not at all.

    Raises:
        DiskFullError: The disk is full. Nothing is left of what was begun.
        UsageError: The file cannot be written there.
    """
    from connectors.private import is_disk_full, replace_file, write_error_reason
    from monitor.errors import DiskFullError, UsageError

    try:
        replace_file(path, content)
    except OSError as error:
        found = f"{path} cannot be written: {write_error_reason(path.parent, error)}."
        if is_disk_full(error):
            raise DiskFullError(f"{found} Make room and run the command again.") from error
        raise UsageError(found) from error
