"""The director's page, filled from the workload wing alone: nothing here opens anybody's wellbeing numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from monitor.analysis.calendar import date_of, day_number, last_week, monday_of
from monitor.analysis.fairness import LEAST_CLINICIANS, PHASE_IN_WEEKS, Evenness, Share, evenness
from monitor.briefing.freshness import freshness
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import weeks
from monitor.store.database import Store
from reports.models import Behind, CaseloadRow, FairnessReport, OwnCaseload, Standing
from reports.wording import listed, spelled

SPAN, LEAST_KNOWN = 8, 4  # weeks of a mean, and how many of them have to be known
Values = Mapping[tuple[str, int, str], float | None]


def fairness_report(config: Config, store: Store, *, now: datetime, through: date | None = None) -> FairnessReport:
    """How the caseload was shared over the eight weeks that end with the Sunday ``through``.

    By default these end with the last week that was read and computed whole of everybody but those behind; the rows of
    these say that nothing is known.
    """
    with store.read() as connection:
        fresh = freshness(config, connection, config.clinicians, now)
        last = _last_week(config, now, through, fresh.week)
        people = [person for person in config.clinicians if _employed(person, last)]
        rows = weeks.workload(connection, [person.key for person in people], last - (2 * SPAN - 1) * 7, last)
    behind = tuple(one for one in fresh.behind if one.key in {person.key for person in people})
    unknown = {one.key for one in behind}
    values = {(who, at, key): value for who, at, key, value, _, _ in rows if who not in unknown}
    load = {person.key: _load(values, person.key, last) for person in people}
    fte = {person.key: _mean(values, person.key, "available_fte", last) or 0.0 for person in people}
    counted_in = [person for person in people if load[person.key] is not None and fte[person.key] > 0]
    found = _evenness(counted_in, load, fte)
    shares = dict(zip((person.key for person in counted_in), found.shares if found else (), strict=True))
    table = [_row(person, values, last, shares.get(person.key), found) for person in people]
    table.sort(key=lambda row: -1.0 if row.load is None else row.load, reverse=True)
    return FairnessReport(
        practice=config.practice.name,
        through=date_of(last + 6),
        headline=_headline(table, behind),
        sentence=_sentence(found),
        equal_share=found.equal_share if found else None,
        rows=tuple(table),
        hoover=found.hoover if found else None,
        would_move=found.would_move if found else None,
        would_move_by_chance=found.would_move_by_chance if found else None,
        gini=found.gini if found else None,
        gini_low=found.gini_low if found else None,
        gini_high=found.gini_high if found else None,
        complete_through=fresh.complete_through,
        overdue=fresh.overdue,
        behind=behind,
    )


def own_caseload(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> OwnCaseload:
    """What the director sees of one clinician, for that clinician: the same row, and nobody else's."""
    whole = fairness_report(config, store, now=now)
    return OwnCaseload(
        through=whole.through,
        row=next((row for row in whole.rows if row.key == clinician.key), None),
        compared=whole.hoover is not None,
        complete_through=whole.complete_through,
        overdue=whole.overdue,
        behind=tuple(one for one in whole.behind if one.key == clinician.key),
    )


def _last_week(config: Config, now: datetime, through: date | None, known: int | None) -> int:
    if through is not None:
        return int(monday_of(day_number(through)))
    if known is not None:
        return known
    return day_number(last_week(now.astimezone(config.practice.zone), config.practice.day_starts_at))


def _employed(person: Clinician, week: int) -> bool:
    begun = person.starts is None or day_number(person.starts) <= week + 6
    return begun and (person.ends is None or day_number(person.ends) >= week)


def _load(values: Values, who: str, last: int) -> float | None:
    """The load per FTE of eight weeks, each week by the FTE available in it; ``None`` if fewer than four are known.

    In a new colleague's first weeks a few clients are many for the FTE of the week; these weeks count as little.
    """
    both = [
        [values.get((who, week, key)) for key in ("weighted_load", "available_fte")]
        for week in range(last, last - 7 * SPAN, -7)
    ]
    known = [(load, fte) for load, fte in both if load is not None and fte is not None]
    whole = sum(fte for _, fte in known)
    return sum(load * fte for load, fte in known) / whole if len(known) >= LEAST_KNOWN and whole > 0 else None


