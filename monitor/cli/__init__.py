"""The command line: configuration, store, one call, print. The only reader of the clock.

Commands load when they are called, so that ``evenhours --version`` and ``--help`` stay quick.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from connectors.errors import AuthorizationError, ConnectorError
from monitor import __version__
from monitor.cli.desk import Desk, pass_desk
from monitor.errors import EXIT_AUTHORISE, EXIT_ERROR, EvenhoursError

__all__ = ["evenhours", "main", "pass_desk"]

COMMANDS = {
    "init": "setup",
    "demo": "demo",
    "doctor": "doctor",
    "ingest": "sources",
    "classify": "sources",
    "inspect": "sources",
    "correct": "sources",
    "analyse": "night",
    "nightly": "night",
    "report": "reports",
    "export": "export",
    "serve": "serve",
}
"""Command → the module of this package that defines it, in the order of ``--help``."""


class LazyCommands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order in which a practice meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        del ctx
        module = COMMANDS.get(cmd_name)
        return None if module is None else getattr(import_module(f"monitor.cli.{module}"), cmd_name.replace("-", "_"))


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="evenhours")
@click.option("--config", type=click.Path(), help="The configuration (default: evenhours.toml here, or your own).")
@click.option("-v", "--verbose", is_flag=True, help="Show where in the program an error arose.")
@click.pass_context
def evenhours(context: click.Context, config: str | None, *, verbose: bool) -> None:
    """When clinicians work, told to each of them alone."""
    context.obj = Desk(config_option=config, verbose=verbose)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    try:
        evenhours.main(arguments, prog_name="evenhours")
    except (EvenhoursError, ConnectorError) as error:
        if "-v" in (arguments or sys.argv) or "--verbose" in (arguments or sys.argv):
            raise
        click.echo(f"evenhours: {error}", err=True)
        sys.exit(_exit_code(error))


def _exit_code(error: EvenhoursError | ConnectorError) -> int:
    if isinstance(error, EvenhoursError):
        return error.exit_code
    return EXIT_AUTHORISE if isinstance(error, AuthorizationError) else EXIT_ERROR
