"""Commands about sources: read them, try the rules, propose a mapping, correct an end."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.desk import DAY, Desk, pass_desk
from monitor.cli.progress import SourceBar
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.ingest import Outcome, Wish


@click.command()
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only this source; may be given more than once.")
@click.option("--from", "first", type=DAY, help="First local day that is wanted.")
@click.option("--to", "last", type=DAY, help="Last local day that is wanted.")
@click.option("--full", is_flag=True, help="Read from the beginning, whatever was read before.")
@click.option("--accept-shrink", is_flag=True, help="Believe a source that holds far less than it did.")
@pass_desk
def ingest(  # noqa: PLR0913
    desk: Desk, sources: tuple[str, ...], first: date | None, last: date | None, *, full: bool, accept_shrink: bool
) -> None:
    """Read what is new from every source into the database."""
    from monitor.ingest import Wish, exit_code
    from monitor.nightly import only_run

    store = desk.begin_store()
    wish = Wish(sources, first, last, full=full, accept_shrink=accept_shrink)
    with only_run(desk.config.database):
        outcomes = read_sources(desk, wish)
    del store
    sys.exit(exit_code(outcomes))


def read_sources(desk: Desk, wish: Wish) -> list[Outcome]:
    """Read the wished-for sources, tell how each went, and return the outcomes."""
    from monitor.ingest import ingest as run

    outcomes = []
    with SourceBar() as bar:
        for outcome in run(desk.config, desk.store, desk.names, wish, now=desk.now, progress=bar.step):
            bar.clear()
            tell_outcome(desk, outcome)
            outcomes.append(outcome)
    return outcomes


def tell_outcome(desk: Desk, outcome: Outcome) -> None:
    """One line about one source; a fault with its remedy goes to standard error, too."""
    aside = f", {outcome.kept_aside} kept aside (evenhours doctor says why)" if outcome.kept_aside else ""
    rows = f"{outcome.rows} row{'' if outcome.rows == 1 else 's'} changed"
    desk.say(
        f"{outcome.source}: {'not read' if outcome.problem else rows + aside}",
        source=outcome.source,
        rows=outcome.rows,
        kept_aside=outcome.kept_aside,
        problem=str(outcome.problem) if outcome.problem else None,
    )
    if outcome.problem:
        desk.note(f"evenhours: {outcome.problem}")


@click.command()
@click.option("--try", "try_", is_flag=True, help="Show what the rules make of the last weeks; nothing is stored.")
@click.option("--source", "name", metavar="NAME", help="Only this calendar.")
@click.option("--weeks", default=4, show_default=True, help="How many weeks back.")
@pass_desk
def classify(desk: Desk, name: str | None, weeks: int, *, try_: bool) -> None:
    """Show on this screen, and store nowhere, what the rules make of your calendar."""
    from connectors.ics.source import preview
    from monitor.ingest import Wish, context_for

    if not try_:
        raise UsageError("Rules are tried with: evenhours classify --try")
    today = desk.now.date()
    wish = Wish(first=today - timedelta(weeks=weeks), last=today)
    kinds: Counter[str] = Counter()
    for source in desk.config.sources:
        if source.kind == "ics" and name in {None, source.name}:
            context = context_for(desk.config, source, desk.names, wish, now=desk.now)
            for row in preview(source.options, context):
                kinds[row.kind] += 1
                _tell_entry(desk, source.name, row, context.owners[0].zone)
    desk.say(", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "No entries in these weeks.")


def _tell_entry(desk: Desk, source: str, row: object, zone: object) -> None:
    start = row.start.astimezone(zone)  # type: ignore[attr-defined]
    client = f"  client {row.client[:4]}" if row.client else ""  # type: ignore[attr-defined]
    desk.say(
        f"{start:%a %d %b %H:%M}  {row.kind:<14}{row.title}{client}",  # type: ignore[attr-defined]
        source=source, start=start, kind=row.kind, title=row.title, client=row.client,  # type: ignore[attr-defined]
    )  # fmt: skip


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@pass_desk
def inspect(desk: Desk, file: Path) -> None:
    """Look at an unknown CSV export and propose how to read it."""
    from connectors.csv_export.inspect import propose

    proposal = propose(file)
    desk.say(proposal.toml(), proposal=proposal.toml())


@click.command()
@click.argument("uid_key")
@click.argument("end")
@pass_desk
def correct(desk: Desk, uid_key: str, end: str) -> None:
    """Say when a session really ended: END is a local time (18:05) or an instant (2026-11-20T18:05)."""
    from monitor.nightly import only_run
    from monitor.store import records

    with desk.store.read() as connection:
        found = [row for row in records.event_named(connection, uid_key) if row[3] == "session"]
    if not found:
        raise UsageError(f"No session has the uid_key {uid_key}. evenhours export sessions lists them.")
    clinician, start, booked_end, _ = found[0]
    zone = desk.clinician(clinician).zone
    ended = _instant(end, datetime.fromtimestamp(booked_end, zone))
    if not start <= ended.timestamp() <= start + desk.config.practice.longest_session_hours * 3600:
        began = datetime.fromtimestamp(start, zone)
        raise UsageError(f"A session that began at {began:%H:%M on %d %B} cannot have ended at {ended:%H:%M on %d %B}.")
    with only_run(desk.config.database), desk.store.write() as connection:
        records.save_correction(connection, clinician, uid_key, int(ended.timestamp()), int(desk.now.timestamp()))
    desk.say(f"Noted: it ended at {ended:%H:%M on %d %B}.", uid_key=uid_key, ended_at=ended.isoformat())


def _instant(text: str, booked_end: datetime) -> datetime:
    """A time on the day of the booked end, or a whole instant; without an offset it is local."""
    try:
        if len(text) <= len("18:05:00"):
            parsed = datetime.strptime(text, "%H:%M" if text.count(":") == 1 else "%H:%M:%S")
            return booked_end.replace(hour=parsed.hour, minute=parsed.minute, second=parsed.second)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'"{text}" is no time; write it like 18:05 or 2026-11-20T18:05.') from None
    return instant if instant.tzinfo else instant.replace(tzinfo=booked_end.tzinfo)
