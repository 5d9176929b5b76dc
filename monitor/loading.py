"""From the store to the analysis: one clinician's records become frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import facts
from monitor.store.database import Store

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


def frames_of(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> Frames:
    """Everything derived from what is stored of one clinician, as of ``now``."""
    from monitor.analysis.frames import Facts, frames_from

    with store.read() as connection:
        stored = facts.stored(connection, clinician.key)
    known = Facts(
        clinician, stored.events, stored.evidence, stored.corrections, stored.messages, stored.calendar_seen,
        stored.messages_seen, stored.joined, stored.terms, stored.ledger,
    )  # fmt: skip
    events = stored.events
    touched = [int(events["start"].min()), int(events["end"].max())] if len(events) else []
    holidays = _holidays(config, [int(now.timestamp()), *touched])
    return frames_from(known, config.practice, as_of=int(now.timestamp()), holidays=holidays)


def last_week_over(config: Config, clinician: Clinician, now: datetime) -> tuple[int, datetime]:
    """The clinician's last week that is over (its Monday's number), and when it was."""
    from monitor.analysis.calendar import last_week_end

    at = int(now.timestamp())
    week, end = last_week_end(
        clinician, at, day_starts_at=config.practice.day_starts_at, holidays=_holidays(config, [at])
    )
    return week, datetime.fromtimestamp(end, UTC)


def _holidays(config: Config, instants: Sequence[int]) -> Collection[date]:
    """The public holidays of the practice's country over all years of these instants; none without a country."""
    if not config.practice.country:
        return ()
    import holidays

    years = [datetime.fromtimestamp(at, UTC).year for at in instants]
    return holidays.country_holidays(config.practice.country, years=range(min(years) - 1, max(years) + 2)).keys()
