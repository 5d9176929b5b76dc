"""The practice's people and their agreed hours, as the configuration tells them. Immutable, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

MinuteSpan = tuple[int, int]
"""Minutes from local midnight of the day a span starts on; an overnight span ends beyond 1440."""


@dataclass(frozen=True, slots=True)
class Hours:
    """One version of a work pattern. ``starts`` is ``None`` for the earliest, which holds before it too.

    ``days`` maps the weekday (0 is Monday) to its spans; ``holidays`` are the spans worked on public holidays.
    """

    starts: date | None
    days: Mapping[int, tuple[MinuteSpan, ...]]
    holidays: tuple[MinuteSpan, ...] = ()


ASSUMED_HOURS = Hours(None, dict.fromkeys(range(5), ((8 * 60, 18 * 60),)))
"""Monday to Friday, 08:00 to 18:00: what is taken, and said to be taken, where nobody declared hours."""

DAY_STARTS_AT = 4 * 3600
"""Seconds after midnight at which a work day begins, where the practice does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Residence:
    """The zone a clinician lives in from a local date on; ``starts`` is ``None`` for the first."""

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
    """Which referrals a clinician can take. What is not listed is not offered."""

    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    modality: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Clinician:
    """One person whose times are read. ``addresses`` are canonical; ``hours`` empty means assumed hours."""

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
        """The zone lived in at an instant; a date on which somebody moves is the new zone's from its midnight on."""
        return next(
            home.zone
            for home in reversed(self.residences)
            if home.starts is None or home.starts <= instant.astimezone(home.zone).date()
        )

    def fte_on(self, day: date) -> float:
        """The contract's share of a full post on a local date."""
        begun = [one.fte for one in self.contracts if one.starts is None or one.starts <= day]
        return begun[-1] if begun else self.contracts[0].fte

    @property
    def has_assumed_hours(self) -> bool:
        """Whether the hours were declared by nobody."""
        return not self.hours


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the practice's weight table: how many ordinary clients one in each band counts for.

    ``starts`` is ``None`` for the earliest, which holds before it too. Bands are numbered from 1.
    """

    starts: date | None
    bands: tuple[float, ...]


DEFAULT_WEIGHTS = Weights(None, (1.0, 1.25, 1.5, 2.0))
"""What the bands count for where the practice has set nothing, a design choice. Without a band a client is 1."""


@dataclass(frozen=True, slots=True)
class Practice:
    """What holds for everybody. ``day_starts_at`` is in seconds after midnight (default 04:00).

    ``supervision_group`` is how many share a group supervision. ``subdivision`` is the part of the country whose public
    holidays hold.
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
