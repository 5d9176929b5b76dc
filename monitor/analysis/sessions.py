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
from monitor.analysis.evidence import CORRECTED, STANDING, UNSCHEDULED, best, linked, unscheduled, without_templates

SAME_SESSION = 0.5  # share of the shorter entry that two sources must share to mean one session (design choice)

HELD, BOOKED = "held", "booked"
EDITED = "edited"

COLUMNS = {
    "uid_key": "object", "client": "int64", "booked_start": "int64", "booked_end": "int64", "actual_start": "float64",
    "actual_end": "float64", "evidence": "object", "status": "object", "known_at": "int64",
}  # fmt: skip


def sessions_from(
    events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame, *, as_of: int
) -> pd.DataFrame:
    """The sessions of one clinician, one row each, by booked start.

    ``events`` has source, uid_key, start, booked_end, end, all_day, status, kind, client (-1 for none), set_aside,
    known_at and meeting (empty for none); ``evidence`` has source, grade, started_at, ended_at, uid_key (empty where a
    call names no entry) and meeting; ``corrections`` has uid_key and ended_at. Returned: uid_key, client,
    booked_start, booked_end, actual_start, actual_end (NaN where unknown), evidence (what the end rests on: corrected,
    ehr, call, edited or empty), status (held, booked, cancelled, late_cancelled, no_show) and known_at, when the entry
    was first seen.
    A session is held if nothing says otherwise and it began at or before ``as_of``.
    """
    booked, told = _told(events, evidence, corrections)
    known = without_templates(told[told["uid_key"].notna()], booked)
    sessions = booked.join(best(known), on="uid_key")
    sessions["evidence"] = _named(sessions)
    sessions["status"] = _status(sessions, as_of)
    return sessions.rename(columns={"start": "booked_start"})[list(COLUMNS)].astype(COLUMNS)


def meetings(sessions: pd.DataFrame) -> pd.DataFrame:
    """Sessions with a group once, in the order given: of the rows of one booked span one with a known end."""
    start, end = sessions["booked_start"].to_numpy(), sessions["booked_end"].to_numpy()
    order = np.lexsort((sessions["actual_end"].isna().to_numpy(), end, start))
    first = np.append(True, (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0))[: len(sessions)]
    return sessions if first.all() else sessions.iloc[np.sort(order[first])]


def unscheduled_from(events: pd.DataFrame, evidence: pd.DataFrame, *, as_of: int) -> pd.DataFrame:
    """Calls that nobody booked, up to ``as_of``: see :func:`~monitor.analysis.evidence.unscheduled`.

    They are no sessions: nothing says that they were one, and mostly not with whom.
    """
    calls = evidence[(evidence["grade"] == Grade.CALL) & (evidence["started_at"] <= as_of)]
    if calls.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in UNSCHEDULED.items()})
    _, told = _told(events, calls, pd.DataFrame({"uid_key": [], "ended_at": []}))
    return unscheduled(events, told)


def _told(events: pd.DataFrame, evidence: pd.DataFrame, corrections: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The booked sessions, each once, and all evidence with the session it is about."""
    entries = _session_entries(events)
    same = _same_sessions(entries)
    booked = _one_per_session(entries, same)
    names = dict(zip(entries["uid_key"], booked["uid_key"].to_numpy()[same], strict=True))
    booked = booked.sort_values(["start", "uid_key"], kind="stable", ignore_index=True)
    evidence = without_templates(evidence, entries)
    told = pd.concat([evidence, _corrected(corrections)], ignore_index=True)
    return booked, linked(booked, told.assign(uid_key=told["uid_key"].map(names).astype(object)))


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
    for row in zip(*columns, entries["status"].isin(STANDING), strict=True):
        yield _Entry(*row)


def _likeness(entry: _Entry, told: list[_Entry]) -> float:
    """How likely an entry tells of a session; no source tells of one twice."""
    return 0.0 if any(entry.source == other.source for other in told) else max(map(entry.shares, told))


def _one_per_session(entries: pd.DataFrame, same: NDArray[np.int64]) -> pd.DataFrame:
    """Each session once: the first source's entry, with a client and a video meeting if any of them knows one."""
    ordered = entries.assign(session=same).sort_values(["session", "source"], kind="stable")
    if len(ordered) == len(np.unique(same)):
        return ordered
    groups = ordered.groupby("session")
    clients = ordered["client"].where(ordered["client"] >= 0).groupby(ordered["session"]).first()
    meetings = ordered["meeting"].where(ordered["meeting"] != "").groupby(ordered["session"]).first()
    merged = groups.head(1).set_index("session")
    merged["client"] = clients.fillna(-1).astype("int64")
    merged["meeting"] = meetings.fillna("")
    merged["status"] = groups["status"].agg(_agreed_status)
    return merged


def _agreed_status(told: pd.Series) -> str:
    """A source that knows of a cancellation or a no-show counts before one that merely shows the booking."""
    return next((str(status) for status in told if status not in STANDING), str(told.iloc[0]))


def _corrected(corrections: pd.DataFrame) -> pd.DataFrame:
    columns = ["source", "grade", "started_at", "ended_at", "uid_key", "meeting"]
    return corrections.assign(source=0, grade=CORRECTED, started_at=np.nan, meeting="")[columns]


def _named(sessions: pd.DataFrame) -> NDArray[np.object_]:
    """The kind of evidence; an end moved after the session began is named, but yields no minutes."""
    moved = np.where(sessions["end"] != sessions["booked_end"], EDITED, "")
    return np.where(sessions["grade"].isna(), moved, sessions["grade"]).astype(object)


def _status(sessions: pd.DataFrame, as_of: int) -> NDArray[np.object_]:
    told = sessions["status"].replace({Status.DECLINED.value: Status.CANCELLED.value})
    open_ = told.isin(STANDING)
    missed = sessions["missed"].eq(other=True) & open_
    taken = np.where(sessions["start"] <= as_of, HELD, BOOKED)
    return np.where(missed, Status.NO_SHOW.value, np.where(open_, taken, told)).astype(object)
