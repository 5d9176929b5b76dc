"""``evenhours doctor``: checks of a practice with their remedies. Changes nothing and shows nobody's numbers."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import CliContext, pass_context
from monitor.cli.own_mail import remedy_for_unknown_owner
from monitor.config import Config, SourceConfig, public_holidays
from monitor.credentials import read_key
from monitor.errors import EXIT_ERROR, EXIT_OK, EvenhoursError, StoreError
from monitor.store.database import open_practice
from reports.wording import counted

if TYPE_CHECKING:
    from monitor.store.keys import Row
    from monitor.store.sources import SourceRecordCounts

NIGHT_MISSED_AFTER = timedelta(hours=30)
"""When the last nightly run is longer ago than this, one was missed: a day, and some hours for a late start."""

CRON_LINE = "30 4 * * * evenhours nightly"  # after 04:00, when a work day ends by default

RENAMING_SHOWN_FOR = timedelta(days=28)
"""How long doctor mentions that a source renamed its entries."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: its name, what was found, and a remedy (empty if nothing is wrong).

    ``is_hint`` marks something that is not wrong, but worth a look.
    """

    check: str
    found: str
    remedy: str = ""
    is_hint: bool = False


@click.command()
@pass_context
def doctor(context: CliContext) -> None:
    """Check the configuration, the key, the database and every source, and show remedies."""
    has_problems = False
    for finding in _findings(context):
        has_problems = has_problems or bool(finding.remedy)
        mark = "✗" if finding.remedy else "?" if finding.is_hint else "✓"
        remedy = f"\n    → {finding.remedy}" if finding.remedy else ""
        context.print_result(
            f"{mark} {finding.check}: {finding.found}{remedy}",
            check=finding.check, found=finding.found, remedy=finding.remedy or None, hint=finding.is_hint,
        )  # fmt: skip
    sys.exit(EXIT_ERROR if has_problems else EXIT_OK)


class SourceCounts:
    """The stored sources with their numbers of records, counted once, when first used."""

    def __init__(self, context: CliContext) -> None:
        """Store the context; nothing is counted yet."""
        self._context = context

    @cached_property
    def by_clinician(self) -> SourceRecordCounts:
        """The number of records of each source and clinician."""
        from monitor.store import sources

        with self._context.store.read() as connection:
            return sources.record_counts(connection)

    @cached_property
    def rows(self) -> list[Row]:
        """The stored sources, each with its numbers of events, messages and evidence."""
        from monitor.store import sources

        numbers: dict[int, Counter[str]] = defaultdict(Counter)
        for of_clinician in self.by_clinician.values():
            for source, held in of_clinician.items():
                numbers[source].update(events=held.events, messages=held.messages, evidence=held.evidence)
        with self._context.store.read() as connection:
            return [
                {**row} | {name: numbers[row["id"]][name] for name in ("events", "messages", "evidence")}
                for row in sources.source_states(connection)
            ]


def _findings(context: CliContext) -> Iterator[Finding]:
    try:
        number = len(context.config.sources)
        sources = counted(number, "source") if number else "no source yet: add a [[source]]"
        yield Finding("configuration", f"{context.config_path}, {sources}", is_hint=not number)
        read_key(context.config.key_file)
        yield Finding("key", f"{context.config.key_file.name}, readable by its owner alone")
        # Read-only, so that a database of an older version is not migrated.
        store = context.__dict__["store"] = open_practice(context.config, read_only=True)
    except EvenhoursError as error:
        yield Finding("set-up", "not complete", str(error))
        return
    name = context.config.database.name
    if damage := store.damage():
        yield Finding("database", f"{name} is damaged ({damage.splitlines()[0]})", "Restore a backup.")
        return
    else:
        yield Finding("database", f"{name}, belongs to this key, no damage found")
    counts = SourceCounts(context)
    try:
        yield from _holidays(context)
        yield from _last_night(context)
        yield from _cron(context, counts)
        yield from _sources(context, counts)
        yield from _people(context, counts)
        yield from _renamed(context, counts)
        yield from _actual_times(context, counts)
        yield from _permissions(context)
        yield from _rejected(context)
        yield from _disk(context)
    except StoreError as error:  # damage that SQLite's quick check misses, such as in the schema's text
        yield Finding("database", str(error), "If the file is damaged, restore a backup.")


def _holidays(context: CliContext) -> Iterator[Finding]:
    """Check that a subdivision is configured where public holidays differ within the country."""
    practice = context.config.practice
    if practice.country is None:
        return
    if problem := subdivision_problem(context.config, context.now.year):
        yield Finding("public holidays", *problem)
    else:
        yield Finding("public holidays", ", ".join(filter(None, (practice.country, practice.subdivision))))


def subdivision_problem(config: Config, year: int) -> tuple[str, str] | None:
    """Return what is wrong and its remedy if holidays differ within the country and no subdivision is configured."""
    country = config.practice.country
    if country is None or config.practice.subdivision is not None:
        return None
    parts = public_holidays.missing_by_subdivision(country, year)
    if not parts:
        return None
    found = f"they differ within {country}, and no subdivision is configured, so that some are missing"
    return found, f"Set subdivision under [practice] to one of {', '.join(parts)}"


def _last_night(context: CliContext) -> Iterator[Finding]:
    """Check that the last nightly run was lately and ended well."""
    from monitor.night import is_running
    from monitor.store.runs import last_runs

    with context.store.read() as connection:
        runs = last_runs(connection, "nightly", 1)
    if not runs:
        yield Finding(
            "last night", f"no nightly run has been recorded yet; the line for cron is: {CRON_LINE}", is_hint=True
        )
        return
    (last,) = runs
    began = _local_time(context, last.started_at)
    if last.ended_at is None and is_running(context.config.database):
        yield Finding("last night", f"a run began on {began} and is still running", is_hint=True)
    elif last.ended_at is None:
        yield Finding(
            "last night",
            f"the run that began on {began} did not end: it was killed, or the computer stopped",
            "Nothing is lost. Run: evenhours nightly",
        )
    elif context.now.timestamp() - last.started_at > NIGHT_MISSED_AFTER.total_seconds():
        yield Finding(
            "last night",
            f"the last run ended on {_local_time(context, last.ended_at)}, with exit code {last.exit_code}",
            f"Check that cron runs; its line is: {CRON_LINE}",
        )
    elif last.exit_code:
        remedy = "See below what was not read or not computed; docs/for-it.md explains the exit codes."
        yield Finding(
            "last night", f"ended on {_local_time(context, last.ended_at)}, with exit code {last.exit_code}", remedy
        )
    else:
        yield Finding("last night", f"ended on {_local_time(context, last.ended_at)}; everything was read and computed")


def _cron(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Check that cron starts a run soon enough after each clinician's week for Monday's page to show that week."""
    from monitor.cli.schedule import LATE, nightly_lines
    from monitor.readiness import readiness_of

    lines = nightly_lines(context.config.path)
    if not lines:  # another scheduler, or a crontab that this user cannot read
        return
    machine_zone = context.now.astimezone().tzinfo  # cron runs by the machine's clock
    late = []
    for clinician in context.config.clinicians:
        with context.store.read() as connection:
            ready = readiness_of(context.config, connection, clinician, context.now, record_counts=counts.by_clinician)
        end = datetime.fromtimestamp(ready.week_end(ready.last_week + 7), machine_zone)  # of the current week
        starts = [start for line in lines if (start := line.next_after(end)) is not None]
        if not starts or min(starts) - end > LATE:
            late.append(clinician.key)
    schedule = ", ".join(line.text for line in lines)
    if late:
        remedy = f"Change it to: {CRON_LINE} (or hourly, 30 * * * *, if people live in several time zones)"
        yield Finding(
            "cron", f"{schedule}: too late for Monday's page of {', '.join(late)} to show the week before", remedy
        )
    else:
        yield Finding("cron", f"{schedule}: soon enough for Monday's pages to show the week before")


