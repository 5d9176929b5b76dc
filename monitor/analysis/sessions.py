"""Sessions from calendar events and evidence: the booked times, the status, and the actual times.

Instants are UTC epoch seconds; an unknown one is NaN in a float column, never 0.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CALLED_OFF, Grade, Kind, Status
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

LATE_SECONDS = 24 * 3600  # a client who cancels later than this before the start cancels late

HELD, BOOKED = "held", "booked"
EDITED = "edited"

SESSION_COLUMNS = {
    "uid_key": "object", "client": "int64", "booked_start": "int64", "booked_end": "int64", "actual_start": "float64",
    "actual_end": "float64", "evidence": "object", "status": "object", "known_at": "int64",
}  # fmt: skip
_EVIDENCE_COLUMNS = ("source", "grade", "started_at", "ended_at", "meeting", "uid_key")
_NO_CORRECTIONS = pd.DataFrame({"uid_key": [], "ended_at": []})


def sessions_from(
    events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame, *, as_of: int
) -> pd.DataFrame:
    """Return the sessions of one clinician, one row each, by booked start.

    A session is held if nothing says otherwise and it began at or before ``as_of``.

    Args:
        events: source, uid_key, start, booked_end, end, all_day, status, kind, client (-1 for none), excluded,
            known_at and meeting (empty for none)
        evidence: source, grade, started_at, ended_at, uid_key (empty where a call names no entry) and meeting
        corrections: uid_key and ended_at
        as_of: the instant up to which sessions can have been held

    Returns:
        uid_key, client, booked_start, booked_end, actual_start, actual_end (NaN where unknown), evidence (the grade
        behind the end: corrected, ehr, call, edited or empty), status (held, booked, cancelled, late_cancelled,
        no_show, ...) and known_at, when the entry was first seen.
    """
    booked, linked = _link(events, evidence, corrections)
    best = best_evidence(_session_evidence(booked, linked), len(booked))
    best = BestEvidence(*(column[_evidence_row(booked, best.grade)] for column in best))
    status, start, end, booked_end = arrays(booked, "status", "start", "end", "booked_end")
    # An invitation that the client declined is a cancelled session.
    status = np.where(status == Status.DECLINED.value, Status.CANCELLED.value, status)
    by_time = np.where(start <= as_of, HELD, BOOKED)
    as_expected = np.where(best.missed, Status.NO_SHOW.value, by_time)
    columns = booked[["uid_key", "client", "start", "booked_end", "known_at"]].rename(columns={"start": "booked_start"})
    sessions = columns.assign(
        actual_start=best.actual_start,
        actual_end=best.actual_end,
        # An end that was moved later, without evidence of its own, is no actual end.
        evidence=np.where(best.grade != "", best.grade, np.where(end != booked_end, EDITED, "")),
        status=np.where(np.isin(status, tuple(EXPECTED)), as_expected, status),
    )
    return sessions[list(SESSION_COLUMNS)].astype(SESSION_COLUMNS)


def count_linked_evidence(events: pd.DataFrame, evidence: pd.DataFrame) -> dict[int, tuple[int, int]]:
    """Return for each source how many rows of its evidence belong to a session, and how many it has.

    Arguments are as for :func:`sessions_from`. Evidence that ended before the first session or began after the last is
    not counted, unless there is no session at all.
    """
    booked, linked = _link(events, evidence, _NO_CORRECTIONS)
    started, ended = evidence["started_at"], evidence["ended_at"]
    within = evidence
    if len(booked):
        begun = started.fillna(ended) <= booked["booked_end"].max()
        within = evidence[begun & (ended.fillna(started) >= booked["start"].min())]
    used = Counter(_session_evidence(booked, linked).source.tolist())
    total = Counter(within["source"].tolist())
    return {source: (used[source], total[source]) for source in sorted(total)}


def _session_evidence(booked: pd.DataFrame, linked: EvidenceRows) -> EvidenceRows:
    """Return the evidence that belongs to a session."""
    linked = linked.select(linked.session >= 0)
    return drop_template_times(linked, linked.session, booked)


def _evidence_row(booked: pd.DataFrame, grade: Column) -> NDArray[np.int64]:
    """Return for each session the index of the row whose evidence applies to it.

    A group may be booked once per client. A call log covers everyone in the call, so a session without evidence of its
    own borrows that of a session with the same span. A record system's or a corrected end is about one client and is
    never borrowed.
    """
    status, start, end = arrays(booked, "status", "start", "booked_end")
    # Within a span, rows with a call sort first, so that a group's first row is the one to borrow from.
    order = np.lexsort((grade != Grade.CALL.value, end, start))
    is_first = np.append(True, (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0))[: len(order)]
    rows = np.arange(len(order))
    group_row = np.empty_like(rows)
    group_row[order] = order[np.maximum.accumulate(np.where(is_first, rows, 0))]
    borrows = (grade == "") & np.isin(status, tuple(EXPECTED)) & (grade[group_row] == Grade.CALL.value)
    return np.where(borrows, group_row, rows)


def distinct_meetings(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the sessions with each group once, in the order given.

    Of sessions that begin together the one with a known end is taken, else the longest.

    ::

        calendar         |-------------|      the group as one entry
        record system    |----------|         and each participant as another: one meeting
                         |----------|
    """
    start, end, ended = arrays(sessions, "booked_start", "booked_end", "actual_end")
    # Within one start: known ends first, then the longer booking.
    order = np.lexsort((-end, np.isnan(ended), start))
    first = np.append(True, np.diff(start[order]) != 0)[: len(sessions)]
    return sessions if first.all() else sessions.iloc[np.sort(order[first])]


