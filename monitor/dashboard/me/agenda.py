"""The list for the next supervision: what was entered or noticed since the last one, by client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    last = _last_supervision(index)
    since = last or index.today - LOOK_BACK
    points = [*_ledger_points(index), *_notice_points(index, rows)]
    in_period = sorted(point for point in points if since < point[1] <= index.today)
    items = []
    for client in (*index.ordered, 0):
        texts = tuple(text for point_client, _, text in in_period if point_client == client)
        if texts:
            items.append(AgendaItem(index.name(client) if client else "No single client", texts))
    return Agenda(_period(last), tuple(items))


def _period(last: date | None) -> str:
    return f"since your last supervision on {full_date(last)}" if last else "in the last eight weeks"


def _last_supervision(index: ClientIndex) -> date | None:
    """Return the day of the last supervision that is over, or ``None`` if it is longer ago than the list reaches."""
    events, now = index.frames.other_events, index.frames.as_of
    supervisions = events[events["kind"].isin(SUPERVISION) & (events["end"] <= now)]
    last = date_of(int(supervisions["day"].max())) if len(supervisions) else date.min
    return last if last >= index.today - LOOK_BACK else None


def _ledger_points(index: ClientIndex) -> Iterator[AgendaPoint]:
    for row in index.ledger:
        client = 0 if row.client is None else index.client_of(row.client) or 0
        yield client, date_of(row.day), f"{LEDGER.get(row.kind, row.kind)}, {day_and_month(date_of(row.day))}"


def _notice_points(index: ClientIndex, rows: Sequence[NoticeRow]) -> Iterator[AgendaPoint]:
    """Yield the notices about one client, dated by the day after their week, on which they could first be known."""
    for row in rows:
        if row.client and (client := index.client_of(row.client)):
            week = date_of(row.week)
            yield client, week + WEEK, f"{_notice_text(row)}, week of {day_and_month(week)}"


def _notice_text(row: NoticeRow) -> str:
    """Return the first sentence of a notice, without its full stop."""
    text = explanation(row, "", "this client") if row.tier == RULE else headline(row)
    return text.split(".")[0]
