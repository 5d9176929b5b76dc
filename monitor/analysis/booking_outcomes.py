"""What became of bookings: called off late or in time, by whom, and moved; NaN where the source cannot say."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CALLED_OFF, Grade, Status
from monitor.analysis.evidence import CORRECTED

LATE_SECONDS = 24 * 3600


def booking_outcomes(sessions: pd.DataFrame, events: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Of each session, 1, 0 or NaN: whether it was cancelled late, missed, called off by the clinician, moved.

    late          a word of the source's; else by when it was cancelled, unknown where that is; a source that has a
                  word for late cancellations means the others in time
    missed        the client did not come: told by a source that tells of such, seen in a log, or corrected by hand
    by_clinician  told by a source that tells of such
    moved         it was first seen at another time; unknown where it was first seen after it began
    cancelled_at  when it was called off; NaN where it was not, or where nobody knows when
    """
    place = pd.Index(events["uid_key"]).drop_duplicates()
    rows = events.drop_duplicates("uid_key").iloc[place.get_indexer(pd.Index(sessions["uid_key"]))]
    status, start = sessions["status"].to_numpy(dtype=object), sessions["booked_start"].to_numpy()
    source, cancelled_at = rows["source"].to_numpy(), rows["cancelled_at"].to_numpy(dtype=float)
    in_time = _told_by(events, source, Status.LATE_CANCELLED) | (start - cancelled_at >= LATE_SECONDS)
    unknown = ~in_time & np.isnan(cancelled_at)
    late = np.where(in_time, 0.0, np.where(unknown, np.nan, 1.0))
    seen = _told_by(events, source, Status.NO_SHOW) | sessions["evidence"].isin([CORRECTED, *Grade])
    by_clinician = np.where(_told_by(events, source, Status.CLINICIAN_CANCELLED), 0.0, np.nan)
    return {
        "cancelled_late": np.where(
            status == Status.LATE_CANCELLED, 1.0, np.where(status == Status.CANCELLED, late, 0.0)
        ),
        "no_show": np.where(status == Status.NO_SHOW, 1.0, np.where(seen, 0.0, np.nan)),
        "cancelled_by_clinician": np.where(status == Status.CLINICIAN_CANCELLED, 1.0, by_clinician),
        "cancelled_at": np.where(sessions["status"].isin(CALLED_OFF), cancelled_at, np.nan),
        "moved": np.where(sessions["known_at"] < start, rows["moved"].to_numpy(dtype=float), np.nan),
    }


def _told_by(events: pd.DataFrame, source: NDArray[np.int64], status: Status) -> NDArray[np.bool_]:
    """Whether each source ever tells of such a status."""
    return np.isin(source, events.loc[(events["status"] == status).to_numpy(), "source"].unique())
