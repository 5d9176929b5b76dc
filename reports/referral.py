"""Who takes the next referral, for the director: a page's body, plain text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import outline, wording
from reports.fairness import fresh_words
from reports.models import Table, Unit
from reports.outline import Outline, Section

if TYPE_CHECKING:
    from reports.models import ReferralReport, ReferralRow

TERMS = (
    "Load is weighted sessions a week per full-time equivalent (FTE) with the referral, from the last week that is "
    "over. Whoever then has the lowest takes it; within half a session it goes to whoever has waited longest for a new "
    "client. No therapy that has begun changes hands."
)
NUMBERS = ("Load", "New client, week of")
NOT_NOW = (
    "“Not eligible now” is said alike of no open slots, of a limit that somebody has set and of an absence; which of "
    "them it is, is not shown."
)


def html(report: ReferralReport) -> str:
    """The page's body, for a frame of the caller's."""
    from reports.shell import fragment

    return fragment(
        "referral.html",
        report=report,
        terms=TERMS,
        not_now=NOT_NOW,
        fresh=fresh_words(report),
        ranking=_ranking(report),
        shares=_shares(report),
    )


def text(report: ReferralReport) -> str:
    """The answer in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: ReferralReport) -> str:
    """The answer in Markdown."""
    return outline.markdown(_outline(report))


def _outline(report: ReferralReport) -> Outline:
    head = Section(sentences=(f"{report.practice}. {report.asked} {fresh_words(report)}",))
    sections = (
        Section("Who takes how many", table=_shares(report)),
        Section("In this order", (TERMS, NOT_NOW), table=_narrow_ranking(report)),
    )
    return Outline(
        (), report.headline, (head, *(section for section in sections if section.table and section.table.rows))
    )


def _ranking(report: ReferralReport) -> Table:
    rows = tuple((row.name, _place(row), *_numbers(row), row.reason) for row in report.rows)
    return Table(("", "Place", *NUMBERS, "Why"), rows)


def _narrow_ranking(report: ReferralReport) -> Table:
    """The same with the reason beside the name, for 72 columns."""
    rows = ((f"{_place(row)} {row.name}: {row.reason}", *_numbers(row)) for row in report.rows)
    return Table(("", *NUMBERS), tuple(rows))


def _place(row: ReferralRow) -> str:
    return wording.DASH if row.place is None else f"{row.place}"


def _numbers(row: ReferralRow) -> tuple[str, str]:
    """The load with the referral, and the week of the last new client."""
    week = wording.DASH if row.last_intake is None else wording.day_and_month(row.last_intake)
    return wording.quantity(row.load_after, Unit.LOAD), week


def _shares(report: ReferralReport) -> Table:
    rows = tuple((s.name, f"{s.referrals}", wording.quantity(s.load_after, Unit.LOAD)) for s in report.shares)
    return Table(("", "Takes", "Load"), rows)
