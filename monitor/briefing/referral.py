"""Who takes the next referral, filled from the workload wing, the roster and whether somebody is there at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from monitor.analysis.assignment import assign
from monitor.analysis.calendar import date_of, day_number, monday_of
from monitor.analysis.fairness import PHASE_IN_WEEKS, WEEKS, available_fte
from monitor.analysis.intervals import contains, seconds_inside, spans
from monitor.analysis.referral import WHOLE, Candidate, Obstacle, Other, Place, Referral, next_referral, room_below
from monitor.briefing.freshness import freshness
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import absence, weeks
from monitor.store.database import Connection, Store
from reports.models import ReferralReport, ReferralRow, ReferralShare
from reports.wording import listed, spelled

LOOK_BACK = 53  # weeks in which the last new client is looked for
WEEK_AHEAD = timedelta(days=7)
Values = Mapping[tuple[str, int, str], float | None]


def referral_report(
    config: Config, store: Store, referral: Referral, *, now: datetime, count: int = 1, given: Sequence[str] = ()
) -> ReferralReport:
    """Who takes the next such referral, and for a ``count`` above 1 who takes how many of them.

    ``given`` are the keys of those who took one lately that the numbers do not show yet, each weighing as this one.
    """
    today = now.astimezone(config.practice.zone).date()
    people = [person for person in config.clinicians if _employed(person, today)]
    with store.read() as connection:
        candidates = [
            _with_given(one, given, referral.weight, today) for one in _candidates(connection, people, today, now)
        ]
        fresh = freshness(config, connection, people, now)
    names = {person.key: person.name for person in people}
    rows = tuple(_rows(candidates, referral, names, {p.key for p in people if _joining(p, today)}))
    shares = _shares(candidates, [referral] * count, names) if count > 1 else ()
    unplaced = count - sum(share.referrals for share in shares) if count > 1 else int(not (rows and rows[0].place))
    return ReferralReport(
        practice=config.practice.name,
        asked=_asked(referral, count),
        headline=_headline(rows, shares, unplaced),
        rows=rows,
        shares=shares,
        unplaced=unplaced,
        complete_through=fresh.complete_through,
        overdue=fresh.overdue,
        behind=fresh.behind,
    )


def _employed(person: Clinician, today: date) -> bool:
    return (person.starts is None or person.starts <= today) and (person.ends is None or today < person.ends)


def _candidates(connection: Connection, people: Sequence[Clinician], today: date, now: datetime) -> Iterator[Candidate]:
    last = int(monday_of(day_number(today))) - 7
    keys = [person.key for person in people]
    stored = weeks.workload(connection, keys, last - (LOOK_BACK - 1) * 7, last)
    values = {(who, at, key): value for who, at, key, value, _, _ in stored}
    away = _away(connection, keys, now)
    for person in people:
        yield _candidate(person, values, last, away=person.key in away)


def _candidate(person: Clinician, values: Values, last: int, *, away: bool) -> Candidate:
    """A clinician with the load of the last known week, which is itself taken over eight weeks of sessions.

    The mean of eight such weeks would be even calmer, and too slow: somebody would get referrals for weeks after being
    no longer the lowest (benchmarks/referral_rule.py). Leave lessens no FTE here: a referral is for the weeks to come.
    """
    clients = _latest(values, person.key, "active_clients", last)
    takes = person.takes
    return Candidate(
        key=person.key,
        load=_load(person, values, last),
        fte=_fte(person, last + 7),
        last_intake=_last_intake(values, person.key, last),
        clients=round(clients[1]) if clients else 0,
        skills=takes.skills,
        languages=takes.languages,
        modality=takes.modality,
        open_slots=takes.open_slots,
        most_clients=takes.most_clients,
        below_trauma_cap=_below_trauma_cap(person, values, last),
        away=away,
    )


def _below_trauma_cap(person: Clinician, values: Values, last: int) -> int | None:
    """How many more trauma-focused clients the person's own cap leaves room for, as far as the numbers know."""
    cap = person.takes.trauma_cap
    if cap is None or cap >= WHOLE:
        return None
    known = _latest(values, person.key, "trauma_room", last)
    return round(known[1]) if known else room_below(cap, 0, 0)


def _load(person: Clinician, values: Values, last: int) -> float | None:
    """Weighted sessions a week; none for a new colleague of whom nothing is known yet, unknown for anybody else."""
    known = _latest(values, person.key, "weighted_load", last)
    if known is None:
        return 0.0 if _joining(person, date_of(last + 7)) else None
    week, per_fte = known
    return per_fte * _fte(person, week)


