"""How the caseload is shared, for the director: a page, a file, plain text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import outline, tables, wording
from reports.outline import Outline, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.models import Behind, FairnessReport, OwnCaseload, ReferralReport

TERMS = (
    "Load is weighted sessions a week per full-time equivalent (FTE), the mean of eight weeks; before is the eight "
    "weeks before those."
)
PEOPLE = (
    "Sessions were held in the eight weeks; clients are the active ones, new ones those of a first session. Open are "
    "the slots as they were set; FTE is the mean of what was available, whatever the reason where it was less."
)
BASIS = "Caseload only, weighted by the practice’s own table. No personal after-hours data is used."
BAND = (
    "Each person’s band is the larger of 10 % and what chance alone would show for that person; "
    "only beyond it does a share stand out."
)
OWN_PRIVACY = (
    "This row, and your place when the next referral is given, are all that anybody else sees of you in Evenhours. "
    "(Whoever administers the computer could open more.)"
)
SHARED = (
    "Your director sees it beside the rows of the others. Never work outside your hours, session ends, replies, leave, "
    "notices or what you answer; and of what you wrote about clients nothing but what their weights add up to."
)
OWN_TERMS = (
    "Load is weighted sessions a week. Load, available FTE, sessions and new clients are of the eight weeks; the open "
    "slots are as they were set."
)
NOT_COMPARED = (
    "Your director also sees it beside an equal share. Among fewer than four people that would tell you about single "
    "colleagues, so it is left out here."
)


def html(report: FairnessReport, *, csv: str | None = None) -> str:
    """The page's body, for a frame of the caller's. ``csv`` is the address of the same rows as CSV, if any."""
    from reports import charts
    from reports.shell import fragment

    drawn = (
        (charts.shares(report, "shares"), charts.shares(report, "shares-narrow", narrow=True)) if report.rows else ()
    )
    return fragment(
        "fairness.html",
        report=report,
        period=period_words(report),
        basis=BASIS,
        band=BAND,
        terms=TERMS,
        fresh=fresh_words(report),
        drawn=drawn,
        shares=tables.shares(report),
        people=tables.people(report),
        people_terms=PEOPLE,
        evenness=tables.evenness(report),
        csv=csv,
    )


def own_html(report: OwnCaseload, warnings: Sequence[str] = ()) -> str:
    """Return the body of the page on which a therapist reads their own row, for a frame of the caller's.

    ``warnings`` say what of them was not read or not computed.
    """
    from reports.shell import fragment

    return fragment(
        "own_caseload.html",
        told=tables.own(report.row, compared=report.compared) if report.row else None,
        period=period_words(report),
        fresh=fresh_words(report),
        warnings=warnings,
        lines={
            "privacy": OWN_PRIVACY,
            "shared": SHARED,
            "terms": OWN_TERMS,
            "compared": BAND if report.compared else NOT_COMPARED,
        },
    )


def standalone(report: FairnessReport) -> str:
    """The report as one file that loads nothing."""
    from reports.shell import standalone as file

    return file(f"Evenhours, {report.practice}: {period_words(report)}", html(report))


def text(report: FairnessReport) -> str:
    """The report in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: FairnessReport) -> str:
    """The report in Markdown."""
    return outline.markdown(_outline(report))


def period_words(report: FairnessReport | OwnCaseload) -> str:
    """What is averaged: "Eight weeks to 9 November 2025"."""
    return f"Eight weeks to {wording.full_date(report.through)}"


def fresh_words(report: FairnessReport | OwnCaseload | ReferralReport) -> str:
    """How fresh it is."""
    if report.complete_through is None:
        return "Nothing has arrived yet."
    day = wording.day_and_month(report.complete_through.date())
    said = [wording.OVERDUE] if report.overdue else []
    said.append(f"Complete through {wording.moment(report.complete_through)}, {day}.")
    return " ".join([*said, *map(_behind_words, report.behind)])


def _behind_words(behind: Behind) -> str:
    """Whose entries are missing, so that a small number is not taken for little work."""
    if behind.day is None:
        return f"Not known so far: {behind.name}’s caseload."
    return f"Not known since {wording.day_and_month(behind.day)}: {behind.name}’s caseload."


def _outline(report: FairnessReport) -> Outline:
    head = f"{report.practice}. {period_words(report)}. {BASIS} {fresh_words(report)}"
    sections = (
        Section(sentences=(head, report.sentence)),
        Section("Weighted sessions a week per full-time equivalent", (TERMS, BAND), table=tables.shares(report)),
        Section("How even it is", table=tables.evenness(report)),
        Section("People", (PEOPLE,), table=tables.people(report)),
    )
    return Outline((), report.headline, tuple(s for s in sections if s.table is None or s.table.rows))
