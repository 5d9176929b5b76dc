"""Who takes the next referral, for the director: a page's body, plain text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import outline, wording
from reports.fairness import freshness_sentence, period_sentence
from reports.models import TextTable, Unit
from reports.outline import ReportOutline, Section

if TYPE_CHECKING:
    from reports.models import ReferralReport, ReferralRow

TERMS = (
    "Load is weighted sessions a week per full-time equivalent (FTE) with the referral: that of the last block of four "
    "weeks, and what was assigned since. Whoever is within half a session per FTE of the lowest could take it; first "
    "stands who has waited longest for a new client. No therapy that has begun changes hands."
)
NUMBERS = ("Load", "Assigned since", "Last new client")


def html(report: ReferralReport) -> str:
    """The page's body, for a frame of the caller's."""
    from reports.shell import fragment

    return fragment(
        "referral.html",
        report=report,
        terms=TERMS,
        period=period_sentence(report.period),
        fresh=freshness_sentence(report),
        ranking=_ranking(report),
        shares=_shares(report),
    )


def text(report: ReferralReport) -> str:
    """The answer in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: ReferralReport) -> str:
    """The answer in Markdown."""
    return outline.markdown(_outline(report))


def _outline(report: ReferralReport) -> ReportOutline:
    head = Section(
        sentences=(f"{report.practice}. {report.asked} {period_sentence(report.period)}. {freshness_sentence(report)}",)
    )
    sections = (
        Section("Who takes how many", table=_shares(report)),
        Section("In this order", (TERMS,), table=_narrow_ranking(report)),
    )
    return ReportOutline(
        (), report.headline, (head, *(section for section in sections if section.table and section.table.rows))
    )


def _ranking(report: ReferralReport) -> TextTable:
    rows = tuple((row.name, _place(row), *_numbers(row), row.reason) for row in report.rows)
    return TextTable(("", "Place", *NUMBERS, "Why"), rows)


def _narrow_ranking(report: ReferralReport) -> TextTable:
    """The same with the reason beside the name, for 72 columns."""
    rows = ((f"{_place(row)} {row.name}: {row.reason}", *_numbers(row)) for row in report.rows)
    return TextTable(("", *NUMBERS), tuple(rows))


def _place(row: ReferralRow) -> str:
    return wording.DASH if row.place is None else f"{row.place}"


def _numbers(row: ReferralRow) -> tuple[str, str, str]:
    """The load with the referral, what was assigned since the last block, and when the last new client came."""
    day = wording.DASH if row.last_intake is None else wording.day_and_month(row.last_intake)
    return wording.quantity(row.load_after, Unit.LOAD), f"{row.assigned}", day


def _shares(report: ReferralReport) -> TextTable:
    rows = tuple((s.name, f"{s.referrals}", wording.quantity(s.load_after, Unit.LOAD)) for s in report.shares)
    return TextTable(("", "Takes", "Load"), rows)
