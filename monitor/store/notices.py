"""Notices, the measures behind them, and what their owner said to them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.store.invalidation import DAY, Invalidation, mark_dirty
from monitor.store.keys import clinician_ids


@dataclass(frozen=True, slots=True)
class Signal:
    """One measure behind a notice: how far it moved, with its 90 % interval, and since which week.

    ``observed`` is how far it moved in those weeks as they were counted, ``None`` where only the estimate was stored.
    """

    key: str
    ratio: float
    low: float
    high: float
    since: int
    observed: float | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as it is stored; ``client`` is 0 where it is about no single client, ``id`` 0 before it is stored.

    A line has the number it is about in ``measured`` and no ratio; one of a single day says in ``topic`` what came on
    it. ``signals`` are the measures that moved together, where there are several. ``answer`` is the latest that was not
    taken back, ``until`` the last day of an exception.
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
        """The measures behind a notice: those that moved together, or its own."""
        return self.signals or (
            Signal(self.key, self.ratio or 0, self.low or 0, self.high or 0, self.since, self.observed),
        )

    @property
    def natural_key(self) -> tuple[int, str, int, str]:
        """What makes it the same notice as that of the night before, whatever its numbers say now."""
        return self.week, self.family, self.client, self.topic


# Of several answers the latest counts; two in the same second count as they came.
STANDING_ANSWER = """
(SELECT answer.id FROM answer WHERE notice_id = notice.id AND undone_at IS NULL
 ORDER BY answered_at DESC, answer.id DESC LIMIT 1)"""

_NOTICES = f"""
SELECT week, tier, family, notice.key, ratio, low, high, since, client_id, notice.id, answer, answered_at, until_day,
       measured, topic, observed
FROM notice JOIN clinician ON clinician.id = notice.clinician_id LEFT JOIN answer ON answer.id = {STANDING_ANSWER}
WHERE clinician.key = ? ORDER BY week, family, client_id, topic"""
_SIGNALS = """
SELECT notice_id, notice_signal.key, ratio, low, high, since, observed FROM notice_signal
JOIN clinician ON clinician.id = clinician_id WHERE clinician.key = ?
ORDER BY notice_id, ratio DESC, notice_signal.key"""


def notices(connection: sqlite3.Connection, clinician: str) -> list[NoticeRow]:
    """A clinician's notices and lines, the oldest first."""
    signals: dict[int, list[Signal]] = defaultdict(list)
    for notice, *told in connection.execute(_SIGNALS, (clinician,)):
        signals[notice].append(Signal(*told))
    rows = [NoticeRow(*row) for row in connection.execute(_NOTICES, (clinician,)).fetchall()]
    return [replace(row, signals=tuple(signals[row.id])) for row in rows]


def save_notices(connection: sqlite3.Connection, clinician: str, found: Sequence[NoticeRow]) -> int:
    """Make ``found`` the clinician's notices; one that was ever answered stays, whatever the numbers say now.

    Returns how many changed.
    """
    id_ = clinician_ids(connection, [clinician])[clinician]
    known = {row.natural_key: row for row in notices(connection, clinician)}
    wanted = {row.natural_key for row in found}
    answered = {row[0] for row in connection.execute("SELECT notice_id FROM answer WHERE clinician_id = ?", (id_,))}
    gone = [row.id for place, row in known.items() if place not in wanted and row.id not in answered]
    fresh = [row for row in found if _told(known.get(row.natural_key)) != _told(row)]
    for table, column in (("notice_signal", "notice_id"), ("notice", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(notice,) for notice in gone])
    for row in fresh:
        _save(connection, id_, row)
    return len(gone) + len(fresh)


def _told(row: NoticeRow | None) -> tuple[object, ...] | None:
    """What the numbers say, without what a person said."""
    if row is None:
        return None
    told = (row.tier, row.key, row.ratio, row.low, row.high, row.since, row.measured, row.observed)
    return (*told, *sorted(row.signals, key=lambda signal: signal.key))


def _save(connection: sqlite3.Connection, clinician: int, row: NoticeRow) -> None:
    (number,) = connection.execute(
        """INSERT INTO notice
             (clinician_id, week, tier, family, key, client_id, topic, ratio, low, high, since, measured, observed)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (clinician_id, week, family, client_id, topic) DO UPDATE SET tier = excluded.tier,
           key = excluded.key, ratio = excluded.ratio, low = excluded.low, high = excluded.high, since = excluded.since,
           measured = excluded.measured, observed = excluded.observed RETURNING id""",
        (
            clinician, row.week, row.tier, row.family, row.key, row.client, row.topic, row.ratio, row.low, row.high,
            row.since, row.measured, row.observed,
        ),
    ).fetchone()  # fmt: skip
    connection.execute("DELETE FROM notice_signal WHERE notice_id = ?", (number,))
    connection.executemany(
        "INSERT INTO notice_signal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (clinician, number, signal.key, signal.ratio, signal.low, signal.high, signal.since, signal.observed)
            for signal in row.signals
        ],
    )


def answer_notice(
    connection: sqlite3.Connection, clinician: str, notice: int, answer: str, now: int, *, until: int | None = None
) -> bool:
    """Keep what a person said to a notice of theirs; ``False`` if it is not theirs or not there.

    ``until`` is the last day of an exception that goes on. The person's numbers are computed again in the next run.
    """
    kept = connection.execute(
        """INSERT INTO answer (clinician_id, notice_id, answer, until_day, answered_at)
           SELECT clinician_id, notice.id, ?, ?, ? FROM notice JOIN clinician ON clinician.id = clinician_id
           WHERE notice.id = ? AND clinician.key = ?""",
        (answer, until, now, notice, clinician),
    ).rowcount
    if kept == 1:
        _invalidate(connection, notice)
    return kept == 1


def undo_answer(connection: sqlite3.Connection, clinician: str, notice: int, now: int) -> bool:
    """Take the standing answers to a notice back, so that it is open again; ``False`` if there is none of theirs."""
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
    mark_dirty(connection, Invalidation(since={owner: since * DAY}))


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How often one thing was said to the notices of one family and tier; ``answer`` is ``None`` for open ones."""

    tier: str
    family: str
    answer: str | None
    number: int


def answer_counts(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> list[AnswerCount]:
    """A clinician's notices by tier, family and standing answer: what the yearly budget is checked against.

    Counted are those of weeks that touch the days ``first`` to ``last``.
    """
    sql = f"""SELECT tier, family, answer, count(*)
              FROM notice JOIN clinician ON clinician.id = notice.clinician_id
              LEFT JOIN answer ON answer.id = {STANDING_ANSWER}
              WHERE clinician.key = ? AND week + 6 >= ? AND week <= ?
              GROUP BY tier, family, answer ORDER BY tier, family, answer"""
    return [AnswerCount(*row) for row in connection.execute(sql, (clinician, first, last))]
