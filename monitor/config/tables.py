"""The tables of the configuration file: one dataclass for each, with a field for each key.

``config.example.toml`` explains every key; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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

DIRECTOR = "director"
"""The subject of the director's links and sessions; a clinician's is the clinician's key, which must not be this."""

MOST_BANDS = 9  # as many as a clinician can choose from on a page
_ADDRESS = re.compile(r"\S+@\S+|\+?\d{5,}")
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*")


def _key(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+", text):
        raise ValueError(f'"{text}" is not a valid key; use lower-case letters, digits, - and _')
    return text


def _address(text: str) -> str:
    address = canonical_address(text)
    if not _ADDRESS.fullmatch(address):
        raise ValueError("is neither a mail address nor a phone number")
    return address


def _domain(text: str) -> str:
    domain = text.strip().lower()
    if not _DOMAIN.fullmatch(domain):
        raise ValueError(f'"{text}" is not a domain; write only the part after the @')
    return domain


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError(f'"{text}" is not a country code; use two capital letters, such as "GB"')
    return text


def _day_start(text: str) -> int:
    """Return the start of a work day in seconds after midnight."""
    minutes = parse_minutes(text)
    if minutes > DAY // 2:  # later, it would cut the working day in two
        raise ValueError(f'"{text}" is too late for a day to start; it has to be "12:00" or earlier')
    return minutes * 60


def _number(toml_type: type, is_possible: Callable[[Any], bool], problem: str) -> ValueType:
    """Return the type of a number within limits; ``problem`` names them."""

    def parse(number: Any) -> Any:
        if not is_possible(number):
            raise ValueError(problem)
        return number

    return ValueType(toml_type, parse)


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Key = Annotated[str, ValueType(str, _key)]
Address = Annotated[str, ValueType(str, _address)]
Country = Annotated[str, ValueType(str, _country)]
Span = Annotated[MinuteSpan, ValueType(str, parse_span)]
Share = Annotated[  # "80" for 80 % is the usual mistake
    float, _number(float, lambda fte: 0 < fte <= 1.5, "has to be more than 0 and at most 1.5; full time is 1.0")
]
SessionHours = Annotated[
    float, _number(float, lambda hours: 0 < hours <= 24, "has to be more than 0 and at most 24 hours")
]
GroupSize = Annotated[int, _number(int, lambda people: 2 <= people <= 100, "has to be from 2 to 100")]
GraceMinutes = Annotated[int, _number(int, lambda minutes: 0 <= minutes <= 60, "has to be from 0 to 60 minutes")]
Weight = Annotated[
    float,
    _number(float, lambda weight: 0 < weight <= 10, "has to be more than 0 and at most 10; an ordinary client is 1"),
]
PracticeKind = Annotated[Kind, choice((kind for kind in Kind if kind is not Kind.BUSY), Kind)]


@dataclass(frozen=True, slots=True)
class PracticeTable:
    """``[practice]``: settings of the whole practice."""

    name: str
    zone: ZoneInfo
    country: Country | None = None
    subdivision: str | None = None
    region: Country | None = None
    domains: tuple[Annotated[str, ValueType(str, _domain)], ...] = ()
    management: tuple[Address, ...] = ()
    day_starts_at: Annotated[int, ValueType(str, _day_start)] = DAY_STARTS_AT
    longest_session_hours: SessionHours = 12
    supervision_group: GroupSize = 4
    client_title: re.Pattern[str] | None = None
    contacts: tuple[str, ...] = ()
    database: Path = Path("evenhours.db")
    key_file: Path = Path("evenhours.key")

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield unknown public holidays, and a key file at the database's path."""
        if self.country is None:
            if self.subdivision is not None:
                yield "subdivision", "needs country as well"
        else:
            try:
                possible = subdivisions(self.country)
            except KeyError:
                yield "country", f'no public holidays are known for "{self.country}"; leave country out'
            else:
                if self.subdivision is not None and self.subdivision not in possible:
                    remedy = (
                        f"possible: {', '.join(possible)}" if possible else f"{self.country} has none; leave it out"
                    )
                    yield "subdivision", f'"{self.subdivision}" is not a subdivision of {self.country}; {remedy}'
        if self.database == self.key_file:  # writing one would destroy the other
            yield "key_file", "is the same path as database; give the key a file of its own"


@dataclass(frozen=True, slots=True)
class KindTable(KindRule):
    """``[[kinds]]``: one rule. No rule can give the kind *busy*."""

    kind: PracticeKind

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield a problem where the rule has no condition; it would match every entry."""
        conditions = [condition.name for condition in fields(KindRule)[1:]]  # the first field is the kind
        if not any(getattr(self, condition) for condition in conditions):
            yield "title", f"missing; a rule needs at least one of {', '.join(conditions)}"


@dataclass(frozen=True, slots=True)
class WeightsTable:
    """``[[weights]]``: the weight of each band of clients, from a date on."""

    bands: tuple[Weight, ...] = ()
    from_: date | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield a problem where there are no bands, or more than a clinician can choose from."""
        if not 1 <= len(self.bands) <= MOST_BANDS:
            yield "bands", f"has to list from 1 to {MOST_BANDS} bands"


@dataclass(frozen=True, slots=True)
class HoursTable:
    """One version of a clinician's agreed hours; a day that is not listed is a day off."""

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
        """Yield the days on which two spans overlap."""
        for day in (*WEEKDAYS, "holidays"):
            for first, second in overlapping_spans(getattr(self, day)):
                yield day, f'"{format_span(first)}" and "{format_span(second)}" overlap'


@dataclass(frozen=True, slots=True)
class ZoneTable:
    """The time zone in which a clinician lives from a date on."""

    zone: ZoneInfo
    from_: date | None = None


@dataclass(frozen=True, slots=True)
class FteTable:
    """The share of a full post from a date on."""

    fte: Share
    from_: date | None = None


_SLOTS_ARE_SET = "each clinician sets their own open slots under Your data"


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
    grace_minutes: GraceMinutes = 5
    hours: tuple[HoursTable, ...] = ()
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()

    REPLACED: ClassVar[Mapping[str, str]] = {
        "most_clients": f"was removed: private limits no longer decide referrals; {_SLOTS_ARE_SET}",
        "trauma_cap": f"was removed: private limits no longer decide referrals; {_SLOTS_ARE_SET}",
        "open_slots": f"is not set here; {_SLOTS_ARE_SET}",
    }

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield a reserved key, and dates or zones that contradict each other."""
        if self.fte == ():
            yield "fte", "is empty; write it like 0.8, or like [{ from = 2026-01-01, fte = 0.8 }]"
        if isinstance(self.fte, tuple):
            yield from _dates_out_of_order("fte", [version.from_ for version in self.fte])
        if self.key == DIRECTOR:
            yield "key", f'"{DIRECTOR}" is reserved for the director; choose another key'
        if self.starts and self.ends and self.starts >= self.ends:
            yield "ends", "has to be later than starts"
        if self.zone and self.zones:
            yield "zones", "give zone or zones, not both"
        yield from _dates_out_of_order("hours", [version.from_ for version in self.hours])
        yield from _dates_out_of_order("zones", [version.from_ for version in self.zones])


@dataclass(frozen=True, slots=True)
class WindowTable:
    """The days for which a source is read, the last one included."""

    from_: date | None = None
    to: date | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield a problem where the window ends before it begins."""
        if self.from_ and self.to and self.from_ > self.to:
            yield "to", "is before from"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """``[[source]]``: the keys that every source kind has. The kind's own options are in the same table."""

    name: Key
    kind: str
    clinician: str | tuple[str, ...] | None = None
    clinicians: str | tuple[str, ...] | None = None
    window: WindowTable = field(default_factory=WindowTable)
    busy_only: bool = False

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield a problem where no clinician is given, or both keys are used."""
        if self.clinician is None and not self.clinicians:
            yield "clinician", 'missing; write the key of the clinician whose source it is, or "*" for everybody'
        if self.clinician is not None and self.clinicians is not None:
            yield "clinicians", "give clinician or clinicians, not both"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The whole file. The keys of a source depend on its kind, so its table is left unparsed."""

    practice: PracticeTable
    kinds: tuple[KindTable, ...] = ()
    clinician: tuple[ClinicianTable, ...] = ()
    weights: tuple[WeightsTable, ...] = ()
    source: tuple[Annotated[dict[str, Any], ValueType(dict)], ...] = ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield weight tables whose dates are not in order."""
        yield from _dates_out_of_order("weights", [version.from_ for version in self.weights])


def _dates_out_of_order(name: str, dates: Sequence[date | None]) -> Iterator[tuple[str, str]]:
    for index, (before, after) in enumerate(pairwise(dates), start=1):
        if after is None:
            yield f"{name}[{index}].from", "missing; only the first entry may leave it out"
        elif before and after <= before:
            yield f"{name}[{index}].from", "has to be later than the date of the entry above"
