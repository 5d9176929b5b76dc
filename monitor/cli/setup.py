"""``evenhours init``: a configuration to fill in, the practice's key, an empty database."""

from __future__ import annotations

import json
from importlib import resources

import click

from monitor.cli.context import CliContext, pass_context
from monitor.cli.doctor import lacks_subdivision
from monitor.cli.reports import write_output
from monitor.errors import UsageError


@click.command()
@click.option("--name", default="Our practice", help="What the practice is called.")
@click.option("--zone", default="Europe/London", help="Where it is, as Europe/London.")
@pass_context
def init(context: CliContext, name: str, zone: str) -> None:
    """Begin: write a configuration to fill in, then make the practice's key and its database.

    What is already there stays as it is; run it again after filling in the configuration.
    """
    if not context.config_path.exists():
        write_output(context.config_path, _beginning(name, zone))
        context.print_note(
            f"Written: {context.config_path}. It explains itself; fill in who works here and where times come from."
        )
    with context.open_for_writing(renew=True):
        sources = len(context.config.sources)
    if lacks := lacks_subdivision(context.config, context.now.year):
        context.print_note(f"Public holidays: {lacks[0]}. {lacks[1]}.")
    context.print_result(
        f"Ready: {context.config.database.name} beside the configuration. "
        + ("Next: evenhours ingest" if sources else "Next: add a [[source]], then run evenhours ingest"),
        config=str(context.config_path),
        database=str(context.config.database),
        sources=sources,
    )


def _beginning(name: str, zone: str) -> str:
    """The configuration of a practice that has just begun."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f'"{zone}" is no time zone; write it like Europe/London.') from error
    text = (resources.files("monitor.cli") / "beginning.toml").read_text(encoding="utf-8")
    return text.replace("ZONE", _toml(zone)).replace("PRACTICE", _toml(name))


def _toml(text: str) -> str:
    """A TOML string."""
    return json.dumps(text, ensure_ascii=False)
