"""A run of ingest that ends itself with ``kill -9`` in the middle of a statement.

::

    python -m tests.monitor.killed FOLDER STEPS

After STEPS times fifty of SQLite's own instructions the process is gone. Prints how many steps it took if it lived.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

from connectors import registry
from connectors.base import Batch
from connectors.records import Record
from tests.monitor.memory import House, entry, stamp, true_end

PAGES, PER_PAGE, INSTRUCTIONS = 12, 40, 50


def pages() -> list[list[Record]]:
    """Pages with entries, evidence and messages that are tied to earlier pages; some come twice."""
    dice = random.Random(20)
    told: list[list[Record]] = []
    for page in range(PAGES):
        records: list[Record] = []
        for number in range(page * PER_PAGE, (page + 1) * PER_PAGE):
            sent = f"2026-02-{1 + number % 28:02} {8 + number % 10:02}:{number % 60:02}"
            records.append(
                stamp(number - dice.randint(0, 3), sent, dice.randint(0, number), counterpart=f"P{number % 9}")
            )
            if number % 4 == 0:
                records += [entry(f"e{number}", sent, client=f"P{number % 7}"), true_end(f"e{number}", sent)]
        told.append(records)
    return told


def practice(folder: Path) -> House:
    registry.KINDS = {**registry.KINDS, "memory": "tests.monitor.memory"}
    house = House(folder, mail="ana")
    house.mail.pages = [Batch(None, tuple(page)) for page in pages()]
    return house


def main() -> None:
    house = practice(Path(sys.argv[1]))
    left = int(sys.argv[2])
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        if taken == left:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    house.store.connection.set_progress_handler(step, INSTRUCTIONS)
    house.ingest()
    print(taken)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
