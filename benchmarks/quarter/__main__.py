"""Live a quarter in which things go wrong, day by day, and say of each day what was said and whether that is right.

python -m benchmarks.quarter [--short]

Ends with exit code 1 if anything said that all is well when it was not, left unsaid what was missing, or raised an
alarm for nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.quarter.oracle import Complaint, Morning, Rule, is_quiet, judged
from benchmarks.quarter.plan import QUARTER, SHORT, Plan
from benchmarks.quarter.practice import Practice, ask

PROCESSES = 2  # beside the one that runs the nights
QUOTES = 3  # of each kind of complaint


def lived(plan: Plan, folder: Path, processes: int = 0) -> Iterator[tuple[Morning, list[Complaint]]]:
    """Live each day of a plan in an empty folder; yields what was said on it and what is to be complained of.

    With ``processes`` the mornings are asked for beside the nights, each in a copy of its practice.
    """
    practice = Practice(plan, folder / "practice")
    practice.folder.mkdir()
    if not processes:
        for day in plan.days():
            morning = practice.night(day)
            yield asked(plan, practice.folder, morning)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting: deque[Future[tuple[Morning, list[Complaint]]]] = deque()
        for day in plan.days():
            morning = practice.night(day)
            copied = Path(shutil.copytree(practice.folder, folder / f"{day}"))
            waiting.append(pool.submit(asked_in_copy, plan, copied, morning))
            while waiting and (waiting[0].done() or len(waiting) > 2 * processes):
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def asked(plan: Plan, folder: Path, morning: Morning) -> tuple[Morning, list[Complaint]]:
    """Ask for everything on a morning, if people look at their pages on it, and judge what was said."""
    if plan.asks_on(morning.day):
        ask(plan, folder, morning)
    return morning, judged(plan, morning)


def asked_in_copy(plan: Plan, folder: Path, morning: Morning) -> tuple[Morning, list[Complaint]]:
    """The same in a copy of the practice, which goes with it."""
    try:
        return asked(plan, folder, morning)
    finally:
        shutil.rmtree(folder)


def line_of(plan: Plan, morning: Morning, complaints: list[Complaint]) -> str:
    """One row of the table: the day, what goes wrong, what was said, the verdict."""
    quiet = sum(is_quiet(morning.said, person.key) for person in plan.staff(morning.day))
    night = "-" if morning.night.code is None else morning.night.code
    doctor = "-" if morning.doctor.code is None else morning.doctor.code
    said = f"night {night}, doctor {doctor}, quiet {quiet} of {len(plan.staff(morning.day))}"
    rules = Counter(complaint.rule.value for complaint in complaints)
    verdict = "; ".join(f"{number} × {rule}" for rule, number in rules.items()) or "right"
    wrong = "; ".join(plan.wrong(morning.day)) or "nothing"
    return f"{morning.day:%a %d %b}  {wrong}\n    said: {said}\n    {verdict}"


def report(complaints: list[Complaint]) -> str:
    """Every kind of complaint once, the worst first: who, on which days, and some of the words."""
    rules = list(Rule)

    def kind(one: Complaint) -> tuple[int, str, str]:
        return rules.index(one.rule), one.where, one.why

    lines = []
    for (rule, where, why), group in groupby(sorted(complaints, key=kind), key=kind):
        those = sorted(group, key=lambda one: one.day)
        people, on = sorted({one.about for one in those} - {""}), sorted({one.day for one in those})
        days = f"{on[0]:%d %b}" + (f" to {on[-1]:%d %b}, {len(on)} days" if len(on) > 1 else "")
        whose = f" of {', '.join(people)}" if people else ""
        lines.append(f"{where}{whose} {rules[rule]} ({why}; {days})")
        quotes = dict.fromkeys(one.quote for one in those)
        lines += [f"    “{quote}”" for quote in list(quotes)[:QUOTES]]
    return "\n".join(lines)


def main() -> int:
    """Run it; returns the exit code."""
    options = argparse.ArgumentParser(description="A simulated quarter in which things go wrong.")
    options.add_argument("--short", action="store_true", help="four weeks and four clinicians")
    chosen = options.parse_args()
    plan, complaints, quiet = SHORT if chosen.short else QUARTER, [], 0
    with TemporaryDirectory() as temporary:
        for morning, found in lived(plan, Path(temporary), PROCESSES):
            _say(line_of(plan, morning, found))
            complaints += found
            quiet += sum(is_quiet(morning.said, person.key) for person in plan.staff(morning.day))
    _say(f"\n{report(complaints)}\n\n{len(complaints)} complaints; “nothing stood out” was said {quiet} times")
    return 1 if complaints or not quiet else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
