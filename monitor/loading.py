"""Loads one clinician's records from the store and derives the frames for the analysis."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connectors.base import RecordType
from monitor.config import Config
from monitor.readiness import holidays_of, readiness_of
from monitor.roster import Clinician
from monitor.store import analysis_records
from monitor.store.database import Store

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


def load_frames(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> Frames:
    """Return the frames of one clinician as known at ``now``."""
    from monitor.analysis.frames import frames_from

    with store.read() as connection:
        records = analysis_records.load_records(connection, clinician.key)
        ready = readiness_of(config, connection, clinician, now)
    as_of, events = int(now.timestamp()), records.events
    event_span = [int(events["start"].min()), int(events["end"].max())] if len(events) else []
    return frames_from(
        records,
        clinician,
        config.practice,
        as_of=as_of,
        calendar_span=ready.spans[RecordType.CALENDAR],
        messages_span=ready.spans[RecordType.MESSAGES],
        other_jobs_read_to=ready.other_jobs_read_to,
        holidays=holidays_of(config, [as_of, *event_span]),
    )
