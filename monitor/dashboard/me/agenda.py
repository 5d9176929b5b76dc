"""The list for the next supervision: what was entered or noticed since the last one, by client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from connectors.records import SUPERVISION
from monitor.analysis.calendar import date_of
from monitor.analysis.terms import LEDGER
from monitor.dashboard.me.client_index import ClientIndex
from monitor.notices import RULE, explanation, headline
from monitor.store.notices import NoticeRow
from reports.wording import day_and_month, full_date

LOOK_BACK = timedelta(weeks=8)
"""The reach of the list if the calendar has no supervision in that time."""

WEEK = timedelta(days=7)
AgendaPoint = tuple[int, date, str]
"""A client (0 for none), the day on which something was known, and its text."""


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One client on the list, with the points in words, the oldest first."""

    client: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """The list for the next supervision; ``period`` is the time it covers, as part of a sentence."""

    period: str
    items: tuple[AgendaItem, ...]


def agenda(index: ClientIndex, rows: Sequence[NoticeRow]) -> Agenda:
    """Return the clients about whom there is a point, in the order of the week; points about no client come last."""
    # The list reaches back to the last supervision that is over, but not further than LOOK_BACK.
    events, since = index.frames.other_events, index.today - LOOK_BACK
    over = events[events["kind"].isin(SUPERVISION) & (events["end"] <= index.frames.as_of)]
    last = date_of(int(over["day"].max())) if len(over) else date.min
    period = "in the last eight weeks"
    if last >= since:
        since, period = last, f"since your last supervision on {full_date(last)}"

    points: list[AgendaPoint] = []
    for entry in index.ledger:
        client = 0 if entry.client is None else index.client_of(entry.client) or 0
        day = date_of(entry.day)
        points.append((client, day, f"{LEDGER.get(entry.kind, entry.kind)}, {day_and_month(day)}"))
    for row in rows:
        if row.client and (client := index.client_of(row.client) or 0):
            week = date_of(row.week)
            text = explanation(row, "", "this client") if row.tier == RULE else headline(row)
            first_sentence = text.split(".")[0]
            # A notice could first be known on the day after its week.
            points.append((client, week + WEEK, f"{first_sentence}, week of {day_and_month(week)}"))

    in_period = sorted(point for point in points if since < point[1] <= index.today)
    items = []
    for client in (*index.ordered, 0):
        texts = tuple(text for point_client, _, text in in_period if point_client == client)
        if texts:
            items.append(AgendaItem(index.name(client) if client else "No single client", texts))
    return Agenda(period, tuple(items))
