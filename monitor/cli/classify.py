"""``evenhours classify``: shows how the rules of the configuration classify the entries of a calendar."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from monitor.cli.context import CliContext, pass_context, printable
from monitor.errors import UsageError

if TYPE_CHECKING:
    from connectors.classify import ClassifiedEntry


@click.command()
@click.option("--try", "try_", is_flag=True, help="Show how the rules classify the last weeks; nothing is stored.")
@click.option("--source", "name", metavar="NAME", help="Only this calendar.")
@click.option("--clinician", "key", metavar="KEY", help="The owner of the account, if a calendar has several.")
@click.option("--weeks", type=click.IntRange(1, 520), default=4, show_default=True, help="How many weeks back.")
@pass_context
def classify(context: CliContext, name: str | None, key: str | None, weeks: int, *, try_: bool) -> None:
    """Show how the rules classify the entries of your calendar. Nothing is stored."""
    from connectors.registry import source_kind
    from monitor.ingest import IngestRequest, context_for

    if not try_:
        raise UsageError("Add --try: evenhours classify --try")
    today = context.now.astimezone(context.config.practice.zone).date()
    request = IngestRequest(first=today - timedelta(weeks=weeks), last=today)
    owner = context.clinician(key).key if key else None
    calendars = {source.name: source for source in context.config.sources if source_kind(source.kind).preview}
    if name is not None and name not in calendars:
        names = ", ".join(calendars) or "none"
        raise UsageError(f'There is no calendar "{name}". The configuration has: {names}.')
    if not calendars:
        context.print_note("There is no calendar yet. Add one as a [[source]] to the configuration.")

    kinds: Counter[str] = Counter()
    for source in calendars.values():
        if name not in {None, source.name} or owner not in {None, *source.clinicians}:
            continue
        account = None
        if source.per_owner:  # titles are for the account's owner alone, so one account has to be chosen
            if owner is None and len(source.accounts) > 1:
                raise UsageError(f"{source.name}: choose an account: --clinician {' | '.join(source.clinicians)}")
            account = owner or source.accounts[0]
        preview = source_kind(source.kind).preview
        source_context = context_for(
            context.config, source, context.pseudonyms, request, now=context.now, account=account
        )
        if source.busy_only:
            context.print_note(f"{source.name}: it is busy_only, so only its times are stored and no rule applies.")
            continue
        for entry in preview(source.options, source_context) if preview else ():
            if source_context.window.touches(entry.start, entry.end):  # connectors may return more than was asked
                kinds[entry.kind] += 1
                _print_entry(context, source.name, entry, source_context.owners[0].zone)
    context.print_result(
        ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "No entries in these weeks."
    )


def _print_entry(context: CliContext, source: str, entry: ClassifiedEntry, zone: ZoneInfo) -> None:
    start = entry.start.astimezone(zone)
    client = f"  client {entry.client[:4]}" if entry.client else ""  # as much of the pseudonym as pages show
    context.print_result(
        f"{start:%a %d %b %H:%M}  {entry.kind:<16}{printable(entry.title)}{client}",
        source=source,
        start=start.isoformat(),
        kind=entry.kind,
        title=entry.title,
        client=entry.client,
        rule=entry.rule,
    )
