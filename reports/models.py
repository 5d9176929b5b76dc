"""Models of the reports: plain frozen values, whose filler has already decided who may read them.

Two families share nothing: :class:`WeeklyReport` is for one therapist alone, :class:`FairnessReport` is for the
director and has no field for anybody's wellbeing. :class:`Comparison` is the figure of the check-in page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Unit(StrEnum):
    """The unit of a number, and so its notation; :func:`reports.wording.quantity` writes it."""

    COUNT = "count"  # "8"
    MINUTES = "minutes"  # "38 min", "2 h 41"
    HOURS = "hours"  # "18.5 h"
    PERCENT = "percent"  # "25 %", the value being 0 to 100
    DAYS = "days"  # "12 days"
    LOAD = "load"  # "21.4", weighted sessions a week per full-time equivalent


@dataclass(frozen=True, slots=True)
class BuiltFrom:
    """The basis of a weekly report. ``not_seen`` names channels that are not connected ("phone", "portal").

    ``complete_through`` is local, the older of read and computed; ``None`` when nothing has arrived yet.
    """

    calendar_events: int
    message_times: int
    messages_connected: bool
    not_seen: tuple[str, ...]
    complete_through: datetime | None
    assumed_hours: bool


@dataclass(frozen=True, slots=True)
class GapNote:
    """One gap on a page: a heading, and a text about what it hides and what would make it known."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text: column titles and rows, already in words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class AnswerChoice:
    """One answer that a notice offers."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Card:
    """The one notice of the week: evidence first, then at most one thing to try.

    ``answer`` is the label of the standing answer, if any. ``evidence`` are the week's rows, ``weeks`` the weeks of the
    notice after a typical one.
    """

    notice_id: int
    title: str
    text: str
    evidence: TextTable
    try_this: str | None
    answers: tuple[AnswerChoice, ...]
    answer: str | None = None
    weeks: TextTable | None = None


@dataclass(frozen=True, slots=True)
class RhythmDay:
    """One work day by the hour; tuples run along ``Rhythm.hours``, in minutes from 0 to 60.

    ``agreed`` holds spans of local hours (10.0, 18.5). ``outside_minutes`` is the day's sum, ``None`` where nothing was
    outside. ``in_notice`` is true only if a notice rests on this day. A ``leave`` day shows no numbers.
    """

    day: date
    inside: tuple[float, ...]
    outside: tuple[float, ...]
    agreed: tuple[tuple[float, float], ...]
    outside_minutes: float | None
    in_notice: bool = False
    leave: bool = False


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The week by hour. ``hours`` are local hours of the work day, 24 and more being after midnight.

    ``assumed`` is true where nobody declared the hours that are drawn as agreed.
    """

    title: str
    subtitle: str
    hours: tuple[int, ...]
    days: tuple[RhythmDay, ...]
    assumed: bool = False


class EndState(StrEnum):
    """The state of a session's end, compared with the person's own buffer."""

    WITHIN = "within"
    PAST = "past"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """One session with a known end: minutes after (or before, negative) the booked one."""

    minutes: float
    state: EndState
    booked_end: datetime


@dataclass(frozen=True, slots=True)
class EndsDay:
    """One day's session ends; ``held`` also counts sessions whose end is unknown."""

    day: date
    ends: tuple[SessionEnd, ...]
    sessions_held: int
    in_notice: bool = False


@dataclass(frozen=True, slots=True)
class SessionEnds:
    """The week's session ends. ``known`` of ``held`` sessions have a true end; below 60 % there are no days to draw."""

    title: str
    subtitle: str
    grace_minutes: int
    days: tuple[EndsDay, ...]
    known_ends: int
    sessions_held: int


@dataclass(frozen=True, slots=True)
class OwnRange:
    """A metric and its own past: the last weeks, this one last, ``None`` where there is no value.

    ``low`` to ``high`` is the middle 80 % of the weeks before, ``None`` until six of them were observed. ``in_notice``
    is true only if a notice rests on the metric.
    """

    key: str
    title: str
    unit: Unit
    weeks: tuple[date, ...]
    values: tuple[float | None, ...]
    low: float | None
    middle: float | None
    high: float | None
    in_notice: bool = False


@dataclass(frozen=True, slots=True)
class WeeklyReport:
    """One therapist's week, for that therapist alone.

    ``week`` is its Monday. ``headline`` is one or two sentences. ``warnings`` name what was not read or not computed,
    of this week and of newer ones; ``gaps`` what is not connected or not known of the person; ``notes`` what else is
    missing and why (too few weeks for a range). ``previous`` and ``following`` are neighbouring weeks that have a
    report.
    """

    clinician: str
    week: date
    headline: str
    built_from: BuiltFrom
    card: Card | None
    rhythm: Rhythm | None
    ends: SessionEnds | None
    ranges: tuple[OwnRange, ...]
    protective_facts: tuple[str, ...]
    looking_ahead: tuple[str, ...]
    notes: tuple[str, ...]
    contacts: tuple[str, ...]
    definitions_version: str
    previous: date | None = None
    following: date | None = None
    warnings: tuple[str, ...] = ()
    gaps: tuple[GapNote, ...] = ()


