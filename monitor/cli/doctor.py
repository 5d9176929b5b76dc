"""``evenhours doctor``: check, found, how to mend. Reads everything, changes nothing, shows nobody's numbers."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from monitor.cli.desk import Desk, pass_desk
from monitor.errors import EXIT_ERROR, EXIT_OK, EvenhoursError
from reports.wording import counted

SILENT = timedelta(hours=48)


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
@pass_desk
def doctor(desk: Desk) -> None:
    """Look at the configuration, the key, the database and every source, and say how to mend what is wrong."""
    ill = False
    for finding in _findings(desk):
        ill = ill or bool(finding.mend)
        sign = "✗" if finding.mend else "?" if finding.look else "✓"
        mend = f"\n    → {finding.mend}" if finding.mend else ""
        desk.say(
            f"{sign} {finding.check}: {finding.found}{mend}",
            check=finding.check, found=finding.found, mend=finding.mend or None, look=finding.look,
        )  # fmt: skip
    sys.exit(EXIT_ERROR if ill else EXIT_OK)


def _findings(desk: Desk) -> Iterator[Finding]:
    try:
        number = len(desk.config.sources)
        sources = counted(number, "source") if number else "no source yet: add a [[source]]"
        yield Finding("configuration", f"{desk.config_path}, {sources}", look=not number)
        desk.check_key()
        yield Finding("key", f"{desk.config.key_file.name}, readable by its owner alone")
        with desk.store.read():
            yield Finding("database", f"{desk.config.database.name}, current")
    except EvenhoursError as error:
        yield Finding("set-up", "not complete", str(error))
        return
    checks: tuple[Callable[[Desk], Iterator[Finding]], ...] = (
        _sources,
        _true_times,
        _google,
        _microsoft,
        _kept_aside,
        _hours,
        _disk,
    )
    for check in checks:
        yield from check(desk)


def _sources(desk: Desk) -> Iterator[Finding]:
    """Whether each configured source has been read, and lately."""
    from monitor.store import tables

    with desk.store.read() as connection:
        known = {(row["name"], row["account"]): row for row in tables.sources(connection)}
    accounts = [(source.name, account) for source in desk.config.sources for account in source.accounts]
    for source, account in accounts:
        row = known.get((source, account))
        name = f"source {source} of {account}" if account else f"source {source}"
        if row is None or row["succeeded_at"] is None:
            told = row["fault"] if row else None
            yield Finding(name, "never read", told or f"evenhours ingest --source {source}")
            continue
        held = f"{row['events']} events, {row['messages']} message times, {row['evidence']} true times"
        read_at = datetime.fromtimestamp(row["succeeded_at"], UTC)
        if row["fault"]:
            yield Finding(name, held, row["fault"])
        elif desk.now - read_at > SILENT:
            yield Finding(name, f"{held}; last read {read_at:%d %B}", "Check that cron runs: evenhours nightly")
        elif not (row["events"] or row["messages"] or row["evidence"]):
            yield Finding(
                name, "read, but it holds nothing in its window", "Check its path, its window and whose it is."
            )
        else:
            yield Finding(name, held)


def _true_times(desk: Desk) -> Iterator[Finding]:
    """How many of a source's true times say how a session went: few do where its zone or its dates are misread."""
    from monitor.analysis.sessions import met_from
    from monitor.store import facts, tables

    configured = {source.name for source in desk.config.sources}
    told, met = Counter[str](), Counter[str]()
    with desk.store.read() as connection:
        names = {row["id"]: row["name"] for row in tables.sources(connection) if row["evidence"]}
        for clinician in desk.config.clinicians if configured.intersection(names.values()) else ():
            stored = facts.stored(connection, clinician.key)
            for source, (those, number) in met_from(stored.events, stored.evidence).items():
                met[names[source]] += those
                told[names[source]] += number
    for name, number in told.items():
        found = f"{met[name]} of {number} say how a session went"
        if few := 2 * met[name] < number:
            found += "; see whether its zone and its dates are right, or whether it merely repeats what was booked"
        if name in configured:
            yield Finding(f"true times of {name}", found, look=few)


def _google(desk: Desk) -> Iterator[Finding]:
    """Whether each owner of a Google source has given permission, and whether it lasts."""
    from connectors.google.access import scopes_of
    from connectors.google.consent import standing
    from monitor.onboarding import google_sources

    for source in google_sources(desk.config):
        folder, scopes = desk.config.folder / source.options.tokens, scopes_of(source.kind, source.options)
        for clinician in source.clinicians:
            mend = standing(folder, source.options, clinician, scopes, desk.now)
            found = "not as it has to be" if mend else "given"
            yield Finding(f"permission of {clinician} for {source.name}", found, mend)


def _microsoft(desk: Desk) -> Iterator[Finding]:
    """Whether each owner of a Microsoft source has given permission."""
    from connectors.microsoft.access import standing

    for source in (source for source in desk.config.sources if source.kind == "microsoft"):
        for clinician in source.clinicians:
            mend = standing(desk.config.folder / source.options.tokens, source.options, clinician)
            found = "not as it has to be" if mend else "given"
            yield Finding(f"permission of {clinician} for {source.name}", found, mend)


def _kept_aside(desk: Desk) -> Iterator[Finding]:
    """What could not be used, by reason; no remedy is due, these are kept and listed."""
    from monitor.store import tables

    with desk.store.read() as connection:
        for row in tables.kept_aside(connection):
            example = f", for example {row['example']}" if row["example"] else ""
            yield Finding(f"kept aside in {row['source']}", f"{row['number']} × {row['reason']}{example}", look=True)


def _hours(desk: Desk) -> Iterator[Finding]:
    """Who has no agreed hours: their numbers are labelled as assumed."""
    assumed = [person.key for person in desk.config.clinicians if person.assumed_hours]
    if assumed:
        yield Finding("agreed hours", f"assumed Monday to Friday, 08:00 to 18:00, for {', '.join(assumed)}", look=True)


def _disk(desk: Desk) -> Iterator[Finding]:
    """Whether others on this machine can read the database."""
    mode = desk.config.database.stat().st_mode & 0o077
    path = Path(desk.config.database)
    if mode:
        yield Finding("privacy of the database", f"{path.name} can be read by others", f"chmod 600 {path}")
    yield Finding("disk", "encryption cannot be seen from here; the practice's disk has to be encrypted", look=True)
