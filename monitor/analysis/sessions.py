"""Calendar entries and evidence become sessions: what was booked, what took place, and how its true end is known.

Instants are UTC epoch seconds; an unknown one is NaN in a float column, never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Grade, Kind, Status
from monitor.analysis.columns import Column, arrays, first_by_group
from monitor.analysis.evidence import (
    CALL_COLUMNS,
    CORRECTED,
    EXPECTED,
    BestEvidence,
    EvidenceRows,
    best_evidence,
    drop_template_times,
    link_evidence,
    unscheduled_calls,
)

SAME_SESSION = 0.5  # share of the shorter entry that two sources must share to mean one session (design choice)

HELD, BOOKED = "held", "booked"
EDITED = "edited"

SESSION_COLUMNS = {
    "uid_key": "object", "client": "int64", "booked_start": "int64", "booked_end": "int64", "actual_start": "float64",
    "actual_end": "float64", "evidence": "object", "status": "object", "known_at": "int64",
}  # fmt: skip
_TOLD = ("source", "grade", "started_at", "ended_at", "meeting", "uid_key")


def sessions_from(
    events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame, *, as_of: int
) -> pd.DataFrame:
    """The sessions of one clinician, one row each, by booked start.

    ``events`` has source, uid_key, start, booked_end, end, all_day, status, kind, client (-1 for none), excluded,
    known_at and meeting (empty for none); ``evidence`` has source, grade, started_at, ended_at, uid_key (empty where a
    call names no entry) and meeting; ``corrections`` has uid_key and ended_at. Returned: uid_key, client,
    booked_start, booked_end, actual_start, actual_end (NaN where unknown), evidence (what the end rests on: corrected,
    ehr, call, edited or empty), status (held, booked, cancelled, late_cancelled, no_show) and known_at, when the entry
    was first seen.
    A session is held if nothing says otherwise and it began at or before ``as_of``.
    """
    booked, told = _told(events, evidence, corrections)
    known = best_evidence(_of_sessions(booked, told), len(booked))
    known = BestEvidence(*(column[_telling(booked, known.grade)] for column in known))
    kept = booked[["uid_key", "client", "start", "booked_end", "known_at"]].rename(columns={"start": "booked_start"})
    sessions = kept.assign(
        actual_start=known.actual_start,
        actual_end=known.actual_end,
        evidence=_named(booked, known.grade),
        status=_status(booked, known.missed, as_of),
    )
    return sessions[list(SESSION_COLUMNS)].astype(SESSION_COLUMNS)


def count_linked_evidence(events: pd.DataFrame, evidence: pd.DataFrame) -> dict[int, tuple[int, int]]:
    """By source: how many true times say how a session went, of how many that it tells.

    Arguments are as for :func:`sessions_from`. What was over before the first session, or began after the last, is not
    counted, unless there is no session at all.
    """
    booked, told = _told(events, evidence, pd.DataFrame({"uid_key": [], "ended_at": []}))
    started, ended = evidence["started_at"], evidence["ended_at"]
    within = evidence
    if len(booked):
        begun = started.fillna(ended) <= booked["booked_end"].max()
        within = evidence[begun & (ended.fillna(started) >= booked["start"].min())]
    met, number = Counter(_of_sessions(booked, told).source.tolist()), Counter(within["source"].tolist())
    return {source: (met[source], number[source]) for source in sorted(number)}


def _of_sessions(booked: pd.DataFrame, told: EvidenceRows) -> EvidenceRows:
    """What says how a session went."""
    told = told.chosen(told.session >= 0)
    return drop_template_times(told, told.session, booked)


def _telling(booked: pd.DataFrame, grade: Column) -> NDArray[np.int64]:
    """The row that tells how each session went: its own, or one with a call among a group of one span.

    A call was everybody's who was expected; what a record system or the clinician says is said of one client.
    """
    status, start, end = arrays(booked, "status", "start", "booked_end")
    order = np.lexsort((grade != Grade.CALL.value, end, start))
    begins = np.append(True, (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0))[: len(order)]
    rows = np.arange(len(order))
    of_group = np.empty_like(rows)
    of_group[order] = order[np.maximum.accumulate(np.where(begins, rows, 0))]
    silent = (grade == "") & np.isin(status, tuple(EXPECTED)) & (grade[of_group] == Grade.CALL.value)
    return np.where(silent, of_group, rows)


def distinct_meetings(sessions: pd.DataFrame) -> pd.DataFrame:
    """Sessions with a group once, in the order given: of those that begin together one with a known end, or the longer.

    ::

        calendar         |-------------|      the group as one entry
        record system    |----------|         and each who was there as another: one meeting
                         |----------|
    """
    start, end, ended = arrays(sessions, "booked_start", "booked_end", "actual_end")
    order = np.lexsort((-end, np.isnan(ended), start))
    first = np.append(True, np.diff(start[order]) != 0)[: len(sessions)]
    return sessions if first.all() else sessions.iloc[np.sort(order[first])]


def unscheduled_calls_from(events: pd.DataFrame, evidence: pd.DataFrame, *, as_of: int) -> pd.DataFrame:
    """Calls that nobody booked, up to ``as_of``: see :func:`~monitor.analysis.evidence.unscheduled_calls`.

    They are no sessions: nothing says that they were one, and mostly not with whom.
    """
    calls = evidence[(evidence["grade"] == Grade.CALL) & (evidence["started_at"] <= as_of)]
    if calls.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in CALL_COLUMNS.items()})
    _, told = _told(events, calls, pd.DataFrame({"uid_key": [], "ended_at": []}))
    return unscheduled_calls(events, told)


def _told(events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame) -> tuple[pd.DataFrame, EvidenceRows]:
    """The booked sessions, each once, and all evidence with the session it is about."""
    entries = _session_entries(events)
    same = _same_sessions(entries)
    booked = _one_per_session(entries, same)
    order = np.lexsort(arrays(booked, "uid_key", "start"))
    rows = np.argsort(order)[same]  # where the session of each entry stands by its start
    *columns, names = map(np.concatenate, zip(arrays(evidence, *_TOLD), _corrected(corrections), strict=True))
    source, grade, started_at, ended_at, meeting = columns
    named = _named_entries(names, np.where(np.isnan(ended_at), started_at, ended_at), entries)
    told = EvidenceRows(source, grade, started_at, ended_at, meeting, np.append(rows, -1)[named])
    told = drop_template_times(told, named, entries)
    booked = booked.iloc[order].reset_index(drop=True)
    return booked, link_evidence(booked, told)


def _named_entries(names: Column, instants: Column, entries: pd.DataFrame) -> NDArray[np.int64]:
    """The row of the entry that each name means at its instant, -1 for none.

    Two sources may show one entry at two times; then the nearer one is meant.
    """
    shown: dict[str, list[int]] = {}
    keys, start, end = arrays(entries, "uid_key", "start", "booked_end")
    for row, key in enumerate(keys.tolist()):
        shown.setdefault(key, []).append(row)

    def meant(name: str, at: float) -> int:
        rows = shown.get(name, [-1])
        return rows[0] if len(rows) == 1 else min(rows, key=lambda row: max(start[row] - at, at - end[row], 0))

    return np.array([meant(*one) for one in zip(names.tolist(), instants.tolist(), strict=True)], dtype=np.int64)


def _session_entries(events: pd.DataFrame) -> pd.DataFrame:
    kind, all_day, start, end = arrays(events, "kind", "all_day", "start", "end")
    wanted = (kind == Kind.SESSION.value) & ~all_day & events["excluded"].isna().to_numpy() & (end > start)
    chosen = np.flatnonzero(wanted)
    order = np.lexsort(arrays(events, "uid_key", "source", "start", rows=chosen))
    return events.iloc[chosen[order]].reset_index(drop=True)


class _Entry(NamedTuple):
    source: int
    start: int
    end: int
    client: int
    standing: bool

    def shares(self, other: _Entry) -> float:
        """How much of the shorter of two entries is shared; above 1 if they are told of the same client."""
        shared = min(self.end, other.end) - max(self.start, other.start)
        shorter = max(min(self.end - self.start, other.end - other.start), 1)
        agreed = (self.client == other.client >= 0) + (self.standing == other.standing) / 2
        return shared / shorter + agreed if shared >= SAME_SESSION * shorter else 0.0


def _same_sessions(entries: pd.DataFrame) -> NDArray[np.int64]:
    """The number of the session that each entry tells of: an entry joins the likeliest one of another source.

    ::

        calendar   |---------|        kept, evidence of the visit joins it
        visit       |--------|        same session: at least half of the shorter one is shared
    """
    if entries["source"].nunique() < 2:
        return np.arange(len(entries))
    numbers: list[int] = []
    told: list[list[_Entry]] = []
    recent: list[int] = []
    for entry in _entries(entries):
        recent = [number for number in recent if any(other.end > entry.start for other in told[number])]
        likeness = {number: _likeness(entry, told[number]) for number in recent}
        best = max(likeness, key=lambda number: likeness[number], default=-1)
        if best < 0 or not likeness[best]:
            best = len(told)
            told.append([])
            recent.append(best)
        told[best].append(entry)
        numbers.append(best)
    return np.array(numbers, dtype=np.int64)


def _entries(entries: pd.DataFrame) -> Iterator[_Entry]:
    columns = [entries[name] for name in ("source", "start", "booked_end", "client")]
    for row in zip(*columns, entries["status"].isin(EXPECTED), strict=True):
        yield _Entry(*row)


def _likeness(entry: _Entry, told: list[_Entry]) -> float:
    """How likely an entry tells of a session; no source tells of one twice."""
    return 0.0 if any(entry.source == other.source for other in told) else max(map(entry.shares, told))


def _one_per_session(entries: pd.DataFrame, same: NDArray[np.int64]) -> pd.DataFrame:
    """Each session once: the first source's entry, with a client and a video meeting if any of them knows one.

    A source that knows of a cancellation or a no-show counts before one that merely shows the booking.
    """
    (source,) = arrays(entries, "source")
    order = np.lexsort((source, same))
    number, first = np.unique(same[order], return_index=True)
    booked = entries.iloc[order[first]]
    if len(number) == len(entries):
        return booked
    client, meeting, status = arrays(entries, "client", "meeting", "status", rows=order)
    known = {
        "client": (client, client >= 0),
        "meeting": (meeting, meeting != ""),
        "status": (status, ~np.isin(status, tuple(EXPECTED))),
    }
    told = {name: first_by_group(same[order], values, there, values[first]) for name, (values, there) in known.items()}
    return booked.assign(**told)


def _corrected(corrections: pd.DataFrame) -> tuple[Column, ...]:
    """The columns of evidence: each correction is told by no source and knows an end alone."""
    keys, ends = arrays(corrections, "uid_key", "ended_at")
    nothing = np.full(len(keys), "", dtype=object)
    return np.zeros(len(keys), dtype=np.int64), nothing + CORRECTED, np.full(len(keys), np.nan), ends, nothing, keys


def _named(booked: pd.DataFrame, grade: Column) -> Column:
    """The kind of evidence; an end moved after the session began is named, but yields no minutes."""
    end, booked_end = arrays(booked, "end", "booked_end")
    return np.where(grade != "", grade, np.where(end != booked_end, EDITED, ""))


def _status(booked: pd.DataFrame, missed: Column, as_of: int) -> Column:
    told, start = arrays(booked, "status", "start")
    told = np.where(told == Status.DECLINED.value, Status.CANCELLED.value, told)
    open_ = np.isin(told, tuple(EXPECTED))
    taken = np.where(start <= as_of, HELD, BOOKED)
    return np.where(missed & open_, Status.NO_SHOW.value, np.where(open_, taken, told))