def _people(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Check that each clinician's page is complete. None of their numbers is shown."""
    from monitor.readiness import GapKind, readiness_of
    from monitor.weekly_report import gaps

    sources = {source.name: source for source in context.config.sources}
    for clinician in context.config.clinicians:
        with context.store.read() as connection:
            ready = readiness_of(context.config, connection, clinician, context.now, record_counts=counts.by_clinician)
        page = f"page of {clinician.key}"
        if not ready.is_current and ready.anything_read:
            error = ready.computation.error
            found = f"the numbers could not be computed ({error})" if error else "the numbers are not computed yet"
            remedy = (
                "Please report it; evenhours -v analyse shows where it arose." if error else "Run: evenhours analyse"
            )
            yield Finding(page, found, remedy)
        warnings = gaps.warnings_with_week(ready)
        for warning in warnings:
            yield Finding(page, f"it warns: {warning}", "See the sources and the last night above.")
        for gap in ready.gaps:
            found, remedy = gaps.operator_texts(clinician, gap)
            if gap.kind is GapKind.OWNER_UNKNOWN and gap.source in sources:
                remedy = remedy_for_unknown_owner(context.config, sources[gap.source], clinician)
            if gap.kind in gaps.OPTIONAL_GAPS:
                yield Finding(page, f"{found}. {remedy}", is_hint=True)
            else:
                yield Finding(page, found, remedy)
        if ready.is_current and not warnings and not ready.gaps:
            yield Finding(page, "everything of the last week was read and computed")


def _local_time(context: CliContext, instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, context.config.practice.zone):%A %-d %B at %H:%M}"


