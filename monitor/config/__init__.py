"""The practice's configuration: one TOML file becomes frozen dataclasses, or every problem of it is told at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Owner, SourceKind
from connectors.classify import Classifier, KindRule
from connectors.registry import UnknownKindError, source_kind
from monitor.config.reader import TableReader, keys_of, suggestion_for
from monitor.config.tables import (
    WEEKDAYS,
    ClinicianTable,
    File,
    FteTable,
    HoursTable,
    KindTable,
    PracticeTable,
    SourceTable,
    WeightsTable,
)
from monitor.errors import ConfigError, MissingConfigError
from monitor.roster import Clinician, Contract, Hours, Practice, ReferralPreferences, Residence, Weights

FILE_NAME = "evenhours.toml"
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One ``[[source]]``. ``clinicians`` are the keys of its owners, ``options`` its kind's own dataclass.

    ``window`` holds the first and the last day that are wanted; ``None`` is the default's. ``per_owner``: each
    owner has an account of their own.
    """

    name: str
    kind: str
    clinicians: tuple[str, ...]
    options: Any
    window: tuple[date | None, date | None] = (None, None)
    busy_only: bool = False
    per_owner: bool = False

    @property
    def accounts(self) -> tuple[str | None, ...]:
        """Whose accounts are read, each on its own; ``None`` is one for all owners."""
        return self.clinicians if self.per_owner else (None,)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, checked. ``database``, ``key_file`` and ``path`` are absolute."""

    practice: Practice
    clinicians: tuple[Clinician, ...]
    rules: tuple[KindRule, ...]
    client_title: re.Pattern[str] | None
    sources: tuple[SourceConfig, ...]
    database: Path
    key_file: Path
    path: Path

    @property
    def folder(self) -> Path:
        """Where relative paths begin."""
        return self.path.parent


def find(explicit: Path | None, environ: Mapping[str, str], cwd: Path, home: Path) -> Path:
    """The configuration that counts: the one asked for, ``EVENHOURS_CONFIG``, the one here, the user's own.

    Where there is none, it is the one that would be here.
    """
    named = explicit or environ.get("EVENHOURS_CONFIG")
    if named:
        return cwd / named
    users = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "evenhours" / FILE_NAME
    return next((path for path in (cwd / FILE_NAME, users) if path.is_file()), cwd / FILE_NAME)


def load(path: Path) -> Config:
    """Read and check the file. Raises :class:`~monitor.errors.ConfigError` with all that is wrong in it."""
    path = path.absolute()
    reader = TableReader()
    file = reader.table(File, _toml_in(path))
    people = [person.key for person in file.clinician if person.key]
    sources = [_source(reader, table, f"source[{index}]", people) for index, table in enumerate(file.source)]
    reader.add(_clashes(file))
    if reader.problems:
        raise ConfigError(str(path), reader.problems)
    return Config(
        practice=_practice(file.practice, file.weights),
        clinicians=tuple(_clinician(table, file.practice.zone) for table in file.clinician),
        rules=tuple(map(_rule, file.kinds)),
        client_title=file.practice.client_title,
        sources=tuple(sources),
        database=path.parent / file.practice.database,
        key_file=path.parent / file.practice.key_file,
        path=path,
    )


def classifier(config: Config) -> Classifier:
    """What the practice's rules and people make of a calendar entry or a correspondent."""
    return Classifier(
        rules=config.rules,
        domains=config.practice.domains,
        staff=frozenset[str]().union(*(clinician.addresses for clinician in config.clinicians)),
        management=config.practice.management,
        client_title=config.client_title,
    )


def owners(config: Config, source: SourceConfig, now: datetime) -> tuple[Owner, ...]:
    """The clinicians whose times the source holds, as a connector knows them, where they live now."""
    return tuple(
        Owner(clinician.key, clinician.zone_at(now), clinician.addresses, clinician.name)
        for clinician in config.clinicians
        if clinician.key in source.clinicians
    )


