"""The next referral and who takes it, filled from published blocks, the roster, open slots and later assignments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from monitor.analysis.assignment import assign_referrals
from monitor.analysis.calendar import BLOCK_DAYS, date_of, day_number, monday_of
from monitor.analysis.fairness import phased_in_fte
from monitor.analysis.referral import (
    Candidate,
    Obstacle,
    RankedCandidate,
    Referral,
    TimeOfDay,
    UnavailableCandidate,
    rank_candidates,
)
from monitor.config import Config
from monitor.fairness_report.blocks import employed
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
        assigned = referrals.assigned_since(connection, _end_of(config, published))
        candidates = _candidates(config, connection, people, published, assigned, today)
        fresh = freshness(config, connection, people, now)
    names = {person.key: person.name for person in people}
    rows = tuple(_rows(candidates, referral, people, assigned, today))
    shares = _shares(candidates, [referral] * count, names) if count > 1 else ()
    # For one referral the ranking itself says whether anybody can take it.
    unplaced = count - sum(share.referrals for share in shares) if count > 1 else int(not (rows and rows[0].place))
    return ReferralReport(
        practice=config.practice.name,
        request=_request_sentence(referral, count),
        headline=_headline(candidates, referral, names, shares, unplaced),
        rows=rows,
        shares=shares,
        unplaced=unplaced,
        period=period,
        complete_through=fresh.complete_through,
        overdue=fresh.overdue,
        stale_caseloads=fresh.stale_caseloads,
    )


def _end_of(config: Config, published: Sequence[Block]) -> int:
    """Return the end of the last block; referrals assigned from then on are in no block yet."""
    if not published:
        return 0
    end = datetime.combine(date_of(published[0].start + BLOCK_DAYS), time(), config.practice.zone)
    return int((end + timedelta(seconds=config.practice.day_starts_at)).timestamp())


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
    loads, clients = mean_loads(published[1:2], people) | mean_loads(published[:1], people), _clients(published)
    candidates = []
    for person in people:
        assigned_lately = assigned.get(person.key)
        # A new colleague without any block has no clients yet, which is not the same as unknown.
        is_new = phase_in_end(person, today) is not None  # of whom nothing is known yet has no clients
        load = loads[person.key].total if person.key in loads else 0.0 if is_new else None
        intakes = [
            block.start for block in published for row in block.people if row.clinician == person.key and row.intakes
        ]
        last_assigned = all_assigned.get(person.key)
        assigned_day = (
            day_number(datetime.fromtimestamp(last_assigned.last_at, config.practice.zone).date())
            if last_assigned
            else None
        )
        candidates.append(
            Candidate(
                key=person.key,
                load=None if load is None else load + (assigned_lately.weight if assigned_lately else 0.0),
                fte=_fte(person, today),
                last_intake=max([*intakes[:1], *([] if assigned_day is None else [assigned_day])], default=None),
                clients=clients.get(person.key, 0),
                skills=person.referral_preferences.skills,
                languages=person.referral_preferences.languages,
                modality=person.referral_preferences.modality,
                slots=stored.get(person.key),
                leaving=is_leaving(person, today),
            )
        )
    return candidates


def _clients(published: Sequence[Block]) -> dict[str, int]:
    return {row.clinician: row.active_clients or 0 for block in published[:1] for row in block.people}


def _fte(person: Clinician, today: date) -> float:
    """Return the FTE of this week, which grows over a new colleague's first twelve weeks."""
    week = int(monday_of(day_number(today)))
    weeks_since_start = (
        float("inf") if person.starts is None else (week - int(monday_of(day_number(person.starts)))) / 7
    )
    return float(phased_in_fte(person.fte_on(today), weeks_since_start))


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
        reason = _reason(place, rank, number_even, lowest)
        reason += "; joined lately" if phase_in_end(person, today) else ""
        reason += "" if place.key in with_slots else "; open slots not set"
        last_intake = None if place.last_intake is None else date_of(place.last_intake)
        number_assigned = assigned[place.key].number if place.key in assigned else 0
        yield ReferralRow(person.name, rank, place.load_after, number_assigned, last_intake, reason)
    for other in sorted(ranking.unavailable, key=lambda other: by_key[other.key].name):
        number_assigned = assigned[other.key].number if other.key in assigned else 0
        yield ReferralRow(
            by_key[other.key].name, None, None, number_assigned, None, _obstacle(other, by_key[other.key])
        )


def _reason(place: RankedCandidate, rank: int, number_even: int, lowest: float) -> str:
    if not place.is_tied:
        return f"{place.load_after - lowest:.1f} above the lowest"
    if number_even == 1:
        return "the lowest load"
    return "within half a session per FTE of the lowest" + (", and has waited longest" if rank == 1 else "")


def _obstacle(other: UnavailableCandidate, person: Clinician) -> str:
    if other.obstacle is Obstacle.UNLISTED:
        return f"does not list {listed(other.missing)}"
    if other.obstacle is Obstacle.LEAVING and person.ends is not None:
        last_day = person.ends - timedelta(days=1)
        return f"leaves on {day_and_month(last_day)}"
    return other.obstacle.value


def _shares(
    people: Sequence[Candidate], referrals_: Sequence[Referral], names: Mapping[str, str]
) -> tuple[ReferralShare, ...]:
    assignment = assign_referrals(people, referrals_)
    # A taker is None where nobody can take that referral.
    takers = Counter(taker for taker in assignment.takers if taker is not None)
    return tuple(
        ReferralShare(names[person.key], takers[person.key], assignment.load_after[person.key])
        for person in people
        if takers[person.key]
    )


def _request_sentence(referral: Referral, count: int) -> str:
    """Return the referral in words: "One referral of weight 1.25: EMDR, Portuguese, trauma-focused, by day."."""
    parts = [
        *sorted(referral.skills),
        referral.language,
        referral.modality,
        "trauma-focused" if referral.trauma else None,
        None if referral.time is None else "by day" if referral.time is TimeOfDay.DAY else "in the evening",
    ]
    needs = ", ".join(filter(None, parts))
    number = f"{spelled(count).capitalize()} {'referral' if count == 1 else 'referrals'}"
    return f"{number} of weight {referral.weight:g}{': ' if needs else ''}{needs}."


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
