"""Messages about a mailbox in which its owner was not recognised.

They contain an address only if somebody is watching: on standard error, and never with ``--json``.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import ConnectorError
from monitor.cli.context import CliContext, printable
from reports.wording import counted

if TYPE_CHECKING:
    from monitor.config import Config, SourceConfig
    from monitor.ingest import SourceOutcome, UnrecognisedOwner
    from monitor.roster import Clinician


def print_unrecognised(
    context: CliContext, outcome: SourceOutcome, owners: Collection[str], *, name_address: bool
) -> None:
    """Print for each of these owners that none of their sent messages was recognised, with a remedy.

    ``name_address`` allows an address in the text: not where standard error may be stored, as in a cron mail.
    """
    from connectors.registry import source_kind

    sent_by_address = source_kind(outcome.kind).sent_by_address
    for key, seen in outcome.unrecognised.items():
        if key not in owners:
            continue
        number = max(seen.stored, seen.messages)
        problem = "its one message was not" if number == 1 else f"none of its {number} messages was"
        clinician = context.clinician(key)
        if sent_by_address:
            sender = f" sent from a configured address of {key}."
            remedy = _remedy(
                context.config, outcome.source, clinician, seen, name_address=name_address and not context.as_json
            )
        else:
            sender, remedy = f" sent by {key}.", _check_sent_messages(clinician)
        context.print_note(f"evenhours: {outcome.source}: {problem}{sender} {remedy}")


def _remedy(config: Config, source: str, clinician: Clinician, seen: UnrecognisedOwner, *, name_address: bool) -> str:
    command, place = f"evenhours ingest --source {source} --full", f"addresses in the [[clinician]] of {clinician.key}"
    name = clinician.name or clinician.key
    if seen.address is None:
        return (
            f"Add the other addresses of {name} to {place}. If sent messages are stored elsewhere, add that place as a "
            f"source instead. Then run: {command}"
        )
    if not name_address:
        return f"To see which address may be {name}'s, run: {command}"
    share = f"{printable(seen.address)} is in {seen.with_address} of the {seen.messages} messages just read"
    for other in config.clinicians:
        if seen.address in other.addresses:
            return f"{share}, and is an address of {other.name or other.key}: check whose mailbox it is."
    return f"{share}. If it is {name}'s, add it to {place} and run: {command}"


def _check_sent_messages(clinician: Clinician) -> str:
    name = clinician.name or clinician.key
    return f"Check that it includes what {name} sent; without it, replies and evening messages are unknown."


def remedy_for_unknown_owner(config: Config, source: SourceConfig, clinician: Clinician) -> str:
    """Return the remedy for a source in which an owner was not recognised, without reading the source."""
    from connectors.registry import source_kind

    kind = source_kind(source.kind)
    if not kind.sent_by_address:
        return _check_sent_messages(clinician)
    path: Path | None = getattr(source.options, "path", None)
    command = f"ingest --source {source.name} --full"
    if path and not kind.is_remote(source.options):
        command = f"inspect {shlex.quote(str(config.folder / path))}"
    return (
        f"An address of {clinician.name or clinician.key} is missing in the [[clinician]] of {clinician.key}, or sent "
        f"messages are stored elsewhere. To see the address that is in most messages, run: evenhours {command}"
    )


def print_likely_address(context: CliContext, kind: str, path: Path) -> None:
    """Print the address that is in most messages of a file or folder."""
    from connectors.detect import count_addresses

    if context.as_json:
        return
    try:
        count: Any = count_addresses(kind, path)
    except ConnectorError as problem:
        context.print_note(f"evenhours: {problem}")
        return
    if count is None:
        return
    if likely := count.most_likely():
        context.print_note(
            f"{printable(likely.address)} is in {likely.messages} of the {counted(likely.counted, 'message')} "
            "examined, so it is probably yours. If so, add it to addresses in your [[clinician]]."
        )
    else:
        context.print_note("No address is in most of the messages examined.")
