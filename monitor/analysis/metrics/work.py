"""When work is known to have been done, as spans: what several metrics measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitor.analysis.intervals import Spans, intersection, spans, subtract, union
from monitor.analysis.metrics.weekly import once

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

BEFORE_MESSAGE = 5 * 60  # seconds of work taken to lie before a sent episode


@once
def work_spans(frames: Frames) -> Spans:
    """When work is known to have been done: held sessions, and five minutes before each sent episode."""
    return _spans_of(frames.held, frames.episodes)


def _spans_of(held: pd.DataFrame, episodes: pd.DataFrame) -> Spans:
    before = np.array([BEFORE_MESSAGE, 0])
    return union(
        spans(held[["began_at", "ended_at"]].to_numpy(dtype=np.int64)),
        spans(episodes[["sent_at", "last_at"]].to_numpy(dtype=np.int64) - before),
    )


@once
def outside_work(frames: Frames) -> Spans:
    """The part of the work that lies outside the agreed hours, their breaks and on-call windows.

    Contact that an emergency protocol or a documented modified boundary covers is left out.
    """
    parts = frames.held, frames.episodes
    held, episodes = (part[~part["covered"] & (~part["outside"] | part["after_hours"])] for part in parts)
    return subtract(_spans_of(held, episodes), _agreed(frames))


def inside_work(frames: Frames) -> Spans:
    """The part of the work that lies inside the agreed hours, their breaks and on-call windows."""
    return intersection(work_spans(frames), _agreed(frames))


def on_call_work(frames: Frames) -> Spans:
    """The part of the work that lies in on-call windows, outside the agreed hours."""
    return subtract(intersection(work_spans(frames), frames.calendar.on_call), frames.calendar.hours)


@once
def _agreed(frames: Frames) -> Spans:
    return union(frames.calendar.hours, frames.calendar.on_call)
