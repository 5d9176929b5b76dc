"""A run of ingest that kills its own process (``kill -9``) in the middle of a statement.

::

    python -m tests.monitor.killed FOLDER STEPS

The process ends after STEPS times fifty of SQLite's instructions. If it does not, it prints the number of its steps.
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
from tests.monitor.memory import MemoryPractice, ehr_evidence, entry, stamp

PAGES, PER_PAGE, INSTRUCTIONS = 12, 40, 50


def pages() -> list[list[Record]]:
    """Return pages with entries, evidence and messages that refer to earlier pages; some records come twice."""
    rng = random.Random(20)
    pages: list[list[Record]] = []
    for page in range(PAGES):
        records: list[Record] = []
        for number in range(page * PER_PAGE, (page + 1) * PER_PAGE):
            sent = f"2026-02-{1 + number % 28:02} {8 + number % 10:02}:{number % 60:02}"
            records.append(
                stamp(number - rng.randint(0, 3), sent, rng.randint(0, number), counterpart=f"P{number % 9}")
            )
            if number % 4 == 0:
                records += [entry(f"e{number}", sent, client=f"P{number % 7}"), ehr_evidence(f"e{number}", sent)]
        pages.append(records)
    return pages


def practice(folder: Path) -> MemoryPractice:
    registry.KINDS = {**registry.KINDS, "memory": "tests.monitor.memory"}
    made = MemoryPractice(folder, mail="ana")
    made.mail.pages = [Batch(None, tuple(page)) for page in pages()]
    return made


def main() -> None:
    running = practice(Path(sys.argv[1]))
    last_step = int(sys.argv[2])
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        if steps == last_step:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    running.store.connection.set_progress_handler(step, INSTRUCTIONS)
    running.ingest()
    print(steps)  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
