"""The agenda of the next supervision: what was written down or noticed since the last one, by client."""

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
"""The reach of the agenda where the calendar knows of no supervision in that time."""

WEEK = timedelta(days=7)
Told = tuple[int, date, str]
"""A client (0: none), the day from which something was known, and what it was."""


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One client on the agenda, in words, the oldest first."""

    client: str
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """A list for the next supervision; ``since`` says from when on, inside a sentence."""

    since: str
    lines: tuple[AgendaItem, ...]


def agenda(book: ClientIndex, rows: Sequence[NoticeRow]) -> Agenda:
    """The clients about whom there is something to say, in the order of the week; what is about none of them last."""
    last = _last_supervision(book)
    since = last or book.today - LOOK_BACK
    found = sorted(one for one in (*_entered(book), *_noticed(book, rows)) if since < one[1] <= book.today)
    lines = [
        AgendaItem(book.name(client) if client else "No single client", told)
        for client in (*book.in_order, 0)
        if (told := tuple(words for who, _, words in found if who == client))
    ]
    return Agenda(_since(last), tuple(lines))


def _since(last: date | None) -> str:
    return f"since your last supervision on {full_date(last)}" if last else "of the last eight weeks"


def _last_supervision(book: ClientIndex) -> date | None:
    """The day of the last supervision that is over and no longer ago than the agenda reaches."""
    entries, now = book.frames.other_events, book.frames.as_of
    held = entries[entries["kind"].isin(SUPERVISION) & (entries["end"] <= now)]
    last = date_of(int(held["day"].max())) if len(held) else date.min
    return last if last >= book.today - LOOK_BACK else None


def _entered(book: ClientIndex) -> Iterator[Told]:
    for row in book.ledger:
        client = 0 if row.client is None else book.person(row.client) or 0
        yield client, date_of(row.day), f"{LEDGER.get(row.kind, row.kind)}, {day_and_month(date_of(row.day))}"


def _noticed(book: ClientIndex, rows: Sequence[NoticeRow]) -> Iterator[Told]:
    """Notices and lines about one client; they are known once their week is over."""
    for row in rows:
        if row.client and (client := book.person(row.client)):
            week = date_of(row.week)
            yield client, week + WEEK, f"{_about_this_client(row)}, week of {day_and_month(week)}"


def _about_this_client(row: NoticeRow) -> str:
    """Say what was noticed, as the beginning of a sentence."""
    said = explanation(row, "", "this client") if row.tier == RULE else headline(row)
    return said.split(".")[0]
