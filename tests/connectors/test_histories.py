"""After any history of runs and of what happens behind a source, the store holds what a first reading would find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from connectors.registry import kind_names
from tests.connectors.histories import Runs
from tests.connectors.worlds.practice import Practice
from tests.connectors.worlds.world import Behaviour, Trouble, World, worlds
from tests.monitor.facts import EXAMPLES

HISTORIES = max(EXAMPLES // 10, 2)
FIRST_ITEMS, MOST_ITEMS, FEWEST = 12, 60, 8
WORLDS = [made for kind in kind_names() for made in worlds(kind)]


class History(Runs):
    """Something happens, at random, to a practice and to the world that it reads."""

    def __init__(self, world: World, practice: Practice, random: Random) -> None:
        super().__init__(practice, random)
        self.world, self.next = world, FIRST_ITEMS
        self.held = {owner: set(range(FIRST_ITEMS)) for owner in practice.accounts}
        for owner in practice.accounts:
            world.put(*range(FIRST_ITEMS), owner=owner)

    def step(self) -> None:
        """Let one thing happen that this world can do."""
        can = self.world.declines.keys().isdisjoint
        steps: list[Callable[[], object]] = [
            self.come,
            self.come,
            self.read,
            self.read,
            self.cut_off,
            self.narrow,
            self.anew,
        ]
        steps += [self.trouble] if any(how.value not in self.world.declines for how in Trouble) else []
        steps += [self.change] if can({Behaviour.CHANGED}) else []
        steps += [self.spoil] if can({Behaviour.MENDED}) else []
        steps += [self.go, self.come_back] if can({Behaviour.DELETED}) else []
        steps += [self.forget] if can({Behaviour.EXPIRED}) else []
        self.random.choice(steps)()

    def come(self) -> None:
        numbers = range(self.next, min(self.next + self.random.randint(1, 4), MOST_ITEMS))
        self.next += len(numbers)
        owner = self.owner()
        self.held[owner] |= {*numbers}
        self.world.put(*numbers, owner=owner)

    def change(self) -> None:
        owner = self.owner()
        self.world.change(self.one_of(self.held[owner]), owner=owner)

    def spoil(self) -> None:
        owner = self.owner()
        self.world.spoil(self.one_of(self.held[owner]), owner=owner)

    def go(self) -> None:
        owner = self.owner()
        if len(self.held[owner]) > FEWEST:
            number = self.one_of(self.held[owner])
            self.held[owner].remove(number)
            self.world.drop(number, owner=owner)

    def come_back(self) -> None:
        owner = self.owner()
        if gone := {*range(self.next)} - self.held[owner]:
            number = self.one_of(gone)
            self.held[owner].add(number)
            self.world.put(number, owner=owner)

    def forget(self) -> None:
        self.world.forget(self.owner())

    def trouble(self) -> None:
        how = self.random.choice([how for how in Trouble if how.value not in self.world.declines])
        self.world.trouble(how, self.random.choice([None, 1, 2, 3]), self.owner())
        self.read()
        self.world.mend()

    def owner(self) -> str:
        return self.random.choice(self.practice.accounts)

    def one_of(self, numbers: set[int]) -> int:
        return self.random.choice(sorted(numbers - {0}))


@pytest.mark.parametrize("number", range(HISTORIES))
@pytest.mark.parametrize("made", WORLDS, ids=lambda world: f"{world.kind} {world.title}".strip().replace(" ", "-"))
def test_after_any_history_the_store_holds_what_a_first_reading_finds(
    made: type[World], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "world").mkdir()
    world, random = made(tmp_path / "world", monkeypatch), Random(f"{made.kind} {made.title} {number}")
    practices = [Practice(tmp_path / name, world, monkeypatch) for name in ("one", "another")]
    try:
        practice, fresh = practices
        history = History(world, practice, random)
        for _ in range(random.randint(3, 14)):
            history.step()
        history.holds_what_a_first_reading_finds(fresh)
    finally:
        for one in practices:
            one.close()
        world.close()
