"""Writer of the demonstration practice: calendars, mailboxes, call logs, an export of a practice system, the settings.

The files have the formats of other programs and are read by the ordinary connectors, with which no code is shared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from monitor.demo.calendar_file import calendar_text, other_job_text
from monitor.demo.days import SimulatedDays, simulate_days
from monitor.demo.logs import write_calls, write_system
from monitor.demo.mail_files import write_maildir, write_mbox
from monitor.demo.messages import simulate_messages
from monitor.demo.practice import PEOPLE, STORIES, ZONE, Horizon
from monitor.demo.settings_file import FILE_NAME, SYSTEM_CSV, mail_path, settings_text


@dataclass(frozen=True, slots=True)
class PlantedStory:
    """A planted drift: the ISO ``week`` in which it begins, and the ``client`` it is about, if any."""

    story: str
    clinician: str
    week: str
    weeks_ago: int
    size: str
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Planted:
    """A written practice and its planted drifts. ``config`` is the path of its configuration."""

    folder: Path
    config: Path
    first: date
    today: date
    stories: tuple[PlantedStory, ...]


def write_practice(folder: Path, now: datetime, *, seed: int = 2026, weeks: int = 78) -> Planted:
    """Write the practice into an empty or missing folder: ``weeks`` complete weeks before ``now``, and eight ahead.

    The same date of ``now`` (in the practice's zone) and the same seed give the same bytes. ``weeks`` is at least 32,
    so that every drift has weeks before it. Raises ValueError for a naive ``now``, too few weeks or a folder in use.
    """
    if now.tzinfo is None:
        raise ValueError("now must carry a zone")
    if weeks < 32:
        raise ValueError(f"at least 32 weeks are needed: {weeks}")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    horizon = Horizon(now.astimezone(ZoneInfo(ZONE)).date(), weeks)
    years = range(horizon.first.year - 1, horizon.end.year + 2)
    public_holidays = frozenset(holidays.country_holidays("GB", subdiv="ENG", years=years))
    people_days = []
    for number, person in enumerate(PEOPLE):
        # A generator for each purpose, so that a change of the mail's simulation leaves the days as they are.
        days_rng, mail_rng = (np.random.default_rng([seed, number, purpose]) for purpose in (0, 1))
        days = simulate_days(person, horizon, public_holidays, days_rng)
        people_days.append(days)
        (folder / f"{person.key}.ics").write_bytes(calendar_text(days).encode())
        if person.other_job:
            (folder / f"{person.key}-other-job.ics").write_bytes(other_job_text(days).encode())
        if person.ends == "calls":
            write_calls(days, folder / f"{person.key}-calls.csv")
        if person.mail:
            write = write_maildir if person.mail == "maildir" else write_mbox
            write(days, simulate_messages(days, mail_rng), folder / mail_path(person))
    write_system([days for days in people_days if days.person.ends == "system"], folder / SYSTEM_CSV)
    (folder / FILE_NAME).write_text(settings_text(horizon), encoding="utf-8")
    planted = Planted(folder, folder / FILE_NAME, horizon.first, horizon.today, _planted_stories(people_days, horizon))
    _write_planted(planted)
    return planted


def _planted_stories(people_days: Sequence[SimulatedDays], horizon: Horizon) -> tuple[PlantedStory, ...]:
    drifting = {days.person.key: days.drifting.address for days in people_days if days.drifting}
    stories = [(story.key, story.clinician, story.weeks_ago, story.size) for story in STORIES]
    for person in PEOPLE:
        if person.away:
            stories.append(("long_leave", person.key, person.away[0], "six weeks of leave"))
            stories.append(("back_from_leave", person.key, person.away[1], "at work again as before"))
        if person.joined is not None:
            stories.append(("joined", person.key, person.joined, "the first clients come over the first weeks"))
    return tuple(
        PlantedStory(story, key, f"{horizon.monday(weeks_ago):%G-W%V}", weeks_ago, size, drifting.get(key))
        for story, key, weeks_ago, size in stories
    )


def _write_planted(planted: Planted) -> None:
    stories = [asdict(story) for story in planted.stories]
    planted_json = {"first": planted.first.isoformat(), "today": planted.today.isoformat(), "stories": stories}
    (planted.folder / "planted.json").write_text(json.dumps(planted_json, indent=2) + "\n", encoding="utf-8")
    names = {person.key: person.name for person in PEOPLE}
    rows = (
        (names[story.clinician], story.story.replace("_", " "), story.week, story.size) for story in planted.stories
    )
    text = [
        "# What was planted",
        "",
        "Invented people. Everybody else has ordinary weeks: leave, sick days, cancellations, a season.",
        "A change that is found without being planted was found by chance.",
        "",
        "| who | story | since | size |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    (planted.folder / "PLANTED.md").write_text("\n".join(text) + "\n", encoding="utf-8")
