"""Reports with invented numbers, one for each case that a page has to handle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from reports.models import (
    AnswerChoice,
    BuiltFrom,
    Card,
    CaseloadRow,
    CaseloadStanding,
    ComparedMetric,
    Comparison,
    EndsDay,
    EndState,
    FairnessReport,
    GapNote,
    Handover,
    OwnRange,
    Period,
    Rhythm,
    RhythmDay,
    SelfReportScale,
    SessionEnd,
    SessionEnds,
    Supervision,
    TextTable,
    Unit,
    WeeklyReport,
)

MONDAY = date(2025, 11, 3)
DAY_HOURS = tuple(range(6, 24))
ANSWERS = (
    AnswerChoice("planned", "This was planned"),
    AnswerChoice("needed", "It was clinically needed"),
    AnswerChoice("noted", "Thanks, noted"),
    AnswerChoice("later", "Not for four weeks"),
    AnswerChoice("wrong", "This looks wrong"),
)


def _minutes(hours: tuple[int, ...], worked: dict[int, float]) -> tuple[float, ...]:
    return tuple(worked.get(hour, 0.0) for hour in hours)


def _day(
    offset: int,
    agreed: tuple[tuple[float, float], ...],
    inside: dict[int, float],
    outside: dict[int, float],
    hours: tuple[int, ...] = DAY_HOURS,
) -> RhythmDay:
    total = sum(outside.values()) or None
    day = MONDAY + timedelta(days=offset)
    return RhythmDay(day, _minutes(hours, inside), _minutes(hours, outside), agreed, total)


def rhythm() -> Rhythm:
    days = (
        _day(0, ((9, 18),), {9: 60, 10: 30, 11: 45, 12: 50, 13: 0, 14: 30, 15: 60, 16: 30, 17: 42}, {8: 7}),
        _day(
            1,
            ((10, 19),),
            {10: 60, 11: 50, 12: 60, 13: 10, 14: 60, 15: 50, 16: 30, 17: 40, 18: 60},
            {19: 34, 21: 48, 22: 15},
        ),
        _day(2, ((9, 18),), {9: 30, 10: 60, 11: 60, 12: 50, 13: 12, 14: 60, 15: 60, 16: 50, 17: 25}, {}),
        _day(
            3,
            ((10, 19),),
            {10: 60, 11: 60, 12: 60, 13: 10, 14: 60, 15: 40, 16: 60, 17: 60, 18: 60},
            {19: 20, 20: 5, 22: 22},
        ),
        _day(4, ((9, 16),), {9: 30, 10: 60, 11: 60, 12: 20, 14: 30, 15: 55}, {}),
        _day(5, (), {}, {}),
        _day(6, (), {}, {20: 10}),
    )
    days = (days[0], replace(days[1], in_notice=True), *days[2:])
    return Rhythm(
        "Your week stayed mostly inside the hours you chose",
        "2 h 41 fell outside agreed hours, most of it on Tuesday and Thursday evening.",
        DAY_HOURS,
        days,
    )


def long_days() -> Rhythm:
    """Return a week with work before six and after midnight, split days, half hours and a day of leave."""
    hours = tuple(range(4, 27))
    split = ((8.5, 12.5), (14.0, 18.5))
    days = (
        _day(
            0,
            split,
            {8: 25, 9: 60, 10: 60, 11: 50, 12: 30, 14: 60, 15: 60, 18: 30},
            {4: 10, 5: 20, 18: 12, 25: 9},
            hours,
        ),
        _day(1, split, {9: 60, 10: 60}, {26: 15}, hours),
        replace(_day(2, (), {}, {}, hours), leave=True),
        replace(_day(3, (), {}, {20: 18}, hours), leave=True),
        _day(4, ((20.0, 26.0),), {20: 60, 21: 60, 22: 30, 24: 45, 25: 60}, {}, hours),
        _day(5, (), {}, {}, hours),
        _day(6, (), {}, {}, hours),
    )
    return Rhythm("Early mornings and one late clinic", "1 h 24 fell outside agreed hours.", hours, days)


def _ends(offset: int, minutes: list[float], *, planned: int = 0, unknown: int = 0, attention: bool = False) -> EndsDay:
    day = MONDAY + timedelta(days=offset)
    ends = []
    for n, index in enumerate(minutes):
        state = EndState.PAST if index > 10 else EndState.WITHIN
        state = EndState.PLANNED if n >= len(minutes) - planned else state
        ends.append(SessionEnd(index, state, datetime.combine(day, time(10 + n, 50))))
    return EndsDay(day, tuple(ends), len(minutes) + unknown, attention)


def session_ends() -> SessionEnds:
    days = (
        _ends(0, [-3, 0, 1, 2, 4]),
        _ends(1, [0, 2, 3, 5, 8, 12]),
        _ends(2, [-6, -1, 0, 0, 4]),
        _ends(3, [6, 9, 11, 14, 18, 23], planned=1, attention=True),
        _ends(4, [0, 1]),
    )
    title = "Most sessions ended on time; Thursday’s ran over"
    return SessionEnds(title, "Each dot is one session, placed by when it ended.", 10, days, 24, 24)


def crowded_ends() -> SessionEnds:
    """Return session ends with many at one minute, distant ones, unknown ones and no buffer."""
    days = (
        _ends(0, [0] * 9),
        _ends(1, [-42, -8, 0, 1, 1, 2, 2, 3, 95, 140], unknown=2),
        _ends(2, [], unknown=3),
    )
    return SessionEnds("Two sessions ran far over", "22 sessions.", 0, days, 19, 24)


def _range(
    key: str, title: str, unit: Unit, values: list[float | None], band: tuple[float, float, float] | None
) -> OwnRange:
    weeks = tuple(MONDAY - timedelta(weeks=len(values) - 1 - n) for n in range(len(values)))
    low, middle, high = band or (None, None, None)
    return OwnRange(key, title, unit, weeks, tuple(values), low, middle, high)


def ranges() -> tuple[OwnRange, ...]:
    outside = [70, 94, 61, 88, 108, 75, 84, 66, 101, 91, 78, 85, 161.0]
    return (
        replace(
            _range("outside_hours_minutes", "Work outside agreed hours", Unit.MINUTES, [*outside], (66, 85, 101)),
            in_notice=True,
        ),
        _range(
            "after_hours_replies",
            "Replies sent after hours",
            Unit.COUNT,
            [9, 12, 7, 8, 11, 6, 9, 10, 12, None, 7, 9, 8],
            (7, 9, 12),
        ),
        _range(
            "late",
            "Minutes past booked ends",
            Unit.MINUTES,
            [61, 48, 55, 70, 40, 57, 65, 51, 59, 44, 57, 62, 38],
            (44, 57, 65),
        ),
        _range(
            "sessions_held",
            "Sessions held",
            Unit.COUNT,
            [23, 25, 22, 24, 26, 24, 23, 21, 25, 24, 24, 26, 24],
            (22, 24, 26),
        ),
    )


WEEKS_OF = (("27 October", "1 h 58"), ("3 November", "2 h 41"))


def card() -> Card:
    rows = (
        ("Tuesday", "21:10", "reply", "34 min"),
        ("Tuesday", "22:05", "session", "48 min"),
        ("Thursday", "22:40", "reply", "22 min"),
    )
    return Card(
        7,
        "Something you may want to look at",
        "Work outside your agreed hours came to 2 h 41. In your last 12 weeks it was usually between 1 h 06 and "
        "1 h 41; Tuesday evening was 1 h 37 of it.",
        TextTable(("Day", "When", "What", "Minutes"), rows),
        "keep 20 minutes free after your last Thursday session.",
        ANSWERS,
        weeks=TextTable(
            ("Week of", "Work outside agreed hours"), (("Typical week of the year before", "1 h 25"), *WEEKS_OF)
        ),
    )


BUILT = BuiltFrom(24, 61, True, ("phone", "portal"), datetime(2025, 11, 9, 23, 59), False)  # noqa: DTZ001 - local


def full() -> WeeklyReport:
    return WeeklyReport(
        clinician="Ana",
        week=MONDAY,
        headline="Most of your week stayed inside your hours. Evenings ran longer than usual.",
        built_from=BUILT,
        card=card(),
        rhythm=rhythm(),
        ends=session_ends(),
        ranges=ranges(),
        protective_facts=(
            "Supervision was held on Wednesday.",
            "You kept a break on 4 of 5 long days.",
            "Leave is booked from 22 December.",
        ),
        looking_ahead=("26 sessions booked, no gap on Wednesday between 10 and 3.",),
        notes=("Ends are known for 24 of 24 sessions.",),
        contacts=("Your supervisor", "A colleague you trust", "Samaritans, 116 123, at any hour"),
        definitions_version="2025.1",
        previous=MONDAY - timedelta(weeks=1),
        following=MONDAY + timedelta(weeks=1),
    )


def quiet() -> WeeklyReport:
    """Return a report of a week in which nothing stood out."""
    calm = tuple(
        replace(measure, in_notice=False, values=(*measure.values[:-1], measure.middle)) for measure in ranges()
    )
    days = tuple(replace(day, in_notice=False) for day in rhythm().days)
    ends = replace(session_ends(), days=tuple(replace(day, in_notice=False) for day in session_ends().days))
    week = replace(rhythm(), days=days)
    return replace(
        full(), headline="Nothing stood out this week.", card=None, rhythm=week, ends=ends, ranges=calm, notes=()
    )


def answered() -> WeeklyReport:
    return replace(full(), card=replace(card(), answer="This was planned"))


def without_messages() -> WeeklyReport:
    built = BuiltFrom(1, 0, False, (), datetime(2025, 11, 6, 14, 5), True)  # noqa: DTZ001 - local
    warning = (
        "The week of 3 to 9 November 2025 is not complete: your calendar (diary) was last read on Thursday 6 November."
    )
    missing = (
        GapNote("Where are your messages?", "No messages are connected, so replies and evenings are not known."),
    )
    return replace(
        quiet(),
        headline="Your week by the calendar alone.",
        built_from=built,
        following=None,
        warnings=(warning,),
        gaps=missing,
    )


def first_weeks() -> WeeklyReport:
    """Return a report of the second week: no usual range yet, too few known ends."""
    short = tuple(
        replace(
            metric,
            weeks=metric.weeks[-2:],
            values=metric.values[-2:],
            low=None,
            middle=None,
            high=None,
            in_notice=False,
        )
        for metric in ranges()
    )
    ends = replace(
        session_ends(),
        title="Ends are known for 9 of 24 sessions",
        subtitle="They are drawn from 60 % on.",
        days=(),
        known_ends=9,
    )
    note = "Your usual range needs 6 weeks; you have 2. We show your week without comparing it."
    return replace(quiet(), headline="Your second week.", ends=ends, ranges=short, notes=(note,), previous=None)


def nothing_yet() -> WeeklyReport:
    built = BuiltFrom(0, 0, False, ("phone",), None, False)
    empty = replace(
        full(), headline="No week to show yet.", built_from=built, card=None, rhythm=None, ends=None, ranges=()
    )
    return replace(empty, protective_facts=(), looking_ahead=(), notes=(), contacts=(), previous=None, following=None)


def leave() -> WeeklyReport:
    days = tuple(replace(_day(n, (), {}, {}), leave=n < 5) for n in range(7))
    week = Rhythm("You were on leave", "No work was seen.", DAY_HOURS, days)
    blank = tuple(replace(metric, values=(*metric.values[:-1], None), in_notice=False) for metric in ranges())
    return replace(quiet(), headline="You were on leave.", rhythm=week, ends=None, ranges=blank)


def odd_hours() -> WeeklyReport:
    return replace(full(), rhythm=long_days(), ends=crowded_ends())


def _share(
    name: str, fte: float, now: float | None, before: float | None, note: str = "", *, joining: bool = False
) -> CaseloadRow:
    band = max(0.10, 0.09 / fte)
    share = 25.9
    compared = now is not None and not joining
    difference = (now / share - 1) * 100 if now is not None and compared else None
    standing = (
        CaseloadStanding.JOINING if joining else CaseloadStanding.INSIDE if compared else CaseloadStanding.UNKNOWN
    )
    if difference is not None and abs(difference) > band * 100:
        standing = CaseloadStanding.ABOVE if difference > 0 else CaseloadStanding.BELOW
    low, high = (share * (1 - band), share * (1 + band)) if compared else (None, None)
    return CaseloadRow(
        name, fte, now, before, low, high, difference, standing, None if now is None else round(now * fte * 1.2), 2,
        None if fte == 1.0 else 2, None if fte == 1.0 else 1, None if fte == 1.0 else 1,
        Supervision.UNKNOWN if now is None else Supervision.HELD if fte == 1.0 else Supervision.NONE,
        slots_are_old=fte == 0.5, note=note,
    )  # fmt: skip


PRACTICE = (
    _share("A. Okafor", 1.0, 31.6, 29.8),
    _share("B. Lindqvist", 0.8, 29.9, 27.2),
    _share("C. Marín", 1.0, 27.2, 26.4),
    _share("D. Haddad", 0.6, 26.4, 27.9),
    _share("E. Novak", 1.0, 25.7, 26.1),
    _share("F. Tanaka", 0.5, 24.8, 25.2),
    replace(
        _share("G. Whitaker", 1.0, 24.1, 24.6),
        low=None,
        high=None,
        difference=None,
        standing=CaseloadStanding.LEAVING,
        note="leaves 19 Dec",
    ),
    _share("H. Boateng", 1.0, 18.0, 15.2, "joining until 29 Nov", joining=True),
)


PERIOD = Period(
    first=date(2025, 9, 29), last=date(2025, 10, 26), published=date(2025, 10, 27), next_first=date(2025, 10, 27),
    next_last=date(2025, 11, 23), publish_by=date(2025, 12, 8),
)  # fmt: skip


def practice(rows: tuple[CaseloadRow, ...] = PRACTICE) -> FairnessReport:
    return FairnessReport(
        practice="Harbour Street",
        period=PERIOD,
        headline="A. Okafor and B. Lindqvist carry more than an equal share",
        evenness_sentence=(
            "For equal shares, 10 of 175 weighted sessions a week would be with other people. If everybody’s load "
            "were truly equal, chance alone would still show about 6."
        ),
        trend_sentence="It is shared less evenly than in the eight weeks before.",
        equal_share=25.9,
        rows=rows,
        hoover=0.056,
        sessions_to_move=9.8,
        sessions_to_move_by_chance=6.2,
        gini=0.071,
        gini_low=0.04,
        gini_high=0.11,
        sessions_held=612,
        nothing_booked=9,
        handovers=(Handover("G. Whitaker", date(2025, 12, 19), 29),),
        unknown=(),
        complete_through=datetime(2025, 11, 9, 23, 59),  # noqa: DTZ001 - local
    )


def large_practice() -> FairnessReport:
    names = (
        "Dr. Maximiliane Freifrau von Hohenstein-Schwarzenberg", "Nguyễn Thị Minh Khai", "<b>Bobby</b> | Tables",
        "李小龍", "Oluwaseun Adébáyọ̀", "Þórunn Guðmundsdóttir",
    )  # fmt: skip
    rows = tuple(_share(name, 0.4 + n / 10, 20.0 + 2 * n, 21.0 + n) for n, name in enumerate(names))
    return practice((*PRACTICE, *rows, _share("N. Ewcomer", 0.75, None, None, "joining until 1 Feb", joining=True)))


def small_practice() -> FairnessReport:
    report = practice(PRACTICE[1:4])
    sentence = "With fewer than four clinicians no index is given."
    bare = replace(
        report,
        headline="The caseload is close to an equal share",
        evenness_sentence=sentence,
        hoover=None,
        sessions_to_move=None,
    )
    return replace(
        bare, sessions_to_move_by_chance=None, gini=None, gini_low=None, gini_high=None, trend_sentence="",
        sessions_held=None, nothing_booked=None, handovers=(), unknown=("D. Haddad",),
    )  # fmt: skip


def first_block() -> FairnessReport:
    """Return the report of a practice that is younger than one block."""
    young = replace(PERIOD, first=None, last=None, published=None)
    rows = tuple(
        replace(row, load=None, load_before=None, low=None, high=None, difference=None,
                standing=CaseloadStanding.UNKNOWN, active_clients=None, intakes=None,
                supervision=Supervision.UNKNOWN, slots_are_old=False)
        for row in PRACTICE[:5]
    )  # fmt: skip
    return replace(
        small_practice(), period=young, headline="There is no block of four weeks to show yet",
        evenness_sentence="", rows=rows, equal_share=None, unknown=(),
    )  # fmt: skip


WEEKS = {
    "full": full, "quiet": quiet, "answered": answered, "without-messages": without_messages,
    "first-weeks": first_weeks, "nothing-yet": nothing_yet, "leave": leave, "odd-hours": odd_hours,
}  # fmt: skip
PRACTICES = {"practice": practice, "large": large_practice, "small": small_practice, "first-block": first_block}


FIRST = date(2025, 11, 10)
THIRDS = ((10.0, "low"), (23.0, "moderate"), (42.0, "high"))


def comparison() -> Comparison:
    """Return a year with three scales: with three answers, with one, and without published bands; weeks have gaps."""
    weeks = tuple(FIRST + timedelta(weeks=n) for n in range(52))
    outside = tuple(None if n in {6, 7, 30} else 40.0 + 3 * (n % 9) for n in range(52))
    over = tuple(round(1.5 - (n % 5) * 0.7, 1) for n in range(52))
    return Comparison(
        title="You answered on 4 days; these are the weeks around it",
        subtitle="Each large dot is an answer of yours.",
        weeks=weeks,
        self_reports=(
            SelfReportScale("Compassion satisfaction", 10, 50, THIRDS, _points((40, 41.0), (120, 22.0), (360, 35.0))),
            SelfReportScale("Burnout, by your own definition", 1, 5, ((1, "under"), (3, "over")), _points((200, 3.0))),
            SelfReportScale("Exhaustion", 1, 4, (), _points((0, 2.625), (120, 4.0))),
        ),
        measures=(
            ComparedMetric("Work outside agreed hours", Unit.MINUTES, outside),
            ComparedMetric("Minutes past the booked end", Unit.MINUTES, over),
            ComparedMetric("Replies after hours", Unit.COUNT, (None,) * 52),
        ),
    )


def short_comparison() -> Comparison:
    """Return a comparison with one answer, on the first day of data."""
    weeks = (FIRST,)
    scale = SelfReportScale("Burnout", 10, 50, THIRDS, ((FIRST, 21.0),))
    return Comparison("You answered on 1 day; these are the weeks around it", "", weeks, (scale,), ())


def _points(*answers: tuple[int, float]) -> tuple[tuple[date, float], ...]:
    return tuple((FIRST + timedelta(days=days), value) for days, value in answers)
