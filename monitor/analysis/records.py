"""One clinician's stored records as tables: the store returns them, the analysis takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ReadSpan = tuple[int, int] | None
"""The span ``[start, end)`` in which all sources of one kind were read; ``None`` where nothing was read."""

FOREVER = 2**62
"""The end of the read span of a source that cannot become stale, such as an archive."""

RECORD_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "events": {
        "source": "int64", "uid_key": "str", "start": "int64", "end": "int64", "booked_end": "int64", "all_day": "bool",
        "status": "str", "kind": "str", "client": "int64", "excluded": "str", "known_at": "int64", "meeting": "str",
        "cancelled_at": "float64", "moved": "bool",
    },
    "evidence": {
        "source": "int64", "grade": "str", "started_at": "float64", "ended_at": "float64", "uid_key": "str",
        "meeting": "str",
    },
    "corrections": {"uid_key": "str", "ended_at": "float64"},
    "messages": {
        "sent_at": "int64", "outgoing": "bool", "automatic": "bool", "counterpart": "int64", "counterpart_kind": "str",
        "channel": "str", "thread": "int64", "source": "int64", "emergency": "bool",
    },
    "persons": {"client": "int64", "person": "int64"},
    "terms": {"client": "int64", "term": "object", "day": "int64", "value": "object", "entered_at": "int64"},
    "ledger": {"client": "int64", "kind": "str", "day": "int64"},
}  # fmt: skip
"""The columns of each table of :class:`Records` with their types, because a table without rows has none of its own."""


@dataclass(frozen=True, slots=True)
class Records:
    """One clinician's records. Instants are epoch seconds, an unknown number is NaN, no client is -1.

    events       calendar events as last read: start, end, booked_end, excluded (the reason why the event is excluded,
                 if it is), known_at (when it was first seen), cancelled_at (when it was cancelled, if it was and where
                 that is known), moved (whether its start was ever another one)
    evidence     actual times of sessions by source, with their grade; uid_key or meeting name the session, both empty
                 where the source names none
    corrections  actual ends of sessions, stated by the clinician
    messages     sent_at, outgoing, automatic, counterpart (a client's key or -1), its kind, channel, thread (0: none),
                 emergency (whether the clinician marked the thread as one)
    persons      for each client key that was joined with others, the person behind it
    terms        what was agreed with or recorded about a client, each from a day on; a term without a value ends it
    ledger       what no calendar shows, by day
    """

    events: pd.DataFrame
    evidence: pd.DataFrame
    corrections: pd.DataFrame
    messages: pd.DataFrame
    persons: pd.DataFrame
    terms: pd.DataFrame
    ledger: pd.DataFrame
