"""Outcomes of bookings: cancelled late or in time, by whom, and moved; NaN where the source cannot say."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CALLED_OFF, Grade, Status
from monitor.analysis.evidence import CORRECTED

LATE_SECONDS = 24 * 3600


def booking_outcomes(sessions: pd.DataFrame, events: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return for each session 1, 0 or NaN (unknown) in each of these columns, and when it was cancelled.

    cancelled_late          the source says so; else by the time of cancelling, unknown where that is. In a source that
                            distinguishes late cancellations, the others were in time
    no_show                 the client did not come; known where the source marks no-shows, or a log or a correction
                            shows that the session took place
    cancelled_by_clinician  known where the source says who cancelled
    moved                   first seen at another time; unknown where first seen after it began
    cancelled_at            when it was cancelled; NaN where it was not, or where that is unknown
    """
    keys = pd.Index(events["uid_key"]).drop_duplicates()
    # Two sources may share a key; the first row stands for both.
    rows = events.drop_duplicates("uid_key").iloc[keys.get_indexer(pd.Index(sessions["uid_key"]))]
    status, start = sessions["status"].to_numpy(dtype=object), sessions["booked_start"].to_numpy()
    source, cancelled_at = rows["source"].to_numpy(), rows["cancelled_at"].to_numpy(dtype=float)
    in_time = _source_uses(events, source, Status.LATE_CANCELLED) | (start - cancelled_at >= LATE_SECONDS)
    unknown = ~in_time & np.isnan(cancelled_at)
    late = np.where(in_time, 0.0, np.where(unknown, np.nan, 1.0))
    is_known = _source_uses(events, source, Status.NO_SHOW) | sessions["evidence"].isin([CORRECTED, *Grade])
    by_other = np.where(_source_uses(events, source, Status.CLINICIAN_CANCELLED), 0.0, np.nan)
    return {
        "cancelled_late": np.where(
            status == Status.LATE_CANCELLED, 1.0, np.where(status == Status.CANCELLED, late, 0.0)
        ),
        "no_show": np.where(status == Status.NO_SHOW, 1.0, np.where(is_known, 0.0, np.nan)),
        "cancelled_by_clinician": np.where(status == Status.CLINICIAN_CANCELLED, 1.0, by_other),
        "cancelled_at": np.where(sessions["status"].isin(CALLED_OFF), cancelled_at, np.nan),
        "moved": np.where(sessions["known_at"] < start, rows["moved"].to_numpy(dtype=float), np.nan),
    }


def _source_uses(events: pd.DataFrame, source: NDArray[np.int64], status: Status) -> NDArray[np.bool_]:
    """Return whether each source ever uses a status."""
    return np.isin(source, events.loc[(events["status"] == status).to_numpy(), "source"].unique())
