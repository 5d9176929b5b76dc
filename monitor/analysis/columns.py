"""Table columns as NumPy arrays: repeated computations run on arrays, data frames are for reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Column = NDArray[Any]


def arrays(table: pd.DataFrame, *names: str, rows: Column | None = None) -> tuple[Column, ...]:
    """Return columns of a table as arrays of one length; only those of ``rows`` (a mask or positions) if given."""
    columns = (table[name].to_numpy() for name in names)
    return tuple(columns if rows is None else (column[rows] for column in columns))


def first_by_group(groups: Column, values: Column, is_known: Column, default: Column) -> Column:
    """Return for each group number the first of its values that is known, else the group's ``default``."""
    first = default.copy()
    # NumPy keeps the last of several assignments to one index, so the values are assigned in reverse.
    first[groups[is_known][::-1]] = values[is_known][::-1]
    return first


def pack_keys(clients: ArrayLike, instants: ArrayLike) -> NDArray[np.int64]:
    """Return one sortable number for each (client, instant): instants fit into 34 bits until the year 2514."""
    client, instant = np.asarray(clients, dtype=np.int64), np.asarray(instants, dtype=np.int64)
    return np.asarray((client << 34) + instant, dtype=np.int64)


def next_of_client(
    event_clients: ArrayLike, event_instants: ArrayLike, clients: ArrayLike, instants: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each client and instant a number that grows with every event before it, and when the next one is.

    An event at the instant itself is the next one. Infinity where the client has no later event.
    """
    # One sorted array for all clients: the packed number sorts by client first and by time second.
    events = np.sort(pack_keys(event_clients, event_instants))
    index = np.searchsorted(events, pack_keys(clients, instants))
    next_event = np.append(events, np.iinfo(np.int64).max)[index]
    client_begins = pack_keys(clients, 0)
    same_client = next_event < client_begins + pack_keys(1, 0)
    return index, np.where(same_client, (next_event - client_begins).astype(float), np.inf)
