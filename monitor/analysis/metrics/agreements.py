"""Metrics of agreements with single clients: questions to reflect on, not findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from connectors.records import Kind, Status
from monitor.analysis.catalogue import Family, metric
from monitor.analysis.client_weeks import off_agreement
from monitor.analysis.columns import arrays
from monitor.analysis.contact_rules import in_crisis
from monitor.analysis.metrics.active_clients import (
    agreed_frequency,
    client_columns,
    count_by_client,
    has_ended,
    held_by_week,
)
from monitor.analysis.metrics.weekly import (
    WeeklyValues,
    no_data,
    observed,
    trailing_sums,
    week_column,
    weekly_counts,
    weekly_ratios,
)
from monitor.analysis.terms import EXCEPTIONS
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

KEPT_WEEKS = 4


@metric(
    "Agreed sessions delivered",
    Unit.PERCENT,
    Family.CLIENTS,
    evidence="D",
    source="design choice",
    look_back=KEPT_WEEKS,
)
def frequency_kept(frames: Frames) -> WeeklyValues:
    """Held sessions of the last 4 weeks as a share of those agreed, for clients with whom a frequency was agreed.

    Above 100 % is more often than agreed. The clinician's leave is left out, and so are, for each client over the four
    weeks, sessions that were cancelled in time. n is the number of clients.
    """
    if not frames.clients.agreements.has("frequency"):
        return no_data(frames)
    agreed = agreed_frequency(frames)
    counted = ~np.isnan(agreed) & ~has_ended(frames)
    due = np.where(counted, agreed, 0.0) * week_column(frames, "present_share")[:, None]
    status, client, late, week = arrays(frames.sessions.all, "status", "client", "cancelled_late", "week")
    in_time = (status == Status.CANCELLED.value) & (late == 0)
    cancelled, held = (
        np.where(counted, sessions, 0.0)
        for sessions in (count_by_client(frames, week[in_time], client[in_time]), held_by_week(frames))
    )
    remaining = trailing_sums(due, KEPT_WEEKS) - trailing_sums(cancelled, KEPT_WEEKS)
    # Rounded, because sums of shares leave tiny remainders that would count a client as due.
    expected, delivered = np.maximum(remaining.round(9), 0.0), trailing_sums(held, KEPT_WEEKS)
    known = trailing_sums(observed(frames, "calendar_observed").astype(float), KEPT_WEEKS) == KEPT_WEEKS
    return weekly_ratios(known, 100 * delivered.sum(axis=1), expected.sum(axis=1), (expected > 0).sum(axis=1))


@metric("Contact that no agreement names", Unit.COUNT, Family.CLIENTS, evidence="D", source="design choice")
def off_agreement_contacts(frames: Frames) -> WeeklyValues:
    """Sent episodes on a channel or at a time that the client's agreement does not name: a question to reflect on.

    Only for clients with whom channels or hours of contact were agreed; contact that an emergency protocol covers or
    that was sent on call does not count. Unknown until channels or hours were agreed with a client.
    """
    if not any(frames.clients.agreements.has(term) for term in ("channels", "contact_hours", "contact_days")):
        return no_data(frames)
    (week,) = arrays(frames.messages.episodes, "week")
    return weekly_counts(frames, week[off_agreement(frames) == 1], "messages_observed")


@metric("Time with clients outside sessions", Unit.COUNT, Family.CLIENTS, evidence="D", source="design choice")
def outside_frame_contacts(frames: Frames) -> WeeklyValues:
    """Calendar entries with a client that are not sessions, such as a coffee: ordinary in a small town; a question.

    A client here is somebody with whom a session was ever booked.
    """
    kind, client, start, week = arrays(frames.other_events, "kind", "client", "start", "week")
    with_client = np.isin(kind, (Kind.PERSONAL, Kind.OTHER)) & np.isin(client, client_columns(frames))
    return weekly_counts(frames, week[with_client & (start <= frames.as_of)], "calendar_observed")


@metric("Exceptions made", Unit.COUNT, Family.CLIENTS, evidence="D", source="the clinician's own ledger")
def exceptions(frames: Frames) -> WeeklyValues:
    """Ledger entries for something given that was not agreed: an exception, gift, accepted request or waived fee.

    Clients with an emergency protocol, or with a crisis plan before its review date, are left out. Unknown until the
    ledger has an entry of any kind.
    """
    ledger = frames.clients.ledger
    if ledger.empty:
        return no_data(frames)
    kind, client, day, week = arrays(ledger, "kind", "client", "day", "week")
    made = np.isin(kind, tuple(EXCEPTIONS)) & ~in_crisis(frames.clients.agreements, client, day)
    return weekly_counts(frames, week[made], "employed")
