"""What every command finds on its context: the configuration, the store, the practice's key, the clock, the printer."""

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
    """One command's surroundings; everything is opened when it is first asked for."""

    config_option: str | None = None
    verbose: bool = False
    as_json: bool = False
    quiet: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def config_path(self) -> Path:
        """The configuration that counts."""
        from monitor.config import find_config

        explicit = Path(self.config_option) if self.config_option else None
        return find_config(explicit, os.environ, Path.cwd(), Path.home())

    @cached_property
    def config(self) -> Config:
        """The configuration, read and checked."""
        from monitor.config import load

        return load(self.config_path)

    @cached_property
    def store(self) -> Store:
        """The practice's database; it must be there."""
        from monitor.store.practice import open_practice

        return open_practice(self.config)

    def begin_store(self, *, renew: bool = False) -> Store:
        """The practice's database, made now together with its key if this is the very first run.

        ``renew`` makes a database beside a key that is there already.
        """
        from monitor.store.practice import begin_practice

        store, key_is_new = begin_practice(self.config, renew=renew)
        if key_is_new:
            self.note(f"Made the practice's key, {self.config.key_file.name}. Keep a copy apart from the database.")
        self.__dict__["store"] = store
        return store

    @contextmanager
    def working(self) -> Iterator[None]:
        """The time of a command that writes: no other one does, and its output cannot end it."""
        from monitor.night import run_lock

        streams.work_goes_on()
        with run_lock(self.config.database):
            yield

    @contextmanager
    def writing(self, *, renew: bool = False) -> Iterator[Store]:
        """The database for the time of a command that writes; afterwards its log holds nothing that was erased."""
        with self.working():
            store = self.begin_store(renew=renew)
            try:
                yield store
            finally:
                store.empty_log()

    def close(self) -> None:
        """Close what was opened."""
        if "store" in self.__dict__:
            self.store.close()

    @cached_property
    def names(self) -> Pseudonyms:
        """The practice's pseudonyms, under its key."""
        from connectors.pseudonyms import Pseudonyms
        from monitor.credentials import read_key

        return Pseudonyms(read_key(self.config.key_file))

    def clinician(self, key: str | None) -> Clinician:
        """The clinician with that key; without one, the only clinician there is."""
        people = {person.key: person for person in self.config.clinicians}
        if key is None and len(people) == 1:
            return next(iter(people.values()))
        if key is None:
            raise UsageError(f"Say whose: --clinician {' | '.join(people)}")
        if key not in people:
            raise UsageError(f'There is no clinician "{key}". The configuration has: {", ".join(people) or "none"}.')
        return people[key]

    def say(self, text: str, **told: object) -> None:
        """One result: a line for people, or with ``--json`` one line of JSON that holds ``told`` alone.

        Where the context is quiet there is no line for people: what somebody has to do is a note.
        """
        if not self.as_json:
            if not self.quiet:
                click.echo(text)
        elif told:
            click.echo(json.dumps(told, default=str, ensure_ascii=False))

    def note(self, text: str) -> None:
        """Something beside the result, for people: to standard error."""
        click.echo(text, err=True)


def printable(text: str) -> str:
    """Return text that others wrote without what could steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def pass_context(command: Callable[Concatenate[CliContext, P], R]) -> Callable[P, R]:
    """Give a command its context, and the options that every command takes: ``--config``, ``--json`` and ``-v``."""

    @click.option("--config", "config_", type=click.Path(), help="The configuration to use.")
    @click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
    @click.option("-v", "--verbose", "verbose_", is_flag=True, help="Show all that is done, and where an error arose.")
    @click.pass_obj
    def with_context(
        context: CliContext, /, config_: str | None, *, json_: bool, verbose_: bool, **options: Any
    ) -> Any:
        context.config_option = config_ or context.config_option
        context.as_json = json_ or context.as_json
        context.verbose = verbose_ or context.verbose
        return command(context, **options)  # type: ignore[call-arg]

    return update_wrapper(with_context, command)  # type: ignore[return-value]


class Day(click.ParamType[date]):
    """A date as 2026-11-22."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or a usage error that says how to write one."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f'"{value}" is no date; write it like 2026-11-22', param, ctx)
        return _within_reach(self, day, param, ctx)


DAY = Day()


class Week(click.ParamType[date]):
    """An ISO week as 2026-W46; becomes its Monday."""

    name = "week"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The Monday, or a usage error that says how to write a week."""
        if isinstance(value, date):
            return value
        try:
            year, _, number = str(value).upper().partition("-W")
            monday = date.fromisocalendar(int(year), int(number), 1)
        except ValueError:
            self.fail(f'"{value}" is no week; write it like 2026-W46', param, ctx)
        return _within_reach(self, monday, param, ctx)


WEEK = Week()


def _within_reach(
    kind: click.ParamType[date], day: date, param: click.Parameter | None, ctx: click.Context | None
) -> date:
    """The day, if anybody can have worked on it; a slip of the pen such as 0206-11-22 is refused."""
    if not 1970 <= day.year < 2200:
        kind.fail(f"{day} is not of our time", param, ctx)
    return day
