"""How the caseload is shared, for the director: a page, a file, plain text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reports import outline, tables, wording
from reports.outline import ReportOutline, Section

if TYPE_CHECKING:
    from datetime import datetime

    from reports.models import FairnessReport, Handover, Period, StaleCaseload

LOAD_TERMS = (
    "Load is what a caseload asks for in an ordinary week: weighted sessions per full-time equivalent (FTE) of the "
    "contract, the mean of the last two blocks of four weeks; before is the two blocks before those. Leave changes "
    "nobody’s load."
)
PEOPLE = (
    "Clients are the active ones at the block’s end, new ones those of a first session in it. Open slots are as each "
    "clinician sets them, today: by day, in the evening (from 17:00), and how many of these together are for "
    "trauma-focused work; a dash where nobody has."
)
BASIS = "Caseload only, weighted by the practice’s own table."
BAND = (
    "Each person’s band is the larger of 10 % and what chance alone would show for that person; "
    "only beyond it does a share stand out."
)
BLOCKS = (
    "Blocks of four weeks, published once and never recomputed: what is corrected later shows in the next one. There "
    "are no other weeks to be had."
)
EXCLUDED = (
    "Work outside agreed hours, session ends, replies, notices, leave and absence. They belong to each therapist "
    "alone, and nothing here is computed from a private limit or a private wish."
)
INFERENCES = (
    "From the sessions that the practice held one can guess that people were away in a block, and whoever assigns work "
    "knows of leave anyway. Whoever can run the evenhours command on the practice’s computer could read everything."
)


class HasFreshness(Protocol):
    """Up to when a report about the caseload is complete, whether that is overdue, and for whom it is not."""

    @property
    def complete_through(self) -> datetime | None: ...  # noqa: D102
    @property
    def overdue(self) -> bool: ...  # noqa: D102
    @property
    def stale_caseloads(self) -> tuple[StaleCaseload, ...]: ...  # noqa: D102


def html(report: FairnessReport, *, csv: str | None = None) -> str:
    """The page's body, for a frame of the caller's. ``csv`` is the address of the same rows as CSV, if any."""
    from reports import charts
    from reports.shell import fragment

    drawn = (
        (charts.shares(report, "shares"), charts.shares(report, "shares-narrow", narrow=True))
        if any(row.load is not None for row in report.rows)
        else ()
    )
    return fragment(
        "fairness.html",
        report=report,
        period=period_sentence(report.period),
        coming=next_block_sentence(report.period),
        handovers=[handover_sentence(one) for one in report.handovers],
        lines={
            "basis": BASIS,
            "band": BAND,
            "terms": LOAD_TERMS,
            "people": PEOPLE,
            "blocks": BLOCKS,
            "left_out": EXCLUDED,
            "guessed": INFERENCES,
        },
        fresh=freshness_sentence(report),
        unknown=unknown_sentence(report),
        drawn=drawn,
        shares=tables.shares(report),
        people=tables.people(report),
        practice=tables.practice(report),
        evenness=tables.evenness(report),
        csv=csv,
    )


def standalone(report: FairnessReport) -> str:
    """The report as one file that loads nothing."""
    from reports.shell import standalone as file

    return file(f"Evenhours, {report.practice}: {period_sentence(report.period)}", html(report))


def text(report: FairnessReport) -> str:
    """The report in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: FairnessReport) -> str:
    """The report in Markdown."""
    return outline.markdown(_outline(report))


def period_sentence(period: Period) -> str:
    """Return the days of the last block, and when it was published: "26 October to 22 November 2026 · published …"."""
    if period.first is None or period.last is None or period.published is None:
        return "No block is published yet"
    days = f"{wording.day_and_month(period.first)} to {wording.full_date(period.last)}"
    return f"{days} · published {wording.day_and_month(period.published)}"


def next_block_sentence(period: Period) -> str:
    """Return which block comes next, what it waits for, and until when."""
    days = f"{wording.day_and_month(period.next_first)} to {wording.full_date(period.next_last)}"
    until = wording.day_and_month(period.publish_by)
    if period.waits_for:
        return (
            f"The block of {days} is over and waits for {wording.listed(period.waits_for)}, whose caseload is not read "
            f"and computed to its end; on {until} at the latest it is published without them."
        )
    which = "The first" if period.last is None else "The next"
    return (
        f"{which} block is that of {days}. It is published in the first night in which everybody’s caseload is read "
        f"and computed to its end, on {until} at the latest."
    )


def unknown_sentence(report: FairnessReport) -> str:
    """Return whose caseload is not known in the last block; nothing where everybody's is."""
    if not report.unknown:
        return ""
    return f"Not known in this block, for good: the caseload of {wording.listed(report.unknown)}."


def handover_sentence(handover: Handover) -> str:
    """Return who leaves, and how many clients have to be handed over."""
    clients = "how many clients there are to hand over is not known"
    if handover.clients is not None:
        clients = f"{wording.counted(handover.clients, 'client')} to hand over"
    return f"{handover.name} leaves on {wording.full_date(handover.last)}: {clients}, at the block’s end."


def freshness_sentence(report: HasFreshness) -> str:
    """How fresh it is."""
    if report.complete_through is None:
        return "Nothing has arrived yet."
    day = wording.day_and_month(report.complete_through.date())
    said = [wording.OVERDUE] if report.overdue else []
    said.append(f"Complete through {wording.moment(report.complete_through)}, {day}.")
    return " ".join([*said, *map(_stale_sentence, report.stale_caseloads)])


def _stale_sentence(caseload: StaleCaseload) -> str:
    """Whose entries are missing, so that a small number is not taken for little work."""
    if caseload.day is None:
        return f"Not known so far: {caseload.name}’s caseload."
    return f"Not known since {wording.day_and_month(caseload.day)}: {caseload.name}’s caseload."


def _outline(report: FairnessReport) -> ReportOutline:
    period, coming = period_sentence(report.period), next_block_sentence(report.period)
    head = f"{report.practice}. {period}. {coming} {BASIS} {freshness_sentence(report)}"
    said = (head, report.sentence, report.trend, unknown_sentence(report), *map(handover_sentence, report.handovers))
    sections = (
        Section(sentences=tuple(filter(None, said))),
        Section("Weighted sessions a week per full-time equivalent", (LOAD_TERMS, BAND), table=tables.shares(report)),
        Section("How even it is", table=tables.evenness(report)),
        Section("People", (PEOPLE,), table=tables.people(report)),
        Section("The practice as a whole", table=tables.practice(report)),
        Section("What this leaves out", (EXCLUDED, BLOCKS, INFERENCES)),
    )
    return ReportOutline((), report.headline, tuple(s for s in sections if s.table is None or s.table.rows))
