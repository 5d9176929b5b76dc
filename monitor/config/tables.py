"""What may stand in the configuration file: one dataclass a table, each field a key of it.

Keys end up as they are explained in ``config.example.toml``; a test reads both and looks both ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from connectors.classify import KindRule
from connectors.pseudonyms import canonical_address
from connectors.records import Kind
from monitor.config.hours import DAY, format_span, overlapping_spans, parse_minutes, parse_span
from monitor.config.public_holidays import subdivisions
from monitor.config.reader import ValueType, choice
from monitor.roster import DAY_STARTS_AT, MinuteSpan

DIRECTOR = "director"  # who signs in with `serve --as director`
MOST_BANDS = 9
_ADDRESS = re.compile(r"\S+@\S+|\+?\d{5,}")
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*")


def _key(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+", text):
        raise ValueError(f'"{text}" is not a key; use small letters, digits, - and _')
    return text


def _address(text: str) -> str:
    address = canonical_address(text)
    if not _ADDRESS.fullmatch(address):
        raise ValueError("is neither a mail address nor a phone number")
    return address


def _domain(text: str) -> str:
    domain = text.strip().lower()
    if not _DOMAIN.fullmatch(domain):
        raise ValueError(f'"{text}" is not a domain; write only what stands behind the @')
    return domain


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError(f'"{text}" is not a country\'s code of two capital letters, such as "GB"')
    return text


def _day_start(text: str) -> int:
    """Return the seconds after midnight."""
    minutes = parse_minutes(text)
    if minutes > DAY // 2:
        raise ValueError(f'"{text}" is too late for a day to start; it has to be "12:00" or earlier')
    return minutes * 60


def _session_hours(hours: float) -> float:
    if not 0 < hours <= 24:
        raise ValueError("has to be more than 0 and at most 24 hours")
    return hours


def _group(people: int) -> int:
    if not 2 <= people <= 100:
        raise ValueError("has to be from 2 to 100")
    return people


def _fte(share: float) -> float:
    if not 0 < share <= 1.5:
        raise ValueError("has to be more than 0 and at most 1.5; full time is 1.0")
    return share


def _grace(minutes: int) -> int:
    if not 0 <= minutes <= 60:
        raise ValueError("has to be from 0 to 60 minutes")
    return minutes


def _weight(number: float) -> float:
    if not 0 < number <= 10:
        raise ValueError("has to be more than 0 and at most 10; an ordinary client is 1")
    return number


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Key = Annotated[str, ValueType(str, _key)]
Address = Annotated[str, ValueType(str, _address)]
Country = Annotated[str, ValueType(str, _country)]
Span = Annotated[MinuteSpan, ValueType(str, parse_span)]
Share = Annotated[float, ValueType(float, _fte)]
PracticeKind = Annotated[Kind, choice((kind for kind in Kind if kind is not Kind.BUSY), Kind)]


@dataclass(frozen=True, slots=True)
class PracticeTable:
    """``[practice]``: what holds for everybody."""

    name: str
    zone: ZoneInfo
    country: Country | None = None
    subdivision: str | None = None
    region: Country | None = None
    domains: tuple[Annotated[str, ValueType(str, _domain)], ...] = ()
    management: tuple[Address, ...] = ()
    day_starts_at: Annotated[int, ValueType(str, _day_start)] = DAY_STARTS_AT
    longest_session_hours: Annotated[float, ValueType(float, _session_hours)] = 12
    supervision_group: Annotated[int, ValueType(int, _group)] = 4
    client_title: re.Pattern[str] | None = None
    contacts: tuple[str, ...] = ()
    database: Path = Path("evenhours.db")
    key_file: Path = Path("evenhours.key")

    def problems(self) -> Iterator[tuple[str, str]]:
        """A key in the database's place, and holidays that are not known."""
        yield from self._holiday_problems()
        # The key beside the names it protects is one thing, the key instead of them another.
        if self.database == self.key_file:
            yield "key_file", "is the database's own path; the key has to be a file of its own"

    def _holiday_problems(self) -> Iterator[tuple[str, str]]:
        if self.country is None:
            if self.subdivision is not None:
                yield "subdivision", "is a part of a country; write country as well"
            return
        try:
            possible = subdivisions(self.country)
        except KeyError:
            yield "country", f'no public holidays of "{self.country}" are known; leave it out'
            return
        if self.subdivision is not None and self.subdivision not in possible:
            known = f"possible are {', '.join(possible)}" if possible else f"{self.country} has none; leave it out"
            yield "subdivision", f'"{self.subdivision}" is no part of {self.country}; {known}'


@dataclass(frozen=True, slots=True)
class KindTable(KindRule):
    """``[[kinds]]``: one rule. *Busy* is no kind a rule can give."""

    kind: PracticeKind

    def problems(self) -> Iterator[tuple[str, str]]:
        """A rule without a condition would decide every entry."""
        conditions = [condition.name for condition in fields(KindRule)[1:]]
        if not any(getattr(self, condition) for condition in conditions):
            yield "title", f"missing; a rule needs at least one of {', '.join(conditions)}"


