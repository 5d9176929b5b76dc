"""Commands of the night: compute what is out of date, or everything that cron is there for."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from monitor.cli.desk import Desk, pass_desk
from monitor.cli.progress import SourceBar
from monitor.errors import EXIT_ERROR


@click.command()
@click.option("--full", is_flag=True, help="Everybody, not only those whose records changed.")
@pass_desk
def analyse(desk: Desk, *, full: bool) -> None:
    """Compute the weekly numbers and notices that are out of date."""
    from monitor.nightly import only_run

    store = desk.store  # it has to be there
    with only_run(store.path):
        compute(desk, full=full)


def compute(desk: Desk, *, full: bool = False) -> None:
    """Analyse whoever is out of date and tell how many values changed; no number of anybody is printed."""
    from monitor.nightly import analyse as run

    with SourceBar() as bar:
        people = run(
            desk.config, desk.store, now=desk.now, everyone=full, progress=lambda person: bar.show(f"{person} …")
        )
        done = list(people)
    changed = sum(person.changed for person in done)
    desk.say(
        f"{len(done)} of {len(desk.config.clinicians)} clinicians computed, {changed} weekly values changed.",
        computed=[person.clinician for person in done],
        changed=changed,
    )


@click.command()
@pass_desk
def nightly(desk: Desk) -> None:
    """Everything that cron is there for: read what is new, compute, and say what to do where something broke."""
    from monitor.cli.sources import read_sources
    from monitor.ingest import Wish, exit_code
    from monitor.store import tables

    with desk.writing() as store:
        with store.write() as connection:
            run = tables.begin_run(connection, "nightly", int(desk.now.timestamp()))
        code = EXIT_ERROR
        try:
            outcomes = read_sources(desk, Wish())
            compute(desk)
            code = exit_code(outcomes)
        finally:
            with store.write() as connection:
                tables.end_run(connection, run, code, int(datetime.now(UTC).timestamp()))
    sys.exit(code)
