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

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Grade, Status

NO_SHOW_SECONDS = 5 * 60  # a shorter call is a no-show (METRICS section 1)
UNCLOSED_SECONDS = 3 * 3600  # a longer one was never hung up
DROPPED_SECONDS = 15 * 60  # a call that is taken up again within this is one call (design choice)
NEAR = 3  # entries on either side, by start, that a call may belong to

CORRECTED = "corrected"
STANDING = frozenset({Status.CONFIRMED.value, Status.TENTATIVE.value})
_RANK = {CORRECTED: 3, Grade.EHR.value: 2, Grade.CALL.value: 1}
_CALL = ["uid_key", "grade", "source"]
_APART = 2**40  # more seconds than any calendar has

UNSCHEDULED = {"client": "int64", "started_at": "int64", "ended_at": "int64"}


def linked(booked: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Evidence with the session it belongs to as ``uid_key``, ``None`` where there is none.

    ``booked`` are sessions (uid_key, start, booked_end, status, meeting; by start), ``told`` is evidence (source,
    grade, started_at, ended_at, uid_key, meeting). What names its session belongs there; a call of a video meeting to
    the entry of that meeting that it shares most time with, or of none; any other to the entry that it does. A piece of
    a meeting that lies beside every entry belongs where the piece does after which the call was taken up again.
    Times that end before they begin, or that say nothing, are left out.
    """
    told = told[~(told["ended_at"] < told["started_at"]) & (told["started_at"].notna() | told["ended_at"].notna())]
    told = told.reset_index(drop=True)
    loose = told[told["uid_key"].isna() & (told["grade"] != CORRECTED)]
    open_ = booked[booked["status"].isin(STANDING)]
    if loose.empty or open_.empty:
        return told
    found = _by_meeting(open_, loose)
    left = pd.isna(found)
    # An entry of another meeting had a call of its own; a call that names none may have been any entry's.
    nameless = (loose["meeting"] == "").to_numpy()
    for chosen, among in ((left & nameless, open_), (left & ~nameless, open_[open_["meeting"] == ""])):
        found[chosen] = _most_overlapped(among, loose[chosen])
    beside = pd.isna(_most_overlapped(open_, loose))
    if beside.any():
        found = np.where(beside, _taken_up_again(loose.assign(uid_key=found)), found)
    told.loc[loose.index, "uid_key"] = found
    return told


def _taken_up_again(calls: pd.DataFrame) -> pd.Series:
    """Each call's uid_key; a piece of a video meeting without one has that of the piece before, else of the one after.

    ::

        booked   |--------A--------|
        pieces     |------------| |-----|      somebody dropped out and came back: A, up to the last moment
    """
    pieces = _numbered(calls[(calls["meeting"] != "") & (calls["ended_at"] > calls["started_at"])])
    pieces["uid_key"] = pieces.groupby("number")["uid_key"].ffill()
    return pieces.groupby("number")["uid_key"].bfill().reindex(calls.index)


def _by_meeting(booked: pd.DataFrame, loose: pd.DataFrame) -> NDArray[np.object_]:
    """The entry of the same video meeting that each shares most time with: every meeting is put on a day of its own."""
    codes = {code: number for number, code in enumerate(sorted(set(booked["meeting"]) - {""}), 1)}
    found = np.full(len(loose), None, dtype=object)
    known = loose["meeting"].isin(codes).to_numpy()
    if not known.any():
        return found
    named = booked[booked["meeting"] != ""]
    apart = named["meeting"].map(codes) * _APART
    named = named.assign(start=named["start"] + apart, booked_end=named["booked_end"] + apart)
    moved = loose["meeting"][known].map(codes) * _APART
    shifted = loose[known].assign(
        started_at=loose["started_at"][known] + moved, ended_at=loose["ended_at"][known] + moved
    )
    found[known] = _most_overlapped(named.sort_values("start", kind="stable"), shifted)
    return found


def _most_overlapped(booked: pd.DataFrame, loose: pd.DataFrame) -> NDArray[np.object_]:
    """The uid_key of the booked span that each loose span shares most time with, ``None`` if it shares none.

    ::

        booked   |------A------| |------B------|
        call        |------------|--|              A: more of it lies there
    """
    if booked.empty or loose.empty:
        return np.full(len(loose), None, dtype=object)
    starts, ends = booked["start"].to_numpy(), booked["booked_end"].to_numpy()
    is_known = loose["started_at"].notna() & (loose["started_at"] != loose["ended_at"])
    begin = loose["started_at"].where(is_known, loose["ended_at"] - 1).to_numpy()[:, None]
    finish = loose["ended_at"].fillna(loose["started_at"] + 1).to_numpy()[:, None]
    near = np.searchsorted(starts, begin, side="right") + np.arange(-NEAR, NEAR)
    near = np.clip(near, 0, len(starts) - 1)
    shared = np.minimum(finish, ends[near]) - np.maximum(begin, starts[near])
    best = np.take_along_axis(near, shared.argmax(axis=1)[:, None], axis=1)[:, 0]
    keys: NDArray[np.object_] = booked["uid_key"].to_numpy(dtype=object)[best]
    keys[shared.max(axis=1) <= 0] = None
    return keys


def without_templates(told: pd.DataFrame, entries: pd.DataFrame) -> pd.DataFrame:
    """Evidence less what a record system filled in by itself: both ends of the entry it names, to the second.

    ``entries`` has uid_key, start, booked_end and end.
    """
    own = entries.drop_duplicates("uid_key").set_index("uid_key")[["start", "booked_end", "end"]]
    booked = own.reindex(told["uid_key"])
    began = told["started_at"].to_numpy() == booked["start"].to_numpy()
    ended = (told["ended_at"].to_numpy()[:, None] == booked[["booked_end", "end"]].to_numpy()).any(axis=1)
    kept: pd.DataFrame = told[~((told["grade"] == Grade.EHR).to_numpy() & began & ended)]
    return kept


def best(known: pd.DataFrame) -> pd.DataFrame:
    """Per uid_key what counts: actual_start, actual_end, grade, and whether calls say that nobody came.

    Pieces of one call in one source (somebody dropped out and came back) are joined first; that nobody came counts
    where nothing else is told. The stronger grade counts before the weaker; of one grade the source in which they met
    before one in which they did not, the one that knows both ends before one that does not, the earlier in the
    configuration. A correction moves the end alone.
    """
    nobody = (known["grade"] == Grade.CALL) & (known["started_at"] == known["ended_at"])
    known = known[~nobody | ~known["uid_key"].isin(known["uid_key"][~nobody])]
    whole = known.groupby(_CALL).agg(actual_start=("started_at", "min"), actual_end=("ended_at", "max"))
    call = whole.index.get_level_values("grade") == Grade.CALL
    whole["missed"] = call & (_seconds(known).reindex(whole.index) < NO_SHOW_SECONDS)
    unclosed = call & (whole["actual_end"] - whole["actual_start"] > UNCLOSED_SECONDS)
    usable = whole[~unclosed].reset_index(["grade", "source"])
    half = usable[["actual_start", "actual_end"]].isna().any(axis=1)
    ranked = usable.assign(rank=-usable["grade"].map(_RANK), half=half)
    ranked = ranked.sort_values(["rank", "missed", "half", "source"], kind="stable")
    found = ranked.groupby(level="uid_key")[["actual_start", "actual_end", "grade", "missed"]].first()
    ends = ranked[ranked["actual_end"].notna()].groupby(level="uid_key")["grade"].first()
    return found.assign(grade=ends.reindex(found.index).fillna(found["grade"]))


def _seconds(pieces: pd.DataFrame) -> pd.Series:
    """How long the pieces of each call last together; what two of them share (a couple) counts once."""
    pieces = pieces.dropna(subset=["started_at", "ended_at"]).sort_values("started_at")
    number = pieces.groupby(_CALL).ngroup()
    reached = pieces["ended_at"].groupby(number).cummax().groupby(number).shift()
    new = pieces["ended_at"] - pieces["started_at"].clip(lower=reached.fillna(-np.inf))
    return pieces.assign(new=new.clip(lower=0)).groupby(_CALL)["new"].sum()


def unscheduled(events: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Calls that no entry explains: client (-1 if unknown), started_at, ended_at; by start.

    ``told`` is evidence as :func:`linked` returns it. A call counts that belongs to no session, shares no time with any
    other entry that stands, and lasted from five minutes to three hours, pieces of it joined. With whom it was is known
    where all entries of its video meeting are with one client.
    """
    calls = told[told["uid_key"].isna() & (told["grade"] == Grade.CALL)].dropna(subset=["started_at", "ended_at"])
    calls = _joined(calls)
    seconds = calls["ended_at"] - calls["started_at"]
    calls = calls[(seconds >= NO_SHOW_SECONDS) & (seconds <= UNCLOSED_SECONDS)]
    calls = calls[~_explained(events, calls)].sort_values(["started_at", "ended_at"], ignore_index=True)
    return calls.assign(client=calls["meeting"].map(_clients(events)).fillna(-1))[list(UNSCHEDULED)].astype(UNSCHEDULED)


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
    standing = events[events["status"].isin(STANDING) & ~events["all_day"] & (events["end"] > events["start"])]
    starts, ends = np.sort(standing["start"].to_numpy()), np.sort(standing["end"].to_numpy())
    begun = np.searchsorted(starts, calls["ended_at"].to_numpy(), side="left")
    over = np.searchsorted(ends, calls["started_at"].to_numpy(), side="right")
    return np.asarray(begun > over)


def _clients(events: pd.DataFrame) -> pd.Series:
    """The one client of each video meeting that has one."""
    named = events[(events["meeting"] != "") & (events["client"] >= 0)]
    span = named.groupby("meeting")["client"].agg(["min", "max"])
    return span.loc[span["min"] == span["max"], "min"]
