"""``evenhours demo``: writes an invented practice, reads and analyses it, and serves its pages."""

from __future__ import annotations

import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

import click

from monitor.cli import streams
from monitor.cli.context import CliContext, pass_context
from monitor.errors import UsageError

MARKER = "planted.json"  # in every folder that an earlier demonstration wrote


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True)
@click.option("--serve/--no-serve", default=None, help="Serve the pages afterwards (not with EVENHOURS_DEMO_SERVE=0).")
@click.option("--port", default=8137, show_default=True, help="The port of the pages on this machine.")
@pass_context
def demo(context: CliContext, folder: Path, serve: bool | None, port: int) -> None:  # noqa: FBT001
    """Write an invented practice to disk, read it with the ordinary connectors, analyse, report and serve it."""
    from monitor.analysis.referral import OpenSlots
    from monitor.cli.ingest import read_sources
    from monitor.cli.night import compute
    from monitor.demo import SLOTS, write_practice
    from monitor.ingest import IngestRequest
    from monitor.store.referrals import set_open_slots

    streams.ignore_output_errors()  # `demo | head` must not leave half a practice
    steps = _Steps(context)
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise UsageError(
                f"{folder} is not empty and contains no demonstration. Choose another folder: --folder FOLDER"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_practice(folder, context.now)
    steps.print_done(f"A practice of 12 clinicians is written to {folder}/ (its planted changes: {folder}/PLANTED.md)")
    context.config_option = str(folder / "evenhours.toml")
    with context.open_for_writing():
        read_sources(context, IngestRequest())
    steps.print_done("Calendars, mailboxes, call logs and exports are read into the database")
    # The open slots that the invented clinicians would have set on their own pages.
    with context.store.write() as connection:
        for key, (day, evening, trauma, weeks) in SLOTS.items():
            entered_at = int((context.now - timedelta(weeks=weeks)).timestamp())
            set_open_slots(connection, key, OpenSlots(day, evening, trauma), entered_at=entered_at)
    if code := compute(context):  # a demonstration with missing numbers is not worth showing
        sys.exit(code)
    steps.print_done("Weekly numbers and notices are computed")
    _write_reports(context, folder)
    steps.print_done(f"Reports are written to {folder}/reports/")
    if serve if serve is not None else os.environ.get("EVENHOURS_DEMO_SERVE", "1") != "0":
        from monitor.cli.serve import serve_pages

        serve_pages(context, ["ana", "director"], port=port, lasts=60)


class _Steps:
    """Prints each step and its duration."""

    def __init__(self, context: CliContext) -> None:
        self._context, self._since = context, time.monotonic()

    def print_done(self, text: str) -> None:
        seconds, self._since = time.monotonic() - self._since, time.monotonic()
        self._context.print_result(f"{text} ({seconds:.1f} s).", step=text, seconds=round(seconds, 1))


def _write_reports(context: CliContext, folder: Path) -> None:
    """Write the weekly report of each clinician and the director's fairness report."""
    from monitor.cli.reports import write_output
    from monitor.fairness_report.report import fairness_report
    from monitor.weekly_report.report import weekly_report
    from reports import fairness, weekly

    reports = folder / "reports"
    reports.mkdir(mode=0o700, exist_ok=True)
    director_model = fairness_report(context.config, context.store, now=context.now)
    write_output(reports / "fairness.html", fairness.standalone(director_model))
    for person in context.config.clinicians:
        model = weekly_report(context.config, context.store, person, now=context.now)
        write_output(reports / f"{person.key}.html", weekly.standalone(model))
        write_output(reports / f"{person.key}.md", weekly.markdown(model))
