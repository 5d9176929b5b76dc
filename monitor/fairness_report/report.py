"""The director's page, filled from published blocks, the roster and open slots: nothing here opens weekly numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from monitor.analysis.calendar import BLOCK_DAYS, date_of
from monitor.analysis.fairness import (
    MIN_CLINICIANS,
    PHASE_IN_WEEKS,
    Evenness,
    LoadShare,
    evenness,
    gini_change,
)
from monitor.config import Config
from monitor.fairness_report.blocks import employed, next_block
from monitor.fairness_report.freshness import CaseloadFreshness, freshness
from monitor.roster import Clinician
from monitor.store import blocks, referrals
from monitor.store.blocks import Block, BlockPerson
from monitor.store.database import Connection, Store
from monitor.store.referrals import StoredSlots
from reports.models import (
    CaseloadRow,
    CaseloadStanding,
    FairnessReport,
    Handover,
    Period,
    StaleCaseload,
    Supervision,
)
from reports.wording import listed

MEAN_BLOCKS = 2  # blocks of a mean
MAX_INTERVAL = 0.3
"""An index whose interval is wider says nothing, and is not printed."""

LEAVES_WITHIN = timedelta(weeks=12)
SLOTS_HOLD = timedelta(weeks=8)


@dataclass(frozen=True, slots=True)
class MeanLoad:
    """Somebody's load over some blocks, per FTE, and the FTE by which it is shared."""

    load: float
    shared_by: float

    @property
    def total(self) -> float:
        """Weighted sessions a week."""
        return self.load * self.shared_by


@dataclass(frozen=True, slots=True)
class CaseloadData:
    """By clinician: the last block, the means of the last two and of the two before, and the open slots."""

    last: Mapping[str, BlockPerson]
    now: Mapping[str, MeanLoad]
    before: Mapping[str, MeanLoad]
    slots: Mapping[str, StoredSlots]


