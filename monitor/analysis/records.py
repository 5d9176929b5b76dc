"""What is stored of one clinician, as the store returns it and as the analysis takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ReadSpan = tuple[int, int] | None
"""From when to when a part of the records was read: ``[start, end)``, ``None`` where it says nothing."""

FOREVER = 2**62
"""Up to when something was read that cannot grow old, such as an archive."""

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
    "joined": {"client": "int64", "person": "int64"},
    "terms": {"client": "int64", "term": "object", "day": "int64", "value": "object", "entered_at": "int64"},
    "ledger": {"client": "int64", "kind": "str", "day": "int64"},
}  # fmt: skip
"""The columns of each table of :class:`Records` with their types, because a table without rows has none of its own."""


@dataclass(frozen=True, slots=True)
class Records:
    """One clinician's records. Instants are epoch seconds, an unknown number is NaN; a client is -1 where it is nobody.

    events       calendar entries as they stand: start, end, the end as it was booked, excluded (why it is no session,
                 if so), known_at (when it was first seen), cancelled_at (if it was called off, and as far as anybody
                 can know), moved (whether it was ever seen beginning at another time)
    evidence     when sessions truly began and ended, by a source (its grade says of what kind); uid_key or meeting say
                 of which, empty where the source does not
    corrections  when sessions truly ended, by the clinician
    messages     sent_at, outgoing, automatic, counterpart (a client's key or -1), its kind, channel, thread (0: none),
                 emergency (whether the clinician marked the thread as one)
    joined       which keys are one person
    terms        what was said of clients from a day on; no value: nothing holds any more
    ledger       what no calendar shows, by day
    """

    events: pd.DataFrame
    evidence: pd.DataFrame
    corrections: pd.DataFrame
    messages: pd.DataFrame
    joined: pd.DataFrame
    terms: pd.DataFrame
    ledger: pd.DataFrame
