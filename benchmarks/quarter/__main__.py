"""Run a quarter with faults, day by day, and check the product's statements on each day.

python -m benchmarks.quarter [--short]

Exits with 1 if anything reassured wrongly, did not name what was missing, or raised a false alarm.
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

from benchmarks.quarter.oracle import Complaint, Morning, Rule, find_complaints, is_quiet
from benchmarks.quarter.plan import QUARTER, SHORT, Plan
from benchmarks.quarter.practice import Practice, collect

PROCESSES = 2  # beside the one that runs the nights
QUOTES = 3  # of each kind of complaint


def run_plan(plan: Plan, folder: Path, processes: int = 0) -> Iterator[tuple[Morning, list[Complaint]]]:
    """Run each day of a plan in an empty folder; yield its outputs and complaints.

    With ``processes`` the mornings are checked in parallel, each in a copy of the practice.
    """
    practice = Practice(plan, folder / "practice")
    practice.folder.mkdir()
    if not processes:
        for day in plan.days():
            morning = practice.night(day)
            yield check_morning(plan, practice.folder, morning)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting: deque[Future[tuple[Morning, list[Complaint]]]] = deque()
        for day in plan.days():
            morning = practice.night(day)
            copied = Path(shutil.copytree(practice.folder, folder / f"{day}"))
            waiting.append(pool.submit(check_copy, plan, copied, morning))
            while waiting and (waiting[0].done() or len(waiting) > 2 * processes):
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def check_morning(plan: Plan, folder: Path, morning: Morning) -> tuple[Morning, list[Complaint]]:
    """Collect the outputs of a morning, if pages are opened on it, and return them with the complaints."""
    if plan.opens_pages_on(morning.day):
        collect(plan, folder, morning)
    return morning, find_complaints(plan, morning)


def check_copy(plan: Plan, folder: Path, morning: Morning) -> tuple[Morning, list[Complaint]]:
    """Check a morning in a copy of the practice, and delete the copy."""
    try:
        return check_morning(plan, folder, morning)
    finally:
        shutil.rmtree(folder)


def line_of(plan: Plan, morning: Morning, complaints: list[Complaint]) -> str:
    """Return one row of the table: the day, its faults, the outputs, the verdict."""
    quiet = sum(is_quiet(morning.texts, person.key) for person in plan.staff(morning.day))
    night = "-" if morning.night.code is None else morning.night.code
    doctor = "-" if morning.doctor.code is None else morning.doctor.code
    outputs = f"night {night}, doctor {doctor}, quiet {quiet} of {len(plan.staff(morning.day))}"
    rules = Counter(complaint.rule.value for complaint in complaints)
    verdict = "; ".join(f"{number} × {rule}" for rule, number in rules.items()) or "right"
    faults = "; ".join(plan.fault_texts(morning.day)) or "nothing"
    return f"{morning.day:%a %d %b}  {faults}\n    said: {outputs}\n    {verdict}"


def report(complaints: list[Complaint]) -> str:
    """Return every kind of complaint once, the worst first: the people, the days and some quotes."""
    rules = list(Rule)

    def kind(complaint: Complaint) -> tuple[int, str, str]:
        return rules.index(complaint.rule), complaint.where, complaint.why

    lines = []
    for (rule, where, why), group in groupby(sorted(complaints, key=kind), key=kind):
        group_complaints = sorted(group, key=lambda complaint: complaint.day)
        people = sorted({complaint.about for complaint in group_complaints} - {""})
        dates = sorted({complaint.day for complaint in group_complaints})
        days = f"{dates[0]:%d %b}" + (f" to {dates[-1]:%d %b}, {len(dates)} days" if len(dates) > 1 else "")
        owner = f" of {', '.join(people)}" if people else ""
        lines.append(f"{where}{owner} {rules[rule]} ({why}; {days})")
        quotes = dict.fromkeys(complaint.quote for complaint in group_complaints)
        lines += [f"    “{quote}”" for quote in list(quotes)[:QUOTES]]
    return "\n".join(lines)


def main() -> int:
    """Run the plan and return the exit code."""
    options = argparse.ArgumentParser(description="A simulated quarter in which things go wrong.")
    options.add_argument("--short", action="store_true", help="four weeks and four clinicians")
    chosen = options.parse_args()
    plan, complaints, quiet = SHORT if chosen.short else QUARTER, [], 0
    with TemporaryDirectory() as temporary:
        for morning, day_complaints in run_plan(plan, Path(temporary), PROCESSES):
            _print(line_of(plan, morning, day_complaints))
            complaints += day_complaints
            quiet += sum(is_quiet(morning.texts, person.key) for person in plan.staff(morning.day))
    _print(f"\n{report(complaints)}\n\n{len(complaints)} complaints; “nothing stood out” was said {quiet} times")
    return 1 if complaints or not quiet else 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