def _toml_in(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise MissingConfigError(str(path)) from error
    except OSError as error:
        raise ConfigError(str(path), [f"The file cannot be read: {(error.strerror or 'unknown').lower()}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), ["This is not a text in UTF-8; save it as one."]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), [f"This is not TOML: {error}."]) from error


def _practice(table: PracticeTable, weights: Sequence[WeightsTable]) -> Practice:
    return Practice(
        name=table.name,
        zone=table.zone,
        country=table.country,
        subdivision=table.subdivision,
        region=table.region,
        domains=frozenset(table.domains),
        management=frozenset(table.management),
        day_starts_at=table.day_starts_at,
        longest_session_hours=table.longest_session_hours,
        supervision_group=table.supervision_group,
        contacts=table.contacts,
        weights=tuple(
            Weights(version.from_ if index else None, version.bands) for index, version in enumerate(weights)
        ),
    )


def _rule(table: KindTable) -> KindRule:
    return KindRule(*(getattr(table, condition.name) for condition in fields(KindRule)))


def _clinician(table: ClinicianTable, practice_zone: ZoneInfo) -> Clinician:
    # The first of each holds before its date, too.
    zones = [Residence(lived.from_ if index else None, lived.zone) for index, lived in enumerate(table.zones)]
    return Clinician(
        key=table.key,
        name=table.name or table.key,
        residences=tuple(zones) or (Residence(None, table.zone or practice_zone),),
        contracts=_contracts(table.fte),
        starts=table.starts,
        ends=table.ends,
        grace_minutes=table.grace_minutes,
        addresses=frozenset(table.addresses),
        hours=tuple(_hours(version, version.from_ if index else None) for index, version in enumerate(table.hours)),
        referral_preferences=_referral_preferences(table),
    )


def _contracts(fte: float | Sequence[FteTable]) -> tuple[Contract, ...]:
    if isinstance(fte, float):
        return (Contract(None, fte),)
    return tuple(Contract(version.from_ if index else None, version.fte) for index, version in enumerate(fte))


def _referral_preferences(table: ClinicianTable) -> ReferralPreferences:
    return ReferralPreferences(
        skills=frozenset(table.skills),
        languages=frozenset(table.languages),
        modality=frozenset(table.modality),
    )


def _hours(table: HoursTable, starts: date | None) -> Hours:
    days = {number: getattr(table, day) for number, day in enumerate(WEEKDAYS)}
    return Hours(starts, {number: tuple(sorted(spans)) for number, spans in days.items() if spans}, table.holidays)


def _source(reader: TableReader, table: Mapping[str, Any], place: str, people: Sequence[str]) -> SourceConfig:
    kind = _kind(reader, table.get("kind"), place)
    shared = reader.table(SourceTable, table, place, known=keys_of(kind.options) if kind else table.keys())
    options = _options(reader, kind, table, place) if kind else None
    return SourceConfig(
        name=shared.name,
        kind=shared.kind,
        clinicians=_owners(reader, shared, place, people),
        options=options,
        window=(shared.window.from_, shared.window.to),
        busy_only=shared.busy_only,
        per_owner=kind.per_owner if kind else False,
    )


def _kind(reader: TableReader, name: object, place: str) -> SourceKind | None:
    if not isinstance(name, str):
        return None
    try:
        return source_kind(name)
    except UnknownKindError as error:
        reader.add([(f"{place}.kind", str(error))])
        return None


def _options(reader: TableReader, kind: SourceKind, table: Mapping[str, Any], place: str) -> Any:
    """The kind's own options; what it checks itself waits until each of them can be read."""
    before = len(reader.problems)
    options = reader.table(kind.options, table, place, known=keys_of(SourceTable))
    if kind.check and len(reader.problems) == before:
        problems = (problem.partition(": ") for problem in kind.check(options))
        reader.add((f"{place}.{option}", phrase) for option, _, phrase in problems)
    return options


def _owners(reader: TableReader, source: SourceTable, place: str, people: Sequence[str]) -> tuple[str, ...]:
    """The keys of those whose source it is, in the order of the file."""
    key = "clinician" if source.clinicians is None else "clinicians"
    named = source.clinicians or source.clinician or ()
    named = (named,) if isinstance(named, str) else named
    if EVERYBODY in named:
        return tuple(people)
    unknown = [name for name in named if name not in people]
    reader.add((f"{place}.{key}", f'"{name}" is nobody\'s key{suggestion_for(name, people)}') for name in unknown)
    return tuple(person for person in people if person in named)


def _clashes(file: File) -> Iterator[tuple[str, str]]:
    """Keys, names and addresses that two tables claim."""
    yield from _repeated("clinician", "key", [{table.key} - {None} for table in file.clinician])
    yield from _repeated("source", "name", [{str(table["name"])} if "name" in table else () for table in file.source])
    yield from _repeated("clinician", "addresses", [table.addresses for table in file.clinician])


def _repeated(table: str, key: str, claims: Iterable[Iterable[str]]) -> Iterator[tuple[str, str]]:
    first: dict[str, int] = {}
    for index, claimed in enumerate(claims):
        for other in sorted({first.setdefault(value, index) for value in claimed} - {index}):
            yield f"{table}[{index}].{key}", f"already taken by {table}[{other}]"
