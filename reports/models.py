"""All that a report may be told. Plain frozen values: whoever fills them has already decided who may know.

Two families that share nothing: :class:`WeeklyReport` is for one therapist alone, :class:`FairnessReport` is for the
director and has no field in which anybody's wellbeing could travel. :class:`Beside` is the figure of the check-in page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Unit(StrEnum):
    """What a number counts, and so how it is written; :func:`reports.wording.quantity` does it."""

    COUNT = "count"  # "8"
    MINUTES = "minutes"  # "38 min", "2 h 41"
    HOURS = "hours"  # "18.5 h"
    PERCENT = "percent"  # "25 %", the value being 0 to 100
    DAYS = "days"  # "12 days"
    LOAD = "load"  # "21.4", weighted sessions a week per full-time equivalent


@dataclass(frozen=True, slots=True)
class BuiltFrom:
    """What a weekly report rests on. ``not_seen`` names channels that are not connected ("phone", "portal").

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
    """One thing without which a page can say less: a heading, and what it hides with what would make it known."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows behind a number or a figure, already in words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class AnswerChoice:
    """One thing a person can say to a notice."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Card:
    """The one notice of the week: evidence first, then at most one thing to try; ``answered`` is a label if any.

    ``based_on`` are the week's rows, ``weeks`` the weeks of the notice beside a usual one.
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
    """One work day by the hour; tuples run along ``Rhythm.hours``. Minutes 0 to 60.

    ``agreed`` holds spans of local hours (10.0, 18.5). ``outside_minutes`` is the day's sum, ``None`` where nothing was
    outside. ``attention`` only if a notice rests on this day. ``leave`` days say so instead of numbers.
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

    ``assumed`` says that nobody declared the hours that are drawn as agreed.
    """

    title: str
    subtitle: str
    hours: tuple[int, ...]
    days: tuple[RhythmDay, ...]
    assumed: bool = False


class EndState(StrEnum):
    """Where a session's end lies against the person's own buffer."""

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
    """One day's session ends; ``held`` counts those whose end is unknown too."""

    day: date
    ends: tuple[SessionEnd, ...]
    held: int
    in_notice: bool = False


@dataclass(frozen=True, slots=True)
class SessionEnds:
    """When sessions ended. ``known`` of ``held`` sessions have a true end; under 60 % there are no days to draw."""

    title: str
    subtitle: str
    grace_minutes: int
    days: tuple[EndsDay, ...]
    known: int
    held: int


@dataclass(frozen=True, slots=True)
class OwnRange:
    """A measure beside its own past: the last weeks with this one last, ``None`` where there is no value.

    ``low`` to ``high`` is the middle 80 % of the weeks before, ``None`` until six of them were observed. ``attention``
    only if a notice rests on it.
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
    """One therapist's week, told to that therapist alone.

    ``week`` is its Monday. ``headline`` is one or two sentences. ``warnings`` say what was not read or not computed, of
    this week and of newer ones; ``missing`` what is not connected or not known of the person. ``notes`` say what else
    is missing and why (too few weeks for a range). ``previous`` and ``following`` are neighbouring weeks that have a
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
    protects: tuple[str, ...]
    ahead: tuple[str, ...]
    notes: tuple[str, ...]
    contacts: tuple[str, ...]
    definitions_version: str
    previous: date | None = None
    following: date | None = None
    warnings: tuple[str, ...] = ()
    gaps: tuple[GapNote, ...] = ()


class CaseloadStanding(StrEnum):
    """Where a caseload lies against an equal share; outside only beyond the larger of 10 % and chance.

    Whoever is joining or leaving, or whose caseload is not known, is not compared.
    """

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"
    JOINING = "joining"
    LEAVING = "leaving"
    UNKNOWN = "not known"


class Supervision(StrEnum):
    """Supervision by the calendar; not known where no rule tells it from other entries, or the caseload is not."""

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
    """Somebody whose calendar was not read when the others' were; ``day`` is the last on which it was, if any."""

    key: str
    name: str
    day: date | None


@dataclass(frozen=True, slots=True)
class Period:
    """The block of four weeks that was published last: its days, the day of publishing and the days of the next one.

    ``waits_for`` are those who keep the next one from being published although it is over, ``until`` the day on which
    it is published without them. Before the first block is published ``first``, ``last`` and ``published`` are
    ``None``.
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
    """The director's page: how evenly the caseload is shared, and nothing about how anybody is.

    ``hoover`` is a share of all load (0 to 1), ``sessions_to_move`` the same in weighted sessions a week,
    ``sessions_to_move_by_chance`` what equal true loads would show; ``total`` is all load. ``gini`` is corrected for
    small numbers, with its interval. Indices are ``None`` below four clinicians, and where chance could make them
    anything. ``trend`` is a sentence, empty where no trend is certain. ``sessions_held`` and ``nothing_booked`` are the
    practice's as a whole. ``unknown`` are those whose caseload is not known in the last block.
    """

    practice: str
    period: Period
    headline: str
    sentence: str
    trend: str
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
    """One clinician and a referral; ``place`` 1 is the next to take it.

    ``load_after`` is weighted sessions a week per FTE with it, ``assigned`` how many referrals were given since the
    last block; ``last_intake`` is the first day of the last block with a new client, or the day of the last referral,
    ``None`` if none is known. Whoever cannot take it has no place and no number.
    """

    name: str
    place: int | None
    load_after: float | None
    assigned: int
    last_intake: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class ReferralShare:
    """How many of several referrals fall to one clinician, and the load per FTE with all of them."""

    name: str
    referrals: int
    load_after: float


@dataclass(frozen=True, slots=True)
class ReferralReport:
    """Who takes the next referral, and of ``shares`` who takes how many of several; for the director.

    ``asked`` is the referral in words, ``headline`` the answer. ``unplaced`` referrals can be taken by nobody.
    """

    practice: str
    asked: str
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
    """One scale of a questionnaire over time. ``low`` to ``high`` is what it can come to.

    ``bands`` are the published parts of it: the first value of each, and its word; empty where none is published.
    ``points`` are the days on which it was answered, the oldest first, each with the result.
    """

    title: str
    low: float
    high: float
    bands: tuple[tuple[float, str], ...]
    points: tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One measure by week, along ``Beside.weeks``; ``None`` where there is no value."""

    title: str
    unit: Unit
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was felt beside what was measured, on one line of time. ``weeks`` are Mondays."""

    title: str
    subtitle: str
    weeks: tuple[date, ...]
    self_reports: tuple[SelfReportScale, ...]
    measures: tuple[ComparedMetric, ...]
