"""Publication of blocks of four weeks for the director: each once, in one transaction, and never recomputed.

::

    weeks       |--|--|--|--|--|--|--|--|--
    blocks      |-----------|-----------|
    published                 * the first night with everybody complete, 14 days after the end at the latest
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.records import SUPERVISION
from monitor.analysis.calendar import BLOCK_DAYS, date_of, day_number, monday_of
from monitor.analysis.fairness import phased_in_fte
from monitor.config import Config
from monitor.fairness_report.blocks import NextBlock, employed, next_block
from monitor.roster import Clinician
from monitor.store import blocks, weeks
from monitor.store.blocks import Block, BlockPerson
from monitor.store.database import Connection, Store
from reports.models import Supervision

LEAST_PEOPLE = 5
"""With fewer people, a sum over the practice would reveal the numbers of single ones (TRUST, aggregates)."""

Values = Mapping[tuple[str, int, str], float | None]
"""The weekly values of a block by clinician, week and metric key."""


def publish(config: Config, store: Store, *, now: datetime) -> list[int]:
    """Publish every block that is due and return their first Mondays.

    Raises:
        StoreError: The database cannot be written.
    """
    published: list[int] = []
    while True:  # after a long outage several blocks may be due
        with store.read() as connection:
            due = next_block(config, connection, now).is_due(now)
        if not due:
            return published
        with store.write() as connection:
            block = next_block(config, connection, now)  # again, now that no other process can write
            if block.is_due(now):
                blocks.save_block(connection, _block(config, connection, block, int(now.timestamp())))
                published.append(block.start)


def _block(config: Config, connection: Connection, due: NextBlock, now: int) -> Block:
    keys = [person.key for person in due.people]
    last_week = due.start + BLOCK_DAYS - 7
    values = {
        (clinician, week, key): value
        for clinician, week, key, value, _, _ in weeks.workload_weeks(connection, keys, due.start, last_week)
    }
    has_rule = any(rule.kind in SUPERVISION for rule in config.rules)
    intakes_known = weeks.first_known_weeks(connection, "intakes")
    people = []
    for person in due.people:
        if person.key in due.complete:
            # An intake is known only if the calendar reaches back far enough to show that the client is new.
            since = intakes_known.get(person.key)
            knows_intakes = since is not None and since <= max(due.start, _first_week(person, due.start))
            people.append(_person(person, values, due.start, has_rule=has_rule, knows_intakes=knows_intakes))
        else:
            fte, mean_fte = _ftes(person, due.start)
            people.append(BlockPerson(person.key, None, fte, mean_fte, None, None, Supervision.UNKNOWN.value))
    sessions = [
        value or 0.0
        for (clinician, _, key), value in values.items()
        if key == "sessions_held" and clinician in due.complete
    ]
    unbooked = [values.get((clinician, last_week, "nothing_booked")) for clinician in due.complete]
    enough = len(due.complete) >= LEAST_PEOPLE
    return Block(
        start=due.start,
        published_at=now,
        sessions_held=round(sum(sessions)) if enough else None,
        nothing_booked=round(sum(filter(None, unbooked))) if enough and None not in unbooked else None,
        people=tuple(people),
    )


def _person(person: Clinician, values: Values, start: int, *, has_rule: bool, knows_intakes: bool) -> BlockPerson:
    fte, mean_fte = _ftes(person, start)
    employed_weeks = _weeks(person, start)
    by_week = [
        (values.get((person.key, week, "weighted_load")), _phased_in_fte(person, week)) for week in employed_weeks
    ]
    loads = [(load, share) for load, share in by_week if load is not None and share > 0]
    # At least half of the weeks have to be known.
    is_load_known = 2 * len(loads) >= len(employed_weeks) > 0 and loads
    clients = [
        value for week in employed_weeks if (value := values.get((person.key, week, "active_clients"))) is not None
    ]
    supervision_held = values.get((person.key, employed_weeks[-1], "supervision_held")) if employed_weeks else None
    intakes = sum(values.get((person.key, week, "intakes")) or 0.0 for week in employed_weeks)
    supervision = Supervision.UNKNOWN
    if supervision_held:
        supervision = Supervision.HELD
    elif supervision_held == 0 and has_rule:  # without a rule, no entry of a calendar could be one
        supervision = Supervision.NONE
    return BlockPerson(
        clinician=person.key,
        # Weighted by the share of each week, so that a new colleague's first weeks count less; rounded as it is shown.
        load=round(sum(load * share for load, share in loads) / sum(share for _, share in loads), 1)
        if is_load_known
        else None,
        fte=fte,
        phased_in_fte=mean_fte,
        active_clients=round(clients[-1]) if clients else None,
        intakes=round(intakes) if knows_intakes else None,
        supervision=supervision.value,
    )


def _weeks(person: Clinician, start: int) -> list[int]:
    """Return the weeks of a block in which a clinician was employed."""
    return [week for week in range(start, start + BLOCK_DAYS, 7) if employed([person], week, week + 6)]


def _ftes(person: Clinician, start: int) -> tuple[float, float]:
    """Return the contract's FTE at a block's end, and the mean of the four weeks by which load is shared."""
    mean_fte = sum(_phased_in_fte(person, week) for week in _weeks(person, start)) / (BLOCK_DAYS // 7)
    return person.fte_on(date_of(start + BLOCK_DAYS - 1)), mean_fte


def _phased_in_fte(person: Clinician, week: int) -> float:
    weeks_since_start = float("inf") if person.starts is None else (week - _first_week(person, week)) / 7
    return float(phased_in_fte(person.fte_on(date_of(week + 6)), weeks_since_start))


def _first_week(person: Clinician, default: int) -> int:
    """Return the week in which a clinician joined; ``default`` if no start is configured."""
    return default if person.starts is None else int(monday_of(day_number(person.starts)))
