"""Short ways to write the events and messages of one week, which begins on Monday, 2 March 2026."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from connectors.records import CounterpartKind
from monitor.analysis.catalogue import catalogue
from monitor.analysis.frames import Frames
from monitor.roster import Clinician
from tests.monitor.facts import Row, day, event, frames, message

UNKNOWN = float("nan")
DAYS = {"mon": 2, "tue": 3, "wed": 4, "thu": 5, "fri": 6, "sat": 7, "sun": 8}


def in_week(text: str) -> str:
    """Return ``"mon 10:00"`` as a date and time of that week; return other text unchanged."""
    name, _, clock = text.partition(" ")
    return f"2026-03-{DAYS[name]:02} {clock}" if name in DAYS else text


def session(start: str, end: str, client: int = 1, **options: object) -> Row:
    """Return a session of that week, as in ``session("mon 10:00", "10:50")``."""
    return event(in_week(start), f"{in_week(start)[:10]} {end}", client=client, **options)  # type: ignore[arg-type]


def sent(start: str, client: int = 1, thread: int = 0, channel: str = "email") -> Row:
    return message(in_week(start), out=True, client=client, thread=thread, channel=channel)


def received(start: str, client: int = 1, thread: int = 0, kind: CounterpartKind = CounterpartKind.CLIENT) -> Row:
    return message(in_week(start), client=client, thread=thread, kind=kind)


def sessions_around() -> list[Row]:
    """Return sessions without a client in the weeks before and after, so that the calendar counts as observed."""
    return [event(f"2026-{first} 10:00", f"2026-{first} 10:50") for first in ("02-23", "03-16")]


def newsletters_around() -> list[Row]:
    """Return newsletters in the weeks before and after, so that the mailbox counts as observed."""
    return [message(f"2026-{first} 10:00", client=99, kind=CounterpartKind.OTHER) for first in ("02-23", "03-16")]


def message_to_colleague() -> Row:
    """Return a message of the clinician's own, without which a week's messages count as not observed."""
    return message(in_week("wed 10:30"), out=True, client=98, kind=CounterpartKind.COLLEAGUE)


def metric_table(key: str, analysis_frames: Frames) -> pd.DataFrame:
    """Return value, n and coverage of one metric by week."""
    return pd.DataFrame(catalogue()[key].compute(analysis_frames)._asdict(), index=analysis_frames.time.weeks.index)


def metric_row(key: str, analysis_frames: Frames, monday: str = "2026-03-02") -> pd.Series:
    (only,) = (row for number, row in metric_table(key, analysis_frames).iterrows() if number == day(monday))
    return only


def week_frames(
    *entries: Row,
    mail: Iterable[Row] = (),
    person: Clinician | None = None,
    times: Iterable[Row] = (),
    **options: object,
) -> Frames:
    return frames(
        person, entries=[*sessions_around(), *entries], mail=[*newsletters_around(), *mail], times=times,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def metric_value(
    key: str, *entries: Row, mail: Iterable[Row] = (), monday: str = "2026-03-02", **options: object
) -> float:
    return float(metric_row(key, week_frames(*entries, mail=mail, **options), monday)["value"])  # type: ignore[arg-type]