def unscheduled_calls_from(events: pd.DataFrame, evidence: pd.DataFrame, *, as_of: int) -> pd.DataFrame:
    """Return the calls up to ``as_of`` that nobody booked; see :func:`~monitor.analysis.evidence.unscheduled_calls`.

    They are not counted as sessions: no source says that they were, and the client is mostly unknown.
    """
    calls = evidence[(evidence["grade"] == Grade.CALL) & (evidence["started_at"] <= as_of)]
    if calls.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in CALL_COLUMNS.items()})
    # Without corrections: those name entries, and a call that nobody booked has none.
    _, linked = _link(events, calls, _NO_CORRECTIONS)
    return unscheduled_calls(events, linked)


def _link(events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame) -> tuple[pd.DataFrame, EvidenceRows]:
    """Return the booked sessions, each once, and all evidence with the session that it is about."""
    kind, all_day, start, end = arrays(events, "kind", "all_day", "start", "end")
    is_session = (kind == Kind.SESSION.value) & ~all_day & events["excluded"].isna().to_numpy() & (end > start)
    rows = np.flatnonzero(is_session)
    entries = events.iloc[rows[np.lexsort(arrays(events, "uid_key", "source", "start", rows=rows))]]
    entries = entries.reset_index(drop=True)
    numbers = _session_numbers(entries)
    booked = _merge_entries(entries, numbers)
    order = np.lexsort(arrays(booked, "uid_key", "start"))
    session_rows = np.argsort(order)[numbers]  # for each entry the row of its session, once sorted by start

    keys, ends = arrays(corrections, "uid_key", "ended_at")
    empty = np.full(len(keys), "", dtype=object)
    # A correction is evidence without a source, and with an end alone.
    corrected = (np.zeros(len(keys), dtype=np.int64), empty + CORRECTED, np.full(len(keys), np.nan), ends, empty, keys)
    pairs = zip(arrays(evidence, *_EVIDENCE_COLUMNS), corrected, strict=True)
    source, grade, started_at, ended_at, meeting, uid_keys = map(np.concatenate, pairs)
    entry_rows = _named_entries(uid_keys, np.where(np.isnan(ended_at), started_at, ended_at), entries)
    linked = EvidenceRows(source, grade, started_at, ended_at, meeting, np.append(session_rows, -1)[entry_rows])
    linked = drop_template_times(linked, entry_rows, entries)
    booked = booked.iloc[order].reset_index(drop=True)
    return booked, link_evidence(booked, linked)


def _named_entries(uid_keys: Column, instants: Column, entries: pd.DataFrame) -> NDArray[np.int64]:
    """Return the row of the entry that each key names, -1 for none.

    Two sources may have one entry at two times; then the one nearer to the instant is taken.
    """
    rows_by_key: dict[str, list[int]] = {}
    keys, start, end = arrays(entries, "uid_key", "start", "booked_end")
    for row, key in enumerate(keys.tolist()):
        rows_by_key.setdefault(key, []).append(row)

    def nearest_row(key: str, instant: float) -> int:
        rows = rows_by_key.get(key, [-1])
        return (
            rows[0] if len(rows) == 1 else min(rows, key=lambda row: max(start[row] - instant, instant - end[row], 0))
        )

    pairs = zip(uid_keys.tolist(), instants.tolist(), strict=True)
    return np.array([nearest_row(key, instant) for key, instant in pairs], dtype=np.int64)


class _SessionEntry(NamedTuple):
    """A calendar entry, as far as it takes to recognise the same session in another source."""

    source: int
    start: int
    end: int
    client: int
    is_expected: bool

    def similarity(self, other: _SessionEntry) -> float:
        """Return the share of the shorter entry that both have in common; 1 more where both have the same client.

        0 where they share less than half.
        """
        shared = min(self.end, other.end) - max(self.start, other.start)
        shorter = max(min(self.end - self.start, other.end - other.start), 1)
        agreement = (self.client == other.client >= 0) + (self.is_expected == other.is_expected) / 2
        return shared / shorter + agreement if shared >= SAME_SESSION * shorter else 0.0


