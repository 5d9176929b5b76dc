"""One week of somebody, as short lines: it begins on Monday, 2 March 2026."""

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
    """``"mon 10:00"`` in the week in question, else as it is."""
    name, _, clock = text.partition(" ")
    return f"2026-03-{DAYS[name]:02} {clock}" if name in DAYS else text


def session(start: str, end: str, client: int = 1, **told: object) -> Row:
    """A session of that week, as ``session("mon 10:00", "10:50")``."""
    return event(in_week(start), f"{in_week(start)[:10]} {end}", client=client, **told)  # type: ignore[arg-type]


def sent(start: str, client: int = 1, thread: int = 0, channel: str = "email") -> Row:
    return message(in_week(start), out=True, client=client, thread=thread, channel=channel)


def received(start: str, client: int = 1, thread: int = 0, kind: CounterpartKind = CounterpartKind.CLIENT) -> Row:
    return message(in_week(start), client=client, thread=thread, kind=kind)


def sessions_around() -> list[Row]:
    """A session without a client in the weeks around, so that the calendar is known to work."""
    return [event(f"2026-{first} 10:00", f"2026-{first} 10:50") for first in ("02-23", "03-16")]


def newsletters_around() -> list[Row]:
    """Newsletters in the weeks around, so that the mailbox is known to work."""
    return [message(f"2026-{first} 10:00", client=99, kind=CounterpartKind.OTHER) for first in ("02-23", "03-16")]


def message_to_colleague() -> Row:
    """The one message without which a week with sessions says nothing of the mail."""
    return message(in_week("wed 10:30"), out=True, client=98, kind=CounterpartKind.COLLEAGUE)


def metric_table(key: str, found: Frames) -> pd.DataFrame:
    """One metric as a table: value, n and coverage by week."""
    return pd.DataFrame(catalogue()[key].compute(found)._asdict(), index=found.weeks.index)


def metric_row(key: str, found: Frames, monday: str = "2026-03-02") -> pd.Series:
    (only,) = (row for number, row in metric_table(key, found).iterrows() if number == day(monday))
    return only


def week_frames(
    *entries: Row, mail: Iterable[Row] = (), person: Clinician | None = None, times: Iterable[Row] = (), **told: object
) -> Frames:
    return frames(
        person, entries=[*sessions_around(), *entries], mail=[*newsletters_around(), *mail], times=times,
        **told,  # type: ignore[arg-type]
    )  # fmt: skip


def metric_value(
    key: str, *entries: Row, mail: Iterable[Row] = (), monday: str = "2026-03-02", **told: object
) -> float:
    return float(metric_row(key, week_frames(*entries, mail=mail, **told), monday)["value"])  # type: ignore[arg-type]
