"""The referral report for the director: the page's body, plain text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import outline, wording
from reports.fairness import freshness_sentence, period_sentence
from reports.models import TextTable, Unit
from reports.outline import ReportOutline, Section

if TYPE_CHECKING:
    from reports.models import ReferralReport, ReferralRow

TERMS = (
    "Load is weighted sessions a week per full-time equivalent (FTE), this referral included: the load of the last "
    "block of four weeks and what was assigned since. Everybody within half a session per FTE of the lowest load could "
    "take it; of these, whoever has waited longest for a new client comes first. No therapy that has begun changes "
    "hands."
)
NUMBERS = ("Load", "Assigned since", "Last new client")


def html(report: ReferralReport) -> str:
    """Return the page's body, for the caller's frame."""
    from reports.shell import fragment

    rows = tuple((row.name, _place(row), *_numbers(row), row.reason) for row in report.rows)
    return fragment(
        "referral.html",
        report=report,
        terms=TERMS,
        period=period_sentence(report.period),
        fresh=freshness_sentence(report),
        ranking=TextTable(("", "Place", *NUMBERS, "Why"), rows),
        shares=_shares(report),
    )


def text(report: ReferralReport) -> str:
    """Return the answer in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: ReferralReport) -> str:
    """Return the answer in Markdown."""
    return outline.markdown(_outline(report))


def _outline(report: ReferralReport) -> ReportOutline:
    head = Section(
        sentences=(
            f"{report.practice}. {report.request} {period_sentence(report.period)}. {freshness_sentence(report)}",
        )
    )
    # The reason stands beside the name, as 72 columns have no room for another column.
    ranking = tuple((f"{_place(row)} {row.name}: {row.reason}", *_numbers(row)) for row in report.rows)
    sections = (
        Section("Who takes how many", table=_shares(report)),
        Section("In this order", (TERMS,), table=TextTable(("", *NUMBERS), ranking)),
    )
    return ReportOutline(
        (), report.headline, (head, *(section for section in sections if section.table and section.table.rows))
    )


def _place(row: ReferralRow) -> str:
    return wording.DASH if row.place is None else f"{row.place}"


def _numbers(row: ReferralRow) -> tuple[str, str, str]:
    """Return the load with the referral, the number assigned since, and the day of the last new client."""
    day = wording.DASH if row.last_intake is None else wording.day_and_month(row.last_intake)
    return wording.quantity(row.load_after, Unit.LOAD), f"{row.assigned}", day


def _shares(report: ReferralReport) -> TextTable:
    rows = tuple(
        (share.name, f"{share.referrals}", wording.quantity(share.load_after, Unit.LOAD)) for share in report.shares
    )
    return TextTable(("", "Takes", "Load"), rows)
