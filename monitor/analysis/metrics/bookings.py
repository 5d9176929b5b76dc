"""What became of what was booked: cancelled late, missed, called off by the clinician, moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from connectors.records import Status
from monitor.analysis.catalogue import Family, Unit, metric
from monitor.analysis.metrics.weekly import once, shares, sums
from monitor.analysis.sessions import HELD

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@metric("Cancelled late", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def cancel_late_share(frames: Frames) -> pd.DataFrame:
    """Sessions that clients cancelled less than 24 hours before, of those held, cancelled late or missed.

    Unknown in a week with a cancellation of which it is not known when it was made.
    """
    due = _due(frames)
    found = shares(frames, due["week"], due["late"])
    unknown = sums(frames, due.loc[due["late"].isna(), "week"])
    return found.assign(value=found["value"].where(unknown == 0), n=found["n"].where(unknown == 0, 0))


@metric("Missed without a word", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def no_show_share(frames: Frames) -> pd.DataFrame:
    """Sessions that clients did not come to, of those held, cancelled late or missed.

    Known where a source tells of missed sessions, or a log or a corrected end shows that the session took place.
    """
    due = _due(frames)
    due = due[due["late"].notna()]
    return shares(frames, due["week"], due["missed"].where(due["late"] != 1, 0.0))


@once
def _due(frames: Frames) -> pd.DataFrame:
    """Held, missed and late cancelled sessions, and those that may have been cancelled late."""
    sessions = frames.sessions
    happened = sessions["status"].isin((HELD, Status.NO_SHOW.value))
    return sessions[happened | (sessions["late"] != 0)]


@metric("Called off by you", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def clinician_cancel_share(frames: Frames) -> pd.DataFrame:
    """Of all booked sessions, the share that the clinician called off; known where a source tells who did."""
    return shares(frames, frames.sessions["week"], frames.sessions["by_clinician"])


@metric("Moved", Unit.PERCENT, Family.CASELOAD, evidence="D", source="design choice", high=100.0)
def rescheduled_share(frames: Frames) -> pd.DataFrame:
    """Of all booked sessions, the share that was moved to where it is; known where it was seen before it began."""
    return shares(frames, frames.sessions["week"], frames.sessions["moved"])
