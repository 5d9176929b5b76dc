"""Supervision and one's own learning: hours of the month that ends with the week, by the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from connectors.records import Kind
from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.metrics.recovery import days_since
from monitor.analysis.metrics.sessions import contact_seconds, met
from monitor.analysis.metrics.weekly import Bools, Floats, ratios, seen, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

MONTH_SECONDS = round(365.25 / 12 * 86_400)


@metric("Supervision", Unit.HOURS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=5)
def supervision_hours(frames: Frames) -> pd.DataFrame:
    """Hours of supervision in the month (30.4 days) that ends with the week, by the calendar.

    A calendar does not say how many share a supervision; each counts whole. Unknown until a whole month was read.
    """
    hours, n = _in_month(frames, Kind.SUPERVISION)
    return where(frames, _whole_month(frames), hours, n)


@metric(
    "Supervision held", Unit.COUNT, Family.RECOVERY, wing=Wing.WORKLOAD, evidence="A as standard", source="BACP",
    look_back=5, high=1.0,
)  # fmt: skip
def supervision_held(frames: Frames) -> pd.DataFrame:
    """1 if supervision took place in the month that ends with the week, else 0: all that a director is told of it.

    Unknown until there was one or a whole month of the calendar has been read.
    """
    _, n = _in_month(frames, Kind.SUPERVISION)
    known = _whole_month(frames) | (seen(frames, "calendar_seen") & (n > 0))
    return where(frames, known, n > 0, n > 0)


@metric("Days since supervision", Unit.DAYS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=13)
def days_since_supervision(frames: Frames) -> pd.DataFrame:
    """Days from the last supervision in the calendar to the end of the week; unknown where none was ever seen."""
    return days_since(frames, np.unique(_taken(frames, Kind.SUPERVISION)["day"].to_numpy(dtype=np.int64)))


@metric(
    "Client hours for one of supervision",
    Unit.HOURS,
    Family.RECOVERY,
    evidence="A as standard",
    source="BACP",
    look_back=5,
)
def client_hours_per_supervision_hour(frames: Frames) -> pd.DataFrame:
    """Hours with clients by hours of supervision, both of the month that ends with the week; unknown without any."""
    hours, n = _in_month(frames, Kind.SUPERVISION)
    held = met(frames).sort_values("booked_start")
    with_clients = _month_sums(frames, held["booked_start"], contact_seconds(frames).loc[held.index] / 3600)
    return ratios(frames, _whole_month(frames), with_clients, hours, n)


@metric("Learning and consultation", Unit.HOURS, Family.RECOVERY, evidence="D", source="design choice", look_back=5)
def development_hours(frames: Frames) -> pd.DataFrame:
    """Hours of training and consultation in the month that ends with the week; unknown until a month was read."""
    hours, n = _in_month(frames, Kind.TRAINING, Kind.CONSULTATION)
    return where(frames, _whole_month(frames), hours, n)


def _taken(frames: Frames, *kinds: Kind) -> pd.DataFrame:
    """The entries of these kinds that are over, by their end; an all-day entry says no hours."""
    entries = frames.entries
    over = (entries["end"] <= frames.as_of) & (entries["end"] > entries["start"]) & ~entries["all_day"]
    return entries[entries["kind"].isin(kinds) & over].sort_values("end")


def _in_month(frames: Frames, *kinds: Kind) -> tuple[Floats, Floats]:
    """Hours and number of entries of these kinds that ended in the month that ends with each week."""
    taken = _taken(frames, *kinds)
    hours = (taken["end"] - taken["start"]) / 3600
    return _month_sums(frames, taken["end"], hours), _month_sums(frames, taken["end"], hours * 0 + 1)


def _month_sums(frames: Frames, instants: pd.Series, amounts: pd.Series) -> Floats:
    """The sum of amounts whose instants (sorted) lie in the month that ends with each week, its end included."""
    ends = frames.weeks["end"].to_numpy()
    month = np.searchsorted(instants.to_numpy(dtype=np.int64), [ends - MONTH_SECONDS, ends], side="right")
    before = np.append(0.0, np.cumsum(amounts.to_numpy(dtype=float)))
    return np.asarray(before[month[1]] - before[month[0]])


def _whole_month(frames: Frames) -> Bools:
    """Whether all of the month that ends with each week has been read."""
    looked, weeks = seen(frames, "calendar_seen"), frames.weeks
    read_since = weeks["start"].to_numpy()[looked].min(initial=2**40)
    return np.asarray(looked & (weeks["end"].to_numpy() - MONTH_SECONDS >= read_since))
