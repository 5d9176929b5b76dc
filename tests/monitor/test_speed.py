"""Speed of the analysis of one clinician's year.

The limit in seconds is generous: it finds what became ten times slower. How many functions are called is the same on
every machine and under every load, and most of the time goes into calling them.
"""

from __future__ import annotations

import cProfile
import pstats

from benchmarks.analysis_speed import MESSAGES, SESSIONS, frames_of, records_of_year, timed
from monitor.analysis.catalogue import compute_metrics

CALLS = 147_000  # of functions, the interpreter's own among them
SECONDS = 2.0  # of processor time, on whatever machine and under whatever load the tests run


def test_a_year_is_analysed_in_a_moment() -> None:
    records = records_of_year()

    assert (len(records.events), len(records.messages)) == (SESSIONS, MESSAGES)
    assert timed(records, runs=2).sum(axis=1).min() < SECONDS


def test_a_year_takes_no_more_calls_than_it_needs() -> None:
    records = records_of_year()
    timed(records, runs=0)  # imports and caches

    with cProfile.Profile() as profile:
        compute_metrics(frames_of(records))

    assert pstats.Stats(profile).total_calls < CALLS  # type: ignore[attr-defined]
