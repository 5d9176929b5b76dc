"""Contacts with each client by week, and their exposure.

For the clinician alone. Each client is measured by the own agreement; contact that an emergency protocol covers is not
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from connectors.records import CounterpartKind
from monitor.analysis.contact_rules import contact_time, off_channel
from monitor.analysis.intervals import contains
from monitor.analysis.metrics.active_clients import client_columns, count_by_client, is_active
from monitor.analysis.metrics.weekly import Floats

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@dataclass(frozen=True, slots=True)
class ClientWeeks:
    """Contacts between sessions by week (rows) and client (columns), and the share of the week that was worked.

    NaN where a week does not count for a client: the client is not active, or the week is not compared.
    """

    contacts: pd.DataFrame
    exposure: pd.DataFrame


def client_weeks_from(frames: Frames) -> ClientWeeks:
    """Return the sent episodes to each active client by week, for :mod:`monitor.analysis.client_shifts`."""
    clients, weeks, sent = client_columns(frames), frames.time.weeks, frames.messages.episodes
    is_counted = (sent["counterpart_kind"] == CounterpartKind.CLIENT) & ~(
        sent["outside_hours"] & sent["covered_by_protocol"]
    )
    contacts = count_by_client(frames, sent.loc[is_counted, "week"], sent.loc[is_counted, "counterpart"])
    is_compared = weeks["compared"] & weeks["messages_observed"] & weeks["calendar_observed"]
    counts_for_client = is_active(frames) & is_compared.to_numpy()[:, None]
    pattern_days = weeks["pattern_days"].to_numpy()
    # A week without any day in the pattern counts as worked.
    worked_share = np.where(pattern_days > 0, weeks["worked_days"] / np.maximum(pattern_days, 1), 1.0)
    exposure = np.broadcast_to(np.minimum(worked_share, 1.0)[:, None], contacts.shape)
    return ClientWeeks(
        *(
            pd.DataFrame(np.where(counts_for_client, matrix, np.nan), index=weeks.index, columns=clients)
            for matrix in (contacts, exposure)
        )
    )


def off_agreement(frames: Frames) -> Floats:
    """Return for each sent episode 1 if its channel or time is not in the client's agreement, 0 if it is, else NaN.

    NaN is also the value of an episode that an emergency protocol covers or that was sent on call.
    """
    episodes, agreements = frames.messages.episodes, frames.clients.agreements
    client = episodes["counterpart"]
    has_times, in_time = contact_time(agreements, frames.time.calendar, client, episodes["sent_at"])
    channel = off_channel(agreements, client, episodes["day"], episodes["channel"])
    off = np.where(np.isnan(channel) & ~has_times, np.nan, ((channel == 1) | (has_times & ~in_time)).astype(float))
    as_agreed = episodes["covered_by_protocol"] | contains(frames.time.calendar.on_call, episodes["sent_at"])
    return np.where((episodes["counterpart_kind"] == CounterpartKind.CLIENT) & ~as_agreed, off, np.nan)
