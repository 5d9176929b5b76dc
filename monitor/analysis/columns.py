"""Table columns as NumPy arrays: repeated computations run on arrays, data frames are for reading."""

from __future__ import annotations

from typing import Any

import pandas as pd
from numpy.typing import NDArray

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
