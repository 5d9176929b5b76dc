"""Commands of the night: compute what is out of date, or everything that cron is there for."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.cli.desk import Desk, pass_desk
from monitor.cli.progress import SourceBar
from monitor.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTLY

if TYPE_CHECKING:
    from monitor.ingest import Outcome

DAYS_A_WEEK = 7


@click.command()
@click.option("--full", is_flag=True, help="Everybody, not only those whose records changed.")
@pass_desk
def analyse(desk: Desk, *, full: bool) -> None:
    """Compute the weekly numbers and notices that are out of date."""
    _ = desk.store  # it has to be there
    with desk.working():
        code = compute(desk, full=full)
    sys.exit(code)


def compute(desk: Desk, *, full: bool = False) -> int:
    """Analyse whoever is out of date and tell how many values changed; no number of anybody is printed.

    Returns the exit code: 3 if somebody's numbers could not be computed, 1 if nobody's could.
    """
    from monitor.night import analyse as run

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
    if not failed:
        return EXIT_OK
    return EXIT_ERROR if len(failed) == len(desk.config.clinicians) else EXIT_PARTLY


def _tell_failure(desk: Desk, person: str, error: Exception) -> None:
    """What went wrong, without the error's own words: they may repeat what was read."""
    desk.note(
        f"evenhours: {person}: the numbers could not be computed ({type(error).__name__}); the last ones stand. "
        "This is a fault of ours: please report it. evenhours -v analyse shows where it arose."
    )
    if desk.verbose:
        traceback.print_exception(error)


def tell_gaps(desk: Desk, outcomes: Sequence[Outcome]) -> None:
    """Say what keeps somebody's page from saying more: in the night in which it begins, and once a month.

    ``outcomes`` are those of the night's reading: they may know which address is missing, and that is named where
    somebody looks at standard error.
    """
    from monitor.briefing import gaps
    from monitor.cli.own_mail import tell_unrecognised
    from monitor.readiness import Gap, readiness_of
    from monitor.store import tables

    local = desk.now.astimezone(desk.config.practice.zone)
    with desk.store.write() as connection:
        nights = tables.last_runs(connection, "nightly", 2)
        before = nights[1].started_at if len(nights) > 1 else 0
        is_first_today = datetime.fromtimestamp(before, local.tzinfo).date() < local.date()
        monthly = is_first_today and local.weekday() == 0 and local.day <= DAYS_A_WEEK
        for person in desk.config.clinicians:
            lacks = {(lack.gap.value, lack.source): lack for lack in readiness_of(
                desk.config, connection, person, desk.now).lacks}  # fmt: skip
            new = tables.save_gaps(connection, person.key, lacks.keys(), int(desk.now.timestamp()))
            for place, lack in lacks.items():
                if not monthly and place not in new:
                    continue
                seen = [one for one in outcomes if one.source == lack.source and person.key in one.unrecognised]
                if lack.gap is Gap.OWNER_UNKNOWN and seen:
                    tell_unrecognised(desk, seen[0], [person.key], name_address=sys.stderr.isatty())
                else:
                    found, mend = gaps.for_it(person, lack)
                    desk.note(f"evenhours: {found}. {mend}")


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
        code, began = EXIT_ERROR, time.monotonic()
        try:
            outcomes = read_sources(desk, Wish())
            computed = compute(desk)
            tell_gaps(desk, outcomes)
            code = exit_code(outcomes) or computed
        finally:
            with store.write() as connection:
                tables.end_run(connection, run, code, int(desk.now.timestamp() + time.monotonic() - began))
    sys.exit(code)
