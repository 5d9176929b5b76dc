"""Commands of the night: compute what is out of date, or everything that cron is there for."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.cli.desk import Desk, pass_desk
from monitor.cli.progress import SourceBar
from monitor.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTLY
from monitor.store import tables

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
    from monitor.cli.own_mail import tell_unrecognised
    from monitor.readiness import Gap, readiness_of
    from monitor.weekly_report import gaps

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


NIGHTS_SHOWN = 31


@click.command()
@click.option("--log", is_flag=True, help="Show what the last nights did, and do nothing.")
@pass_desk
def nightly(desk: Desk, *, log: bool) -> None:
    """Everything that cron is there for: read what is new, compute, and say what to do where something broke.

    Only what somebody has to do is printed; on a terminal, with -v and with --json all that was done.
    """
    if log:
        tell_nights(desk)
        return
    desk.quiet = not (desk.verbose or desk.as_json or sys.stdout.isatty())
    with desk.writing() as store:
        with store.write() as connection:
            run = tables.begin_run(connection, "nightly", int(desk.now.timestamp()))
        code, began = EXIT_ERROR, time.monotonic()
        try:
            local = desk.now.astimezone(desk.config.practice.zone)
            desk.say(f"Begun on {local:%A, %d %B %Y at %H:%M} ({local.tzinfo}).")
            code = work(desk, run)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
            raise
        finally:
            seconds = time.monotonic() - began
            with store.write() as connection:
                tables.end_run(connection, run, code, int(desk.now.timestamp() + seconds))
        desk.say(f"Done after {seconds:.0f} s (exit code {code}).")
    sys.exit(code)


def work(desk: Desk, run: int) -> int:
    """Read, compute and say what keeps a page from saying more; note each source in ``run``, return the exit code."""
    from monitor.cli.sources import read_sources, tell_outcome
    from monitor.ingest import Wish, exit_code

    def note(desk: Desk, outcome: Outcome) -> None:
        problem = str(outcome.problem) if outcome.problem else None
        with desk.store.write() as connection:
            tables.save_run_source(
                connection, run,
                tables.RunSource(outcome.name, outcome.seconds, outcome.rows, outcome.kept_aside, problem),
            )  # fmt: skip
        tell_outcome(desk, outcome, outcome.seconds)

    outcomes = read_sources(desk, Wish(), note)
    computed = compute(desk)
    tell_gaps(desk, outcomes)
    return exit_code(outcomes) or computed


def tell_nights(desk: Desk) -> None:
    """Print what the last nights did, the newest last."""
    with desk.store.read() as connection:
        nights = tables.last_runs(connection, "nightly", NIGHTS_SHOWN)
    zone = desk.config.practice.zone
    for night in reversed(nights):
        begun = datetime.fromtimestamp(night.started_at, zone)
        ended = None if night.ended_at is None else datetime.fromtimestamp(night.ended_at, zone)
        how = "it did not end" if ended is None else f"{ended:%H:%M:%S}, exit code {night.exit_code}"
        lines = [f"{begun:%Y-%m-%d %H:%M:%S} – {how}"]
        for source in night.sources:
            rows = f"{source.changed} row{'' if source.changed == 1 else 's'} changed"
            aside = f", {source.kept_aside} kept aside" if source.kept_aside else ""
            fault = f"; {source.fault}" if source.fault else ""
            lines.append(f"    {source.name}: {rows}{aside} ({source.seconds:.1f} s){fault}")
        desk.say(
            "\n".join(lines),
            begun=begun.isoformat(),
            ended=ended and ended.isoformat(),
            exit_code=night.exit_code,
            sources=[asdict(source) for source in night.sources],
        )
    if not nights:
        desk.say("There was no night in the last 30 days.")
