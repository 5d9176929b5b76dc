"""The simulated changes, each with the target that the product has to meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.validity import families, methods, single_clients
from benchmarks.validity.notices import Method
from benchmarks.validity.simulator import (
    Change,
    Population,
    SimulatedSeries,
    counts,
    latencies,
    one_week,
    overruns,
    ramp,
    step,
)


@dataclass(frozen=True)
class Scenario:
    """A change and its target.

    At least ``min_share`` per cent have to be found in time, or, where a notice would be wrong, at most ``max_share``;
    half of them within ``max_weeks`` weeks.
    """

    name: str
    change: Change
    min_share: float | None = None
    max_share: float | None = None
    max_weeks: float | None = None


@dataclass(frozen=True)
class Measure:
    """A measure: how it is simulated, the methods that are compared on it, and the changes."""

    name: str
    draw: Callable[[Population, Change], SimulatedSeries]
    methods: tuple[Method, ...]
    scenarios: tuple[Scenario, ...]


MORE, HALF = step(1.5), step(0.5)

MEASURES = (
    Measure(
        "replies after hours",
        counts,
        methods.COUNTS,
        (
            Scenario("×1.5", Change(rate=MORE), min_share=62, max_weeks=10),
            Scenario("×2", Change(rate=step(2)), min_share=88, max_weeks=6),
            Scenario("ramp to ×2", Change(rate=ramp(2, weeks=8)), min_share=72, max_weeks=10),
            Scenario("one week ×5", Change(rate=one_week(5)), max_share=30),
            Scenario("caseload ×1.5", Change(sessions=MORE), max_share=18),
            Scenario("half the sessions", Change(sessions=HALF, rate=step(2)), max_share=30),
        ),
    ),
    Measure(
        "overruns",
        overruns,
        methods.OVERRUNS,
        (
            Scenario("+1 min", Change(overrun=step(1, before=0))),
            Scenario("+2 min", Change(overrun=step(2, before=0)), min_share=95),
        ),
    ),
    Measure(
        "minutes until a reply",
        latencies,
        methods.LATENCIES,
        (Scenario("×1.5", Change(latency=MORE)), Scenario("×2", Change(latency=step(2)), min_share=95)),
    ),
)

TARGETS = {(measure.name, scenario.name): scenario for measure in MEASURES for scenario in measure.scenarios} | {
    (families.MEASURE, families.CHANGE): Scenario(families.CHANGE, Change(), min_share=85),
    (single_clients.MEASURE, "+1 a week"): Scenario("+1 a week", Change(), min_share=55),
    (single_clients.MEASURE, "+2 a week"): Scenario("+2 a week", Change(), min_share=85),
}
