"""After any history of runs and changes, the store contains what a first reading would find."""

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
FIRST_ITEMS, MOST_ITEMS, FEWEST_ITEMS = 12, 60, 8
WORLDS = [world for kind in kind_names() for world in worlds(kind)]


class History(Runs):
    """Random changes to a practice and to the simulated source that it reads."""

    def __init__(self, world: World, practice: Practice, random: Random) -> None:
        super().__init__(practice, random)
        self.world, self.next = world, FIRST_ITEMS
        self.present = {owner: set(range(FIRST_ITEMS)) for owner in practice.accounts}
        for owner in practice.accounts:
            world.put(*range(FIRST_ITEMS), owner=owner)

    def step(self) -> None:
        """Make one random change that this source supports."""
        allows = self.world.declines.keys().isdisjoint
        steps: list[Callable[[], object]] = [
            self.add,
            self.add,
            self.read,
            self.read,
            self.read_interrupted,
            self.read_some_days,
            self.read_in_full,
        ]
        steps += [self.trouble] if any(trouble.value not in self.world.declines for trouble in Trouble) else []
        steps += [self.change] if allows({Behaviour.CHANGED}) else []
        steps += [self.spoil] if allows({Behaviour.RESOLVED}) else []
        steps += [self.drop_one, self.restore_one] if allows({Behaviour.DELETED}) else []
        steps += [self.forget] if allows({Behaviour.EXPIRED}) else []
        self.random.choice(steps)()

    def add(self) -> None:
        numbers = range(self.next, min(self.next + self.random.randint(1, 4), MOST_ITEMS))
        self.next += len(numbers)
        owner = self.owner()
        self.present[owner] |= {*numbers}
        self.world.put(*numbers, owner=owner)

    def change(self) -> None:
        owner = self.owner()
        self.world.change(self.pick(self.present[owner]), owner=owner)

    def spoil(self) -> None:
        owner = self.owner()
        self.world.spoil(self.pick(self.present[owner]), owner=owner)

    def drop_one(self) -> None:
        owner = self.owner()
        if len(self.present[owner]) > FEWEST_ITEMS:
            number = self.pick(self.present[owner])
            self.present[owner].remove(number)
            self.world.drop(number, owner=owner)

    def restore_one(self) -> None:
        owner = self.owner()
        if missing := {*range(self.next)} - self.present[owner]:
            number = self.pick(missing)
            self.present[owner].add(number)
            self.world.put(number, owner=owner)

    def forget(self) -> None:
        self.world.forget(self.owner())

    def trouble(self) -> None:
        trouble = self.random.choice([trouble for trouble in Trouble if trouble.value not in self.world.declines])
        self.world.trouble(trouble, self.random.choice([None, 1, 2, 3]), self.owner())
        self.read()
        self.world.mend()

    def owner(self) -> str:
        return self.random.choice(self.practice.accounts)

    def pick(self, numbers: set[int]) -> int:
        return self.random.choice(sorted(numbers - {0}))


@pytest.mark.parametrize("number", range(HISTORIES))
@pytest.mark.parametrize(
    "world_type", WORLDS, ids=lambda world: f"{world.kind} {world.title}".strip().replace(" ", "-")
)
def test_store_equals_a_first_reading_after_any_history(
    world_type: type[World], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "world").mkdir()
    world, random = (
        world_type(tmp_path / "world", monkeypatch),
        Random(f"{world_type.kind} {world_type.title} {number}"),
    )
    practices = [Practice(tmp_path / name, world, monkeypatch) for name in ("one", "another")]
    try:
        practice, fresh = practices
        history = History(world, practice, random)
        for _ in range(random.randint(3, 14)):
            history.step()
        history.check_against_first_reading(fresh)
    finally:
        for practice_ in practices:
            practice_.close()
        world.close()
