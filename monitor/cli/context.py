"""The context of a command (configuration, store, key, clock, printing) and the parsers of its dates."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from monitor.cli import streams
from monitor.errors import UsageError

if TYPE_CHECKING:
    from connectors.pseudonyms import Pseudonyms
    from monitor.config import Config
    from monitor.roster import Clinician
    from monitor.store.database import Store

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class CliContext:
    """The context of one command. Everything is opened when it is first used."""

    config_option: str | None = None
    verbose: bool = False
    as_json: bool = False
    quiet: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def config_path(self) -> Path:
        """The path of the configuration."""
        from monitor.config import find_config  # imports here and below are late, so that --help stays fast

        explicit = Path(self.config_option) if self.config_option else None
        return find_config(explicit, os.environ, Path.cwd(), Path.home())

    @cached_property
    def config(self) -> Config:
        """The configuration, read and validated."""
        from monitor.config import load

        return load(self.config_path)

    @cached_property
    def store(self) -> Store:
        """The practice's database, which has to exist."""
        from monitor.store.database import open_practice

        return open_practice(self.config)

    def create_store(self, *, renew: bool = False) -> Store:
        """Return the practice's database, created together with its key if this is the very first run.

        ``renew`` creates a database for an existing key.
        """
        from monitor.store.database import begin_practice

        store, key_is_new = begin_practice(self.config, renew=renew)
        if key_is_new:
            self.print_note(
                f"Created the practice's key, {self.config.key_file.name}. Keep a copy of it, away from the database."
            )
        self.__dict__["store"] = store  # fills the cached property
        return store

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold the run lock, so that no other command writes; failing to print does not end this one."""
        from monitor.night import run_lock

        streams.ignore_output_errors()
        with run_lock(self.config.database):
            yield

    @contextmanager
    def open_for_writing(self, *, renew: bool = False) -> Iterator[Store]:
        """Open the database under the run lock. Afterwards the write-ahead log contains nothing that was erased."""
        with self.run_lock():
            store = self.create_store(renew=renew)
            try:
                yield store
            finally:
                store.empty_log()

    def close(self) -> None:
        """Close what was opened."""
        if "store" in self.__dict__:  # not self.store, which would open it
            self.store.close()

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """The practice's pseudonyms, under its key."""
        from connectors.pseudonyms import Pseudonyms
        from monitor.credentials import read_key

        return Pseudonyms(read_key(self.config.key_file))

    def clinician(self, key: str | None) -> Clinician:
        """Return the clinician with a key, or the only clinician if ``key`` is ``None``."""
        clinicians = {clinician.key: clinician for clinician in self.config.clinicians}
        if key is None and len(clinicians) == 1:
            return next(iter(clinicians.values()))
        if key is None:
            raise UsageError(f"Choose a clinician: --clinician {' | '.join(clinicians)}")
        if key not in clinicians:
            keys = ", ".join(clinicians) or "none"
            raise UsageError(f'There is no clinician "{key}". The configuration has: {keys}.')
        return clinicians[key]

    def print_result(self, text: str, **fields: object) -> None:
        """Print one result to standard output: ``text``, or with ``--json`` one line of JSON with the ``fields``.

        A quiet context prints no text. Whatever somebody has to act on belongs into a note.
        """
        if not self.as_json:
            if not self.quiet:
                click.echo(text)
        elif fields:
            # default=str: paths and dates become text.
            click.echo(json.dumps(fields, default=str, ensure_ascii=False))

    def print_note(self, text: str) -> None:
        """Print a remark for people to standard error, apart from the result."""
        click.echo(text, err=True)


def printable(text: str) -> str:
    """Return text from a source without control characters, which could change the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def pass_context(command: Callable[Concatenate[CliContext, P], R]) -> Callable[P, R]:
    """Pass a command its context, and add the options of every command: ``--config``, ``--json`` and ``-v``."""

    # The names end in an underscore so that a command may have options of the same name.
    @click.option("--config", "config_", type=click.Path(), help="The configuration to use.")
    @click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
    @click.option("-v", "--verbose", "verbose_", is_flag=True, help="Show all that is done, and where an error arose.")
    @click.pass_obj
    def with_context(
        context: CliContext, /, config_: str | None, *, json_: bool, verbose_: bool, **options: Any
    ) -> Any:
        # Each option may stand before or after the command.
        context.config_option = config_ or context.config_option
        context.as_json = json_ or context.as_json
        context.verbose = verbose_ or context.verbose
        return command(context, **options)  # type: ignore[call-arg]

    return update_wrapper(with_context, command)  # type: ignore[return-value]


class Day(click.ParamType[date]):
    """The type of an option that takes a date such as 2026-11-22."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date; fail with a usage error that shows how to write one."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f'"{value}" is not a date; write it like 2026-11-22', param, ctx)
        return _check_year(self, day, param, ctx)


DAY = Day()


class Week(click.ParamType[date]):
    """The type of an option that takes an ISO week such as 2026-W46; its value is the Monday."""

    name = "week"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the Monday; fail with a usage error that shows how to write a week."""
        if isinstance(value, date):
            return value
        try:
            year, _, number = str(value).upper().partition("-W")
            monday = date.fromisocalendar(int(year), int(number), 1)
        except ValueError:
            self.fail(f'"{value}" is not a week; write it like 2026-W46', param, ctx)
        return _check_year(self, monday, param, ctx)


WEEK = Week()


def _check_year(
    parameter_type: click.ParamType[date], day: date, param: click.Parameter | None, ctx: click.Context | None
) -> date:
    """Return the day, or fail for a typing error such as 0206-11-22."""
    if not 1970 <= day.year < 2200:
        parameter_type.fail(f"{day} cannot be right; the year has to be from 1970 to 2199", param, ctx)
    return day
