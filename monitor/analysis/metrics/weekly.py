"""The shapes that every metric's weekly table comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


def counts(frames: Frames, weeks: pd.Series, seen: str, amounts: pd.Series | None = None) -> pd.DataFrame:
    """Occurrences a week, or the sum of their ``amounts``: 0 where nothing was found, NaN where nobody looked.

    ``weeks`` is the week of each occurrence, ``seen`` the column of ``frames.weeks`` that says whether its sources were
    read. A week of leave without any occurrence is missing, not zero.
    """
    grouped = (pd.Series(1.0, index=weeks.index) if amounts is None else amounts).groupby(weeks.to_numpy())
    index = frames.weeks.index
    value = grouped.sum().reindex(index).fillna(0.0).astype(float)
    n = grouped.size().reindex(index).fillna(0).astype(int)
    away = (frames.weeks["worked_days"] <= 0) & (n == 0)
    return where(frames.weeks[seen] & ~away, value, n)


def where(known: pd.Series, value: pd.Series, n: pd.Series) -> pd.DataFrame:
    """A value in the weeks in which it is known, wholly; no data in the others."""
    return table(value.where(known), n.where(known, 0), known.astype(float))


def table(value: pd.Series, n: pd.Series, coverage: pd.Series) -> pd.DataFrame:
    """The table itself: index week, columns value, n, coverage."""
    return pd.DataFrame({"value": value, "n": n.astype(int), "coverage": coverage}).rename_axis("week")


def means(frames: Frames, weeks: pd.Series, values: pd.Series) -> pd.DataFrame:
    """The mean of the known ``values`` a week; n is how many are known, coverage their share of all rows."""
    index = frames.weeks.index
    grouped = values.groupby(weeks.to_numpy())
    n = grouped.count().reindex(index).fillna(0)
    rows = grouped.size().reindex(index).fillna(0)
    return table(grouped.mean().reindex(index), n, (n / rows.where(rows > 0)).fillna(0.0))


def shares(frames: Frames, weeks: pd.Series, hits: pd.Series) -> pd.DataFrame:
    """Per cent of rows that are hits a week; a row whose hit is NaN is in coverage, not in the share."""
    return means(frames, weeks, hits.astype(float) * 100)


def no_data(frames: Frames) -> pd.DataFrame:
    """The table of somebody about whom nothing can be said."""
    nothing = pd.Series(np.nan, index=frames.weeks.index)
    return where(nothing.notna(), nothing, nothing)
