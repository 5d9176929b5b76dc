"""Calendar entries and evidence become sessions: what was booked, what took place, and how its true end is known.

Instants are UTC epoch seconds; an unknown one is NaN in a float column, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Grade, Kind, Status

NO_SHOW_SECONDS = 5 * 60  # a shorter call is a no-show (METRICS section 1)
UNCLOSED_SECONDS = 3 * 3600  # a longer one was never hung up
SAME_SESSION = 0.5  # share of the shorter entry that two sources must share to mean one session (design choice)
NEAR = 3  # entries on either side, by start, that a call may belong to

HELD, BOOKED = "held", "booked"
EDITED, CORRECTED = "edited", "corrected"
_RANK = {CORRECTED: 3, Grade.EHR.value: 2, Grade.CALL.value: 1}
_STANDING = frozenset({Status.CONFIRMED.value, Status.TENTATIVE.value})

COLUMNS = {
    "uid_key": "object", "client": "int64", "booked_start": "int64", "booked_end": "int64", "actual_start": "float64",
    "actual_end": "float64", "evidence": "object", "status": "object", "known_at": "int64",
}  # fmt: skip


def sessions_from(
    events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame, *, as_of: int
) -> pd.DataFrame:
    """The sessions of one clinician, one row each, by booked start.

    ``events`` has source, uid_key, start, booked_end, end, all_day, status, kind, client (-1 for none), set_aside and
    known_at; ``evidence`` has grade, started_at, ended_at and uid_key (empty where a call names no entry);
    ``corrections`` has uid_key and ended_at. Returned: uid_key, client, booked_start, booked_end, actual_start,
    actual_end (NaN where unknown), evidence (corrected, ehr, call, edited or empty), status (held, booked, cancelled,
    late_cancelled, no_show) and known_at, when the entry was first seen.
    A session is held if nothing says otherwise and it began at or before ``as_of``.
    """
    entries = _session_entries(events)
    same = _same_sessions(entries)
    booked = _one_per_session(entries, same)
    names = dict(zip(entries["uid_key"], booked["uid_key"].to_numpy()[same], strict=True))
    booked = booked.sort_values(["start", "uid_key"], kind="stable", ignore_index=True)
    told = pd.concat([evidence, _corrected(corrections)], ignore_index=True)
    known = _linked(booked, told.assign(uid_key=told["uid_key"].map(names).astype(object)))
    sessions = booked.join(_best(known), on="uid_key")
    sessions["evidence"] = _named(sessions)
    sessions["status"] = _status(sessions, as_of)
    return sessions.rename(columns={"start": "booked_start"})[list(COLUMNS)].astype(COLUMNS)


def _session_entries(events: pd.DataFrame) -> pd.DataFrame:
    wanted = (events["kind"] == Kind.SESSION) & ~events["all_day"] & events["set_aside"].isna()
    chosen = events[wanted & (events["end"] > events["start"])]
    return chosen.sort_values(["start", "source", "uid_key"], ignore_index=True)


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
    for row in zip(*columns, entries["status"].isin(_STANDING), strict=True):
        yield _Entry(*row)


def _likeness(entry: _Entry, told: list[_Entry]) -> float:
    """How likely an entry tells of a session; no source tells of one twice."""
    return 0.0 if any(entry.source == other.source for other in told) else max(map(entry.shares, told))


def _one_per_session(entries: pd.DataFrame, same: NDArray[np.int64]) -> pd.DataFrame:
    """Each session once: the first source's entry, with a client if any of them knows one."""
    ordered = entries.assign(session=same).sort_values(["session", "source"], kind="stable")
    if len(ordered) == len(np.unique(same)):
        return ordered
    groups = ordered.groupby("session")
    clients = ordered["client"].where(ordered["client"] >= 0).groupby(ordered["session"]).first()
    merged = groups.head(1).set_index("session")
    merged["client"] = clients.fillna(-1).astype("int64")
    merged["status"] = groups["status"].agg(_agreed_status)
    return merged


def _agreed_status(told: pd.Series) -> str:
    """A source that knows of a cancellation or a no-show counts before one that merely shows the booking."""
    return next((str(status) for status in told if status not in _STANDING), str(told.iloc[0]))


