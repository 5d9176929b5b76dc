"""Evidence of session times: the session that each row is about, its grade, and the row that counts.

::

    booked          |---------|
    record system   |---------|       equal to the booking to the second: filled in by itself, no evidence
    call, Meet       |----------|     counts: measured, and both were present
    call, telephone |-|               under five minutes: on its own it would be a no-show
    call, Teams         |             nobody joined: an instant, a no-show where no other evidence exists
    call, tablet    |-------- ... |   over three hours: never hung up, ignored

Instants are UTC epoch seconds; an unknown one is NaN in a float column, never 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Grade, Status
from monitor.analysis.columns import Column, arrays, first_by_group
from monitor.analysis.intervals import seconds_inside, spans

NO_SHOW_SECONDS = 5 * 60  # a shorter call is a no-show (design choice)
UNCLOSED_SECONDS = 3 * 3600  # a longer one was never hung up
DROPPED_SECONDS = 15 * 60  # a call that is resumed within this is one call (design choice)
NEIGHBOURS = 3  # entries on either side, by start, that a call may belong to

CORRECTED = "corrected"
EXPECTED = frozenset({Status.CONFIRMED.value, Status.TENTATIVE.value})
"""The statuses of an entry that was neither cancelled nor marked as missed."""

_RANK = {CORRECTED: 3, Grade.EHR.value: 2, Grade.CALL.value: 1}
# More seconds than any calendar has. Shifting each group of spans by a multiple of it puts all groups on one time line
# without overlap, so that one pass over sorted arrays does the work of a loop over groups.
_GROUP_OFFSET = 2**40

CALL_COLUMNS = {"client": "int64", "started_at": "int64", "ended_at": "int64"}


class EvidenceRows(NamedTuple):
    """Rows of evidence, a column each; ``session`` is the row of the session that it is about, -1 for none."""

    source: Column
    grade: Column
    started_at: Column
    ended_at: Column
    meeting: Column
    session: Column

    def select(self, rows: Column) -> EvidenceRows:
        """Return only these rows (a mask or positions)."""
        return EvidenceRows(*(column[rows] for column in self))


class _BookedSpans(NamedTuple):
    """Booked sessions by start, each with its row in the table of sessions."""

    row: Column
    start: Column
    end: Column


def link_evidence(booked: pd.DataFrame, evidence: EvidenceRows) -> EvidenceRows:
    """Return the usable evidence with the session that each row belongs to.

    ``booked`` are sessions (start, booked_end, status, meeting; by start). Evidence that names its session belongs to
    it. A call of a video meeting belongs to the entry of that meeting, or of no meeting, that it overlaps most; any
    other call to the entry that it overlaps most. A piece of a meeting that overlaps no entry belongs to the session of
    the piece after which the call was resumed.

    Left out are rows without any time or whose end is before their start, and calls of no length that name neither a
    session nor a meeting: a missed telephone call does not show that somebody missed a session.
    """
    unusable = np.isnan(evidence.started_at) & np.isnan(evidence.ended_at)
    unusable |= (evidence.started_at == evidence.ended_at) & (evidence.meeting == "") & (evidence.session < 0)
    evidence = evidence.select(~unusable & ~(evidence.ended_at < evidence.started_at))
    unlinked = (evidence.session < 0) & (evidence.grade != CORRECTED)
    if not unlinked.any():
        return evidence

    calls = evidence.select(unlinked)
    status, meeting, start, end = arrays(booked, "status", "meeting", "start", "booked_end")
    expected = np.isin(status, tuple(EXPECTED))
    all_booked, without_meeting = (
        _BookedSpans(np.flatnonzero(mask), start[mask], end[mask]) for mask in (expected, expected & (meeting == ""))
    )
    session = _sessions_by_meeting(all_booked, meeting[expected], calls)
    # An entry of another meeting had a call of its own; a call that names no meeting may belong to any entry.
    unnamed = calls.meeting == ""
    for rows, candidates in (((session < 0) & unnamed, all_booked), ((session < 0) & ~unnamed, without_meeting)):
        session[rows] = _most_overlapped(candidates, calls.select(rows))
    outside = _most_overlapped(all_booked, calls) < 0
    if outside.any():
        resumed = _sessions_of_resumed_calls(calls._replace(session=session))
        session = np.where(outside, resumed, session)
    evidence.session[unlinked] = session
    return evidence


def _sessions_of_resumed_calls(calls: EvidenceRows) -> NDArray[np.int64]:
    """Return each call's session; a piece of a video meeting without one takes that of the piece before, else after.

    ::

        booked   |--------A--------|
        pieces     |------------| |-----|      somebody dropped out and came back: A, up to the last moment
    """
    table = pd.DataFrame(calls._asdict())
    pieces = _with_call_numbers(table[(table["meeting"] != "") & (table["ended_at"] > table["started_at"])])
    pieces["session"] = pieces["session"].where(pieces["session"] >= 0)
    pieces["session"] = pieces.groupby("number")["session"].ffill()
    session = pieces.groupby("number")["session"].bfill().reindex(table.index, fill_value=-1)
    return session.fillna(-1).to_numpy(dtype=np.int64)


def _sessions_by_meeting(booked: _BookedSpans, meetings: Column, calls: EvidenceRows) -> NDArray[np.int64]:
    """Return the row of the entry of the same video meeting that each call overlaps most, -1 for none."""
    codes = {code: number for number, code in enumerate(sorted(set(meetings) - {""}), 1)}
    booked_offset, call_offset = (
        np.array([codes.get(code, 0) * _GROUP_OFFSET for code in column], dtype=np.int64)
        for column in (meetings, calls.meeting)
    )
    session, has_meeting = np.full(len(call_offset), -1), call_offset > 0
    # Entries without a meeting have offset 0 and sort first; they are cut off.
    order = np.argsort(booked.start + booked_offset, kind="stable")[np.count_nonzero(booked_offset == 0) :]
    shifted_booked = _BookedSpans(
        booked.row[order], (booked.start + booked_offset)[order], (booked.end + booked_offset)[order]
    )
    shifted_calls = calls._replace(started_at=calls.started_at + call_offset, ended_at=calls.ended_at + call_offset)
    session[has_meeting] = _most_overlapped(shifted_booked, shifted_calls.select(has_meeting))
    return session


def _most_overlapped(booked: _BookedSpans, calls: EvidenceRows) -> NDArray[np.int64]:
    """Return the row of the booked span that each call overlaps most, -1 if it overlaps none.

    ::

        booked   |------A------| |------B------|
        call        |------------|--|              A: more of the call lies there
    """
    if not len(booked.row):
        return np.full(len(calls.session), -1)
    # A call of no length, or with one end unknown, is taken as the one second at the end that is known.
    is_known = ~np.isnan(calls.started_at) & (calls.started_at != calls.ended_at)
    begin = np.where(is_known, calls.started_at, calls.ended_at - 1)[:, None]
    finish = np.where(np.isnan(calls.ended_at), calls.started_at + 1, calls.ended_at)[:, None]
    near = np.searchsorted(booked.start, begin, side="right") + np.arange(-NEIGHBOURS, NEIGHBOURS)
    near = np.clip(near, 0, len(booked.start) - 1)
    shared = np.minimum(finish, booked.end[near]) - np.maximum(begin, booked.start[near])
    best = np.take_along_axis(near, shared.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(shared.max(axis=1) > 0, booked.row[best], -1)


def drop_template_times(evidence: EvidenceRows, entry_rows: Column, entries: pd.DataFrame) -> EvidenceRows:
    """Return the evidence without times that a record system filled in by itself.

    Such a row has both ends of the entry that it names, to the second. ``entries`` has start, booked_end and end;
    ``entry_rows`` is the row of the entry that each row of evidence names, -1 for none.
    """
    ends = arrays(entries, "start", "booked_end", "end")
    # The appended NaN is what row -1 refers to; it equals nothing.
    start, booked_end, end = (np.append(instants, np.nan)[entry_rows] for instants in ends)
    same_end = (evidence.ended_at == booked_end) | (evidence.ended_at == end)
    is_template = (evidence.grade == Grade.EHR.value) & (evidence.started_at == start) & same_end
    return evidence.select(~is_template)


class BestEvidence(NamedTuple):
    """The evidence that counts, a row a session; NaN and empty where there is none.

    ``missed`` says that calls show that nobody came.
    """

    actual_start: Column
    actual_end: Column
    grade: Column
    missed: Column


def best_evidence(evidence: EvidenceRows, sessions: int) -> BestEvidence:
    """Return for each of so many sessions the evidence that counts.

    Pieces of one call in one source (somebody dropped out and came back) are joined first. A call that nobody joined
    counts only where a session has no other evidence. The better grade counts before the worse; within a grade a source
    in which they met before one in which they did not, one that has both ends before one that does not, and the earlier
    one in the configuration. A correction changes the end alone. A start after the end that counts is ignored.
    """
    nobody_came = (evidence.grade == Grade.CALL.value) & (evidence.started_at == evidence.ended_at)
    has_other = np.isin(evidence.session, evidence.session[~nobody_came])
    joined, seconds = _join_pieces(evidence.select(~nobody_came | ~has_other))
    is_call = joined.grade == Grade.CALL.value
    missed = is_call & (seconds < NO_SHOW_SECONDS)
    is_partial = np.isnan(joined.started_at) | np.isnan(joined.ended_at)
    # The last key sorts first: by session, best grade, held before missed, both ends before one, order of sources.
    order = np.lexsort((joined.source, is_partial, missed, -_ranks(joined), joined.session))
    # Only the joined span shows whether a log was left open.
    unclosed = is_call & (joined.ended_at - joined.started_at > UNCLOSED_SECONDS)
    order = order[~unclosed[order]]
    (_, grade, start, end, _, session), missed = joined.select(order), missed[order]
    any_row, has_end = np.ones(len(session), dtype=bool), ~np.isnan(end)
    no_time, no_grade = np.full(sessions, np.nan), np.full(sessions, "", dtype=object)
    actual_end = first_by_group(session, end, has_end, no_time)
    plausible = ~np.isnan(start) & ~(start > actual_end[session])
    return BestEvidence(
        actual_start=first_by_group(session, start, plausible, no_time),
        actual_end=actual_end,
        grade=first_by_group(session, grade, has_end, first_by_group(session, grade, any_row, no_grade)),
        missed=first_by_group(session, missed, any_row, np.zeros(sessions, dtype=bool)),
    )


def _join_pieces(evidence: EvidenceRows) -> tuple[EvidenceRows, NDArray[np.float64]]:
    """Join the rows of one session, grade and source, from the first piece's start to the last one's end.

    Also return how many seconds the pieces last together, NaN where no piece has both its ends; time in which two of
    them overlap (a couple on two devices) counts once.
    """
    keys = np.column_stack((evidence.session, _ranks(evidence), evidence.source))
    order = np.lexsort(keys.T[::-1])
    evidence, keys = evidence.select(order), keys[order]
    is_first = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))[: len(keys)]
    first = np.flatnonzero(is_first)
    is_known = ~np.isnan(evidence.ended_at - evidence.started_at)
    offset = (np.cumsum(is_first)[is_known] - 1) * _GROUP_OFFSET
    pieces = np.column_stack(
        [instants[is_known].astype(np.int64) + offset for instants in (evidence.started_at, evidence.ended_at)]
    )
    edges = np.arange(len(first) + 1) * _GROUP_OFFSET
    seconds = seconds_inside(spans(pieces), edges[:-1], edges[1:])
    started_at = np.fmin.reduceat(evidence.started_at, first)
    ended_at = np.fmax.reduceat(evidence.ended_at, first)
    joined = evidence.select(first)._replace(started_at=started_at, ended_at=ended_at)
    return joined, np.where(np.logical_or.reduceat(is_known, first), seconds, np.nan)


def _ranks(evidence: EvidenceRows) -> NDArray[np.int64]:
    return np.array([_RANK[grade] for grade in evidence.grade.tolist()], dtype=np.int64)


def unscheduled_calls(events: pd.DataFrame, evidence: EvidenceRows) -> pd.DataFrame:
    """Return the calls that belong to no calendar entry: client (-1 if unknown), started_at, ended_at; by start.

    ``evidence`` is as :func:`link_evidence` returns it. A call counts if it belongs to no session, overlaps no other
    entry that was not cancelled, and lasted from five minutes to three hours, its pieces joined. The client is known
    where all entries of its video meeting are with one client.
    """
    calls = pd.DataFrame(evidence.select((evidence.session < 0) & (evidence.grade == Grade.CALL.value))._asdict())
    # Without both ends the length is unknown, and an accidental call could not be distinguished from a session.
    pieces = _with_call_numbers(calls.dropna(subset=["started_at", "ended_at"]))
    calls = pieces.groupby("number").agg({"meeting": "first", "started_at": "min", "ended_at": "max"})
    seconds = calls["ended_at"] - calls["started_at"]
    calls = calls[(seconds >= NO_SHOW_SECONDS) & (seconds <= UNCLOSED_SECONDS)]

    expected = events[events["status"].isin(EXPECTED) & ~events["all_day"] & (events["end"] > events["start"])]
    starts, ends = np.sort(expected["start"].to_numpy()), np.sort(expected["end"].to_numpy())
    # An entry overlaps if it began before the call ended and was not over when the call began, so it is enough to
    # count both.
    begun = np.searchsorted(starts, calls["ended_at"].to_numpy(), side="left")
    over = np.searchsorted(ends, calls["started_at"].to_numpy(), side="right")
    calls = calls[begun <= over].sort_values(["started_at", "ended_at"], ignore_index=True)

    with_client = events[(events["meeting"] != "") & (events["client"] >= 0)]
    clients = with_client.groupby("meeting")["client"].agg(["min", "max"])
    only_client = clients.loc[clients["min"] == clients["max"], "min"]
    calls = calls.assign(client=calls["meeting"].map(only_client).fillna(-1))
    return calls[list(CALL_COLUMNS)].astype(CALL_COLUMNS)


def _with_call_numbers(pieces: pd.DataFrame) -> pd.DataFrame:
    """Sort the pieces and number the calls: one source and meeting, with gaps of less than a quarter of an hour."""
    pieces = pieces.sort_values(["source", "meeting", "started_at", "ended_at"])
    is_other = (pieces[["source", "meeting"]] != pieces[["source", "meeting"]].shift()).any(axis=1)
    # cummax: a long piece may contain later, shorter ones.
    last_end = pieces.groupby(["source", "meeting"])["ended_at"].cummax().shift()
    return pieces.assign(number=(is_other | (pieces["started_at"] - last_end >= DROPPED_SECONDS)).cumsum())
