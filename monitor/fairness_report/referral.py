"""The next referral and who takes it, filled from published blocks, the roster, open slots and later assignments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import inf

from monitor.analysis.assignment import assign_referrals
from monitor.analysis.calendar import BLOCK_DAYS, date_of, day_number, monday_of
from monitor.analysis.fairness import phased_in_fte
from monitor.analysis.referral import (
    Candidate,
    Obstacle,
    Referral,
    TimeOfDay,
    rank_candidates,
)
from monitor.config import Config
from monitor.fairness_report.blocks import begins_at, employed
from monitor.fairness_report.freshness import freshness
from monitor.fairness_report.report import is_leaving, mean_loads, period_of, phase_in_end
from monitor.roster import Clinician
from monitor.store import blocks, referrals
from monitor.store.blocks import Block
from monitor.store.database import Connection, Store
from monitor.store.referrals import AssignedReferrals
from reports.models import ReferralReport, ReferralRow, ReferralShare
from reports.wording import day_and_month, listed, spelled

LOOK_BACK = 13
"""Blocks in which the last new client is looked for: a year."""


def referral_report(
    config: Config, store: Store, referral: Referral, *, now: datetime, count: int = 1
) -> ReferralReport:
    """Return the order in which people could take such a referral; with ``count`` above 1 also how many each takes."""
    today = now.astimezone(config.practice.zone).date()
    people = employed(config.clinicians, day_number(today), day_number(today))
    with store.read() as connection:
        published = blocks.blocks(connection, LOOK_BACK)
        period = period_of(config, connection, now, published)
        # What was assigned from the end of the last block on is in no block yet.
        since = int(begins_at(config, published[0].start + BLOCK_DAYS).timestamp()) if published else 0
        assigned = referrals.assigned_since(connection, since)
        candidates = _candidates(config, connection, people, published, assigned, today)
        fresh = freshness(config, connection, people, now)
    names = {person.key: person.name for person in people}
    rows = tuple(_rows(candidates, referral, people, assigned, today))
    shares: tuple[ReferralShare, ...] = ()
    # For one referral the ranking itself says whether anybody can take it.
    unplaced = int(not (rows and rows[0].place))
    if count > 1:
        assignment = assign_referrals(candidates, [referral] * count)
        numbers = Counter(taker for taker in assignment.takers if taker is not None)
        shares = tuple(
            ReferralShare(names[person.key], numbers[person.key], assignment.load_after[person.key])
            for person in candidates
            if numbers[person.key]
        )
        unplaced = assignment.takers.count(None)

    # For example "One referral of weight 1.25: EMDR, Portuguese, trauma-focused, by day."
    times = {None: None, TimeOfDay.DAY: "by day", TimeOfDay.EVENING: "in the evening"}
    trauma = "trauma-focused" if referral.trauma else None
    needs = [*sorted(referral.skills), referral.language, referral.modality, trauma, times[referral.time]]
    needs_text = ", ".join(filter(None, needs))
    number = f"{spelled(count).capitalize()} {'referral' if count == 1 else 'referrals'}"
    return ReferralReport(
        practice=config.practice.name,
        request=f"{number} of weight {referral.weight:g}{': ' if needs_text else ''}{needs_text}.",
        headline=_headline(candidates, referral, names, shares, unplaced),
        rows=rows,
        shares=shares,
        unplaced=unplaced,
        period=period,
        complete_through=fresh.complete_through,
        overdue=fresh.overdue,
        stale_caseloads=fresh.stale_caseloads,
    )


def _candidates(
    config: Config,
    connection: Connection,
    people: Sequence[Clinician],
    published: Sequence[Block],
    assigned: Mapping[str, AssignedReferrals],
    today: date,
) -> list[Candidate]:
    """Return everybody with the load of the last block, plus what was assigned since.

    The mean of two blocks would be calmer and too slow: somebody would get referrals for weeks after no longer being
    the lowest (benchmarks/referral_rule.py). Where the last block has no load of somebody, the one before is used.
    """
    stored, all_assigned = referrals.open_slots(connection), referrals.assigned_since(connection, 0)
    # The right side wins: the last block, and the one before only where the last has no load.
    loads = mean_loads(published[1:2], people) | mean_loads(published[:1], people)
    last_block = {row.clinician: row for row in published[0].people} if published else {}
    week = int(monday_of(day_number(today)))
    candidates = []
    for person in people:
        key = person.key
        # A new colleague without any block has no clients yet, which is not the same as unknown.
        is_new = phase_in_end(person, today) is not None
        load = loads[key].total if key in loads else 0.0 if is_new else None
        if load is not None and key in assigned:
            load += assigned[key].weight
        # The FTE of this week, which grows over a new colleague's first twelve weeks.
        weeks_since_start = inf if person.starts is None else (week - int(monday_of(day_number(person.starts)))) / 7
        intakes = [block.start for block in published for row in block.people if row.clinician == key and row.intakes]
        intake_days = intakes[:1]  # the newest
        if key in all_assigned:
            assigned_at = datetime.fromtimestamp(all_assigned[key].last_at, config.practice.zone)
            intake_days.append(day_number(assigned_at.date()))
        candidates.append(
            Candidate(
                key=key,
                load=load,
                fte=float(phased_in_fte(person.fte_on(today), weeks_since_start)),
                last_intake=max(intake_days, default=None),
                clients=(last_block[key].active_clients or 0) if key in last_block else 0,
                skills=person.referral_preferences.skills,
                languages=person.referral_preferences.languages,
                modality=person.referral_preferences.modality,
                slots=stored.get(key),
                leaving=is_leaving(person, today),
            )
        )
    return candidates


def _rows(
    candidates: Sequence[Candidate],
    referral: Referral,
    people: Sequence[Clinician],
    assigned: Mapping[str, AssignedReferrals],
    today: date,
) -> Iterator[ReferralRow]:
    """Yield the ranking, then everybody else by name."""
    by_key = {person.key: person for person in people}
    ranking = rank_candidates(candidates, referral)
    # Open slots that were never set are not the same as no open slots.
    with_slots = {person.key for person in candidates if person.slots is not None}
    lowest = min((place.load_after for place in ranking.candidates), default=0.0)
    number_even = sum(place.is_tied for place in ranking.candidates)
    for rank, place in enumerate(ranking.candidates, start=1):
        person = by_key[place.key]
        if not place.is_tied:
            reason = f"{place.load_after - lowest:.1f} above the lowest"
        elif number_even == 1:
            reason = "the lowest load"
        else:
            reason = "within half a session per FTE of the lowest" + (", and has waited longest" if rank == 1 else "")
        reason += "; joined lately" if phase_in_end(person, today) else ""
        reason += "" if place.key in with_slots else "; open slots not set"
        last_intake = None if place.last_intake is None else date_of(place.last_intake)
        number_assigned = assigned[place.key].number if place.key in assigned else 0
        yield ReferralRow(person.name, rank, place.load_after, number_assigned, last_intake, reason)
    for other in sorted(ranking.unavailable, key=lambda other: by_key[other.key].name):
        person = by_key[other.key]
        obstacle = other.obstacle.value
        if other.obstacle is Obstacle.UNLISTED:
            obstacle = f"does not list {listed(other.missing)}"
        elif other.obstacle is Obstacle.LEAVING and person.ends is not None:
            obstacle = f"leaves on {day_and_month(person.ends - timedelta(days=1))}"
        number_assigned = assigned[other.key].number if other.key in assigned else 0
        yield ReferralRow(person.name, None, None, number_assigned, None, obstacle)


def _headline(
    people: Sequence[Candidate],
    referral: Referral,
    names: Mapping[str, str],
    shares: Sequence[ReferralShare],
    unplaced: int,
) -> str:
    """Return the answer; everybody whose load is about the lowest is named, and the director decides."""
    if shares:
        unplaced_clause = f"; {spelled(unplaced)} can be taken by nobody now" if unplaced else ""
        return f"{listed([f'{share.name} takes {spelled(share.referrals)}' for share in shares])}{unplaced_clause}"
    lowest = [names[place.key] for place in rank_candidates(people, referral).candidates if place.is_tied]
    if not lowest:
        return "Nobody can take this referral now"
    if len(lowest) == 1:
        return f"{lowest[0]} has the lowest load; you decide"
    return f"{', '.join(lowest[:-1])} or {lowest[-1]} could take it; you decide"
