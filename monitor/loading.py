"""From the store to the analysis: one clinician's records become frames."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import facts
from monitor.store.database import Store

if TYPE_CHECKING:
    import pandas as pd

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
    holidays = _holidays(config, stored.events, now)
    return frames_from(known, config.practice, as_of=int(now.timestamp()), holidays=holidays)


def _holidays(config: Config, events: pd.DataFrame, now: datetime) -> Collection[date]:
    """The public holidays of the practice's country over all years that events touch; none without a country."""
    if not config.practice.country:
        return ()
    import holidays

    instants = [int(now.timestamp()), *([int(events["start"].min()), int(events["end"].max())] if len(events) else [])]
    years = [datetime.fromtimestamp(at, UTC).year for at in instants]
    return holidays.country_holidays(config.practice.country, years=range(min(years) - 1, max(years) + 2)).keys()
