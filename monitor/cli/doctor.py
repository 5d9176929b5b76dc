"""``evenhours doctor``: check, found, how to mend. Reads everything, changes nothing, shows nobody's numbers."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import CliContext, pass_context
from monitor.cli.own_mail import remedy_for_unknown_owner
from monitor.config import Config, public_holidays
from monitor.credentials import read_key
from monitor.errors import EXIT_ERROR, EXIT_OK, EvenhoursError, StoreError
from monitor.store.practice import open_practice
from reports.wording import counted

if TYPE_CHECKING:
    from monitor.store.sources import SourceRecordCounts
    from monitor.store.tables import Row

MISSED = timedelta(hours=30)
"""A last night that began before that was not the last one there should have been."""

CRON_LINE = "30 4 * * * evenhours nightly"

RENAMED = timedelta(days=28)
"""A source that has kept its names for so long is no longer mentioned."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was looked at, what was found, and how to mend it (empty if nothing is wrong).

    ``look``: it is nothing wrong, but something to look at.
    """

    check: str
    found: str
    mend: str = ""
    look: bool = False


@click.command()
@pass_context
def doctor(context: CliContext) -> None:
    """Look at the configuration, the key, the database and every source, and say how to mend what is wrong."""
    ill = False
    for finding in _findings(context):
        ill = ill or bool(finding.mend)
        sign = "✗" if finding.mend else "?" if finding.look else "✓"
        mend = f"\n    → {finding.mend}" if finding.mend else ""
        context.print_result(
            f"{sign} {finding.check}: {finding.found}{mend}",
            check=finding.check, found=finding.found, mend=finding.mend or None, look=finding.look,
        )  # fmt: skip
    sys.exit(EXIT_ERROR if ill else EXIT_OK)


class SourceCounts:
    """The stored sources and how much each holds, counted once, when they are first asked for."""

    def __init__(self, context: CliContext) -> None:
        """Keep the context; nothing is counted yet."""
        self._context = context

    @cached_property
    def holdings(self) -> SourceRecordCounts:
        """The number of records of each source and clinician."""
        from monitor.store import sources

        with self._context.store.read() as connection:
            return sources.record_counts(connection)

    @cached_property
    def rows(self) -> list[Row]:
        """The stored sources, each with its entries, messages and true times."""
        from monitor.store import tables

        numbers: dict[int, Counter[str]] = defaultdict(Counter)
        for of_clinician in self.holdings.values():
            for source, held in of_clinician.items():
                numbers[source].update(events=held.entries, messages=held.messages, evidence=held.times)
        with self._context.store.read() as connection:
            return [
                {**row} | {name: numbers[row["id"]][name] for name in ("events", "messages", "evidence")}
                for row in tables.sources(connection)
            ]


def _findings(context: CliContext) -> Iterator[Finding]:
    try:
        number = len(context.config.sources)
        sources = counted(number, "source") if number else "no source yet: add a [[source]]"
        yield Finding("configuration", f"{context.config_path}, {sources}", look=not number)
        read_key(context.config.key_file)
        yield Finding("key", f"{context.config.key_file.name}, readable by its owner alone")
        # Nothing is written here, not even to bring an older file to this version.
        store = context.__dict__["store"] = open_practice(context.config, read_only=True)
    except EvenhoursError as error:
        yield Finding("set-up", "not complete", str(error))
        return
    name = context.config.database.name
    if damage := store.damage():
        yield Finding("database", f"{name} is damaged ({damage.splitlines()[0]})", "Put a backup in its place.")
        return
    else:
        yield Finding("database", f"{name}, belongs to this key, no damage found")
    counts = SourceCounts(context)
    checks: tuple[Callable[[CliContext], Iterator[Finding]], ...] = (
        _holidays,
        _last_night,
        partial(_cron, counts=counts),
        partial(_sources, counts=counts),
        partial(_people, counts=counts),
        partial(_renamed, counts=counts),
        partial(_true_times, counts=counts),
        _google,
        _microsoft,
        _kept_aside,
        _disk,
    )
    try:
        for check in checks:
            yield from check(context)
    except StoreError as error:  # damage that the quick check does not see, such as in the text of the schema
        yield Finding("database", str(error), "If it was damaged, put a backup in its place.")


def _holidays(context: CliContext) -> Iterator[Finding]:
    """Whether the public holidays are those of the practice's part of the country, where they differ."""
    practice = context.config.practice
    if practice.country is None:
        return
    if gaps := lacks_subdivision(context.config, context.now.year):
        yield Finding("public holidays", *gaps)
    else:
        yield Finding("public holidays", ", ".join(filter(None, (practice.country, practice.subdivision))))