@dataclass(frozen=True, slots=True)
class WeightsTable:
    """``[[weights]]``: what each band of clients counts for, from a date on."""

    bands: tuple[Annotated[float, ValueType(float, _weight)], ...] = ()
    from_: date | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """No band, or more than a clinician can choose from."""
        if not 1 <= len(self.bands) <= MOST_BANDS:
            yield "bands", f"has to list from 1 to {MOST_BANDS} bands"


@dataclass(frozen=True, slots=True)
class HoursTable:
    """One version of a clinician's hours; a day that is not named is a day off."""

    from_: date | None = None
    mon: tuple[Span, ...] = ()
    tue: tuple[Span, ...] = ()
    wed: tuple[Span, ...] = ()
    thu: tuple[Span, ...] = ()
    fri: tuple[Span, ...] = ()
    sat: tuple[Span, ...] = ()
    sun: tuple[Span, ...] = ()
    holidays: tuple[Span, ...] = ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Spans of one day that share a minute."""
        for day in (*WEEKDAYS, "holidays"):
            for first, second in overlapping_spans(getattr(self, day)):
                yield day, f'"{format_span(first)}" and "{format_span(second)}" overlap'


@dataclass(frozen=True, slots=True)
class ZoneTable:
    """Where a clinician lives from a date on."""

    zone: ZoneInfo
    from_: date | None = None


@dataclass(frozen=True, slots=True)
class FteTable:
    """The share of a full post from a date on."""

    fte: Share
    from_: date | None = None


SLOTS_ARE_SET = "each clinician sets their own open slots under Your data"


@dataclass(frozen=True, slots=True)
class ClinicianTable:
    """``[[clinician]]``: one person."""

    key: Key
    name: str | None = None
    addresses: tuple[Address, ...] = ()
    fte: Share | tuple[FteTable, ...] = 1.0
    starts: date | None = None
    ends: date | None = None
    zone: ZoneInfo | None = None
    zones: tuple[ZoneTable, ...] = ()
    grace_minutes: Annotated[int, ValueType(int, _grace)] = 5
    hours: tuple[HoursTable, ...] = ()
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()

    REPLACED: ClassVar[Mapping[str, str]] = {
        "most_clients": f"is gone: a private limit decides no referral any more; {SLOTS_ARE_SET}",
        "trauma_cap": f"is gone: a private limit decides no referral any more; {SLOTS_ARE_SET}",
        "open_slots": f"is not set here; {SLOTS_ARE_SET}",
    }

    def problems(self) -> Iterator[tuple[str, str]]:
        """A key that is taken, dates and zones that contradict each other."""
        if self.fte == ():
            yield "fte", "is empty; write a share of a full post, or one with the date from which it holds"
        if isinstance(self.fte, tuple):
            yield from _dates_out_of_order("fte", [version.from_ for version in self.fte])
        if self.key == DIRECTOR:
            yield "key", f'"{DIRECTOR}" signs in as the director; choose another key'
        if self.starts and self.ends and self.starts >= self.ends:
            yield "ends", "has to be later than starts"
        if self.zone and self.zones:
            yield "zones", "give zone or zones, not both"
        yield from _dates_out_of_order("hours", [version.from_ for version in self.hours])
        yield from _dates_out_of_order("zones", [version.from_ for version in self.zones])


@dataclass(frozen=True, slots=True)
class WindowTable:
    """The days a source is read for, the last one included."""

    from_: date | None = None
    to: date | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """A window that ends before it begins."""
        if self.from_ and self.to and self.from_ > self.to:
            yield "to", "lies before from"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """``[[source]]``: the keys that every kind of source has; the kind's own options stand beside them."""

    name: Key
    kind: str
    clinician: str | tuple[str, ...] | None = None
    clinicians: str | tuple[str, ...] | None = None
    window: WindowTable = field(default_factory=WindowTable)
    busy_only: bool = False

    def problems(self) -> Iterator[tuple[str, str]]:
        """Nobody, or two answers to whose it is."""
        if self.clinician is None and not self.clinicians:
            yield "clinician", 'missing; write the key of whose it is, or "*" for everybody'
        if self.clinician is not None and self.clinicians is not None:
            yield "clinicians", "give clinician or clinicians, not both"


@dataclass(frozen=True, slots=True)
class File:
    """The whole file. What may stand in a source depends on its kind, so it is left as it is."""

    practice: PracticeTable
    kinds: tuple[KindTable, ...] = ()
    clinician: tuple[ClinicianTable, ...] = ()
    weights: tuple[WeightsTable, ...] = ()
    source: tuple[Annotated[dict[str, Any], ValueType(dict)], ...] = ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Weight tables whose dates do not follow each other."""
        yield from _dates_out_of_order("weights", [version.from_ for version in self.weights])


def _dates_out_of_order(name: str, dates: Sequence[date | None]) -> Iterator[tuple[str, str]]:
    for index, (before, after) in enumerate(pairwise(dates), start=1):
        if after is None:
            yield f"{name}[{index}].from", "missing; only the first may leave it out"
        elif before and after <= before:
            yield f"{name}[{index}].from", "has to be later than the one above it"
