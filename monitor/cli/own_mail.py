"""A mailbox in which its owner was not recognised: the sentences about it, for a screen.

An address stands in them only where somebody looks: it is printed to standard error, and never with ``--json``.
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
    """Say of these owners, who are not known to have sent anything, what is missing, and how to go on.

    ``name_address`` is whether somebody looks at standard error; where it may be kept, no address stands there.
    """
    from connectors.registry import source_kind

    sent_by_address = source_kind(outcome.kind).sent_by_address
    for key, seen in outcome.unrecognised.items():
        if key not in owners:
            continue
        number = max(seen.held, seen.messages)
        told = "its one message was not" if number == 1 else f"none of its {number} messages was"
        person = context.clinician(key)
        if sent_by_address:
            known = f" sent by {key}, as far as the configuration knows."
            remedy = _remedy(
                context.config, outcome.source, person, seen, name_address=name_address and not context.as_json
            )
        else:
            known, remedy = f" sent by {key}.", _see_whether_it_tells(person)
        context.print_note(f"evenhours: {outcome.source}: {told}{known} {remedy}")


def _remedy(config: Config, source: str, person: Clinician, seen: UnrecognisedOwner, *, name_address: bool) -> str:
    again, place = f"evenhours ingest --source {source} --full", f"addresses below the [[clinician]] of {person.key}"
    who = person.name or person.key
    if seen.address is None:
        return (
            f"Add what else {who} sends from to {place} or, where sent messages lie elsewhere, that place as a source, "
            f"and run: {again}"
        )
    if not name_address:
        return f"See which address may be {who}'s: {again}"
    stands = f"{printable(seen.address)} stands in {seen.standing} of the {seen.messages} read now"
    for other in config.clinicians:
        if seen.address in other.addresses:
            return f"{stands}, and is {other.name or other.key}'s: see whose mailbox it is."
    return f"{stands}: if that is {who}'s, add it to {place} and run: {again}"


def _see_whether_it_tells(person: Clinician) -> str:
    who = person.name or person.key
    return f"See whether it tells of what {who} sent, too: replies and evenings are not known from it."


def remedy_for_unknown_owner(config: Config, source: SourceConfig, person: Clinician) -> str:
    """Return the remedy for a source in which an owner was not recognised; it opens nobody's mail."""
    from connectors.registry import source_kind

    kind = source_kind(source.kind)
    if not kind.sent_by_address:
        return _see_whether_it_tells(person)
    path: Path | None = getattr(source.options, "path", None)
    see = f"ingest --source {source.name} --full"
    if path and not kind.is_remote(source.options):
        see = f"inspect {shlex.quote(str(config.folder / path))}"
    return (
        f"One of {person.name or person.key}'s own addresses is missing below the [[clinician]] of {person.key}, or "
        f"what was sent lies elsewhere. To see the address that stands in most messages: evenhours {see}"
    )


def print_likely_address(context: CliContext, kind: str, path: Path) -> None:
    """Name the address that stands in most messages of a file or folder, on this screen."""
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
            f"{printable(likely.address)} stands in {likely.messages} of the {counted(likely.counted, 'message')} "
            "looked at: probably yours. If so, it belongs among the addresses below your [[clinician]]."
        )
    else:
        context.print_note("No address stands in most of the messages looked at.")
