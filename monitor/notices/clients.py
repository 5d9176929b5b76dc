"""What passes with each client, week by week, for the notices about one client at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from connectors.records import Counterpart

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames
    from monitor.notices.answers import LeftOut

AROUND = 30 * 86_400
"""Seconds before the first and after the last session in which somebody is a client as well."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts with each client (column) in each calendar week (row), and their exposure: 1, or NaN where missing."""

    counts: pd.DataFrame
    exposure: pd.DataFrame

    def without(self, family: str, left_out: Sequence[LeftOut]) -> Contacts:
        """The same without the weeks that a client's exceptions take out."""
        gone = np.zeros(self.counts.shape, dtype=bool)
        for exception in left_out:
            if exception.family == family:
                weeks, clients = exception.holds(self.counts.index), self.counts.columns == exception.client
                gone |= np.outer(weeks, clients)
        return Contacts(self.counts.mask(gone), self.exposure.mask(gone))


def contacts_with(frames: Frames) -> Contacts:
    """Sent episodes with each client, and held sessions beyond the first of a week.

    A week is missing for a client where it is not compared, where messages were not seen, where the client was not in
    treatment (from 30 days before the first session to 30 days after the last), and where a modified boundary or an
    emergency protocol held: such a client is measured by that agreement.
    """
    import pandas as pd

    weeks = frames.weeks
    every = pd.Index(np.arange(weeks.index.min(), weeks.index.max() + 1, 7) if len(weeks) else [], dtype="int64")
    held = frames.held[frames.held["client"] >= 0]
    clients = np.unique(held["client"].to_numpy())
    sent = frames.episodes[frames.episodes["counterpart_kind"] == Counterpart.CLIENT]
    counts = _table(sent["week"], sent["counterpart"], every, clients)
    counts += (_table(held["week"], held["client"], every, clients) - 1).clip(lower=0)
    seen = (weeks["compared"] & weeks["messages_seen"]).reindex(every, fill_value=False).to_numpy()
    known = seen[:, None] & _in_treatment(held, weeks.reindex(every)) & ~_agreed_otherwise(frames, every, clients)
    return Contacts(counts.where(known), pd.DataFrame(1.0, every, clients).where(known))


def _table(weeks: pd.Series, clients: pd.Series, every: pd.Index, columns: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    found = pd.crosstab(weeks.to_numpy(), clients.to_numpy())
    return found.reindex(index=every, columns=columns, fill_value=0).astype(float)


def _in_treatment(held: pd.DataFrame, weeks: pd.DataFrame) -> np.ndarray:
    """(weeks, clients), clients in the order of their numbers."""
    spans = held.groupby("client")["booked_start"].agg(["min", "max"]).sort_index()
    begins, ends = spans["min"].to_numpy() - AROUND, spans["max"].to_numpy() + AROUND
    starts, stops = weeks["start"].to_numpy()[:, None], weeks["end"].to_numpy()[:, None]
    return np.asarray((stops > begins[None, :]) & (starts < ends[None, :]))


def _agreed_otherwise(frames: Frames, weeks: pd.Index, clients: np.ndarray) -> np.ndarray:
    """Whether a documented modified boundary, until its review, or an emergency protocol holds; (weeks, clients)."""
    agreed, who, when = frames.agreements, clients[None, :], weeks.to_numpy()[:, None]
    modified = agreed.texts("modified", who, when) != None  # noqa: E711 - an array of texts and None
    until = agreed.numbers("modified_until", who, when)
    in_force = modified.astype(bool) & ~(until < when)
    return np.asarray(in_force | agreed.holds("emergency", who, when))
