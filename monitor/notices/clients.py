"""Weekly contacts with each client, for the notices about one client at a time."""

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
        """Return the same contacts with the excluded weeks of each client missing."""
        is_excluded = np.zeros(self.counts.shape, dtype=bool)
        for exclusion in exclusions:
            if exclusion.metric == CONTACTS:
                excluded_weeks, is_client = exclusion.covers(self.counts.index), self.counts.columns == exclusion.client
                is_excluded |= np.outer(excluded_weeks, is_client)
        return Contacts(self.counts.mask(is_excluded), self.exposure.mask(is_excluded))


@cached
def weekly_contacts(frames: Frames) -> Contacts:
    """Return each active client's sent episodes and held sessions beyond the first of a week; no emergencies.

    Weeks and exposure are those of :func:`monitor.analysis.client_weeks.client_weeks_from`. Weeks are also missing
    where a modified boundary or an emergency protocol held: that client is measured by the agreement.
    """
    from monitor.analysis.client_weeks import client_weeks_from
    from monitor.analysis.contact_rules import has_modified_boundary
    from monitor.analysis.metrics.active_clients import count_by_client, held_by_week

    pairs = client_weeks_from(frames)
    held = frames.sessions.held
    emergencies = held[held["outside_hours"] & held["covered_by_protocol"]]
    ordinary = held_by_week(frames) - count_by_client(frames, emergencies["week"], emergencies["client"])
    # One session a week is the usual; only further ones are contact beyond it.
    counts = pairs.contacts + np.maximum(ordinary - 1, 0)
    # Clients run along the columns, weeks along the rows.
    client, week = counts.columns.to_numpy(dtype=np.int64)[None, :], counts.index.to_numpy()[:, None]
    agreements = frames.clients.agreements
    is_ordinary = ~(has_modified_boundary(agreements, client, week) | agreements.holds("emergency", client, week))
    return Contacts(counts.where(is_ordinary), pairs.exposure.where(is_ordinary))
