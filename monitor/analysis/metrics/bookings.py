"""What became of what was booked: cancelled late, missed, called off by the clinician, moved."""

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
    """Sessions that clients cancelled less than 24 hours before, of those held, cancelled late or missed.

    Unknown in a week with a cancellation of which it is not known when it was made.
    """
    week, late, _ = _due(frames)
    found = weekly_shares(frames, week, late)
    known = weekly_sums(frames, week[np.isnan(late)]) == 0
    return found._replace(value=np.where(known, found.value, np.nan), n=np.where(known, found.n, 0))


@metric("Missed without a word", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def no_show_share(frames: Frames) -> WeeklyValues:
    """Sessions that clients did not come to, of those held, cancelled late or missed.

    Known where a source tells of missed sessions, or a log or a corrected end shows that the session took place.
    """
    week, late, missed = _due(frames)
    known = ~np.isnan(late)
    return weekly_shares(frames, week[known], np.where(late == 1, 0.0, missed)[known])


@cached
def _due(frames: Frames) -> tuple[Column, Column, Column]:
    """Week, late and missed of the held, missed and late cancelled sessions, and of those perhaps cancelled late."""
    status, week, late, missed = arrays(frames.sessions, "status", "week", "cancelled_late", "no_show")
    due = (status == HELD) | (status == Status.NO_SHOW.value) | (late != 0)
    return week[due], late[due], missed[due]


@metric("Called off by you", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def clinician_cancel_share(frames: Frames) -> WeeklyValues:
    """Of all booked sessions, the share that the clinician called off; known where a source tells who did."""
    return weekly_shares(frames, frames.sessions["week"], frames.sessions["cancelled_by_clinician"])


@metric("Moved", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def rescheduled_share(frames: Frames) -> WeeklyValues:
    """Of all booked sessions, the share that was moved to where it is; known where it was seen before it began."""
    return weekly_shares(frames, frames.sessions["week"], frames.sessions["moved"])
