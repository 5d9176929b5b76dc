"""Tables as their columns: what is computed many times over is computed on arrays, and tables are for reading."""

from __future__ import annotations

from typing import Any

import pandas as pd
from numpy.typing import NDArray

Column = NDArray[Any]


def arrays(table: pd.DataFrame, *names: str, rows: Column | None = None) -> tuple[Column, ...]:
    """Columns of a table as arrays of one length; of ``rows`` alone, where some were chosen."""
    columns = (table[name].to_numpy() for name in names)
    return tuple(columns if rows is None else (column[rows] for column in columns))


def first_by_group(groups: Column, values: Column, known: Column, otherwise: Column) -> Column:
    """Of each group, by its number, the first of the values that are known; what ``otherwise`` has where none is."""
    found = otherwise.copy()
    found[groups[known][::-1]] = values[known][::-1]  # of several the last one written stays
    return found
