"""Commands of the night: compute what is out of date, or everything that cron is there for."""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime

import click

from monitor.cli.desk import Desk, pass_desk
from monitor.cli.progress import SourceBar
from monitor.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTLY


@click.command()
@click.option("--full", is_flag=True, help="Everybody, not only those whose records changed.")
@pass_desk
def analyse(desk: Desk, *, full: bool) -> None:
    """Compute the weekly numbers and notices that are out of date."""
    from monitor.nightly import only_run

    store = desk.store  # it has to be there
    with only_run(store.path):
        code = compute(desk, full=full)
    sys.exit(code)


def compute(desk: Desk, *, full: bool = False) -> int:
    """Analyse whoever is out of date and tell how many values changed; no number of anybody is printed.

    Returns the exit code: 3 if somebody's numbers could not be computed, 1 if nobody's could.
    """
    from monitor.nightly import analyse as run

    failed: dict[str, Exception] = {}
    with SourceBar() as bar:
        people = run(
            desk.config, desk.store, now=desk.now, everyone=full,
            progress=lambda person: bar.show(f"{person} …"), failed=failed.__setitem__,
        )  # fmt: skip
        done = list(people)
    changed = sum(person.changed for person in done)
    told = f"{len(done)} of {len(desk.config.clinicians)} clinicians computed, {changed} weekly values changed."
    desk.say(
        told if done or failed else "Nothing new to compute.",
        computed=[person.clinician for person in done],
        changed=changed,
        failed=[*failed],
    )
    for person, error in failed.items():
        _tell_failure(desk, person, error)
    return EXIT_OK if not failed else EXIT_PARTLY if done else EXIT_ERROR


def _tell_failure(desk: Desk, person: str, error: Exception) -> None:
    """What went wrong, without the error's own words: they may repeat what was read."""
    desk.note(
        f"evenhours: {person}: the numbers could not be computed ({type(error).__name__}); the last ones stand. "
        "This is a fault of ours: please report it. evenhours -v analyse shows where it arose."
    )
    if desk.verbose:
        traceback.print_exception(error)


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
            computed = compute(desk)
            code = exit_code(outcomes) or computed
        finally:
            with store.write() as connection:
                tables.end_run(connection, run, code, int(datetime.now(UTC).timestamp()))
    sys.exit(code)
