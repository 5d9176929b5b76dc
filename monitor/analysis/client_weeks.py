"""One client at a time, by week: contacts, and what they are measured by.

All of it is for the clinician alone. Clients are judged by their own agreement; what an emergency protocol covers is no
contact here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CounterpartKind
from monitor.analysis.contact_rules import contact_time, off_channel
from monitor.analysis.intervals import contains
from monitor.analysis.metrics.active_clients import client_columns, count_by_client, is_active

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClientWeeks:
    """Weeks (rows) by clients (columns): contacts between sessions, and the share of a week that they are measured by.

    NaN where a week does not count for a client: not active, or not compared.
    """

    contacts: pd.DataFrame
    exposure: pd.DataFrame


def client_weeks_from(frames: Frames) -> ClientWeeks:
    """Sent episodes of each active client by week, for :func:`monitor.analysis.client_shifts.client_shifts`."""
    clients, weeks = client_columns(frames), frames.weeks
    sent = _to_clients(frames)
    counted = (
        is_active(frames)
        & (weeks["compared"] & weeks["messages_observed"] & weeks["calendar_observed"]).to_numpy()[:, None]
    )
    contacts = _contacts(frames, sent[~(sent["outside_hours"] & sent["covered_by_protocol"])])
    present = np.where(
        weeks["pattern_days"] > 0, weeks["worked_days"] / weeks["pattern_days"].where(weeks["pattern_days"] > 0), 1.0
    )
    exposure = np.broadcast_to(np.minimum(present, 1.0)[:, None], counted.shape)
    return ClientWeeks(
        *(
            pd.DataFrame(np.where(counted, cells, np.nan), index=weeks.index, columns=clients)
            for cells in (contacts, exposure)
        )
    )


def _to_clients(frames: Frames) -> pd.DataFrame:
    return frames.episodes[frames.episodes["counterpart_kind"] == CounterpartKind.CLIENT]


def _contacts(frames: Frames, episodes: pd.DataFrame) -> Floats:
    return count_by_client(frames, episodes["week"], episodes["counterpart"])


def off_agreement(frames: Frames) -> Floats:
    """Of each sent episode: 1 if its channel or time is not in the client's agreement, 0 if it is, NaN if none says.

    None says of what an emergency protocol covers, or was sent on call.
    """
    episodes, agreements = frames.episodes, frames.agreements
    who = episodes["counterpart"]
    named, within = contact_time(agreements, frames.calendar, who, episodes["sent_at"])
    channel = off_channel(agreements, who, episodes["day"], episodes["channel"])
    off = np.where(np.isnan(channel) & ~named, np.nan, ((channel == 1) | (named & ~within)).astype(float))
    as_agreed = episodes["covered_by_protocol"] | contains(frames.calendar.on_call, episodes["sent_at"])
    return np.where((episodes["counterpart_kind"] == CounterpartKind.CLIENT) & ~as_agreed, off, np.nan)
