"""``evenhours demo``: the main job from real files to pages, on an invented practice."""

from __future__ import annotations

import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

import click

from monitor.cli import streams
from monitor.cli.desk import Desk, pass_desk
from monitor.errors import UsageError

MARK = "planted.json"  # lies in a folder that an earlier demonstration made


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True)
@click.option("--serve/--no-serve", default=None, help="Serve the pages afterwards (EVENHOURS_DEMO_SERVE=0 does not).")
@click.option("--port", default=8137, show_default=True, help="Port of the pages on this machine.")
@pass_desk
def demo(desk: Desk, folder: Path, serve: bool | None, port: int) -> None:  # noqa: FBT001
    """Write an invented practice to disk, read it with the ordinary connectors, analyse, report and serve it."""
    from monitor.cli.night import compute
    from monitor.demo import write_practice

    streams.work_goes_on()
    clock = _Steps(desk)
    _empty(folder)
    write_practice(folder, desk.now)
    clock.done(f"A practice of 12 clinicians is written to {folder}/ (what was planted: {folder}/PLANTED.md)")
    desk.config_option = str(folder / "evenhours.toml")
    _read(desk)
    clock.done("Calendars, mailboxes, call logs and exports are read into the database")
    _set_slots(desk)
    if code := compute(desk):
        sys.exit(code)
    clock.done("Weekly numbers and notices are computed")
    _write_reports(desk, folder)
    clock.done(f"Reports are written to {folder}/reports/")
    if serve if serve is not None else os.environ.get("EVENHOURS_DEMO_SERVE", "1") != "0":
        from monitor.cli.serve import serve_pages

        serve_pages(desk, ["ana", "director"], port=port, lasts=60)


class _Steps:
    """Tells each step and how long it took."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._since = desk, time.monotonic()

    def done(self, text: str) -> None:
        seconds, self._since = time.monotonic() - self._since, time.monotonic()
        self._desk.say(f"{text} ({seconds:.1f} s).", step=text, seconds=round(seconds, 1))


def _empty(folder: Path) -> None:
    """Clear the folder of an earlier demonstration, and of nothing else."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UsageError(f"{folder} is not empty and holds no demonstration. Choose another: --folder FOLDER")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _read(desk: Desk) -> None:
    from monitor.cli.sources import read_sources
    from monitor.ingest import IngestRequest

    with desk.writing():
        read_sources(desk, IngestRequest())


def _set_slots(desk: Desk) -> None:
    """Set the open slots that the invented clinicians would have set on their own pages."""
    from monitor.analysis.referral import OpenSlots
    from monitor.demo import SLOTS
    from monitor.store.referrals import set_open_slots

    with desk.store.write() as connection:
        for key, (day, evening, trauma, weeks) in SLOTS.items():
            set_at = int((desk.now - timedelta(weeks=weeks)).timestamp())
            set_open_slots(connection, key, OpenSlots(day, evening, trauma), set_at=set_at)


def _write_reports(desk: Desk, folder: Path) -> None:
    """The weekly report of each clinician and the director's page."""
    from monitor.cli.reports import write_output
    from monitor.fairness_report.report import fairness_report
    from monitor.weekly_report.report import weekly_report
    from reports import fairness, weekly

    reports = folder / "reports"
    reports.mkdir(mode=0o700, exist_ok=True)
    shared = fairness_report(desk.config, desk.store, now=desk.now)
    write_output(reports / "fairness.html", fairness.standalone(shared))
    for person in desk.config.clinicians:
        told = weekly_report(desk.config, desk.store, person, now=desk.now)
        write_output(reports / f"{person.key}.html", weekly.standalone(told))
        write_output(reports / f"{person.key}.md", weekly.markdown(told))
