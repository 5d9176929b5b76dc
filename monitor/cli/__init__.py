"""The command line. It alone reads the clock, loads the configuration, opens the store and prints.

Commands are imported when they are called, so that ``evenhours --version`` and ``--help`` stay fast.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir
from types import FrameType
from typing import Any

import click

from connectors.errors import AuthorizationError, ConnectorError
from connectors.private import disk_full_message, is_disk_full
from monitor import __version__
from monitor.cli import streams
from monitor.cli.context import CliContext
from monitor.errors import EXIT_AUTHORISE, EXIT_ERROR, EvenhoursError

COMMANDS = {
    "init": "setup",
    "connect": "connect",
    "demo": "demo",
    "doctor": "doctor",
    "ingest": "ingest",
    "classify": "classify",
    "inspect": "inspect_file",
    "correct": "correct",
    "analyse": "night",
    "nightly": "night",
    "report": "reports",
    "referral": "referral",
    "export": "export",
    "serve": "serve",
}
"""Command → the module of this package that defines it, in the order of ``--help``."""


class LazyCommands(click.Group):
    """A group that imports a command when it is called, and prints its errors as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order in which a practice needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of that name."""
        del ctx
        module = COMMANDS.get(cmd_name)
        return None if module is None else getattr(import_module(f"monitor.cli.{module}"), cmd_name.replace("-", "_"))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A traceback is shown only with ``-v``: it may contain text from a source."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # so that a failure to print is raised here, and not at exit
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # Click handles these itself
        except Exception as error:
            if ctx.obj is not None and ctx.obj.verbose:
                raise
            click.echo(f"evenhours: {_error_message(error)}", err=True)
            if isinstance(error, EvenhoursError):
                ctx.exit(error.exit_code)
            ctx.exit(EXIT_AUTHORISE if isinstance(error, AuthorizationError) else EXIT_ERROR)
        return result


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="evenhours")
@click.option("--config", type=click.Path(), help="The configuration (default: evenhours.toml here, or your own).")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show everything a command does, and the traceback of an error.")
@click.pass_context
def evenhours(click_context: click.Context, config: str | None, *, json_: bool, verbose: bool) -> None:
    """Show clinicians when they work: each of them their own times, and nobody else's."""
    click_context.obj = context = CliContext(config_option=config, verbose=verbose, as_json=json_)
    click_context.call_on_close(context.close)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    streams.replace_standard_streams()
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    evenhours.main(arguments, prog_name="evenhours")


def _exit_on_sigterm(number: int, _frame: FrameType | None) -> None:
    """Exit as after an error: transactions are rolled back, the lock is released, the database is closed cleanly."""
    signal.signal(number, signal.SIG_DFL)  # a second SIGTERM ends the process at once
    sys.exit(128 + number)  # the shell's code for an end by signal


def _error_message(error: Exception) -> str:
    if isinstance(error, (EvenhoursError, ConnectorError)):
        return str(error)
    if isinstance(error, OSError) and is_disk_full(error):
        folder = Path(error.filename).parent if isinstance(error.filename, str) else Path(gettempdir())
        return f"Nothing more can be written: {disk_full_message(folder)}. Make room and run the command again."
    return f"this is a bug in Evenhours ({type(error).__name__}). Please report it; evenhours -v shows where it arose."
