"""The fairness report for the director: a page, a file, plain text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reports import outline, tables, wording
from reports.outline import ReportOutline, Section

if TYPE_CHECKING:
    from datetime import datetime

    from reports.models import FairnessReport, Handover, Period, StaleCaseload

LOAD_TERMS = (
    "Load is the weighted sessions of an ordinary week per full-time equivalent (FTE) of the contract, averaged over "
    "the last two blocks of four weeks. “Before” is the two blocks before those. Leave does not change anybody’s load."
)
PEOPLE = (
    "Clients are those active at the end of the block; new ones had their first session in it. Open slots are as each "
    "clinician has set them, as of today: by day, in the evening (from 17:00), and how many of all these are for "
    "trauma-focused work. A dash means that they were never set."
)
BASIS = "Caseload only, weighted by the practice’s own table."
BAND = (
    "Each person’s band is 10 % or what chance alone would show for that person, whichever is larger. A share stands "
    "out only beyond it."
)
BLOCKS = (
    "A block covers four weeks. It is published once and never recomputed; later corrections show in the next one. No "
    "other weeks can be shown."
)
EXCLUDED = (
    "Work outside agreed hours, session ends, replies, notices, leave and absence. They belong to each therapist "
    "alone, and nothing here is computed from anybody’s private limits or wishes."
)
INFERENCES = (
    "The number of sessions that the practice held can show that people were away in a block; whoever assigns work "
    "knows of leave anyway. Anybody who can run the evenhours command on the practice’s computer could read everything."
)


class HasFreshness(Protocol):
    """A report about the caseload with its freshness: up to when it is complete, and for whom it is not."""

    @property
    def complete_through(self) -> datetime | None: ...  # noqa: D102
    @property
    def overdue(self) -> bool: ...  # noqa: D102
    @property
    def stale_caseloads(self) -> tuple[StaleCaseload, ...]: ...  # noqa: D102


def html(report: FairnessReport, *, csv: str | None = None) -> str:
    """Return the page's body, for the caller's frame. ``csv`` is the address of the same rows as CSV, if any."""
    from reports import charts
    from reports.shell import fragment

    drawings = (
        (charts.shares(report, "shares"), charts.shares(report, "shares-narrow", narrow=True))
        if any(row.load is not None for row in report.rows)
        else ()
    )
    return fragment(
        "fairness.html",
        report=report,
        period=period_sentence(report.period),
        coming=next_block_sentence(report.period),
        handovers=[handover_sentence(handover) for handover in report.handovers],
        sentences={
            "basis": BASIS,
            "band": BAND,
            "terms": LOAD_TERMS,
            "people": PEOPLE,
            "blocks": BLOCKS,
            "excluded": EXCLUDED,
            "inferences": INFERENCES,
        },
        fresh=freshness_sentence(report),
        unknown=unknown_sentence(report),
        drawn=drawings,
        shares=tables.shares(report),
        people=tables.people(report),
        practice=tables.practice(report),
        evenness=tables.evenness(report),
        csv=csv,
    )


def standalone(report: FairnessReport) -> str:
    """Return the report as one file that loads nothing."""
    from reports.shell import standalone as file

    return file(f"Evenhours, {report.practice}: {period_sentence(report.period)}", html(report))


def text(report: FairnessReport) -> str:
    """Return the report in plain text of 72 columns."""
    return outline.text(_outline(report))


def markdown(report: FairnessReport) -> str:
    """Return the report in Markdown."""
    return outline.markdown(_outline(report))


def period_sentence(period: Period) -> str:
    """Return the days of the last block and its day of publishing: "26 October to 22 November 2026 · published …"."""
    if period.first is None or period.last is None or period.published is None:
        return "No block is published yet"
    days = f"{wording.day_and_month(period.first)} to {wording.full_date(period.last)}"
    return f"{days} · published {wording.day_and_month(period.published)}"


def next_block_sentence(period: Period) -> str:
    """Return the days of the next block, what it waits for, and until when."""
    days = f"{wording.day_and_month(period.next_first)} to {wording.full_date(period.next_last)}"
    until = wording.day_and_month(period.publish_by)
    if period.waits_for:
        return (
            f"The block of {days} is over and waits for {wording.listed(period.waits_for)}, whose caseload is not yet "
            f"read and computed to its end. On {until} at the latest it is published without them."
        )
    which = "The first" if period.last is None else "The next"
    return (
        f"{which} block is {days}. It is published on the first night when everybody’s caseload has been read and "
        f"computed to its end, on {until} at the latest."
    )


def unknown_sentence(report: FairnessReport) -> str:
    """Return whose caseload is not known in the last block; nothing where everybody's is."""
    if not report.unknown:
        return ""
    return f"Not known in this block, and not added later: the caseload of {wording.listed(report.unknown)}."


def handover_sentence(handover: Handover) -> str:
    """Return who leaves, and how many clients have to be handed over."""
    clients = "how many clients there are to hand over is not known"
    if handover.clients is not None:
        clients = f"{wording.counted(handover.clients, 'client')} to hand over"
    return f"{handover.name} leaves on {wording.full_date(handover.last)}: {clients}, at the block’s end."


def freshness_sentence(report: HasFreshness) -> str:
    """Return up to when the caseload is complete, and whose is not."""
    if report.complete_through is None:
        return "Nothing has arrived yet."
    day = wording.day_and_month(report.complete_through.date())
    sentences = [wording.OVERDUE] if report.overdue else []
    sentences.append(f"Complete through {wording.moment(report.complete_through)}, {day}.")
    # Named, so that a small number is not taken for little work.
    for caseload in report.stale_caseloads:
        since = "so far" if caseload.day is None else f"since {wording.day_and_month(caseload.day)}"
        sentences.append(f"Not known {since}: {caseload.name}’s caseload.")
    return " ".join(sentences)


def _outline(report: FairnessReport) -> ReportOutline:
    period, coming = period_sentence(report.period), next_block_sentence(report.period)
    head = f"{report.practice}. {period}. {coming} {BASIS} {freshness_sentence(report)}"
    sentences = (
        head,
        report.evenness_sentence,
        report.trend_sentence,
        unknown_sentence(report),
        *map(handover_sentence, report.handovers),
    )
    sections = (
        Section(sentences=tuple(filter(None, sentences))),
        Section("Weighted sessions a week per full-time equivalent", (LOAD_TERMS, BAND), table=tables.shares(report)),
        Section("How even it is", table=tables.evenness(report)),
        Section("People", (PEOPLE,), table=tables.people(report)),
        Section("The practice as a whole", table=tables.practice(report)),
        Section("What this leaves out", (EXCLUDED, BLOCKS, INFERENCES)),
    )
    return ReportOutline(
        (), report.headline, tuple(section for section in sections if section.table is None or section.table.rows)
    )