def _session_numbers(entries: pd.DataFrame) -> NDArray[np.int64]:
    """Return the number of the session that each entry is about: an entry joins the most similar one of other sources.

    ::

        calendar       |---------|        its entry becomes the session
        record system   |--------|        same session: at least half of the shorter entry is shared
    """
    # The usual case: with one source nothing can be duplicated, and the loop below would be slow.
    if entries["source"].nunique() < 2:
        return np.arange(len(entries))
    numbers: list[int] = []
    sessions: list[list[_SessionEntry]] = []
    recent: list[int] = []
    columns = [entries[name] for name in ("source", "start", "booked_end", "client")]
    for row in zip(*columns, entries["status"].isin(EXPECTED), strict=True):
        entry = _SessionEntry(*row)
        # Entries come by start, so a session that is over cannot share time with a later entry.
        recent = [number for number in recent if any(other.end > entry.start for other in sessions[number])]
        # A source has a session once.
        candidates = [number for number in recent if all(other.source != entry.source for other in sessions[number])]
        similarities = {number: max(map(entry.similarity, sessions[number])) for number in candidates}
        best = max(similarities, key=lambda number: similarities[number], default=-1)
        if best < 0 or not similarities[best]:
            best = len(sessions)
            sessions.append([])
            recent.append(best)
        sessions[best].append(entry)
        numbers.append(best)
    return np.array(numbers, dtype=np.int64)


def _merge_entries(entries: pd.DataFrame, numbers: NDArray[np.int64]) -> pd.DataFrame:
    """Return each session once: the first source's entry, with a client and a video meeting if any entry has one.

    A source that knows of a cancellation or a no-show counts before one that merely shows the booking.
    """
    (source,) = arrays(entries, "source")
    order = np.lexsort((source, numbers))
    number, first = np.unique(numbers[order], return_index=True)
    booked = entries.iloc[order[first]]
    if len(number) == len(entries):
        return booked
    client, meeting, status = arrays(entries, "client", "meeting", "status", rows=order)
    informative = {
        "client": (client, client >= 0),
        "meeting": (meeting, meeting != ""),
        "status": (status, ~np.isin(status, tuple(EXPECTED))),
    }
    merged = {
        name: first_by_group(numbers[order], values, mask, values[first])
        for name, (values, mask) in informative.items()
    }
    return booked.assign(**merged)


def booking_outcomes(sessions: pd.DataFrame, events: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return for each session 1, 0 or NaN (unknown) in each of these columns, and when it was cancelled.

    cancelled_late          the source says so; else by the time of cancelling, unknown where that is. In a source that
                            distinguishes late cancellations, the others were in time
    no_show                 the client did not come; known where the source marks no-shows, or a log or a correction
                            shows that the session took place
    cancelled_by_clinician  known where the source says who cancelled
    moved                   first seen at another time; unknown where first seen after it began
    cancelled_at            when it was cancelled; NaN where it was not, or where that is unknown
    """
    keys = pd.Index(events["uid_key"]).drop_duplicates()
    # Two sources may share a key; the first row stands for both.
    rows = events.drop_duplicates("uid_key").iloc[keys.get_indexer(pd.Index(sessions["uid_key"]))]
    status, start = sessions["status"].to_numpy(dtype=object), sessions["booked_start"].to_numpy()
    source, cancelled_at = rows["source"].to_numpy(), rows["cancelled_at"].to_numpy(dtype=float)
    in_time = _source_uses(events, source, Status.LATE_CANCELLED) | (start - cancelled_at >= LATE_SECONDS)
    unknown = ~in_time & np.isnan(cancelled_at)
    late = np.where(in_time, 0.0, np.where(unknown, np.nan, 1.0))
    is_known = _source_uses(events, source, Status.NO_SHOW) | sessions["evidence"].isin([CORRECTED, *Grade])
    by_other = np.where(_source_uses(events, source, Status.CLINICIAN_CANCELLED), 0.0, np.nan)
    return {
        "cancelled_late": np.where(
            status == Status.LATE_CANCELLED, 1.0, np.where(status == Status.CANCELLED, late, 0.0)
        ),
        "no_show": np.where(status == Status.NO_SHOW, 1.0, np.where(is_known, 0.0, np.nan)),
        "cancelled_by_clinician": np.where(status == Status.CLINICIAN_CANCELLED, 1.0, by_other),
        "cancelled_at": np.where(sessions["status"].isin(CALLED_OFF), cancelled_at, np.nan),
        "moved": np.where(sessions["known_at"] < start, rows["moved"].to_numpy(dtype=float), np.nan),
    }


def _source_uses(events: pd.DataFrame, source: NDArray[np.int64], status: Status) -> NDArray[np.bool_]:
    """Return whether each source ever uses a status."""
    return np.isin(source, events.loc[(events["status"] == status).to_numpy(), "source"].unique())