def lacks_subdivision(config: Config, year: int) -> tuple[str, str] | None:
    """Say what is amiss and how to mend it where holidays differ within the country and no part of it is named."""
    country = config.practice.country
    if country is None or config.practice.subdivision is not None:
        return None
    parts = public_holidays.missing_by_subdivision(country, year)
    if not parts:
        return None
    found = f"those of {country} differ by its parts, and the configuration names none: some holidays are missing"
    return found, f"Write subdivision under [practice], one of {', '.join(parts)}"


def _last_night(context: CliContext) -> Iterator[Finding]:
    """When the last night ended, and how."""
    from monitor.night import is_running
    from monitor.store import tables

    with context.store.read() as connection:
        runs = tables.last_runs(connection, "nightly", 1)
    if not runs:
        yield Finding("last night", f"no nightly run was recorded so far; the line for cron is: {CRON_LINE}", look=True)
        return
    (last,) = runs
    began = _moment(context, last.started_at)
    if last.ended_at is None and is_running(context.config.database):
        yield Finding("last night", f"a run began on {began} and is still working", look=True)
    elif last.ended_at is None:
        yield Finding(
            "last night",
            f"the run that began on {began} did not end: it was killed, or the computer stopped",
            "Nothing is lost. Run: evenhours nightly",
        )
    elif context.now.timestamp() - last.started_at > MISSED.total_seconds():
        yield Finding(
            "last night",
            f"the last one ended on {_moment(context, last.ended_at)}, with exit code {last.exit_code}",
            f"Check that cron runs. Its line is: {CRON_LINE}",
        )
    elif last.exit_code:
        mend = "See below for what was not read or not computed; docs/for-it.md lists the exit codes."
        yield Finding(
            "last night", f"ended on {_moment(context, last.ended_at)}, with exit code {last.exit_code}", mend
        )
    else:
        yield Finding("last night", f"ended on {_moment(context, last.ended_at)}; everything was read and computed")


def _cron(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Whether cron starts a night soon enough after each clinician's week for Monday's page to have that week."""
    from monitor.cli.schedule import LATE, nightly_lines
    from monitor.readiness import readiness_of

    lines = nightly_lines(context.config.path)
    if not lines:
        return
    here = context.now.astimezone().tzinfo
    late = []
    for person in context.config.clinicians:
        with context.store.read() as connection:
            ready = readiness_of(context.config, connection, person, context.now, holdings=counts.holdings)
        end = datetime.fromtimestamp(ready.week_end(ready.last_week + 7), here)
        starts = [start for line in lines if (start := line.next_after(end)) is not None]
        if not starts or min(starts) - end > LATE:
            late.append(person.key)
    said = ", ".join(line.text for line in lines)
    if late:
        mend = f"Write: {CRON_LINE} (hourly, 30 * * * *, where people live in several zones)"
        yield Finding("cron", f"{said}: Monday's page of {', '.join(late)} would gap the week before", mend)
    else:
        yield Finding("cron", f"{said}: Monday's pages have the week before")


def _people(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """What each clinician's page has to say of what it does not know: nothing of their numbers is told here."""
    from monitor.readiness import GapKind, readiness_of
    from monitor.weekly_report import gaps

    sources = {source.name: source for source in context.config.sources}
    for person in context.config.clinicians:
        with context.store.read() as connection:
            ready = readiness_of(context.config, connection, person, context.now, holdings=counts.holdings)
        page = f"page of {person.key}"
        if not ready.is_current and ready.anything_read:
            failed = ready.computation.error
            found = f"the numbers could not be computed ({failed})" if failed else "the numbers are not computed yet"
            mend = "evenhours -v analyse shows where it arose; please report it." if failed else "evenhours analyse"
            yield Finding(page, found, mend)
        said = gaps.warnings_with_week(ready)
        for sentence in said:
            yield Finding(page, f"it says: {sentence}", "See the sources above and the last night.")
        for gap in ready.gaps:
            found, mend = gaps.operator_texts(person, gap)
            if gap.kind is GapKind.OWNER_UNKNOWN and gap.source in sources:
                mend = remedy_for_unknown_owner(context.config, sources[gap.source], person)
            if gap.kind in gaps.OPTIONAL_GAPS:
                yield Finding(page, f"{found}. {mend}", look=True)
            else:
                yield Finding(page, found, mend)
        if ready.is_current and not said and not ready.gaps:
            yield Finding(page, "everything of the last week was read and computed")


def _moment(context: CliContext, instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, context.config.practice.zone):%A %-d %B at %H:%M}"


