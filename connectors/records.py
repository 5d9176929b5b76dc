"""All that a connector may say. No field for content exists here, so none can be stored.

Instants are aware datetimes; a naive one is refused where the record is made. People, threads and entries
appear as keyed pseudonyms only (see :mod:`connectors.pseudonyms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What an entry of a calendar is, decided by the practice's ordered rules (:mod:`connectors.classify`)."""

    SESSION = "session"
    SUPERVISION = "supervision"
    GROUP_SUPERVISION = "group_supervision"
    CONSULTATION = "consultation"
    TRAINING = "training"
    OWN_THERAPY = "own_therapy"
    ADMINISTRATION = "administration"
    LEAVE = "leave"
    ON_CALL = "on_call"
    EMERGENCY = "emergency"
    PROTECTED = "protected"
    PERSONAL = "personal"
    OTHER = "other"
    BUSY = "busy"  # another job's span: times and nothing else


SUPERVISION = frozenset({Kind.SUPERVISION, Kind.GROUP_SUPERVISION})
"""Supervision, alone or with others."""

LONG_KINDS = frozenset({Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY, Kind.BUSY})
"""What may last longer than any session does."""


class Status(StrEnum):
    """What the source says became of an entry."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    LATE_CANCELLED = "late_cancelled"
    CLINICIAN_CANCELLED = "clinician_cancelled"  # where the source says whose cancellation it was
    NO_SHOW = "no_show"


CALLED_OFF = (Status.DECLINED, Status.CANCELLED, Status.LATE_CANCELLED, Status.CLINICIAN_CANCELLED)
"""What does not take place."""


class CounterpartKind(StrEnum):
    """Who stands at the other end of a message. An outside person counts as a client until marked otherwise."""

    CLIENT = "client"
    COLLEAGUE = "colleague"
    MANAGEMENT = "management"
    AUTOMATIC = "automatic"
    OTHER = "other"


class Grade(StrEnum):
    """How a session's true times are known; a record system's own times count before a call's."""

    EHR = "ehr"
    CALL = "call"


def _refuse_naive(*instants: datetime | None) -> None:
    if any(instant is not None and instant.tzinfo is None for instant in instants):
        raise ValueError("an instant without a zone cannot be stored")


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One known occurrence: a single entry, or one instance of a series.

    ``uid_key`` names UID and original occurrence, so it survives a move. An all-day entry runs from local
    midnight to local midnight of its owner. ``edited_at`` is the source's own last change, where it says so.
    ``excluded`` is the reason why this entry is kept and listed but never counted as working time, where the source
    itself gives one: that it is too long is for ingest to say. ``is_free`` marks an entry whose time the source shows
    as free: in another job's calendar it is nobody's time. ``meeting`` names
    the video meeting it invites to, which several entries and series may share: ``names.entry("meeting", code)``, the
    code in lower case and without dashes. ``series`` is the keyed name of the series, ``names.entry(uid)``, where the
    connector worked the instance out from a rule that the source tells; an instance that the source tells by itself
    has none. A rule is told as long as it goes on, so its instances say nothing of how far back a source reaches.
    """

    clinician: str
    uid_key: str
    start: datetime
    end: datetime
    kind: Kind
    all_day: bool = False
    status: Status = Status.CONFIRMED
    client: str | None = None
    edited_at: datetime | None = None
    excluded: str | None = None
    is_free: bool = False
    meeting: str | None = None
    series: str | None = None

    def __post_init__(self) -> None:
        _refuse_naive(self.start, self.end, self.edited_at)


@dataclass(frozen=True, slots=True)
class SessionEvidence:
    """True times of one session, from a record system or a call log.

    ``uid_key`` is the occurrence it belongs to where the source knows it, ``meeting`` the video meeting (as in
    :class:`CalendarEvent`); otherwise sessions are found by overlap.
    Either end may be unknown (``None``), which is not the same as "on time". A video meeting to which nobody came is
    told as the instant in the middle of the clinician's wait, as both its beginning and its end.
    """

    clinician: str
    key: str
    grade: Grade
    started_at: datetime | None
    ended_at: datetime | None
    uid_key: str | None = None
    meeting: str | None = None

    def __post_init__(self) -> None:
        _refuse_naive(self.started_at, self.ended_at)


@dataclass(slots=True)  # not frozen: that would take four times as long to make
class MessageStamp:
    """When one message was sent, in which direction, and a pseudonym for who stood at the other end.

    ``key`` is the keyed 64-bit name of the Message-ID: one message of one clinician has one key whatever folder,
    copy or source it comes from. ``thread_nodes`` are keyed names of every message or provider thread this one is
    tied to, itself first; empty where the source has no threads. ``counterpart`` is the sender, or the first
    recipient who is not the owner.
    """

    clinician: str
    key: int
    sent_at: datetime
    outgoing: bool
    counterpart: str | None
    counterpart_kind: CounterpartKind
    automatic: bool = False
    channel: str = "email"
    thread_nodes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.sent_at.tzinfo is None:
            _refuse_naive(self.sent_at)


Record = CalendarEvent | SessionEvidence | MessageStamp
