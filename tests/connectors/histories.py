"""Random runs over a source with random changes, and the invariants that hold after all of them.

The earliest item stays unchanged in every history, so that the source always reaches back to it: an item that was
deleted before the earliest one of a source cannot be distinguished from one that the source has dropped.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.connectors.worlds.practice import CutOffError, Practice, nights
from tests.connectors.worlds.world import FIRST

DAYS = 12  # among which a narrow run ends or begins


class Runs:
    """The nights of one practice: ordinary runs, interrupted ones, full ones, and some over a few days."""

    def __init__(self, practice: Practice, random: Random) -> None:
        self.practice, self.random, self.night = practice, random, 0

    def read(self, **request: Any) -> None:
        self.night += self.random.choice([1, 1, 1, 12])
        self.practice.read(now=nights(self.night), **request)

    def read_in_full(self) -> None:
        self.read(full=True)

    def read_some_days(self) -> None:
        """Run for some days only, up to one or from one on."""
        day: date = (FIRST + timedelta(days=self.random.randint(0, DAYS))).date()
        self.read(**{self.random.choice(["first", "last"]): day})

    def read_interrupted(self) -> None:
        with suppress(CutOffError):
            self.read(cut_after=self.random.randint(1, 4))

    def check_against_first_reading(self, fresh: Practice) -> None:
        """Check that a last run stores the rest, and that neither one more nor a full one changes anything."""
        practice, now = self.practice, nights(self.night)
        outcomes = practice.read(now=now, accept_shrink=True)
        fresh.read(now=now)
        assert [outcome.problem for outcome in outcomes.values() if outcome.problem] == []
        assert practice.stored_rows() == fresh.stored_rows()
        second_run = practice.read(now=now)
        assert {name: outcome.rows for name, outcome in second_run.items() if outcome.rows} == {}
        practice.read(now=now, full=True)
        assert practice.stored_rows() == fresh.stored_rows()
