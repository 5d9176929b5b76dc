"""The director's page, filled from published blocks, the roster and open slots; it opens no weekly numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from monitor.analysis.calendar import BLOCK_DAYS, date_of, day_number
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
from monitor.fairness_report.freshness import freshness
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
    Supervision,
)
from reports.wording import listed

MEAN_BLOCKS = 2  # blocks of a mean
MAX_INTERVAL = 0.3
"""Width of its interval from which on an index says nothing and is not printed."""

LEAVES_WITHIN = timedelta(weeks=12)
SLOTS_HOLD = timedelta(weeks=8)


@dataclass(frozen=True, slots=True)
class MeanLoad:
    """One person's load per FTE over some blocks, and the FTE by which it is shared."""

    load: float
    phased_in_fte: float

    @property
    def total(self) -> float:
        """Weighted sessions a week."""
        return self.load * self.phased_in_fte


@dataclass(frozen=True, slots=True)
class CaseloadData:
    """Block data by clinician: the last block, the means of the last two and of the two before, and the open slots."""

    last: Mapping[str, BlockPerson]
    now: Mapping[str, MeanLoad]
    before: Mapping[str, MeanLoad]
    slots: Mapping[str, StoredSlots]


def fairness_report(config: Config, store: Store, *, now: datetime) -> FairnessReport:
    """Return how the caseload was shared in the last published blocks; other weeks cannot be asked for."""
    today = now.astimezone(config.practice.zone).date()
    with store.read() as connection:
        published = blocks.blocks(connection, 2 * MEAN_BLOCKS)
        period = period_of(config, connection, now, published)
        caseload_freshness = freshness(config, connection, config.clinicians, now)
        slots = referrals.open_slots(connection)
    last = {row.clinician: row for row in published[0].people} if published else {}
    today_number = day_number(today)
    employed_keys = {person.key for person in employed(config.clinicians, today_number, today_number)}
    people = [person for person in config.clinicians if person.key in {*last, *employed_keys}]
    loads_now, loads_before = (mean_loads(span, people) for span in (published[:MEAN_BLOCKS], published[MEAN_BLOCKS:]))
    compared_keys = [person.key for person in people if person.key in loads_now and not is_leaving(person, today)]
    loads = [loads_now[key].total for key in compared_keys]
    ftes = [loads_now[key].phased_in_fte for key in compared_keys]
    # Where nobody has any load there is nothing to share.
    weeks = len(published[:MEAN_BLOCKS]) * BLOCK_DAYS // 7
    indices = evenness(loads, ftes, weeks=weeks) if sum(loads) > 0 else None
    is_certain = (
        indices is not None
        and indices.gini_low is not None
        and indices.gini_high is not None
        and indices.gini_high - indices.gini_low <= MAX_INTERVAL
    )

    data = CaseloadData(last, loads_now, loads_before, slots)
    shares = dict(zip(compared_keys, indices.shares, strict=True)) if indices else {}
    equal = indices.equal_share if indices else 0.0
    table = [_row(person, data, shares.get(person.key), equal, period, today) for person in people]
    # By load, which the plot shows; people without a load come last, by name.
    table.sort(key=lambda row: (row.load is None, -(row.load or 0.0), row.name))
    unknown = tuple(person.name for person in people if person.key in last and last[person.key].load is None)
    handovers = []
    for person in people:
        if person.key in employed_keys and person.ends is not None and is_leaving(person, today):
            active_clients = last[person.key].active_clients if person.key in last else None
            handovers.append(Handover(person.name, person.ends - timedelta(days=1), active_clients))
    return FairnessReport(
        practice=config.practice.name,
        period=period,
        headline=_headline(table, unknown, period),
        evenness_sentence=_evenness_sentence(indices),
        trend_sentence=_trend_sentence(compared_keys, loads_now, loads_before),
        equal_share=indices.equal_share if indices else None,
        rows=tuple(table),
        hoover=indices.hoover if indices else None,
        sessions_to_move=indices.sessions_to_move if indices else None,
        sessions_to_move_by_chance=indices.sessions_to_move_by_chance if indices else None,
        gini=indices.gini if indices and is_certain else None,
        gini_low=indices.gini_low if indices and is_certain else None,
        gini_high=indices.gini_high if indices and is_certain else None,
        sessions_held=published[0].sessions_held if published else None,
        nothing_booked=published[0].nothing_booked if published else None,
        handovers=tuple(handovers),
        unknown=unknown,
        complete_through=caseload_freshness.complete_through,
        overdue=caseload_freshness.overdue,
        stale_caseloads=tuple(stale for stale in caseload_freshness.stale_caseloads if stale.key in employed_keys),
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
    """Return each person's FTE-weighted mean over some blocks by key, without people whose load is never known."""
    loads = {}
    for person in people:
        rows = [person_row for block in published for person_row in block.people if person_row.clinician == person.key]
        load_and_fte = [
            (person_row.load, person_row.phased_in_fte)
            for person_row in rows
            if person_row.load is not None and person_row.phased_in_fte > 0
        ]
        if load_and_fte:
            total_fte = sum(fte for _, fte in load_and_fte)
            loads[person.key] = MeanLoad(
                sum(load * fte for load, fte in load_and_fte) / total_fte, total_fte / len(load_and_fte)
            )
    return loads


def is_leaving(person: Clinician, today: date) -> bool:
    """Return whether somebody leaves within twelve weeks, or has left."""
    return person.ends is not None and person.ends - today <= LEAVES_WITHIN


def phase_in_end(person: Clinician, day: date) -> date | None:
    """Return the last day of somebody's phase-in, ``None`` where it is over by a day."""
    if person.starts is None:
        return None
    last = person.starts + timedelta(weeks=PHASE_IN_WEEKS) - timedelta(days=person.starts.weekday() + 1)
    return last if last >= day else None


def _row(
    person: Clinician, data: CaseloadData, share: LoadShare | None, equal: float, period: Period, today: date
) -> CaseloadRow:
    """Return one clinician's row; ``share`` is ``None`` for whom no load is known, ``equal`` the equal share."""
    last, slots = data.last.get(person.key), data.slots.get(person.key)
    load, load_before = data.now.get(person.key), data.before.get(person.key)
    joining_until = phase_in_end(person, period.last or today)
    leaving_on = person.ends if is_leaving(person, today) else None
    compared = share if share and not joining_until else None
    # Leaving wins over joining, and both over the comparison, which would be unfair to them.
    standing, note = CaseloadStanding.INSIDE, ""
    if leaving_on:
        last_day = leaving_on - timedelta(days=1)
        standing, note = CaseloadStanding.LEAVING, f"leaves {last_day.day} {last_day:%b}"
    elif joining_until:
        standing, note = CaseloadStanding.JOINING, f"joining until {joining_until.day} {joining_until:%b}"
    elif compared is None:
        standing = CaseloadStanding.UNKNOWN
    elif compared.stands_out:
        standing = CaseloadStanding.ABOVE if compared.difference > 0 else CaseloadStanding.BELOW
    return CaseloadRow(
        name=person.name,
        fte=last.fte if last else person.fte_on(today),
        load=load.load if load else None,
        load_before=load_before.load if load_before else None,
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


def _trend_sentence(
    compared_keys: Sequence[str], loads_now: Mapping[str, MeanLoad], loads_before: Mapping[str, MeanLoad]
) -> str:
    """Return a sentence about how evenness changed, or nothing where chance explains it."""
    keys_in_both = [key for key in compared_keys if key in loads_before]
    if not keys_in_both or not all(
        sum(loads[key].total for key in keys_in_both) > 0 for loads in (loads_now, loads_before)
    ):
        return ""
    change_interval = gini_change(
        [loads_now[key].total for key in keys_in_both], [loads_now[key].phased_in_fte for key in keys_in_both],
        [loads_before[key].total for key in keys_in_both], [loads_before[key].phased_in_fte for key in keys_in_both],
    )  # fmt: skip
    if change_interval is None or change_interval[0] <= 0 <= change_interval[1]:
        return ""
    return f"It is shared {'less' if change_interval[0] > 0 else 'more'} evenly than in the eight weeks before."


def _headline(rows: Sequence[CaseloadRow], unknown: Sequence[str], period: Period) -> str:
    """Return the finding. Whoever carries more is named; nobody is named for carrying too little."""
    if period.last is None:
        return "There is no block of four weeks to show yet"
    # People above are named before anything unknown: the finding is certain for them.
    above_names = [row.name for row in rows if row.standing is CaseloadStanding.ABOVE]
    if not any(row.load is not None for row in rows):
        return "There is no caseload to compare yet"
    if above_names:
        return f"{listed(above_names)} {'carries' if len(above_names) == 1 else 'carry'} more than an equal share"
    if unknown:
        return f"The caseload of {listed(unknown)} is not known; nobody else carries more than an equal share"
    if any(row.standing is CaseloadStanding.BELOW for row in rows):
        return "Nobody carries more than an equal share"
    return "The caseload is shared about as evenly as chance allows"


def _evenness_sentence(indices: Evenness | None) -> str:
    """Return the Hoover index in one sentence, always with the value that chance alone would give."""
    if indices is None:
        return ""
    # Below four clinicians an index would describe single people.
    if indices.sessions_to_move is None or indices.sessions_to_move_by_chance is None:
        return (
            f"With fewer than {MIN_CLINICIANS} clinicians an index would say more about single people than about the "
            "practice."
        )
    # Hoover is the share of all load that would move, so the total follows from it.
    total_load = indices.sessions_to_move / indices.hoover if indices.hoover else 0.0
    of_all = f" of {total_load:.0f}" if total_load else ""
    return (
        f"For equal shares, {indices.sessions_to_move:.0f}{of_all} weighted sessions a week would be with other "
        "people. If everybody’s load were truly equal, chance alone would still show about "
        f"{indices.sessions_to_move_by_chance:.0f}."
    )
