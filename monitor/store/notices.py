"""Notices, their signals, and the answers to them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.store.computations import DAY, mark_dirty_from
from monitor.store.keys import clinician_id


@dataclass(frozen=True, slots=True)
class Signal:
    """One metric that moved, as part of a notice: how far, with the 90 % interval, and since which week.

    ``ratio`` allows for chance; ``observed`` is how far it moved as counted, ``None`` if only the estimate is stored.
    """

    key: str
    ratio: float
    low: float
    high: float
    since: int
    observed: float | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as it is stored; ``client`` is 0 if it concerns no single client, ``id`` is 0 before it is stored.

    A notice about a rule has a ``measured`` number and no ratio; if it concerns a single day, ``topic`` is the event of
    that day. ``signals`` are all of its signals if there are several. ``answer`` is the latest one that was not undone,
    ``until`` the last day of an exception.
    """

    week: int
    tier: str
    family: str
    key: str
    ratio: float | None
    low: float | None
    high: float | None
    since: int
    client: int = 0
    id: int = 0
    answer: str | None = None
    answered_at: int | None = None
    until: int | None = None
    measured: float | None = None
    topic: str = ""
    observed: float | None = None
    signals: tuple[Signal, ...] = ()

    @property
    def all_signals(self) -> tuple[Signal, ...]:
        """The signals of the notice: several that moved together, or the one that it consists of."""
        return self.signals or (
            Signal(self.key, self.ratio or 0, self.low or 0, self.high or 0, self.since, self.observed),
        )

    @property
    def natural_key(self) -> tuple[int, str, int, str]:
        """The values that identify the notice from one run to the next, whatever its numbers are."""
        return self.week, self.family, self.client, self.topic


# The latest of several answers counts. Of two in the same second the id decides.
CURRENT_ANSWER = """
(SELECT answer.id FROM answer WHERE notice_id = notice.id AND undone_at IS NULL
 ORDER BY answered_at DESC, answer.id DESC LIMIT 1)"""

_NOTICES = f"""
SELECT week, tier, family, notice.key, ratio, low, high, since, client_id, notice.id, answer, answered_at, until_day,
       measured, topic, observed
FROM notice JOIN clinician ON clinician.id = notice.clinician_id LEFT JOIN answer ON answer.id = {CURRENT_ANSWER}
WHERE clinician.key = ? ORDER BY week, family, client_id, topic"""
_SIGNALS = """
SELECT notice_id, notice_signal.key, ratio, low, high, since, observed FROM notice_signal
JOIN clinician ON clinician.id = clinician_id WHERE clinician.key = ?
ORDER BY notice_id, ratio DESC, notice_signal.key"""


def notices(connection: sqlite3.Connection, clinician: str) -> list[NoticeRow]:
    """Return a clinician's notices, the oldest first."""
    signals: dict[int, list[Signal]] = defaultdict(list)
    for notice_id, *values in connection.execute(_SIGNALS, (clinician,)):
        signals[notice_id].append(Signal(*values))
    rows = [NoticeRow(*row) for row in connection.execute(_NOTICES, (clinician,)).fetchall()]
    return [replace(row, signals=tuple(signals[row.id])) for row in rows]


def save_notices(connection: sqlite3.Connection, clinician: str, rows: Sequence[NoticeRow]) -> int:
    """Replace a clinician's notices by ``rows``, except those that were ever answered; return how many changed."""
    id_ = clinician_id(connection, clinician)
    stored = {row.natural_key: row for row in notices(connection, clinician)}
    new_keys = {row.natural_key for row in rows}
    answered = {row[0] for row in connection.execute("SELECT notice_id FROM answer WHERE clinician_id = ?", (id_,))}
    removed = [row.id for key, row in stored.items() if key not in new_keys and row.id not in answered]
    changed = [row for row in rows if _computed_values(stored.get(row.natural_key)) != _computed_values(row)]
    for table, column in (("notice_signal", "notice_id"), ("notice", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(notice_id,) for notice_id in removed])
    for row in changed:
        (notice_id,) = connection.execute(
            """INSERT INTO notice
                 (clinician_id, week, tier, family, key, client_id, topic, ratio, low, high, since, measured, observed)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (clinician_id, week, family, client_id, topic) DO UPDATE SET tier = excluded.tier,
               key = excluded.key, ratio = excluded.ratio, low = excluded.low, high = excluded.high,
               since = excluded.since, measured = excluded.measured, observed = excluded.observed RETURNING id""",
            (
                id_, row.week, row.tier, row.family, row.key, row.client, row.topic, row.ratio, row.low, row.high,
                row.since, row.measured, row.observed,
            ),
        ).fetchone()  # fmt: skip
        connection.execute("DELETE FROM notice_signal WHERE notice_id = ?", (notice_id,))
        connection.executemany(
            "INSERT INTO notice_signal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (id_, notice_id, signal.key, signal.ratio, signal.low, signal.high, signal.since, signal.observed)
                for signal in row.signals
            ],
        )
    return len(removed) + len(changed)


def _computed_values(row: NoticeRow | None) -> tuple[object, ...] | None:
    """Return the computed values of a notice, without its answer."""
    if row is None:
        return None
    values = (row.tier, row.key, row.ratio, row.low, row.high, row.since, row.measured, row.observed)
    return (*values, *sorted(row.signals, key=lambda signal: signal.key))


def answer_notice(
    connection: sqlite3.Connection, clinician: str, notice: int, answer: str, now: int, *, until: int | None = None
) -> bool:
    """Store an answer to a notice and mark its owner dirty; return ``False`` if it is not the clinician's notice.

    ``until`` is the last day of an exception.
    """
    inserted = connection.execute(
        """INSERT INTO answer (clinician_id, notice_id, answer, until_day, answered_at)
           SELECT clinician_id, notice.id, ?, ?, ? FROM notice JOIN clinician ON clinician.id = clinician_id
           WHERE notice.id = ? AND clinician.key = ?""",
        (answer, until, now, notice, clinician),
    ).rowcount
    if inserted == 1:
        _invalidate(connection, notice)
    return inserted == 1


def undo_answer(connection: sqlite3.Connection, clinician: str, notice: int, now: int) -> bool:
    """Undo all answers to a notice, so that it is open again; return ``False`` if it has none by the clinician."""
    undone = connection.execute(
        """UPDATE answer SET undone_at = ? WHERE notice_id = ? AND undone_at IS NULL
           AND clinician_id = (SELECT id FROM clinician WHERE key = ?)""",
        (now, notice, clinician),
    ).rowcount
    if undone:
        _invalidate(connection, notice)
    return undone > 0


def _invalidate(connection: sqlite3.Connection, notice: int) -> None:
    since, owner = connection.execute("SELECT since, clinician_id FROM notice WHERE id = ?", (notice,)).fetchone()
    mark_dirty_from(connection, owner, since * DAY)
