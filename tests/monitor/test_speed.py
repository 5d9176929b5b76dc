"""A year of one clinician is analysed in a moment. The limit is generous: it finds what became ten times slower."""

from __future__ import annotations

from benchmarks.analysis_speed import MESSAGES, SESSIONS, timed, year

SECONDS = 2.0  # of processor time, on whatever machine and under whatever load the tests run


def test_a_year_is_analysed_in_a_moment() -> None:
    facts = year()

    assert (len(facts.events), len(facts.messages)) == (SESSIONS, MESSAGES)
    assert timed(facts, runs=2).sum(axis=1).min() < SECONDS