class CaseloadStanding(StrEnum):
    """The place of a caseload relative to an equal share; above and below begin beyond the larger of 10 % and chance.

    Somebody who is joining or leaving, or whose caseload is not known, is not compared.
    """

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"
    JOINING = "joining"
    LEAVING = "leaving"
    UNKNOWN = "not known"


class Supervision(StrEnum):
    """Supervision by the calendar; not known where no rule tells it from other entries, or without a known caseload."""

    HELD = "held"
    NONE = "none in the calendar"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class CaseloadRow:
    """One clinician's share: weighted sessions a week per FTE, mean of the last two blocks and of the two before.

    ``fte`` is the contract's. ``low`` to ``high`` is this person's own band around the equal share and ``difference``
    the share of load against the share of FTE in per cent; ``None`` where somebody is not compared. Clients, intakes
    and supervision are of the last block. Open slots, by day and in the evening, and how many of them together are for
    trauma-focused work, are as the person set them last: ``None`` where they never did.
    ``slots_are_old`` says that this was more than eight weeks before the last block ended, never when. ``note`` is a
    word such as "joined Sep". Everywhere else ``None`` is not known.
    """

    name: str
    fte: float
    load: float | None
    load_before: float | None
    low: float | None
    high: float | None
    difference: float | None
    standing: CaseloadStanding
    active_clients: int | None
    intakes: int | None
    day_slots: int | None
    evening_slots: int | None
    trauma_slots: int | None
    supervision: Supervision
    slots_are_old: bool = False
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class StaleCaseload:
    """Somebody whose calendar was read less far than the others'; ``day`` is the last day that was read, if any."""

    key: str
    name: str
    day: date | None


@dataclass(frozen=True, slots=True)
class Period:
    """The block of four weeks that was published last, its day of publishing, and the days of the next block.

    ``waits_for`` names those whose caseload keeps the next block from being published although it is over; on
    ``publish_by`` it is published without them. Before the first block is published ``first``, ``last`` and
    ``published`` are ``None``.
    """

    first: date | None
    last: date | None
    published: date | None
    next_first: date
    next_last: date
    publish_by: date
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handover:
    """Somebody who leaves: the last day, and how many clients have to be handed over (``None``: not known)."""

    name: str
    last: date
    clients: int | None


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """The director's page: how evenly the caseload is shared, and nothing about anybody's wellbeing.

    ``hoover`` is a share of all load (0 to 1), ``sessions_to_move`` the same in weighted sessions a week,
    ``sessions_to_move_by_chance`` the value that equal true loads would give. ``gini`` is corrected for small numbers,
    with its interval. Indices are ``None`` below four clinicians, and where chance alone could explain any value.
    ``trend_sentence`` is empty where no trend is certain. ``sessions_held`` and ``nothing_booked`` are about the
    practice as a whole. ``unknown`` names those whose caseload is not known in the last block.
    """

    practice: str
    period: Period
    headline: str
    evenness_sentence: str
    trend_sentence: str
    equal_share: float | None
    rows: tuple[CaseloadRow, ...]
    hoover: float | None
    sessions_to_move: float | None
    sessions_to_move_by_chance: float | None
    gini: float | None
    gini_low: float | None
    gini_high: float | None
    sessions_held: int | None
    nothing_booked: int | None
    handovers: tuple[Handover, ...]
    unknown: tuple[str, ...]
    complete_through: datetime | None
    overdue: bool = False
    stale_caseloads: tuple[StaleCaseload, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """One clinician and a referral; ``place`` 1 takes it next.

    ``load_after`` is weighted sessions a week per FTE including it, ``assigned`` the number of referrals since the last
    block. ``last_intake`` is the first day of the last block with a new client, or the day of the last referral,
    ``None`` if neither is known. Somebody who cannot take the referral has no place and no number.
    """

    name: str
    place: int | None
    load_after: float | None
    assigned: int
    last_intake: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class ReferralShare:
    """One clinician's part of several referrals: how many, and the load per FTE with all of them."""

    name: str
    referrals: int
    load_after: float


@dataclass(frozen=True, slots=True)
class ReferralReport:
    """The order in which people take the next referral, and in ``shares`` how many of several each takes.

    ``request`` is the referral in words, ``headline`` the answer. ``unplaced`` referrals can be taken by nobody.
    """

    practice: str
    request: str
    headline: str
    rows: tuple[ReferralRow, ...]
    shares: tuple[ReferralShare, ...]
    unplaced: int
    period: Period
    complete_through: datetime | None
    overdue: bool = False
    stale_caseloads: tuple[StaleCaseload, ...] = ()


@dataclass(frozen=True, slots=True)
class SelfReportScale:
    """One scale of a questionnaire over time. ``low`` to ``high`` are its possible values.

    ``bands`` are its published parts: the first value of each, and its name; empty where none is published. ``points``
    are the days on which it was answered, the oldest first, each with the result.
    """

    title: str
    low: float
    high: float
    bands: tuple[tuple[float, str], ...]
    points: tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric by week, along ``Comparison.weeks``; ``None`` where there is no value."""

    title: str
    unit: Unit
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Self-reports and measured weeks on one line of time. ``weeks`` are Mondays."""

    title: str
    subtitle: str
    weeks: tuple[date, ...]
    self_reports: tuple[SelfReportScale, ...]
    measures: tuple[ComparedMetric, ...]