def _corrected(corrections: pd.DataFrame) -> pd.DataFrame:
    return corrections.assign(grade=CORRECTED, started_at=np.nan)[["uid_key", "grade", "started_at", "ended_at"]]


def _linked(booked: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Evidence with the entry it belongs to: the one it names, else the one it overlaps most.

    Times that end before they begin, or that say nothing, are no evidence.
    """
    told = told[~(told["ended_at"] < told["started_at"]) & (told["started_at"].notna() | told["ended_at"].notna())]
    loose = told[told["uid_key"].isna() & (told["grade"] != CORRECTED)]
    open_ = booked[booked["status"].isin(_STANDING)]
    if loose.empty or open_.empty:
        return told[told["uid_key"].notna()]
    found = loose.assign(uid_key=_most_overlapped(open_, loose))
    both = pd.concat([told, found])
    return both[both["uid_key"].notna()]


def _most_overlapped(booked: pd.DataFrame, loose: pd.DataFrame) -> NDArray[np.object_]:
    """The uid_key of the booked span that each loose span shares most time with, ``None`` if it shares none.

    ::

        booked   |------A------| |------B------|
        call        |------------|--|              A: more of it lies there
    """
    starts, ends = booked["start"].to_numpy(), booked["booked_end"].to_numpy()
    begin = loose["started_at"].fillna(loose["ended_at"] - 1).to_numpy()[:, None]
    finish = loose["ended_at"].fillna(loose["started_at"] + 1).to_numpy()[:, None]
    near = np.searchsorted(starts, begin, side="right") + np.arange(-NEAR, NEAR)
    near = np.clip(near, 0, len(starts) - 1)
    shared = np.minimum(finish, ends[near]) - np.maximum(begin, starts[near])
    best = np.take_along_axis(near, shared.argmax(axis=1)[:, None], axis=1)[:, 0]
    keys: NDArray[np.object_] = booked["uid_key"].to_numpy(dtype=object)[best]
    keys[shared.max(axis=1) <= 0] = None
    return keys


def _best(known: pd.DataFrame) -> pd.DataFrame:
    """Per uid_key the strongest evidence: actual_start, actual_end, grade, and whether a call says nobody came.

    Pieces of one call (somebody dropped out and came back) are joined first. A correction moves the end alone.
    """
    pieces = known.assign(seconds=known["ended_at"] - known["started_at"]).groupby(["uid_key", "grade"])
    whole = pieces.agg(actual_start=("started_at", "min"), actual_end=("ended_at", "max"))
    call = whole.index.get_level_values("grade") == Grade.CALL
    whole["missed"] = call & (pieces["seconds"].sum(min_count=1) < NO_SHOW_SECONDS)
    unclosed = call & (whole["actual_end"] - whole["actual_start"] > UNCLOSED_SECONDS)
    usable = whole[~unclosed].reset_index("grade")
    ranked = usable.assign(rank=usable["grade"].map(_RANK)).sort_values("rank", ascending=False, kind="stable")
    best = ranked.groupby(level="uid_key")[["actual_start", "actual_end", "grade", "missed"]].first()
    ends = ranked[ranked["actual_end"].notna()].groupby(level="uid_key")["grade"].first()
    return best.assign(grade=ends.reindex(best.index).fillna(best["grade"]))


def _named(sessions: pd.DataFrame) -> NDArray[np.object_]:
    """The kind of evidence; an end moved after the session began is named, but yields no minutes."""
    moved = np.where(sessions["end"] != sessions["booked_end"], EDITED, "")
    return np.where(sessions["grade"].isna(), moved, sessions["grade"]).astype(object)


def _status(sessions: pd.DataFrame, as_of: int) -> NDArray[np.object_]:
    told = sessions["status"].replace({Status.DECLINED.value: Status.CANCELLED.value})
    open_ = told.isin(_STANDING)
    missed = sessions["missed"].eq(other=True) & open_
    taken = np.where(sessions["start"] <= as_of, HELD, BOOKED)
    return np.where(missed, Status.NO_SHOW.value, np.where(open_, taken, told)).astype(object)
