"""How fresh it is what is shown: of one clinician, and of all, of whom somebody may be behind the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.registry import source_kind
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import tables
from monitor.store.database import Connection
from reports.models import Behind

OVERDUE = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Freshness:
    """``complete_through`` holds for everybody but those ``behind``; ``overdue``: for nobody anything is newer."""

    complete_through: datetime | None
    overdue: bool
    behind: tuple[Behind, ...]


def freshness(config: Config, connection: Connection, people: Sequence[Clinician], now: datetime) -> Freshness:
    """How fresh the caseload of these people is.

    Of each the newest reading of a calendar or record system counts; whoever has none in the configuration is passed
    over.
    """
    names = {source.name for source in config.sources if not source.busy_only}
    names &= {source.name for source in config.sources if source_kind(source.kind).booked(source.options)}
    read: dict[str, int | None] = {}
    for key, at in tables.readings(connection, names):
        read[key] = max(filter(None, (read.get(key), at)), default=None)
    known = [(person, read[person.key]) for person in people if person.key in read]
    newest = max((at for _, at in known if at), default=None)
    if newest is None:
        return Freshness(None, overdue=False, behind=())
    zone, in_time = config.practice.zone, {at for _, at in known if at and newest - at <= OVERDUE.total_seconds()}
    return Freshness(
        datetime.fromtimestamp(min(in_time), zone),
        is_overdue(newest, now),
        tuple(Behind(who.key, who.name, _day(at, zone)) for who, at in known if at not in in_time),
    )


def fresh_at(config: Config, connection: Connection, clinician: Clinician) -> int | None:
    """Up to when all of a clinician's sources were read that ever were to their end; ``None`` where none was."""
    read = tables.readings(connection, {source.name for source in config.sources})
    return min((at for key, at in read if key == clinician.key and at), default=None)


def is_overdue(fresh: int | None, now: datetime) -> bool:
    """Whether the last reading, if there was one, is too long ago."""
    return fresh is not None and now.timestamp() - fresh > OVERDUE.total_seconds()


def _day(instant: int | None, zone: ZoneInfo) -> date | None:
    return None if instant is None else datetime.fromtimestamp(instant, zone).date()
