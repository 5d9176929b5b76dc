"""Who is on leave: the spans alone, for what asks whether somebody is there and tells nobody why not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from connectors.records import Kind, Status
from monitor.store.events import REMOVED
from monitor.store.keys import selected

_GONE = (REMOVED, Status.CANCELLED.value, Status.DECLINED.value)
_LEAVE = f"""
SELECT clinician.key, start_at, end_at FROM event JOIN clinician ON clinician.id = clinician_id
JOIN source_clinician USING (clinician_id, source_id)
WHERE kind = '{Kind.LEAVE.value}' AND status NOT IN {_GONE} AND set_aside IS NULL
AND end_at > {{since:d}} AND start_at < {{until:d}} AND clinician.key IN"""


def leave(connection: sqlite3.Connection, keys: Iterable[str], since: int, until: int) -> list[tuple[str, int, int]]:
    """(clinician, start, end) of each leave that touches ``[since, until)``; they may overlap."""
    return selected(connection, _LEAVE.format(since=since, until=until), list(keys))