def _sources(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Whether each configured source has been read, and lately."""
    from monitor.readiness import OVERDUE_AFTER

    known = {(row["name"], row["account"]): row for row in counts.rows}
    accounts = [(source.name, account) for source in context.config.sources for account in source.accounts]
    windows = {source.name: source.window[1] for source in context.config.sources}
    for source, account in accounts:
        row = known.get((source, account))
        name = f"source {source} of {account}" if account else f"source {source}"
        if row is None or row["succeeded_at"] is None:
            told = row["error"] if row else None
            yield Finding(name, "never read", told or f"evenhours ingest --source {source}")
            continue
        held = f"{row['events']} events, {row['messages']} message times, {row['evidence']} true times"
        read_at, last = datetime.fromtimestamp(row["read_to"], UTC), windows[source]
        is_archive = last is not None and read_at.date() >= last
        if row["error"]:
            yield Finding(name, held, row["error"])
        elif context.now - read_at > OVERDUE_AFTER and not is_archive:
            yield Finding(name, f"{held}; last read {read_at:%d %B}", "Check that cron runs: evenhours nightly")
        elif not (row["events"] or row["messages"] or row["evidence"]):
            yield Finding(
                name, "read, but it holds nothing in its window", "Check its path, its window and whose it is."
            )
        else:
            yield Finding(name, held)


def _renamed(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Name the sources that give their entries new names at each export."""
    seen: dict[str, datetime] = {}
    for row in counts.rows:
        if row["renamed_at"] is not None:
            at = datetime.fromtimestamp(row["renamed_at"], UTC)
            seen[row["name"]] = max(at, seen.get(row["name"], at))
    for name in (source.name for source in context.config.sources if source.name in seen):
        if context.now - seen[name] <= RENAMED:
            yield Finding(
                f"names in {name}",
                "this source gives its entries new identifiers at each export, last seen on "
                f"{seen[name]:%d %B}; corrections and history were moved along. "
                "An export with stable identifiers (UID) would be better",
                look=True,
            )


def _true_times(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """How many of a source's true times say how a session went: few do where its zone or its dates are misread."""
    from monitor.analysis.sessions import count_linked_evidence
    from monitor.store import analysis_records

    configured = {source.name for source in context.config.sources}
    told, met = Counter[str](), Counter[str]()
    names = {row["id"]: row["name"] for row in counts.rows if row["evidence"]}
    with context.store.read() as connection:
        wanted = context.config.clinicians if configured.intersection(names.values()) else ()
        plain = analysis_records.unambiguous_evidence_counts(connection) if wanted else {}
        for clinician in wanted:
            numbers = {source: (number, number) for source, number in plain.get(clinician.key, {}).items()}
            if not numbers and (times := analysis_records.session_evidence(connection, clinician.key)):
                numbers = count_linked_evidence(*times)
            for source, (those, number) in numbers.items():
                met[names[source]] += those
                told[names[source]] += number
    for name, number in told.items():
        found = f"{met[name]} of {number} say how a session went"
        if few := 2 * met[name] < number:
            found += "; see whether its zone and its dates are right, or whether it merely repeats what was booked"
        if name in configured:
            yield Finding(f"true times of {name}", found, look=few)


def _google(context: CliContext) -> Iterator[Finding]:
    """Whether each owner of a Google source has given permission, and whether it lasts."""
    from connectors.google.access import scopes_of
    from connectors.google.consent import permission_problem
    from monitor.onboarding import google_sources

    for source in google_sources(context.config):
        folder, scopes = context.config.folder / source.options.tokens, scopes_of(source.kind, source.options)
        for clinician in source.clinicians:
            mend = permission_problem(folder, source.options, clinician, scopes, context.now)
            found = "not as it has to be" if mend else "given"
            yield Finding(f"permission of {clinician} for {source.name}", found, mend)


def _microsoft(context: CliContext) -> Iterator[Finding]:
    """Whether each owner of a Microsoft source has given permission."""
    from connectors.microsoft.access import permission_problem

    for source in (source for source in context.config.sources if source.kind == "microsoft"):
        for clinician in source.clinicians:
            mend = permission_problem(context.config.folder / source.options.tokens, source.options, clinician)
            found = "not as it has to be" if mend else "given"
            yield Finding(f"permission of {clinician} for {source.name}", found, mend)


def _kept_aside(context: CliContext) -> Iterator[Finding]:
    """What could not be used, by reason; no remedy is due, these are kept and listed."""
    from monitor.store import tables

    with context.store.read() as connection:
        for row in tables.unused_records(connection):
            example = f", for example {row['example']}" if row["example"] else ""
            yield Finding(f"kept aside in {row['source']}", f"{row['number']} × {row['reason']}{example}", look=True)


def _disk(context: CliContext) -> Iterator[Finding]:
    """Whether others on this machine can read the database."""
    mode = context.config.database.stat().st_mode & 0o077
    path = Path(context.config.database)
    if mode:
        yield Finding("privacy of the database", f"{path.name} can be read by others", f"chmod 600 {path}")
    yield Finding("disk", "encryption cannot be seen from here; the practice's disk has to be encrypted", look=True)
