"""Benchmark of detection: the week in which each planted drift is noticed, and the notices of people without one.

Each seed is one practice, written to disk as calendars, mailboxes, call logs and exports, read by the ordinary
connectors and analysed like in a nightly run. Run with ``make stories`` (``SEEDS=5`` for fewer).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

from connectors.pseudonyms import Pseudonyms
from monitor.analysis.calendar import day_number, monday_of
from monitor.config import load
from monitor.credentials import create_key, read_key
from monitor.demo import write_practice
from monitor.demo.practice import PEOPLE, STORIES
from monitor.ingest import IngestRequest, ingest
from monitor.night import analyse
from monitor.notices import RULE
from monitor.store import notices
from monitor.store.database import opened
from monitor.store.notices import NoticeRow

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
WEEKS, WEEKS_BEFORE_NOTICES = 78, 25
IN_TIME = 12
FAMILIES = {
    "evenings_creeping_up": {"availability"},
    "one_client_drifting": {"one client"},
    "sessions_running_over": {"sessions running over"},
    "overfull_days": {"load", "recovery"},
    "fewer_later_shorter": {"fewer, later, shorter"},
}
ORDINARY = [person.key for person in PEOPLE if person.key not in {story.clinician for story in STORIES}]
POSSIBLE_WEEKS = {person.key: (person.joined or WEEKS) - WEEKS_BEFORE_NOTICES for person in PEOPLE}
"""The number of weeks in which a notice was possible."""


@dataclass(frozen=True)
class DetectionResult:
    """One practice: notices by clinician, and for each drift the week (1 is the first) in which it was noticed."""

    notices: Mapping[str, Sequence[NoticeRow]]
    noticed: Mapping[str, int | None]
    by_family: Mapping[str, int | None]


def run_seed(seed: int, sources: tuple[str, ...] = ()) -> DetectionResult:
    """Write one practice, read it (or only some of its sources) and analyse it."""
    with TemporaryDirectory() as folder:
        planted = write_practice(Path(folder) / "practice", NOW, seed=seed, weeks=WEEKS)
        config = load(planted.config)
        create_key(config.key_file)
        with opened(config.database, create=True) as store:
            for outcome in ingest(
                config, store, Pseudonyms(read_key(config.key_file)), IngestRequest(sources), now=NOW
            ):
                if outcome.problem:
                    raise RuntimeError(outcome.problem)
            for _ in analyse(config, store, now=NOW):
                pass
            with store.read() as connection:
                by_clinician = {person.key: notices.notices(connection, person.key) for person in PEOPLE}
    return DetectionResult(
        by_clinician, weeks_noticed(by_clinician, any_family=True), weeks_noticed(by_clinician, any_family=False)
    )


def weeks_noticed(by_clinician: Mapping[str, Sequence[NoticeRow]], *, any_family: bool) -> dict[str, int | None]:
    """Return the week in which each drift was noticed, by a notice of its own family or, if allowed, by any."""
    this_week = int(monday_of(day_number(NOW.date())))
    weeks = {}
    for story in STORIES:
        onset = this_week - 7 * story.weeks_ago
        matching = (
            row.week
            for row in by_clinician[story.clinician]
            if row.tier != RULE and row.week >= onset and (any_family or row.family in FAMILIES[story.key])
        )
        first = min(matching, default=None)
        weeks[story.key] = None if first is None else (first - onset) // 7 + 1
    return weeks


def main(seeds: Sequence[int]) -> None:
    """Run every seed on two processes and print the results."""
    with ProcessPoolExecutor(2) as pool:
        runs = [_print_seed(seed, run) for seed, run in zip(seeds, pool.map(run_seed, seeds), strict=True)]
    _print(f"{len(runs)} practices of {len(PEOPLE)} people over {WEEKS} weeks\n")
    _print(f"{'story':24}{'own family':>12}{'any notice':>12}{'weeks until':>14}   weeks, one a seed (own family)")
    for key in FAMILIES:
        own, other = ([getattr(run, name)[key] for run in runs] for name in ("by_family", "noticed"))
        noticed_weeks = [week for week in own if week is not None]
        cells = " ".join("-" if week is None else str(week) for week in own)
        _print(f"{key:24}{_in_time(own):>12.0%}{_in_time(other):>12.0%}{median(noticed_weeks or [0]):>14.0f}   {cells}")
    for name in ("by_family", "noticed"):
        number = mean(sum(_is_in_time(week) for week in getattr(run, name).values()) for run in runs)
        _print(f"stories found within {IN_TIME} weeks, {name}: {number:.2f} of {len(STORIES)}")
    _ordinary(runs)


def _print_seed(seed: int, run: DetectionResult) -> DetectionResult:
    weeks = ", ".join(f"{key} {week or '-'}" for key, week in run.by_family.items())
    number = sum(row.tier != RULE for key in ORDINARY for row in run.notices[key])
    _print(f"seed {seed}: {weeks}; notices of {len(ORDINARY)} ordinary people: {number}")
    return run


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _in_time(weeks: Sequence[int | None]) -> float:
    return mean(_is_in_time(week) for week in weeks)


def _is_in_time(week: int | None) -> bool:
    return week is not None and week <= IN_TIME


def _ordinary(runs: Sequence[DetectionResult]) -> None:
    """Print the yearly number of notices of people without a drift."""
    years = sum(max(POSSIBLE_WEEKS[key], 0) for key in ORDINARY) * len(runs) / 52
    counts: dict[tuple[str, str], int] = defaultdict(int)
    people: dict[str, int] = defaultdict(int)
    for run in runs:
        for key in ORDINARY:
            for row in run.notices[key]:
                counts[row.tier, row.family] += 1
                people[key] += row.tier != RULE
    _print(f"\npeople without a story, notices a year (over {years:.0f} years)")
    for (tier, family), number in sorted(counts.items()):
        _print(f"  {tier:14}{family:26}{number / years:6.2f}")
    _print(f"  all notices             {sum(people.values()) / years:6.2f}")
    for key, number in people.items():
        _print(f"    {key:12}{number / (max(POSSIBLE_WEEKS[key], 1) * len(runs) / 52):6.2f}")


if __name__ == "__main__":
    main(range(1, 1 + int(sys.argv[1] if len(sys.argv) > 1 else 20)))
