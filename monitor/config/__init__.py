"""The practice's configuration, read from one TOML file into frozen dataclasses; lists all its problems at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
    ConfigFile,
    FteTable,
    HoursTable,
    SourceTable,
)
from monitor.errors import ConfigError, MissingConfigError
from monitor.roster import Clinician, Contract, Hours, Practice, ReferralPreferences, Residence, Weights

FILE_NAME = "evenhours.toml"
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One ``[[source]]``. ``clinicians`` are the keys of its owners, ``options`` its kind's own dataclass.

    ``window`` is the first and the last day to read; ``None`` stands for the default. With ``per_owner`` each owner
    has an account of their own.
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
        """The owners whose accounts are read separately; a single ``None`` is one account for all owners."""
        return self.clinicians if self.per_owner else (None,)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, validated. ``database``, ``key_file`` and ``path`` are absolute."""

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
        """The folder from which relative paths start."""
        return self.path.parent


def find_config(explicit: Path | None, environ: Mapping[str, str], cwd: Path, home: Path) -> Path:
    """Return the path of the configuration: the explicit one, ``EVENHOURS_CONFIG``, the one in ``cwd``, the user's own.

    If none of these exists, it is the path in ``cwd``.
    """
    requested = explicit or environ.get("EVENHOURS_CONFIG")
    if requested:
        return cwd / requested
    users = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "evenhours" / FILE_NAME
    return next((path for path in (cwd / FILE_NAME, users) if path.is_file()), cwd / FILE_NAME)


def load(path: Path) -> Config:
    """Read and validate the file. Raises :class:`~monitor.errors.ConfigError` with all problems in it."""
    path = path.absolute()
    reader = TableReader()
    file = reader.table(ConfigFile, _toml_in(path))
    keys = [clinician.key for clinician in file.clinician if clinician.key]
    sources = [_source(reader, table, f"source[{index}]", keys) for index, table in enumerate(file.source)]
    reader.add(_repeated("clinician", "key", [{table.key} - {None} for table in file.clinician]))
    names = [{str(table["name"])} if "name" in table else () for table in file.source]
    reader.add(_repeated("source", "name", names))
    reader.add(_repeated("clinician", "addresses", [table.addresses for table in file.clinician]))
    if reader.problems:  # only now, so that all problems of all tables are listed
        raise ConfigError(str(path), reader.problems)

    settings = file.practice
    practice = Practice(
        name=settings.name,
        zone=settings.zone,
        country=settings.country,
        subdivision=settings.subdivision,
        region=settings.region,
        domains=frozenset(settings.domains),
        management=frozenset(settings.management),
        day_starts_at=settings.day_starts_at,
        longest_session_hours=settings.longest_session_hours,
        supervision_group=settings.supervision_group,
        contacts=settings.contacts,
        # Here and below, the first entry of a list applies to the time before its date, too.
        weights=tuple(
            Weights(version.from_ if index else None, version.bands) for index, version in enumerate(file.weights)
        ),
    )
    return Config(
        practice=practice,
        clinicians=tuple(_clinician(table, practice.zone) for table in file.clinician),
        rules=tuple(KindRule(**asdict(table)) for table in file.kinds),
        client_title=settings.client_title,
        sources=tuple(sources),
        database=path.parent / settings.database,
        key_file=path.parent / settings.key_file,
        path=path,
    )


def classifier(config: Config) -> Classifier:
    """Return the classifier of calendar entries and correspondents, by the practice's rules and people."""
    return Classifier(
        rules=config.rules,
        domains=config.practice.domains,
        staff=frozenset[str]().union(*(clinician.addresses for clinician in config.clinicians)),
        management=config.practice.management,
        client_title=config.client_title,
    )


def owners(config: Config, source: SourceConfig, now: datetime) -> tuple[Owner, ...]:
    """Return the source's owners as a connector takes them, in the zone where they live now."""
    return tuple(
        Owner(clinician.key, clinician.zone_at(now), clinician.addresses, clinician.name)
        for clinician in config.clinicians
        if clinician.key in source.clinicians
    )


