"""The page that shows a therapist their own row of the director's caseload, and the form for open slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.fairness import MIN_CLINICIANS
from monitor.analysis.referral import OpenSlots
from monitor.config import Config
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.me import forms
from monitor.dashboard.policy import allow
from monitor.errors import UsageError
from monitor.fairness_report.report import SLOTS_HOLD, fairness_report
from monitor.roster import Clinician
from monitor.store import referrals
from monitor.store.database import Store
from monitor.store.referrals import set_open_slots
from monitor.weekly_report import gaps
from reports import fairness, value_texts, wording
from reports.models import CaseloadRow, Period, StaleCaseload, TextTable, Unit

blueprint = Blueprint("data", __name__, url_prefix="/me/data")
MOST_SLOTS = 99
OWN_PRIVACY = (
    "This row, and your place when the next referral is given, are all that anybody else sees of you in Evenhours. "
    "(Whoever administers the computer could open more.)"
)
SHARED = (
    "Your director sees this row beside the rows of the others. Your director never sees work outside your hours, "
    "session ends, replies, leave, notes or your answers. What you entered about clients is visible only as the sum of "
    "their weights."
)
OWN_TERMS = (
    "Load is weighted sessions a week, the mean of the last two blocks of four weeks. Clients, new clients and "
    "supervision are those of the last block. A block is published once: what you correct later shows in the next one."
)
SLOT_FIELDS = (
    ("day", "By day"),
    ("evening", "In the evening, from 17:00"),
    ("trauma", "How many of these together for trauma-focused work"),
)
NOT_COMPARED = (
    "Your director also sees your row beside an equal share. With fewer than four people that would tell you about "
    "single colleagues, so it is left out here."
)


@dataclass(frozen=True, slots=True)
class OwnSlots:
    """The open slots as their owner sees them: by day, in the evening, and of these for trauma-focused work.

    ``set_on`` is the day on which their owner set them; ``is_old`` means that this is more than eight weeks ago.
    """

    day: int
    evening: int
    trauma: int
    set_on: date
    is_old: bool


@dataclass(frozen=True, slots=True)
class OwnCaseload:
    """The row of the director's page that is about the reader.

    Attributes:
        period: The published blocks that the row covers.
        row: ``None`` while the page has no row for the reader.
        compared: Enough people share the caseload that an equal share reveals nothing about a single one.
        slots: ``None`` while the reader has not set any.
        complete_through: The instant up to which the practice's sources are complete.
        overdue: The practice's sources have not been read for too long.
        stale_caseloads: The reader's own part of it, if it has been read less far than the rest of the practice.
    """

    period: Period
    row: CaseloadRow | None
    compared: bool
    slots: OwnSlots | None
    complete_through: datetime | None
    overdue: bool = False
    stale_caseloads: tuple[StaleCaseload, ...] = ()


@blueprint.get("")
@allow(Role.CLINICIAN)
def shared() -> str:
    """Show the clinician's own row of the director's page, and the form for open slots."""
    store = request.store()
    with store.read():  # one snapshot for all queries of the report
        report = own_caseload(request.config(), store, request.clinician(), now=request.now())
    return render(report, gaps.warnings_with_week(request.readiness()))


@blueprint.post("/open-slots")
@allow(Role.CLINICIAN)
def open_slots() -> Response:
    """Save how many new clients the reader could take. The director sees the numbers."""
    with forms.flash_usage_errors():
        slots = OpenSlots(_parse_slots("day"), _parse_slots("evening"), _parse_slots("trauma"))
        if slots.trauma > slots.total:
            raise UsageError(
                f"You have {slots.total} open slots by day and in the evening together, so no more than {slots.total} "
                "can be for trauma-focused work."
            )
        with request.store().write() as connection:
            set_open_slots(connection, request.clinician().key, slots, entered_at=int(request.now().timestamp()))
        request.flash(
            f"Saved: {slots.day} by day and {slots.evening} in the evening, {slots.trauma} of them for trauma-focused "
            "work. Your director sees these three numbers."
        )
    return redirect(url_for(".shared"), 303)


def _parse_slots(field: str) -> int:
    """Return the number in one field of the form; raise UsageError if it is missing or out of range."""
    text = request.form().get(field, "").strip()
    # `isdigit` alone accepts digits of other scripts, and `int` of very long text is slow.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_SLOTS))):
        raise UsageError(f"Enter all three numbers, each from 0 to {MOST_SLOTS}.")
    return int(text)


def render(report: OwnCaseload, warnings: Sequence[str] = ()) -> str:
    """Return the page; ``warnings`` are sentences about what was not read or not computed for the reader."""
    return page(
        "me/data.html",
        title="Your data",
        row=own_row_table(report.row, compared=report.compared) if report.row else None,
        period=fairness.period_sentence(report.period),
        coming=fairness.next_block_sentence(report.period),
        fresh=fairness.freshness_sentence(report),
        warnings=warnings,
        slots=report.slots,
        slots_text=slots_text(report.slots),
        slot_fields=SLOT_FIELDS,
        texts={
            "privacy": OWN_PRIVACY,
            "shared": SHARED,
            "terms": OWN_TERMS,
            "compared": fairness.BAND if report.compared else NOT_COMPARED,
        },
    )


def own_caseload(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> OwnCaseload:
    """Return one clinician's row of the director's page and their open slots, and nothing about anybody else."""
    # The same report that the director reads, so that both pages can never show different numbers.
    report = fairness_report(config, store, now=now)
    with store.read() as connection:
        slots = referrals.open_slots(connection).get(clinician.key)
    return OwnCaseload(
        period=report.period,
        row=next((row for row in report.rows if row.key == clinician.key), None),
        compared=sum(row.difference is not None for row in report.rows) >= MIN_CLINICIANS,
        slots=OwnSlots(
            slots.day,
            slots.evening,
            slots.trauma,
            set_on=datetime.fromtimestamp(slots.entered_at, clinician.zone_at(now)).date(),
            is_old=now.timestamp() - slots.entered_at > SLOTS_HOLD.total_seconds(),
        )
        if slots
        else None,
        complete_through=report.complete_through,
        overdue=report.overdue,
        stale_caseloads=tuple(stale for stale in report.stale_caseloads if stale.key == clinician.key),
    )


def own_row_table(row: CaseloadRow, *, compared: bool) -> TextTable:
    """Return one clinician's row of the director's two tables, one value a line.

    Without ``compared`` the comparison with an equal share is left out, since it would reveal colleagues' loads.
    """
    share = (
        ("Against an equal share", wording.signed_percent(row.difference)),
        (
            "Your band around it",
            wording.DASH if row.low is None else wording.value_range(row.low, row.high, Unit.LOAD),
        ),
        ("Where that lies", row.standing.value),
    )
    rows = (
        ("Full-time equivalent (FTE)", value_texts.fte(row)),
        ("Load per FTE", wording.quantity(row.load, Unit.LOAD)),
        ("Load per FTE, the two blocks before", wording.quantity(row.load_before, Unit.LOAD)),
        *(share if compared else ()),
        ("Active clients", wording.quantity(row.active_clients, Unit.COUNT)),
        ("New clients", wording.quantity(row.intakes, Unit.COUNT)),
        ("Open slots by day", wording.quantity(row.day_slots, Unit.COUNT)),
        ("Open slots in the evening", wording.quantity(row.evening_slots, Unit.COUNT)),
        ("Of these for trauma-focused work", wording.quantity(row.trauma_slots, Unit.COUNT)),
        ("Supervision", row.supervision.value),
        *((("Note", row.note),) if row.note else ()),
    )
    return TextTable(("What", "Value"), rows)


def slots_text(slots: OwnSlots | None) -> str:
    """Return in words when the reader set their open slots; as a question if that is more than eight weeks ago."""
    if slots is None:
        return (
            "You have not set any so far. Until you do, your director sees a dash, and referrals assume that you have "
            "room."
        )
    day = wording.full_date(slots.set_on)
    if slots.is_old:
        return f"You set them on {day}, more than eight weeks ago. Are they still right?"
    return f"Set on {day}."
