"""What is simulated: one row a change, with the target it has to meet. The race and the tables read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.validity import families, methods, pairs
from benchmarks.validity.notices import Method
from benchmarks.validity.simulator import Change, Drawn, Lives, counts, latencies, one_week, overruns, ramp, step


@dataclass(frozen=True)
class Cell:
    """A change. ``least`` is the share to be found in time, ``most`` where finding would be wrong; both in per cent."""

    name: str
    change: Change
    least: float | None = None
    most: float | None = None
    soon: float | None = None


@dataclass(frozen=True)
class Measure:
    """What is watched, how it is drawn, by whom it is watched, and what happens to it."""

    name: str
    draw: Callable[[Lives, Change], Drawn]
    methods: tuple[Method, ...]
    cells: tuple[Cell, ...]


MORE, HALF = step(1.5), step(0.5)

MEASURES = (
    Measure(
        "replies after hours",
        counts,
        methods.COUNTS,
        (
            Cell("×1.5", Change(rate=MORE), least=62, soon=10),
            Cell("×2", Change(rate=step(2)), least=88, soon=6),
            Cell("ramp to ×2", Change(rate=ramp(2, weeks=8)), least=72, soon=10),
            Cell("one week ×5", Change(rate=one_week(5)), most=30),
            Cell("caseload ×1.5", Change(sessions=MORE), most=18),
            Cell("half the sessions", Change(sessions=HALF, rate=step(2)), most=30),
        ),
    ),
    Measure(
        "overruns",
        overruns,
        methods.OVERRUNS,
        (
            Cell("+1 min", Change(overrun=step(1, before=0))),
            Cell("+2 min", Change(overrun=step(2, before=0)), least=95),
        ),
    ),
    Measure(
        "minutes until a reply",
        latencies,
        methods.LATENCIES,
        (Cell("×1.5", Change(latency=MORE)), Cell("×2", Change(latency=step(2)), least=95)),
    ),
)

TARGETS = {(measure.name, cell.name): cell for measure in MEASURES for cell in measure.cells} | {
    (families.MEASURE, families.CHANGE): Cell(families.CHANGE, Change(), least=85),
    (pairs.MEASURE, "+1 a week"): Cell("+1 a week", Change(), least=55),
    (pairs.MEASURE, "+2 a week"): Cell("+2 a week", Change(), least=85),
}