def _mean(values: Values, who: str, key: str, last: int) -> float | None:
    """The mean of the known values of eight weeks; ``None`` if fewer than four are known."""
    known = _known(values, who, key, last)
    return sum(known) / len(known) if len(known) >= LEAST_KNOWN else None


def _sum(values: Values, person: Clinician, key: str, last: int) -> int | None:
    """The sum over eight weeks, or those since somebody joined; ``None`` where one of them was not read.

    A week of leave has no number of its own, and adds nothing: a dash would tell of the leave.
    """
    first = day_number(person.starts) if person.starts else last - 7 * (SPAN - 1)
    due = [week for week in range(last - 7 * (SPAN - 1), last + 1, 7) if week + 6 >= first]
    was_read = "active_clients" if key == "sessions_held" else key  # which is known in a week of leave, too
    if any(values.get((person.key, week, was_read)) is None for week in due):
        return None
    return round(sum(values.get((person.key, week, key)) or 0 for week in due))


def _known(values: Values, who: str, key: str, last: int) -> list[float]:
    return [value for back in range(SPAN) if (value := values.get((who, last - 7 * back, key))) is not None]


def _evenness(
    people: Sequence[Clinician], load: Mapping[str, float | None], fte: Mapping[str, float]
) -> Evenness | None:
    """The indices over everybody with a known load; ``None`` where nobody has any."""
    totals = [(load[person.key] or 0.0) * fte[person.key] for person in people]
    return evenness(totals, [fte[person.key] for person in people]) if sum(totals) > 0 else None


def _row(person: Clinician, values: Values, last: int, share: Share | None, found: Evenness | None) -> CaseloadRow:
    equal = found.equal_share if found else 0.0
    joined = _joined(person, last)
    active = values.get((person.key, last, "active_clients"))
    supervision = values.get((person.key, last, "supervision_held"))
    return CaseloadRow(
        name=person.name,
        fte=person.fte,
        load=share.per_fte if share else None,
        load_before=_load(values, person.key, last - SPAN * 7),
        low=equal * (1 + share.low) if share else equal * 0.9,
        high=equal * (1 + share.high) if share else equal * 1.1,
        difference=share.difference * 100 if share else None,
        standing=_standing(share, joining=joined is not None),
        sessions_held=_sum(values, person, "sessions_held", last),
        active_clients=None if active is None else round(active),
        intakes=_sum(values, person, "intakes", last),
        open_slots=person.takes.open_slots,
        available_fte=_mean(values, person.key, "available_fte", last),
        supervision_held=None if supervision is None else supervision > 0,
        note=f"joined {joined:%b}" if joined else "",
        key=person.key,
    )


def _joined(person: Clinician, last: int) -> date | None:
    """When somebody joined who is still in phase-in."""
    recent = person.starts and date_of(last) - person.starts < timedelta(weeks=PHASE_IN_WEEKS)
    return person.starts if recent else None


def _standing(share: Share | None, *, joining: bool) -> Standing:
    if joining:
        return Standing.JOINING
    if share is None or not share.stands_out:
        return Standing.INSIDE
    return Standing.ABOVE if share.difference > 0 else Standing.BELOW


def _headline(rows: Sequence[CaseloadRow], behind: Sequence[Behind]) -> str:
    above = [row.name for row in rows if row.standing is Standing.ABOVE]
    below = [row.name for row in rows if row.standing is Standing.BELOW]
    if not any(row.load is not None for row in rows):
        return "There is no caseload to compare yet"
    if above:
        who = "person is" if len(above) == 1 else "people are"
        return f"{spelled(len(above)).capitalize()} {who} carrying more than an equal share"
    if below:
        return f"{listed(below)} could take more; nobody carries more than an equal share"
    if behind:
        return (
            f"The caseload of {listed([one.name for one in behind])} is not known; that of the others is shared evenly"
        )
    return "The caseload is shared about as evenly as chance allows"


def _sentence(found: Evenness | None) -> str:
    """Hoover in one sentence, always beside what chance alone would show."""
    if found is None:
        return ""
    if found.would_move is None or found.would_move_by_chance is None:
        return (
            f"With fewer than {LEAST_CLINICIANS} clinicians an index would say more about single people than about the "
            "practice."
        )
    return (
        f"For equal shares about {found.would_move:.0f} weighted sessions a week would sit elsewhere; "
        f"chance alone would show {found.would_move_by_chance:.0f}."
    )
