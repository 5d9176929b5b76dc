"""``evenhours init``: creates a configuration to fill in, the practice's key and an empty database."""

from __future__ import annotations

import json
from importlib import resources
from zoneinfo import ZoneInfo

import click

from monitor.cli.context import CliContext, pass_context
from monitor.cli.doctor import subdivision_problem
from monitor.cli.reports import write_output
from monitor.errors import UsageError


@click.command()
@click.option("--name", default="Our practice", help="The name of the practice.")
@click.option("--zone", default="Europe/London", help="Its time zone, such as Europe/London.")
@pass_context
def init(context: CliContext, name: str, zone: str) -> None:
    """Set up a practice: write a configuration to fill in, then create its key and its database.

    Existing files stay as they are. Run it again after filling in the configuration.
    """
    if not context.config_path.exists():
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise UsageError(f'"{zone}" is not a time zone; write it like Europe/London.') from error
        text = (resources.files("monitor.cli") / "new_practice.toml").read_text(encoding="utf-8")
        # The practice's name last, since it may contain "ZONE".
        write_output(context.config_path, text.replace("ZONE", _toml(zone)).replace("PRACTICE", _toml(name)))
        context.print_note(
            f"Written: {context.config_path}. Fill in the clinicians and their sources; its comments explain how."
        )
    # renew: after a lost database, the existing key stays and only the database is created.
    with context.open_for_writing(renew=True):
        sources = len(context.config.sources)
    if problem := subdivision_problem(context.config, context.now.year):
        context.print_note(f"Public holidays: {problem[0]}. {problem[1]}.")
    context.print_result(
        f"Ready: {context.config.database.name} beside the configuration. "
        + ("Next: evenhours ingest" if sources else "Next: add a [[source]], then run evenhours ingest"),
        config=str(context.config_path),
        database=str(context.config.database),
        sources=sources,
    )


def _toml(text: str) -> str:
    """Return the text as a TOML string."""
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a valid TOML string
