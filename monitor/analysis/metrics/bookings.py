"""Metrics of bookings: cancelled late, missed, cancelled by the clinician, moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from connectors.records import Status
from monitor.analysis.catalogue import Family, metric
from monitor.analysis.columns import Column, arrays
from monitor.analysis.metrics.weekly import WeeklyValues, cached, weekly_shares, weekly_sums
from monitor.analysis.sessions import HELD
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@metric("Cancelled late", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def cancel_late_share(frames: Frames) -> WeeklyValues:
    """Of the sessions held, cancelled late or missed, the share that clients cancelled less than 24 hours before.

    Unknown in a week with a cancellation whose time is not known.
    """
    week, late, _ = _due(frames)
    result = weekly_shares(frames, week, late)
    known = weekly_sums(frames, week[np.isnan(late)]) == 0
    return result._replace(value=np.where(known, result.value, np.nan), n=np.where(known, result.n, 0))


@metric("Missed without a word", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def no_show_share(frames: Frames) -> WeeklyValues:
    """Of the sessions held, cancelled late or missed, the share that clients did not come to.

    Known where a source marks missed sessions, or a log or a corrected end shows that the session took place.
    """
    week, late, missed = _due(frames)
    known = ~np.isnan(late)
    return weekly_shares(frames, week[known], np.where(late == 1, 0.0, missed)[known])


@cached
def _due(frames: Frames) -> tuple[Column, Column, Column]:
    """Return week, late and missed of the sessions that were held, missed, cancelled late or perhaps cancelled late."""
    status, week, late, missed = arrays(frames.sessions.all, "status", "week", "cancelled_late", "no_show")
    due = (status == HELD) | (status == Status.NO_SHOW.value) | (late != 0)
    return week[due], late[due], missed[due]


@metric("Called off by you", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def clinician_cancel_share(frames: Frames) -> WeeklyValues:
    """Of all booked sessions, the share that the clinician cancelled; known where a source says who cancelled."""
    return weekly_shares(frames, frames.sessions.all["week"], frames.sessions.all["cancelled_by_clinician"])


@metric("Moved", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def rescheduled_share(frames: Frames) -> WeeklyValues:
    """Of all booked sessions, the share that was moved to its present time; known where it was seen before it began."""
    return weekly_shares(frames, frames.sessions.all["week"], frames.sessions.all["moved"])
