"""What passes with each client, week by week, for the notices about one client at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.metrics.weekly import cached
from monitor.notices.families import CONTACTS

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames
    from monitor.notices.answers import Exclusion


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts with each client (column) in each calendar week (row), and their exposure; NaN is a missing week."""

    counts: pd.DataFrame
    exposure: pd.DataFrame

    def excluding(self, exclusions: Sequence[Exclusion]) -> Contacts:
        """The same without the weeks that a client's exceptions take out."""
        gone = np.zeros(self.counts.shape, dtype=bool)
        for exception in exclusions:
            if exception.metric == CONTACTS:
                weeks, clients = exception.covers(self.counts.index), self.counts.columns == exception.client
                gone |= np.outer(weeks, clients)
        return Contacts(self.counts.mask(gone), self.exposure.mask(gone))


@cached
def weekly_contacts(frames: Frames) -> Contacts:
    """Sent episodes with each active client, and held sessions beyond the first of a week, emergencies left out.

    Weeks and exposure are those of :func:`monitor.analysis.client_weeks.client_weeks_from`; weeks are missing as well
    where a modified boundary or an emergency protocol held: such a client is measured by that agreement.
    """
    from monitor.analysis.client_weeks import client_weeks_from
    from monitor.analysis.metrics.active_clients import count_by_client, held_by_week

    pairs = client_weeks_from(frames)
    held = frames.held_sessions[frames.held_sessions["outside_hours"] & frames.held_sessions["covered_by_protocol"]]
    ordinary = held_by_week(frames) - count_by_client(frames, held["week"], held["client"])
    counts = pairs.contacts + np.maximum(ordinary - 1, 0)
    own = ~_has_own_agreement(frames, counts.index, counts.columns.to_numpy(dtype=np.int64))
    return Contacts(counts.where(own), pairs.exposure.where(own))


def _has_own_agreement(frames: Frames, weeks: pd.Index, clients: np.ndarray) -> np.ndarray:
    """Whether a documented modified boundary, until its review, or an emergency protocol holds; (weeks, clients)."""
    from monitor.analysis.contact_rules import has_modified_boundary

    agreed, who, when = frames.agreements, clients[None, :], weeks.to_numpy()[:, None]
    return has_modified_boundary(agreed, who, when) | agreed.holds("emergency", who, when)
