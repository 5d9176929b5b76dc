"""The record of runs, and of the gaps that they report."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from monitor.store.keys import clinician_id

RUN_RETENTION_SECONDS = 30 * 86_400
"""Runs are deleted after this time."""


@dataclass(frozen=True, slots=True)
class RunSourceRow:
    """The result of a run for one source, or account of it. ``error`` is why it could not be read."""

    name: str
    seconds: float
    changed: int
    rejected: int
    error: str | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run with the sources that it read. ``ended_at`` and ``exit_code`` are ``None`` if it was broken off."""

    started_at: int
    ended_at: int | None
    exit_code: int | None
    sources: tuple[RunSourceRow, ...] = ()


def begin_run(connection: sqlite3.Connection, command: str, now: int) -> int:
    """Store the start of a run, delete runs of more than 30 days ago, and return the id of the new one."""
    old = "SELECT id FROM run WHERE started_at < ?"
    connection.execute(f"DELETE FROM run_source WHERE run_id IN ({old})", (now - RUN_RETENTION_SECONDS,))
    connection.execute(f"DELETE FROM run WHERE id IN ({old})", (now - RUN_RETENTION_SECONDS,))
    run_id = connection.execute("INSERT INTO run (command, started_at) VALUES (?, ?)", (command, now)).lastrowid
    return int(run_id or 0)


def save_run_source(connection: sqlite3.Connection, run: int, source: RunSourceRow) -> None:
    """Store the result of a run for one source."""
    connection.execute(
        # Sources are numbered in the order in which they were read.
        """INSERT INTO run_source SELECT ?, 1 + count(*), ?, ?, ?, ?, ? FROM run_source WHERE run_id = ?""",
        (run, source.name, source.seconds, source.changed, source.rejected, source.error, run),
    )


def end_run(connection: sqlite3.Connection, run: int, exit_code: int, now: int) -> None:
    """Store the end and the exit code of a run."""
    connection.execute("UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?", (now, exit_code, run))


def last_runs(connection: sqlite3.Connection, command: str, number: int) -> list[RunRow]:
    """Return the last runs of a command, the newest first."""
    sql = "SELECT id, started_at, ended_at, exit_code FROM run WHERE command = ? ORDER BY id DESC LIMIT ?"
    sources_sql = "SELECT name, seconds, changed, rejected, error FROM run_source WHERE run_id = ? ORDER BY number"
    runs = []
    for id_, started_at, ended_at, exit_code in connection.execute(sql, (command, number)).fetchall():
        sources = tuple(RunSourceRow(*source) for source in connection.execute(sources_sql, (id_,)))
        runs.append(RunRow(started_at, ended_at, exit_code, sources))
    return runs


def save_gaps(
    connection: sqlite3.Connection, clinician: str, gaps: Collection[tuple[str, str]], now: int
) -> set[tuple[str, str]]:
    """Replace a clinician's gaps by ``gaps`` (gap, source); return those that are new."""
    id_ = clinician_id(connection, clinician)
    stored = set(connection.execute("SELECT gap, source FROM gap WHERE clinician_id = ?", (id_,)).fetchall())
    new = set(gaps) - stored
    connection.executemany(
        "DELETE FROM gap WHERE clinician_id = ? AND gap = ? AND source = ?",
        [(id_, *gap) for gap in stored - set(gaps)],
    )
    connection.executemany("INSERT INTO gap VALUES (?, ?, ?, ?)", [(id_, *gap, now) for gap in new])
    return new
