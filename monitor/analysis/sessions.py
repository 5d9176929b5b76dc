"""Calendar entries and evidence become sessions: what was booked, what took place, and how its true end is known.

Instants are UTC epoch seconds; an unknown one is NaN in a float column, never 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Grade, Kind, Status

NO_SHOW_SECONDS = 5 * 60  # a shorter call is a no-show (METRICS section 1)
UNCLOSED_SECONDS = 3 * 3600  # a longer one was never hung up
SAME_SESSION = 0.5  # share of the shorter entry that two sources must share to mean one session (design choice)

HELD, BOOKED = "held", "booked"
EDITED, CORRECTED = "edited", "corrected"
_RANK = {CORRECTED: 3, Grade.EHR.value: 2, Grade.CALL.value: 1}

COLUMNS = [
    "uid_key", "client", "booked_start", "booked_end", "actual_start", "actual_end", "evidence", "status", "known_at",
]  # fmt: skip


def sessions_from(
    events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame, *, as_of: int
) -> pd.DataFrame:
    """The sessions of one clinician, one row each, by booked start.

    ``events`` has source, uid_key, start, booked_end, end, all_day, status, kind, client (-1 for none) and set_aside and known_at;
    ``evidence`` has grade, started_at, ended_at, uid_key (empty where a call names no entry); ``corrections`` has uid_key
    and ended_at. Returned: uid_key, client, booked_start, booked_end, actual_start, actual_end (NaN where unknown),
    evidence (corrected, ehr, call, edited or empty), status (held, booked, cancelled, late_cancelled, no_show) and
    known_at, when the entry was first seen.
    A session is held if nothing says otherwise and it began at or before ``as_of``.
    """
    booked = _session_entries(events)
    if booked.empty:
        return pd.DataFrame({name: pd.Series(dtype=_dtype(name)) for name in COLUMNS})
    booked = _one_per_session(booked)
    known = pd.concat([_linked(booked, evidence), _corrected(corrections)], ignore_index=True)
    best = _best(known)
    sessions = booked.merge(best, on="uid_key", how="left")
    sessions["evidence"] = _named(sessions)
    sessions["status"] = _status(sessions, as_of)
    return sessions.rename(columns={"start": "booked_start"})[COLUMNS]


def _dtype(name: str) -> str:
    return {"client": "int64", "booked_start": "int64", "booked_end": "int64", "known_at": "int64"}.get(
        name, "float64" if name.startswith("actual") else "object"
    )


def _session_entries(events: pd.DataFrame) -> pd.DataFrame:
    wanted = (events["kind"] == Kind.SESSION) & ~events["all_day"] & events["set_aside"].isna()
    return events[wanted & (events["end"] > events["start"])].sort_values(["start", "source", "uid_key"])


def _one_per_session(booked: pd.DataFrame) -> pd.DataFrame:
    """The same session told by two sources once: the first source's entry, with a client if either knows one.

    ::

        calendar   |---------|        kept, evidence of the visit joins it by overlap
        visit       |--------|        same session: at least half of the shorter one is shared
    """
    start, end = booked["start"].to_numpy(), booked["booked_end"].to_numpy()
    shared = np.minimum(end[1:], end[:-1]) - np.maximum(start[1:], start[:-1])
    shorter = np.minimum(np.diff(np.column_stack((start, end)), axis=1)[1:, 0], (end - start)[:-1])
    source = booked["source"].to_numpy()
    twin = np.concatenate(([False], (shared >= SAME_SESSION * np.maximum(shorter, 1)) & (source[1:] != source[:-1])))
    if not twin.any():
        return booked
    group = np.cumsum(~twin)
    booked = booked.assign(group=group, client=booked["client"].replace(-1, np.nan))
    booked = booked.sort_values(["group", "source"], kind="stable")
    merged = booked.groupby("group", sort=True).first()
    merged["status"] = booked.groupby("group")["status"].agg(_agreed_status)
    return merged.assign(client=merged["client"].fillna(-1).astype("int64")).reset_index(drop=True)


def _agreed_status(told: pd.Series) -> str:
    """A source that knows of a cancellation or a no-show counts before one that merely shows the booking."""
    silent = {Status.CONFIRMED, Status.TENTATIVE}
    return next((status for status in told if status not in silent), str(told.iloc[0]))


def _linked(booked: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """Evidence with the entry it belongs to: the one it names, else the one it overlaps most."""
    named = evidence[evidence["uid_key"].isin(booked["uid_key"])]
    loose = evidence.drop(named.index)
    loose = loose[loose["started_at"].notna() | loose["ended_at"].notna()]
    linked = loose.assign(uid_key=_most_overlapped(booked, loose))
    return pd.concat([named, linked[linked["uid_key"] != ""]], ignore_index=True)


def _most_overlapped(booked: pd.DataFrame, loose: pd.DataFrame) -> NDArray[np.object_]:
    """The uid_key of the booked span that each loose span shares most time with, empty if none.

    ::

        booked   |------A------| |------B------|
        call        |------------|--|              A: more of it lies there
    """
    starts, ends = booked["start"].to_numpy(), booked["booked_end"].to_numpy()
    begin = loose["started_at"].fillna(loose["ended_at"] - 1).to_numpy()[:, None]
    finish = loose["ended_at"].fillna(loose["started_at"] + 1).to_numpy()[:, None]
    near = np.searchsorted(starts, begin, side="right") + np.arange(-3, 3)
    near = np.clip(near, 0, len(starts) - 1)
    shared = np.minimum(finish, ends[near]) - np.maximum(begin, starts[near])
    best = np.take_along_axis(near, shared.argmax(axis=1)[:, None], axis=1)[:, 0] if len(loose) else near[:, 0]
    keys = booked["uid_key"].to_numpy(dtype=object)
    return np.where(shared.max(axis=1, initial=0) > 0, keys[best], "")


def _corrected(corrections: pd.DataFrame) -> pd.DataFrame:
    return corrections.assign(grade=CORRECTED, started_at=np.nan)[["uid_key", "grade", "started_at", "ended_at"]]


def _best(known: pd.DataFrame) -> pd.DataFrame:
    """Per entry the strongest evidence: actual_start, actual_end, grade, and whether a call says nobody came.

    Pieces of one call (somebody dropped out and came back) are joined first. A correction moves the end alone.
    """
    columns = ["uid_key", "actual_start", "actual_end", "grade", "missed"]
    if known.empty:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in columns})
    pieces = known.assign(seconds=known["ended_at"] - known["started_at"]).groupby(["uid_key", "grade"])
    whole = pieces.agg(actual_start=("started_at", "min"), actual_end=("ended_at", "max"), seconds=("seconds", "sum"))
    whole = whole.reset_index()
    call = whole["grade"] == Grade.CALL
    whole["missed"] = call & (whole["seconds"] < NO_SHOW_SECONDS)
    unclosed = call & (whole["actual_end"] - whole["actual_start"] > UNCLOSED_SECONDS)
    usable = whole[~unclosed & (whole["missed"] | whole["actual_start"].notna() | whole["actual_end"].notna())]
    ranked = usable.assign(rank=usable["grade"].map(_RANK)).sort_values(["uid_key", "rank"], ascending=[True, False])
    best = ranked.groupby("uid_key", sort=False)[["actual_start", "actual_end", "grade", "missed"]].first()
    ends = ranked[ranked["actual_end"].notna()].groupby("uid_key", sort=False)["grade"].first()
    return best.assign(grade=ends.reindex(best.index).fillna(best["grade"])).reset_index()


def _named(sessions: pd.DataFrame) -> NDArray[np.object_]:
    """The kind of evidence; an end moved after the session began is named, but yields no minutes."""
    moved = sessions["end"] != sessions["booked_end"]
    grade = sessions["grade"].where(sessions["actual_end"].notna() | sessions["actual_start"].notna())
    return grade.fillna(pd.Series(np.where(moved, EDITED, ""), index=sessions.index)).to_numpy(dtype=object)


def _status(sessions: pd.DataFrame, as_of: int) -> NDArray[np.object_]:
    told = sessions["status"].replace({Status.DECLINED.value: Status.CANCELLED.value})
    open_ = told.isin([Status.CONFIRMED, Status.TENTATIVE])
    missed = sessions["missed"].fillna(value=False).astype(bool) & open_
    taken = np.where(sessions["start"] <= as_of, HELD, BOOKED)
    return np.where(missed, Status.NO_SHOW.value, np.where(open_, taken, told)).astype(object)