def fairness_report(config: Config, store: Store, *, now: datetime) -> FairnessReport:
    """Return how the caseload was shared in the blocks that were published last; nobody can ask for other weeks."""
    today = now.astimezone(config.practice.zone).date()
    with store.read() as connection:
        published = blocks.blocks(connection, 2 * MEAN_BLOCKS)
        period = period_of(config, connection, now, published)
        fresh = freshness(config, connection, config.clinicians, now)
        slots = referrals.open_slots(connection)
    last = {one.clinician: one for one in published[0].people} if published else {}
    here = {person.key for person in employed(config.clinicians, _number(today), _number(today))}
    people = [person for person in config.clinicians if person.key in {*last, *here}]
    now_, before = (mean_loads(part, people) for part in (published[:MEAN_BLOCKS], published[MEAN_BLOCKS:]))
    counted = [person.key for person in people if person.key in now_ and not is_leaving(person, today)]
    even = _evenness([now_[key] for key in counted], weeks=len(published[:MEAN_BLOCKS]) * BLOCK_DAYS // 7)
    shares = dict(zip(counted, even.shares, strict=True)) if even else {}
    data = CaseloadData(last, now_, before, slots)
    equal = even.equal_share if even else 0.0
    table = [_row(person, data, shares.get(person.key), equal, period, today) for person in people]
    table.sort(key=lambda row: (row.load is None, -(row.load or 0.0), row.name))
    unknown = tuple(person.name for person in people if person.key in last and last[person.key].load is None)
    leavers = [person for person in people if person.key in here and is_leaving(person, today)]
    certain = even is not None and _is_certain(even)
    return FairnessReport(
        practice=config.practice.name,
        period=period,
        headline=_headline(table, unknown, period),
        sentence=_sentence(even),
        trend=_trend(counted, now_, before),
        equal_share=even.equal_share if even else None,
        rows=tuple(table),
        hoover=even.hoover if even else None,
        sessions_to_move=even.sessions_to_move if even else None,
        sessions_to_move_by_chance=even.sessions_to_move_by_chance if even else None,
        gini=even.gini if even and certain else None,
        gini_low=even.gini_low if even and certain else None,
        gini_high=even.gini_high if even and certain else None,
        sessions_held=published[0].sessions_held if published else None,
        nothing_booked=published[0].nothing_booked if published else None,
        handovers=tuple(_handover(person, last.get(person.key)) for person in leavers),
        unknown=unknown,
        complete_through=fresh.complete_through,
        overdue=fresh.overdue,
        stale_caseloads=_employed_stale_caseloads(fresh, here),
    )


def period_of(config: Config, connection: Connection, now: datetime, published: Sequence[Block]) -> Period:
    """Return the block that was published last, and what is known of the next one."""
    coming = next_block(config, connection, now)
    last = published[0] if published else None
    return Period(
        first=date_of(last.start) if last else None,
        last=date_of(last.start + BLOCK_DAYS - 1) if last else None,
        published=datetime.fromtimestamp(last.published_at, config.practice.zone).date() if last else None,
        next_first=date_of(coming.start),
        next_last=date_of(coming.start + BLOCK_DAYS - 1),
        publish_by=coming.publish_by.date(),
        waits_for=tuple(person.name for person in coming.awaited) if now >= coming.ends_at else (),
    )


def mean_loads(published: Sequence[Block], people: Sequence[Clinician]) -> dict[str, MeanLoad]:
    """Return by key the mean of some blocks, each block by the FTE that shared it; nobody of whom none is known."""
    found = {}
    for person in people:
        rows = [one for block in published for one in block.people if one.clinician == person.key]
        known = [(one.load, one.shared_by) for one in rows if one.load is not None and one.shared_by > 0]
        if known:
            whole = sum(share for _, share in known)
            found[person.key] = MeanLoad(sum(load * share for load, share in known) / whole, whole / len(known))
    return found


def is_leaving(person: Clinician, today: date) -> bool:
    """Whether somebody leaves within twelve weeks, or has left."""
    return person.ends is not None and person.ends - today <= LEAVES_WITHIN


def phase_in_end(person: Clinician, day: date) -> date | None:
    """Return the last day of somebody's phase-in, ``None`` where it is over by a day."""
    if person.starts is None:
        return None
    last = person.starts + timedelta(weeks=PHASE_IN_WEEKS) - timedelta(days=person.starts.weekday() + 1)
    return last if last >= day else None


def _number(day: date) -> int:
    return (day - date_of(0)).days


def _employed_stale_caseloads(fresh: CaseloadFreshness, here: set[str]) -> tuple[StaleCaseload, ...]:
    return tuple(one for one in fresh.stale_caseloads if one.key in here)


def _evenness(known: Sequence[MeanLoad], *, weeks: int) -> Evenness | None:
    """Return the indices over everybody who is compared; ``None`` where nobody has any load."""
    totals = [one.total for one in known]
    return evenness(totals, [one.shared_by for one in known], weeks=weeks) if sum(totals) > 0 else None


def _is_certain(even: Evenness) -> bool:
    return even.gini_low is not None and even.gini_high is not None and even.gini_high - even.gini_low <= MAX_INTERVAL


def _row(
    person: Clinician, data: CaseloadData, share: LoadShare | None, equal: float, period: Period, today: date
) -> CaseloadRow:
    """Return one clinician's row; ``share`` is ``None`` for whom no load is known, ``equal`` the equal share."""
    last, slots = data.last.get(person.key), data.slots.get(person.key)
    load, before = data.now.get(person.key), data.before.get(person.key)
    joining = phase_in_end(person, period.last or today)
    leaving = person.ends if is_leaving(person, today) else None
    compared = share if share and not joining else None
    standing = CaseloadStanding.INSIDE
    if leaving:
        standing = CaseloadStanding.LEAVING
    elif joining:
        standing = CaseloadStanding.JOINING
    elif compared is None:
        standing = CaseloadStanding.UNKNOWN
    elif compared.stands_out:
        standing = CaseloadStanding.ABOVE if compared.difference > 0 else CaseloadStanding.BELOW
    note = (
        f"leaves {_day(leaving - timedelta(days=1))}"
        if leaving
        else f"joining until {_day(joining)}"
        if joining
        else ""
    )
    return CaseloadRow(
        name=person.name,
        fte=last.fte if last else person.fte_on(today),
        load=load.load if load else None,
        load_before=before.load if before else None,
        low=equal * (1 + compared.low) if compared else None,
        high=equal * (1 + compared.high) if compared else None,
        difference=compared.difference * 100 if compared else None,
        standing=standing,
        active_clients=last.active_clients if last else None,
        intakes=last.intakes if last else None,
        day_slots=slots.day if slots else None,
        evening_slots=slots.evening if slots else None,
        trauma_slots=slots.trauma if slots else None,
        # By the block's last day and not by today's, so that it does not give away the day on which they were set.
        slots_are_old=bool(
            slots and period.last and period.last - datetime.fromtimestamp(slots.entered_at, UTC).date() > SLOTS_HOLD
        ),
        supervision=Supervision(last.supervision) if last else Supervision.UNKNOWN,
        note=note,
        key=person.key,
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _handover(person: Clinician, last: BlockPerson | None) -> Handover:
    assert person.ends is not None  # noqa: S101 - who leaves has a last day
    return Handover(person.name, person.ends - timedelta(days=1), last.active_clients if last else None)


def _trend(counted: Sequence[str], now: Mapping[str, MeanLoad], before: Mapping[str, MeanLoad]) -> str:
    """Return a sentence about how the evenness changed where chance does not explain it, else nothing."""
    both = [key for key in counted if key in before]
    if not both or not all(sum(part[key].total for key in both) > 0 for part in (now, before)):
        return ""
    change = gini_change(
        [now[key].total for key in both], [now[key].shared_by for key in both],
        [before[key].total for key in both], [before[key].shared_by for key in both],
    )  # fmt: skip
    if change is None or change[0] <= 0 <= change[1]:
        return ""
    return f"It is shared {'less' if change[0] > 0 else 'more'} evenly than in the eight weeks before."


def _headline(rows: Sequence[CaseloadRow], unknown: Sequence[str], period: Period) -> str:
    """Return the finding. Whoever carries more is named; nobody is for carrying too little."""
    if period.last is None:
        return "There is no block of four weeks to show yet"
    above = [row.name for row in rows if row.standing is CaseloadStanding.ABOVE]
    if not any(row.load is not None for row in rows):
        return "There is no caseload to compare yet"
    if above:
        return f"{listed(above)} {'carries' if len(above) == 1 else 'carry'} more than an equal share"
    if unknown:
        return f"The caseload of {listed(unknown)} is not known; nobody else carries more than an equal share"
    if any(row.standing is CaseloadStanding.BELOW for row in rows):
        return "Nobody carries more than an equal share"
    return "The caseload is shared about as evenly as chance allows"


def _sentence(even: Evenness | None) -> str:
    """Return Hoover in one sentence, always beside what chance alone would show."""
    if even is None:
        return ""
    if even.sessions_to_move is None or even.sessions_to_move_by_chance is None:
        return (
            f"With fewer than {MIN_CLINICIANS} clinicians an index would say more about single people than about the "
            "practice."
        )
    total = even.sessions_to_move / even.hoover if even.hoover else 0.0
    of_all = f" of {total:.0f}" if total else ""
    return (
        f"For equal shares, {even.sessions_to_move:.0f}{of_all} weighted sessions a week would sit with other people. "
        f"If everybody’s load were truly equal, chance alone would still show about "
        f"{even.sessions_to_move_by_chance:.0f}."
    )
