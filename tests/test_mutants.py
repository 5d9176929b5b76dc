"""The count of mutants: one that was not tried counts as nothing."""

from __future__ import annotations

import pytest

from benchmarks.mutants import outcome_of


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (1, "killed"),
        (36, "killed"),
        (0, "survived"),
        (33, "survived"),
        (None, "undecided"),
        (2, "undecided"),
        (-11, "undecided"),
    ],
)
def test_only_a_failed_test_kills_a_mutant(code: int | None, outcome: str) -> None:
    assert outcome_of(code) == outcome