def _toml_in(path: Path) -> dict[str, Any]:
    try:
        # utf-8-sig: Windows editors put a byte order mark at the beginning.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise MissingConfigError(str(path)) from error
    except OSError as error:
        raise ConfigError(str(path), [f"The file cannot be read: {(error.strerror or 'unknown').lower()}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), ["The file is not UTF-8 text. Save it in the encoding UTF-8."]) from error
    except (ValueError, RecursionError) as error:  # RecursionError: a file of brackets alone
        raise ConfigError(str(path), [f"The file is not valid TOML: {error}."]) from error


def _clinician(table: ClinicianTable, practice_zone: ZoneInfo) -> Clinician:
    zones = [Residence(entry.from_ if index else None, entry.zone) for index, entry in enumerate(table.zones)]
    ftes = (FteTable(table.fte),) if isinstance(table.fte, float) else table.fte
    return Clinician(
        key=table.key,
        name=table.name or table.key,
        residences=tuple(zones) or (Residence(None, table.zone or practice_zone),),
        contracts=tuple(Contract(version.from_ if index else None, version.fte) for index, version in enumerate(ftes)),
        starts=table.starts,
        ends=table.ends,
        grace_minutes=table.grace_minutes,
        addresses=frozenset(table.addresses),
        hours=tuple(_hours(version, version.from_ if index else None) for index, version in enumerate(table.hours)),
        referral_preferences=ReferralPreferences(
            skills=frozenset(table.skills),
            languages=frozenset(table.languages),
            modality=frozenset(table.modality),
        ),
    )


def _hours(table: HoursTable, starts: date | None) -> Hours:
    days = {number: getattr(table, day) for number, day in enumerate(WEEKDAYS)}
    return Hours(starts, {number: tuple(sorted(spans)) for number, spans in days.items() if spans}, table.holidays)


def _source(reader: TableReader, table: Mapping[str, Any], place: str, keys: Sequence[str]) -> SourceConfig:
    kind: SourceKind | None = None
    if isinstance(table.get("kind"), str):  # anything else is reported as a problem of SourceTable
        try:
            kind = source_kind(table["kind"])
        except UnknownKindError as error:
            reader.add([(f"{place}.kind", str(error))])

    # The same table is read twice: for the keys of every source, and for the options of its kind.
    shared = reader.table(SourceTable, table, place, other_keys=keys_of(kind.options) if kind else table.keys())
    options: Any = None
    if kind:
        number_before = len(reader.problems)
        options = reader.table(kind.options, table, place, other_keys=keys_of(SourceTable))
        if kind.check and len(reader.problems) == number_before:  # each of the options could be parsed
            problems = (problem.partition(": ") for problem in kind.check(options))
            reader.add((f"{place}.{option}", phrase) for option, _, phrase in problems)

    owner_keys = shared.clinicians or shared.clinician or ()
    if isinstance(owner_keys, str):
        owner_keys = (owner_keys,)
    if EVERYBODY in owner_keys:
        owner_keys = tuple(keys)
    key = "clinician" if shared.clinicians is None else "clinicians"
    reader.add(
        (f"{place}.{key}", f'no clinician has the key "{owner}"{suggestion_for(owner, keys)}')
        for owner in owner_keys
        if owner not in keys
    )
    return SourceConfig(
        name=shared.name,
        kind=shared.kind,
        clinicians=tuple(key for key in keys if key in owner_keys),  # in the order of the file
        options=options,
        window=(shared.window.from_, shared.window.to),
        busy_only=shared.busy_only,
        per_owner=kind.per_owner if kind else False,
    )


def _repeated(table: str, key: str, values: Iterable[Iterable[str]]) -> Iterator[tuple[str, str]]:
    """Yield a problem for each table with a value that an earlier table of the same name has."""
    first_index: dict[str, int] = {}
    for index, table_values in enumerate(values):
        for other in sorted({first_index.setdefault(value, index) for value in table_values} - {index}):
            yield f"{table}[{index}].{key}", f"already used by {table}[{other}]"