def _fte(person: Clinician, week: int) -> float:
    """The FTE of that week, growing over a new colleague's first twelve."""
    starts = person.starts
    since = float("inf") if starts is None else max(0, (week - int(monday_of(day_number(starts)))) // 7)
    return float(available_fte(person.fte, 1.0, since))


def _joining(person: Clinician, today: date) -> bool:
    return person.starts is not None and today - person.starts < timedelta(weeks=PHASE_IN_WEEKS)


def _latest(values: Values, who: str, key: str, last: int) -> tuple[int, float] | None:
    """The last week of eight in which a number is known, and the number."""
    found = ((week, values.get((who, week, key))) for week in range(last, last - WEEKS * 7, -7))
    return next(((week, value) for week, value in found if value is not None), None)


def _last_intake(values: Values, who: str, last: int) -> int | None:
    recent = range(last, last - LOOK_BACK * 7, -7)
    return next((week for week in recent if values.get((who, week, "intakes")) or 0), None)


def _away(connection: Connection, keys: Sequence[str], now: datetime) -> set[str]:
    """Who is on leave now, or for more than half of the seven days to come."""
    start, end = int(now.timestamp()), int((now + WEEK_AHEAD).timestamp())
    rows = absence.leave(connection, keys, start, end)
    by_person = {key: spans([(first, last) for who, first, last in rows if who == key]) for key, _, _ in rows}
    return {
        key
        for key, leave in by_person.items()
        if contains(leave, start) or 2 * seconds_inside(leave, start, end) > end - start
    }


def _with_given(person: Candidate, given: Sequence[str], weight: float, today: date) -> Candidate:
    """With the referrals given lately: they weigh and take the turn.

    They fill no place, so that nobody's limit can be found by asking again with one more.
    """
    times = given.count(person.key)
    if not times or person.load is None:
        return person
    return replace(person, load=person.load + times * weight, last_intake=int(monday_of(day_number(today))))


def _rows(
    people: Sequence[Candidate], referral: Referral, names: Mapping[str, str], joining: Collection[str]
) -> Iterator[ReferralRow]:
    """The ranking, then everybody else by name, so that not even the order tells why."""
    ranking = next_referral(people, referral)
    lowest = min((place.after for place in ranking.places), default=0.0)
    even = sum(place.even for place in ranking.places)
    for number, place in enumerate(ranking.places, start=1):
        reason = _reason(place, number, even, lowest) + ("; joined lately" if place.key in joining else "")
        last = None if place.last_intake is None else date_of(place.last_intake)
        yield ReferralRow(names[place.key], number, place.after, last, reason)
    for other in sorted(ranking.others, key=lambda other: names[other.key]):
        yield ReferralRow(names[other.key], None, None, None, _obstacle(other))


def _reason(place: Place, number: int, even: int, lowest: float) -> str:
    if not place.even:
        return f"{place.after - lowest:.1f} above the lowest"
    if number > 1:
        return "within half a session of the lowest"
    return "within half a session of the lowest, and nobody of these waited longer" if even > 1 else "the lowest load"


def _obstacle(other: Other) -> str:
    if other.obstacle is Obstacle.UNLISTED:
        return f"does not list {listed(other.lacks)}"
    return other.obstacle.value


def _shares(
    people: Sequence[Candidate], referrals: Sequence[Referral], names: Mapping[str, str]
) -> tuple[ReferralShare, ...]:
    found = assign(people, referrals)
    takers = Counter(taker for taker in found.takers if taker is not None)
    return tuple(
        ReferralShare(names[person.key], takers[person.key], found.after[person.key])
        for person in people
        if takers[person.key]
    )


def _asked(referral: Referral, count: int) -> str:
    """The referral in words: "One referral of weight 1.25: EMDR, Portuguese, trauma-focused."."""
    words = [
        *sorted(referral.skills),
        referral.language,
        referral.modality,
        "trauma-focused" if referral.trauma else None,
    ]
    wanted = ", ".join(filter(None, words))
    number = f"{spelled(count).capitalize()} {'referral' if count == 1 else 'referrals'}"
    return f"{number} of weight {referral.weight:g}{': ' if wanted else ''}{wanted}."


def _headline(rows: Sequence[ReferralRow], shares: Sequence[ReferralShare], unplaced: int) -> str:
    if shares:
        left = f"; {spelled(unplaced)} can be taken by nobody now" if unplaced else ""
        return f"{listed([f'{share.name} takes {spelled(share.referrals)}' for share in shares])}{left}"
    if not rows or rows[0].place is None:
        return "Nobody can take this referral now"
    return f"{rows[0].name} takes the next referral"
