"""Spans of known work, which several metrics measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.columns import arrays
from monitor.analysis.intervals import Spans, intersection, spans, subtract, union
from monitor.analysis.metrics.weekly import Bools, cached

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

BEFORE_MESSAGE = 5 * 60  # seconds of work counted before a sent episode


@cached
def work_spans(frames: Frames) -> Spans:
    """Return the spans of known work: held sessions, and the five minutes before each sent episode.

    ::

        sessions        |-----|
        sent                        x    x x
        work_spans      |-----|   |-| |--|-|
    """
    pieces, _ = _pieces(frames)
    return spans(pieces)


def work_not_covered(frames: Frames) -> Spans:
    """Return the work without contact that an emergency protocol covers."""
    pieces, _ = _pieces(frames)
    return spans(
        pieces[
            ~np.append(
                *(arrays(part, "covered_by_protocol")[0] for part in (frames.sessions.held, frames.messages.episodes))
            )
        ]
    )


def _pieces(frames: Frames) -> tuple[NDArray[np.int64], Bools]:
    """Return each piece of work as (start, end), and whether the agreement with that client covers its time."""
    began, ended = arrays(frames.sessions.held, "effective_start", "effective_end")
    sent, last = arrays(frames.messages.episodes, "sent_at", "last_at")
    pieces = np.column_stack((np.append(began, sent - BEFORE_MESSAGE), np.append(ended, last)))
    names = ("outside_hours", "after_hours", "covered_by_protocol")
    outside, after_hours, covered = (
        np.append(frames.sessions.held[name], frames.messages.episodes[name]) for name in names
    )
    return pieces, covered | (outside & ~after_hours)


@cached
def outside_work(frames: Frames) -> Spans:
    """Return the work outside the agreed hours, their breaks and on-call windows.

    Contact that an emergency protocol or a documented modified boundary covers is left out.
    """
    pieces, granted = _pieces(frames)
    return subtract(spans(pieces[~granted]), _agreed(frames))


def inside_work(frames: Frames) -> Spans:
    """Return the work inside the agreed hours, their breaks and on-call windows."""
    return intersection(work_spans(frames), _agreed(frames))


def on_call_work(frames: Frames) -> Spans:
    """Return the work in on-call windows and outside the agreed hours."""
    return subtract(intersection(work_spans(frames), frames.time.calendar.on_call), frames.time.calendar.hours)


@cached
def _agreed(frames: Frames) -> Spans:
    return union(frames.time.calendar.hours, frames.time.calendar.on_call)