def _sources(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Check that each configured source has been read lately."""
    from monitor.readiness import OVERDUE_AFTER

    rows = {(row["name"], row["account"]): row for row in counts.rows}
    accounts = [(source.name, account) for source in context.config.sources for account in source.accounts]
    windows = {source.name: source.window[1] for source in context.config.sources}
    for source, account in accounts:
        row = rows.get((source, account))
        name = f"source {source} of {account}" if account else f"source {source}"
        if row is None or row["succeeded_at"] is None:
            error = row["error"] if row else None
            yield Finding(name, "never read", error or f"Run: evenhours ingest --source {source}")
            continue
        content = f"{row['events']} events, {row['messages']} message times, {row['evidence']} actual times"
        read_at, last = datetime.fromtimestamp(row["read_to"], UTC), windows[source]
        is_archive = last is not None and read_at.date() >= last  # the window has ended: nothing new will come
        if row["error"]:
            yield Finding(name, content, row["error"])
        elif context.now - read_at > OVERDUE_AFTER and not is_archive:
            yield Finding(name, f"{content}; last read {read_at:%d %B}", "Check that cron runs evenhours nightly.")
        elif not (row["events"] or row["messages"] or row["evidence"]):
            yield Finding(name, "read, but nothing lies in its window", "Check its path, its window and its clinician.")
        else:
            yield Finding(name, content)


def _renamed(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Report the sources that give their entries new identifiers at each export."""
    renamed_at: dict[str, datetime] = {}
    for row in counts.rows:
        if row["renamed_at"] is not None:
            instant = datetime.fromtimestamp(row["renamed_at"], UTC)
            renamed_at[row["name"]] = max(instant, renamed_at.get(row["name"], instant))
    for name in (source.name for source in context.config.sources if source.name in renamed_at):
        if context.now - renamed_at[name] <= RENAMING_SHOWN_FOR:
            yield Finding(
                f"identifiers of {name}",
                "this source gives its entries new identifiers at each export, last seen on "
                f"{renamed_at[name]:%d %B}; corrections and history were carried over. "
                "An export with stable identifiers (UID) would be better",
                is_hint=True,
            )


def _actual_times(context: CliContext, counts: SourceCounts) -> Iterator[Finding]:
    """Check how many of a source's actual times belong to a session: few, if its zone or dates are misread."""
    from monitor.analysis.sessions import count_linked_evidence
    from monitor.store import analysis_records

    configured = {source.name for source in context.config.sources}
    total, linked = Counter[str](), Counter[str]()
    names = {row["id"]: row["name"] for row in counts.rows if row["evidence"]}
    with context.store.read() as connection:
        clinicians = context.config.clinicians if configured.intersection(names.values()) else ()
        unambiguous = analysis_records.unambiguous_evidence_counts(connection) if clinicians else {}
        for clinician in clinicians:
            numbers = {source: (number, number) for source, number in unambiguous.get(clinician.key, {}).items()}
            # Only the clinicians whose evidence names no entry need the slow matching by time.
            if not numbers and (times := analysis_records.session_evidence(connection, clinician.key)):
                numbers = count_linked_evidence(*times)
            for source, (linked_number, number) in numbers.items():
                linked[names[source]] += linked_number
                total[names[source]] += number
    for name, number in total.items():
        found = f"{linked[name]} of {number} belong to a session"
        if few := 2 * linked[name] < number:
            found += "; check its time zone and date format, and that it does not merely repeat the booked times"
        if name in configured:
            yield Finding(f"actual times of {name}", found, is_hint=few)


def _permissions(context: CliContext) -> Iterator[Finding]:
    """Check that each owner of a Google or Microsoft source has given a lasting permission."""
    from connectors.google import access as google
    from connectors.google import consent
    from connectors.microsoft import access as microsoft
    from monitor.onboarding import google_sources

    problems: list[tuple[SourceConfig, str, str]] = []
    for source in google_sources(context.config):
        folder, scopes = context.config.folder / source.options.tokens, google.scopes_of(source.kind, source.options)
        problems += [
            (source, clinician, consent.permission_problem(folder, source.options, clinician, scopes, context.now))
            for clinician in source.clinicians
        ]
    for source in (source for source in context.config.sources if source.kind == "microsoft"):
        folder = context.config.folder / source.options.tokens
        problems += [
            (source, clinician, microsoft.permission_problem(folder, source.options, clinician))
            for clinician in source.clinicians
        ]
    for source, clinician, remedy in problems:
        found = "missing or not sufficient" if remedy else "given"
        yield Finding(f"permission of {clinician} for {source.name}", found, remedy)


def _rejected(context: CliContext) -> Iterator[Finding]:
    """List the records that could not be used, by reason. There is no general remedy."""
    from monitor.store import sources

    with context.store.read() as connection:
        for row in sources.unused_records(connection):
            example = f", for example {row['example']}" if row["example"] else ""
            yield Finding(f"rejected from {row['source']}", f"{row['number']} × {row['reason']}{example}", is_hint=True)


def _disk(context: CliContext) -> Iterator[Finding]:
    """Check that others on this machine cannot read the database."""
    mode = context.config.database.stat().st_mode & 0o077  # any right of group or others
    path = Path(context.config.database)
    if mode:
        yield Finding("privacy of the database", f"{path.name} can be read by others", f"Run: chmod 600 {path}")
    yield Finding("disk", "Evenhours cannot see whether the disk is encrypted; make sure that it is", is_hint=True)
