"""The record types that connectors may return. They have no field for content, so none can be stored.

Instants are aware datetimes; a naive one is refused when the record is created. People, threads and entries appear as
keyed pseudonyms only (see :mod:`connectors.pseudonyms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The kind of a calendar entry, decided by the practice's ordered rules (:mod:`connectors.classify`)."""

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
    BUSY = "busy"  # of another job's calendar: times and nothing else


SUPERVISION = frozenset({Kind.SUPERVISION, Kind.GROUP_SUPERVISION})
"""Supervision, alone or with others."""

LONG_KINDS = frozenset({Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY, Kind.BUSY})
"""The kinds that may last longer than any session."""


class Status(StrEnum):
    """The status of an entry, as the source has it."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    LATE_CANCELLED = "late_cancelled"
    CLINICIAN_CANCELLED = "clinician_cancelled"  # only if the source says who cancelled
    NO_SHOW = "no_show"


CALLED_OFF = (Status.DECLINED, Status.CANCELLED, Status.LATE_CANCELLED, Status.CLINICIAN_CANCELLED)
"""The statuses of entries that do not take place."""


class CounterpartKind(StrEnum):
    """The kind of a message's counterpart. An outside person counts as a client until marked otherwise."""

    CLIENT = "client"
    COLLEAGUE = "colleague"
    MANAGEMENT = "management"
    AUTOMATIC = "automatic"
    OTHER = "other"


class Grade(StrEnum):
    """The kind of evidence of a session's actual times; a record system's counts before a call's."""

    EHR = "ehr"
    CALL = "call"


def _refuse_naive(*instants: datetime | None) -> None:
    if any(instant is not None and instant.tzinfo is None for instant in instants):
        raise ValueError("an instant without a zone cannot be stored")


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One occurrence: a single entry, or one instance of a series.

    ``uid_key`` is the pseudonym of UID and original occurrence, so it stays the same when the entry is moved. An
    all-day entry runs from local midnight to local midnight of its owner. ``edited_at`` is the source's own time of the
    last change, if it has one.

    ``excluded`` is the reason why the entry is stored and listed but never counts as working time, for reasons that the
    source itself gives; ingest decides about too long ones. ``is_free`` marks an entry that the source shows as free:
    in another job's calendar it is nobody's time.

    ``meeting`` is the pseudonym of the video meeting in the invitation, which several entries and series may share:
    ``pseudonyms.entry("meeting", code)``, with the code in lower case and without dashes.

    ``series`` is the pseudonym of the series, ``pseudonyms.entry(uid)``, if the connector expanded the instance from a
    recurrence rule; an instance that the source lists by itself has none. A rule is listed for as long as it goes on,
    so its instances do not show how far back a source reaches.
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
    """The actual times of one session, from a record system or a call log.

    ``uid_key`` is the occurrence it belongs to, if the source knows it, ``meeting`` the video meeting (see
    :class:`CalendarEvent`); otherwise the session is found by overlap. ``None`` as a start or end means unknown, not
    "on time". A video meeting to which nobody came starts and ends at the middle of the clinician's wait.
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


@dataclass(slots=True)  # not frozen: that takes four times as long to create, and there are millions
class MessageStamp:
    """The time, direction and counterpart of one message.

    ``key`` is the 64-bit pseudonym of the Message-ID: a message of one clinician has the same key in every folder, copy
    and source. ``thread_nodes`` are the pseudonyms of all messages and provider threads that it refers to, itself
    first; empty if the source has no threads. ``counterpart`` is the sender, or the first recipient who is not the
    owner.
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
