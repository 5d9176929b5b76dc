"""True times side by side: which session each is about, what it is worth, and which of them counts.

::

    booked          |---------|
    record system   |---------|       the booking to the second: a template, no evidence
    call, Meet       |----------|     counts: measured, both were there
    call, telephone |-|               under five minutes: on its own it would be a no-show
    call, Teams         |             nobody came: an instant, a no-show where nothing else is told
    call, tablet    |-------- ... |   over three hours: never hung up, says nothing

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
DROPPED_SECONDS = 15 * 60  # a call that is taken up again within this is one call (design choice)
NEAR = 3  # entries on either side, by start, that a call may belong to

CORRECTED = "corrected"
EXPECTED = frozenset({Status.CONFIRMED.value, Status.TENTATIVE.value})
_RANK = {CORRECTED: 3, Grade.EHR.value: 2, Grade.CALL.value: 1}
_APART = 2**40  # more seconds than any calendar has

CALL_COLUMNS = {"client": "int64", "started_at": "int64", "ended_at": "int64"}


class EvidenceRows(NamedTuple):
    """Evidence, a column each; ``session`` is the row of the session that it is about, -1 for none."""

    source: Column
    grade: Column
    started_at: Column
    ended_at: Column
    meeting: Column
    session: Column

    def chosen(self, rows: Column) -> EvidenceRows:
        """These rows alone."""
        return EvidenceRows(*(column[rows] for column in self))


class _Booked(NamedTuple):
    """Booked sessions by start, each with its row."""

    row: Column
    start: Column
    end: Column


def link_evidence(booked: pd.DataFrame, told: EvidenceRows) -> EvidenceRows:
    """Evidence with the session it belongs to.

    ``booked`` are sessions (start, booked_end, status, meeting; by start). What names its session belongs there; a call
    of a video meeting to the entry of that meeting that it shares most time with, or of none; any other to the entry
    that it does. A piece of a meeting that lies beside every entry belongs where the piece does after which the call
    was taken up again. Times that end before they begin, or that say nothing, are left out; so is a call of no length
    that names neither session nor meeting: it was missed on the telephone, and nobody stayed away from a session.
    """
    silent = np.isnan(told.started_at) & np.isnan(told.ended_at)
    silent |= (told.started_at == told.ended_at) & (told.meeting == "") & (told.session < 0)
    told = told.chosen(~silent & ~(told.ended_at < told.started_at))
    loose = (told.session < 0) & (told.grade != CORRECTED)
    if loose.any():
        told.session[loose] = _overlapping(booked, told.chosen(loose))
    return told


def _overlapping(booked: pd.DataFrame, calls: EvidenceRows) -> NDArray[np.int64]:
    """The row of the session that each call belongs to by its time, -1 for none."""
    status, meeting, start, end = arrays(booked, "status", "meeting", "start", "booked_end")
    open_ = np.isin(status, tuple(EXPECTED))
    every, nobodys = (
        _Booked(np.flatnonzero(among), start[among], end[among]) for among in (open_, open_ & (meeting == ""))
    )
    found = _by_meeting(every, meeting[open_], calls)
    # An entry of another meeting had a call of its own; a call that names none may have been any entry's.
    nameless = calls.meeting == ""
    for chosen, among in (((found < 0) & nameless, every), ((found < 0) & ~nameless, nobodys)):
        found[chosen] = _most_overlapped(among, calls.chosen(chosen))
    beside = _most_overlapped(every, calls) < 0
    return np.where(beside, _taken_up_again(calls._replace(session=found)), found) if beside.any() else found


def _taken_up_again(calls: EvidenceRows) -> NDArray[np.int64]:
    """Each call's session; a piece of a video meeting without one has that of the piece before, else of the one after.

    ::

        booked   |--------A--------|
        pieces     |------------| |-----|      somebody dropped out and came back: A, up to the last moment
    """
    table = pd.DataFrame(calls._asdict())
    pieces = _numbered(table[(table["meeting"] != "") & (table["ended_at"] > table["started_at"])])
    pieces["session"] = pieces["session"].where(pieces["session"] >= 0)
    pieces["session"] = pieces.groupby("number")["session"].ffill()
    found = pieces.groupby("number")["session"].bfill().reindex(table.index, fill_value=-1)
    return found.fillna(-1).to_numpy(dtype=np.int64)


def _by_meeting(booked: _Booked, meetings: Column, calls: EvidenceRows) -> NDArray[np.int64]:
    """The entry of the same video meeting that each shares most time with: every meeting is put on a day of its own."""
    codes = {code: number for number, code in enumerate(sorted(set(meetings) - {""}), 1)}
    apart, moved = (
        np.array([codes.get(code, 0) * _APART for code in texts], dtype=np.int64) for texts in (meetings, calls.meeting)
    )
    found, known = np.full(len(moved), -1), moved > 0
    order = np.argsort(booked.start + apart, kind="stable")[np.count_nonzero(apart == 0) :]
    named = _Booked(booked.row[order], (booked.start + apart)[order], (booked.end + apart)[order])
    shifted = calls._replace(started_at=calls.started_at + moved, ended_at=calls.ended_at + moved)
    found[known] = _most_overlapped(named, shifted.chosen(known))
    return found


def _most_overlapped(booked: _Booked, calls: EvidenceRows) -> NDArray[np.int64]:
    """The row of the booked span that each call shares most time with, -1 if it shares none.

    ::

        booked   |------A------| |------B------|
        call        |------------|--|              A: more of it lies there
    """
    if not len(booked.row):
        return np.full(len(calls.session), -1)
    is_known = ~np.isnan(calls.started_at) & (calls.started_at != calls.ended_at)
    begin = np.where(is_known, calls.started_at, calls.ended_at - 1)[:, None]
    finish = np.where(np.isnan(calls.ended_at), calls.started_at + 1, calls.ended_at)[:, None]
    near = np.searchsorted(booked.start, begin, side="right") + np.arange(-NEAR, NEAR)
    near = np.clip(near, 0, len(booked.start) - 1)
    shared = np.minimum(finish, booked.end[near]) - np.maximum(begin, booked.start[near])
    best = np.take_along_axis(near, shared.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(shared.max(axis=1) > 0, booked.row[best], -1)


def drop_template_times(told: EvidenceRows, named: Column, entries: pd.DataFrame) -> EvidenceRows:
    """Evidence less what a record system filled in by itself: both ends of the entry it names, to the second.

    ``entries`` has start, booked_end and end; ``named`` is the row of the entry that each names, -1 for none.
    """
    ends = arrays(entries, "start", "booked_end", "end")
    start, booked_end, end = (np.append(instants, np.nan)[named] for instants in ends)
    ended = (told.ended_at == booked_end) | (told.ended_at == end)
    return told.chosen(~((told.grade == Grade.EHR.value) & (told.started_at == start) & ended))


class BestEvidence(NamedTuple):
    """Of each session what counts; NaN and empty where nothing was told."""

    actual_start: Column
    actual_end: Column
    grade: Column
    missed: Column


def best_evidence(told: EvidenceRows, sessions: int) -> BestEvidence:
    """Per session what counts: the actual times, what the end rests on, and whether calls say that nobody came.

    Pieces of one call in one source (somebody dropped out and came back) are joined first; that nobody came counts
    where nothing else is told. The stronger grade counts before the weaker; of one grade the source in which they met
    before one in which they did not, the one that knows both ends before one that does not, the earlier in the
    configuration. A correction moves the end alone. A start after the end that counts is passed over.
    """
    nobody = (told.grade == Grade.CALL.value) & (told.started_at == told.ended_at)
    whole, seconds = _pieces_joined(told.chosen(~nobody | ~np.isin(told.session, told.session[~nobody])))
    call = whole.grade == Grade.CALL.value
    missed = call & (seconds < NO_SHOW_SECONDS)
    half = np.isnan(whole.started_at) | np.isnan(whole.ended_at)
    order = np.lexsort((whole.source, half, missed, -_ranks(whole), whole.session))
    unclosed = call & (whole.ended_at - whole.started_at > UNCLOSED_SECONDS)
    order = order[~unclosed[order]]
    (_, grade, start, end, _, session), missed = whole.chosen(order), missed[order]
    everything, known_end = np.ones(len(session), dtype=bool), ~np.isnan(end)
    unknown, nothing = np.full(sessions, np.nan), np.full(sessions, "", dtype=object)
    actual_end = first_by_group(session, end, known_end, unknown)
    possible = ~np.isnan(start) & ~(start > actual_end[session])
    return BestEvidence(
        actual_start=first_by_group(session, start, possible, unknown),
        actual_end=actual_end,
        grade=first_by_group(session, grade, known_end, first_by_group(session, grade, everything, nothing)),
        missed=first_by_group(session, missed, everything, np.zeros(sessions, dtype=bool)),
    )


def _pieces_joined(told: EvidenceRows) -> tuple[EvidenceRows, NDArray[np.float64]]:
    """What each source says of each session in each grade, from the first piece's start to the last one's end.

    Beside it how many seconds the pieces last together, NaN where no piece knows both its ends; what two of them share
    (a couple) counts once.
    """
    keys = np.column_stack((told.session, _ranks(told), told.source))
    order = np.lexsort(keys.T[::-1])
    told, keys = told.chosen(order), keys[order]
    begins = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))[: len(keys)]
    first = np.flatnonzero(begins)
    known = ~np.isnan(told.ended_at - told.started_at)
    apart = (np.cumsum(begins)[known] - 1) * _APART  # each call on days of its own
    pieces = np.column_stack(
        [instants[known].astype(np.int64) + apart for instants in (told.started_at, told.ended_at)]
    )
    days = np.arange(len(first) + 1) * _APART
    seconds = seconds_inside(spans(pieces), days[:-1], days[1:])
    started_at, ended_at = np.fmin.reduceat(told.started_at, first), np.fmax.reduceat(told.ended_at, first)
    whole = told.chosen(first)._replace(started_at=started_at, ended_at=ended_at)
    return whole, np.where(np.logical_or.reduceat(known, first), seconds, np.nan)


def _ranks(told: EvidenceRows) -> NDArray[np.int64]:
    return np.array([_RANK[grade] for grade in told.grade.tolist()], dtype=np.int64)


def unscheduled_calls(events: pd.DataFrame, told: EvidenceRows) -> pd.DataFrame:
    """Calls that no entry explains: client (-1 if unknown), started_at, ended_at; by start.

    ``told`` is evidence as :func:`link_evidence` returns it. A call counts that belongs to no session, shares no time
    with any other entry that stands, and lasted from five minutes to three hours, pieces of it joined. With whom it was
    is known where all entries of its video meeting are with one client.
    """
    calls = pd.DataFrame(told.chosen((told.session < 0) & (told.grade == Grade.CALL.value))._asdict())
    calls = _joined(calls.dropna(subset=["started_at", "ended_at"]))
    seconds = calls["ended_at"] - calls["started_at"]
    calls = calls[(seconds >= NO_SHOW_SECONDS) & (seconds <= UNCLOSED_SECONDS)]
    calls = calls[~_explained(events, calls)].sort_values(["started_at", "ended_at"], ignore_index=True)
    return calls.assign(client=calls["meeting"].map(_clients(events)).fillna(-1))[list(CALL_COLUMNS)].astype(
        CALL_COLUMNS
    )


def _joined(calls: pd.DataFrame) -> pd.DataFrame:
    """Each call once, of whatever pieces."""
    return (
        _numbered(calls)
        .groupby("number")
        .agg(meeting=("meeting", "first"), started_at=("started_at", "min"), ended_at=("ended_at", "max"))
    )


def _numbered(pieces: pd.DataFrame) -> pd.DataFrame:
    """In order, with the number of the call: of one source and meeting, with less than a quarter of an hour between."""
    pieces = pieces.sort_values(["source", "meeting", "started_at", "ended_at"])
    other = (pieces[["source", "meeting"]] != pieces[["source", "meeting"]].shift()).any(axis=1)
    reached = pieces.groupby(["source", "meeting"])["ended_at"].cummax().shift()
    return pieces.assign(number=(other | (pieces["started_at"] - reached >= DROPPED_SECONDS)).cumsum())


def _explained(events: pd.DataFrame, calls: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether an entry that stands lies in each call's time."""
    standing = events[events["status"].isin(EXPECTED) & ~events["all_day"] & (events["end"] > events["start"])]
    starts, ends = np.sort(standing["start"].to_numpy()), np.sort(standing["end"].to_numpy())
    begun = np.searchsorted(starts, calls["ended_at"].to_numpy(), side="left")
    over = np.searchsorted(ends, calls["started_at"].to_numpy(), side="right")
    return np.asarray(begun > over)


def _clients(events: pd.DataFrame) -> pd.Series:
    """The one client of each video meeting that has one."""
    named = events[(events["meeting"] != "") & (events["client"] >= 0)]
    span = named.groupby("meeting")["client"].agg(["min", "max"])
    return span.loc[span["min"] == span["max"], "min"]
