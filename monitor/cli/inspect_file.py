"""``evenhours inspect``: examines an exported file, so that nobody has to write its [[source]] by hand."""

from __future__ import annotations

from pathlib import Path

import click

from connectors.errors import ConnectorError
from monitor.cli.context import CliContext, pass_context, printable
from reports.wording import counted


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def inspect(context: CliContext, file: Path) -> None:
    """Examine an exported file and print a [[source]] that reads it."""
    from connectors.csv_export.inspect import propose
    from connectors.detect import count_addresses, detect_kind, source_block

    kind = detect_kind(file)
    proposal = source_block(kind, file) if kind else propose(file).toml()
    context.print_result(proposal, proposal=proposal)
    if kind is None or context.as_json:  # an address is shown only to somebody who is watching
        return

    try:
        count = count_addresses(kind, file)
    except ConnectorError as problem:
        context.print_note(f"evenhours: {problem}")
        return
    if count is None:  # no mailbox
        return
    if likely := count.most_likely():
        context.print_note(
            f"{printable(likely.address)} is in {likely.messages} of the {counted(likely.counted, 'message')} "
            "examined, so it is probably yours. If so, add it to addresses in your [[clinician]]."
        )
    else:
        context.print_note("No address is in most of the messages examined.")
