"""The check-in of one therapist as a page: what they answered, beside their own weeks, and the sheets to fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import tables, wording

if TYPE_CHECKING:
    from reports.private import CheckInReport, Sheet

PRIVACY = (
    "Private to you: in Evenhours nobody else can open it, and no report, mail or export carries any of it. "
    "(Whoever administers the computer could.)"
)
KEPT = (
    "Kept is the number of each scale by day. Single answers are added up and forgotten. This is not a clinical "
    "record, but it may have to be disclosed."
)
CLOSING = (
    "These are your own answers. They are not a diagnosis, and nobody is compared with anybody. "
    "If something in them worries you, talk to somebody you trust."
)


def html(report: CheckInReport, *, actions: str, csrf_token: str) -> str:
    """The page's body, for a frame of the caller's.

    A sheet is posted to ``actions/KEY`` with its answers as ``q1``, ``q2`` …; an entry is taken back by a post to
    ``actions/KEY/DATE/remove``. Both carry ``csrf_token``.
    """
    from reports import charts
    from reports.shell import fragment

    drawn: tuple[str, ...] = ()
    if report.beside:
        drawn = (charts.beside(report.beside, "beside"), charts.beside(report.beside, "beside-narrow", narrow=True))
    return fragment(
        "check_in.html",
        report=report,
        lines={"privacy": PRIVACY, "kept": KEPT, "closing": CLOSING},
        assumed=wording.ASSUMED_HOURS if report.beside and report.assumed_hours else "",
        drawn=drawn,
        numbers=tables.beside(report.beside) if report.beside else None,
        waits={sheet.key: _waits(sheet) for sheet in report.sheets},
        full_date=wording.full_date,
        actions=actions,
        csrf_token=csrf_token,
    )


def _waits(sheet: Sheet) -> str:
    """When a sheet can be filled in again; empty when it can be now."""
    return "" if sheet.open_from is None else f"You can answer it again from {wording.full_date(sheet.open_from)}."
