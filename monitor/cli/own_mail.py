"""Messages about a mailbox in which its owner was not recognised.

They contain an address only if somebody is watching: on standard error, and never with ``--json``.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.cli.context import CliContext, printable

if TYPE_CHECKING:
    from monitor.config import Config, SourceConfig
    from monitor.ingest import SourceOutcome
    from monitor.roster import Clinician


def print_unrecognised(
    context: CliContext, outcome: SourceOutcome, owners: Collection[str], *, name_address: bool
) -> None:
    """Print for each of these owners that none of their sent messages was recognised, with a remedy.

    ``name_address`` allows an address in the text: not where standard error may be stored, as in a cron mail.
    """
    from connectors.registry import source_kind

    sent_by_address = source_kind(outcome.kind).sent_by_address
    command = f"evenhours ingest --source {outcome.source} --full"
    for key, seen in outcome.unrecognised.items():
        if key not in owners:
            continue
        clinician = context.clinician(key)
        name, place = clinician.name or key, f"addresses in the [[clinician]] of {key}"
        number = max(seen.stored, seen.messages)
        problem = "its one message was not" if number == 1 else f"none of its {number} messages was"
        sender = f"sent from a configured address of {key}" if sent_by_address else f"sent by {key}"
        if not sent_by_address:
            remedy = _check_sent_messages(clinician)
        elif seen.address is None:
            remedy = (
                f"Add the other addresses of {name} to {place}. If sent messages are stored elsewhere, add that place "
                f"as a source instead. Then run: {command}"
            )
        elif context.as_json or not name_address:
            remedy = f"To see which address may be {name}'s, run: {command}"
        else:
            share = f"{printable(seen.address)} is in {seen.with_address} of the {seen.messages} messages just read"
            other = next((other for other in context.config.clinicians if seen.address in other.addresses), None)
            if other is None:
                remedy = f"{share}. If it is {name}'s, add it to {place} and run: {command}"
            else:
                remedy = f"{share}, and is an address of {other.name or other.key}: check whose mailbox it is."
        context.print_note(f"evenhours: {outcome.source}: {problem} {sender}. {remedy}")


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
