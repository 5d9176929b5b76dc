"""Courses of treatment: the first session, and the end by discharge, hand-over or ninety days without a session."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.agreements import Agreements
from monitor.analysis.calendar import DAY_SECONDS, WorkCalendar
from monitor.analysis.columns import next_of_client
from monitor.analysis.terms import DISCHARGED, HANDED_OVER

SILENT_DAYS = 90
ENDED = (DISCHARGED, HANDED_OVER)


def courses_from(held: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar, *, as_of: int) -> pd.DataFrame:
    """Return the held sessions with a client, by client and time, with where courses begin and end.

    Columns: client, booked_start, week, begins, closed_at, by_silence. ``begins`` marks the first session and the first
    one after an ending. ``closed_at`` is when the course ended with this session, NaN where it went on or is not known
    to have ended; ``by_silence`` says that the clinician entered no ending.

    ::

        sessions   x   x     x                          x
        entered                 discharged
        course     |------------|                       |---

        sessions   x   x     x                             x
        course     |---------------- 90 days ----|         |---
    """
    own = held[held["client"] >= 0].sort_values(["client", "booked_start"], kind="stable", ignore_index=True)
    client, start = own["client"].to_numpy(), own["booked_start"].to_numpy()
    same = np.append(client[1:] == client[:-1], False) if len(own) else np.zeros(0, dtype=bool)
    next_start = np.where(same, np.append(start[1:], 0), np.inf)
    entered = next_ending(agreements, calendar, client, start)
    ends = np.minimum(entered, start + SILENT_DAYS * DAY_SECONDS)
    # A session after the ending begins a new course; without one the course stays closed.
    closes = ends < next_start
    begins = np.append(True, closes[:-1] | ~same[:-1])[: len(own)]
    return pd.DataFrame(
        {
            "client": client,
            "booked_start": start,
            "week": own["week"].to_numpy(),
            "begins": begins,
            "closed_at": np.where(closes & (ends <= as_of), ends, np.nan),
            "by_silence": entered > start + SILENT_DAYS * DAY_SECONDS,
        }
    )


def next_ending(
    agreements: Agreements, calendar: WorkCalendar, clients: NDArray[np.int64], instants: ArrayLike
) -> NDArray[np.float64]:
    """Return when a client is next discharged or handed over after each instant: that day's last second, or inf."""
    changes = agreements.changes("standing")
    changes = changes[changes["value"].isin(ENDED)]
    # The last second of the day, so that a session on the day of the discharge still belongs to the course.
    ended_at = calendar.day_starts(changes["day"].to_numpy() + 1) - 1
    _, next_end = next_of_client(changes["client"], np.maximum(ended_at, 0), clients, instants)
    return next_end
