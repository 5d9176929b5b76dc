"""Runs at random over a source at which things happen at random, and what has to hold after all of them.

The earliest item stays as it is in every history, so that the source always reaches back to it: what is deleted before
whatever a source tells cannot be told from what it has forgotten.
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
    """Night after night of one practice: usual runs, some that are cut off, read all anew or read some days alone."""

    def __init__(self, practice: Practice, random: Random) -> None:
        self.practice, self.random, self.night = practice, random, 0

    def read(self, **wish: Any) -> None:
        self.night += self.random.choice([1, 1, 1, 12])
        self.practice.read(now=nights(self.night), **wish)

    def anew(self) -> None:
        self.read(full=True)

    def narrow(self) -> None:
        """A run that is to read some days alone, up to one or from one on."""
        day: date = (FIRST + timedelta(days=self.random.randint(0, DAYS))).date()
        self.read(**{self.random.choice(["first", "last"]): day})

    def cut_off(self) -> None:
        with suppress(CutOffError):
            self.read(cut_after=self.random.randint(1, 4))

    def holds_what_a_first_reading_finds(self, fresh: Practice) -> None:
        """Whatever happened: a last run brings the rest, and neither one more nor one from the start anything."""
        practice, now = self.practice, nights(self.night)
        outcomes = practice.read(now=now, accept_shrink=True)
        fresh.read(now=now)
        assert [outcome.problem for outcome in outcomes.values() if outcome.problem] == []
        assert practice.holds() == fresh.holds()
        again = practice.read(now=now)
        assert {name: outcome.rows for name, outcome in again.items() if outcome.rows} == {}
        practice.read(now=now, full=True)
        assert practice.holds() == fresh.holds()
