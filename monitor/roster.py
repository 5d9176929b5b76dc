"""The clinicians of a practice with their contracts, zones and agreed hours, as configured. All types are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

MinuteSpan = tuple[int, int]
"""Start and end in minutes after local midnight of the day a span starts on; an overnight span ends beyond 1440."""


@dataclass(frozen=True, slots=True)
class Hours:
    """One version of the agreed hours, in effect from ``starts`` on; ``None`` marks the first version.

    ``days`` maps the weekday (0 is Monday) to its spans; ``holidays`` are the spans worked on public holidays.
    """

    starts: date | None
    days: Mapping[int, tuple[MinuteSpan, ...]]
    holidays: tuple[MinuteSpan, ...] = ()


ASSUMED_HOURS = Hours(None, dict.fromkeys(range(5), ((8 * 60, 18 * 60),)))
"""Monday to Friday, 08:00 to 18:00: the hours used where none were agreed. Pages say that they are assumed."""

DAY_STARTS_AT = 4 * 3600
"""Default start of a work day, in seconds after midnight."""


@dataclass(frozen=True, slots=True)
class Residence:
    """The zone in which a clinician lives from a local date on; ``starts`` is ``None`` for the first."""

    starts: date | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Contract:
    """The share of a full post from a local date on; ``starts`` is ``None`` for the first."""

    starts: date | None
    fte: float


FULL_TIME = Contract(None, 1.0)


@dataclass(frozen=True, slots=True)
class ReferralPreferences:
    """The skills, languages and ways of working for which a clinician takes referrals."""

    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    modality: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Clinician:
    """A person whose working times are read. ``addresses`` are canonical; without ``hours`` they are assumed."""

    key: str
    name: str
    residences: tuple[Residence, ...]
    contracts: tuple[Contract, ...] = (FULL_TIME,)
    starts: date | None = None
    ends: date | None = None
    grace_minutes: int = 5
    addresses: frozenset[str] = frozenset()
    hours: tuple[Hours, ...] = ()
    referral_preferences: ReferralPreferences = ReferralPreferences()

    def zone_at(self, instant: datetime) -> ZoneInfo:
        """Return the zone lived in at an instant. A day of moving belongs to the new zone from its midnight on."""
        return next(
            residence.zone
            for residence in reversed(self.residences)
            if residence.starts is None or residence.starts <= instant.astimezone(residence.zone).date()
        )

    def fte_on(self, day: date) -> float:
        """Return the contract's share of a full post on a local date."""
        # Before the first date the first contract applies.
        ftes = [contract.fte for contract in self.contracts if contract.starts is None or contract.starts <= day]
        return ftes[-1] if ftes else self.contracts[0].fte

    @property
    def has_assumed_hours(self) -> bool:
        """True if no hours were agreed, so that assumed ones apply."""
        return not self.hours


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the practice's weight table: how many ordinary clients one client of each band counts for.

    ``starts`` is ``None`` for the first version. Bands are numbered from 1.
    """

    starts: date | None
    bands: tuple[float, ...]


DEFAULT_WEIGHTS = Weights(None, (1.0, 1.25, 1.5, 2.0))
"""The weights of the bands where the practice has set none, a design choice. A client without a band counts 1."""


@dataclass(frozen=True, slots=True)
class Practice:
    """The settings of the whole practice. ``day_starts_at`` is in seconds after midnight (default 04:00).

    ``supervision_group`` is the number of people who share a group supervision. ``subdivision`` is the part of the
    country whose public holidays apply.
    """

    name: str
    zone: ZoneInfo
    country: str | None = None
    subdivision: str | None = None
    region: str | None = None
    domains: frozenset[str] = frozenset()
    management: frozenset[str] = frozenset()
    day_starts_at: int = DAY_STARTS_AT
    longest_session_hours: float = 12
    supervision_group: int = 4
    contacts: tuple[str, ...] = field(default=())
    weights: tuple[Weights, ...] = ()
