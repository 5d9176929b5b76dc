"""The crontab lines that run ``evenhours nightly``, and the times at which they start it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

LATE = timedelta(hours=3)
"""How long after a week's end a run may start for Monday morning's page to show that week."""

SYSTEM_FILES = (Path("/etc/crontab"), Path("/etc/cron.d"))
MACROS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0"}
DAYS = {day: str(number) for number, day in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


@dataclass(frozen=True, slots=True)
class CronLine:
    """One line of a crontab: the minutes, hours, days, months and weekdays (0 is Sunday) at which it starts a job.

    ``either_day``: both day fields are restricted, and one of them has to match.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first start at or after a local instant, ``None`` if there is none within eight days."""
        minute = instant.replace(second=0, microsecond=0)
        if minute < instant:
            minute += timedelta(minutes=1)
        for _ in range(8 * 24 * 60):  # minute by minute; eight days include every weekday at every hour
            in_month, on_weekday = minute.day in self.days, minute.isoweekday() % 7 in self.weekdays
            # If both fields are restricted, cron starts when either matches (crontab(5)).
            on_day = (in_month or on_weekday) if self.either_day else (in_month and on_weekday)
            at_time = minute.minute in self.minutes and minute.hour in self.hours
            if at_time and on_day and minute.month in self.months:
                return minute
            minute += timedelta(minutes=1)
        return None


def nightly_lines(config: Path, crontab: str | None = None) -> list[CronLine]:
    """Return the lines of this user's and the system's crontabs that run ``nightly`` for this configuration.

    Args:
        config: The configuration. A line with another ``--config`` belongs to another practice.
        crontab: The user's crontab; if given, no crontab is read.
    """
    jobs = []
    for text in _crontabs() if crontab is None else [crontab]:
        for line in map(str.strip, text.splitlines()):
            # Lines of /etc/crontab have a user before the command, which does not matter here.
            if line.startswith("#") or not re.search(r"\bevenhours\b.*\bnightly\b", line):
                continue
            other = re.search(r"--config[= ](\S+)", line)
            is_own = other is None or Path(other[1]).absolute() == config.absolute()
            if is_own and (job := parse_line(line)) is not None:
                jobs.append(job)
    return jobs


def parse_line(line: str) -> CronLine | None:
    """Return the line of a crontab as sets of numbers; ``None`` if it cannot be parsed."""
    macro, _, rest = line.partition(" ")
    if macro in MACROS:
        line = f"{MACROS[macro]} {rest}"
    fields = line.split(None, 5)
    if len(fields) < 6:  # not a job: a blank line or a variable such as MAILTO=
        return None
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    try:
        numbers = [_numbers(field, *bound) for field, bound in zip(fields, bounds, strict=False)]
    except ValueError:
        return None
    weekdays = frozenset(number % 7 for number in numbers[4])  # 7 is Sunday, too
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    minutes, hours, days, months = numbers[:4]
    return CronLine(" ".join(fields[:5]), minutes, hours, days, months, weekdays, either)


def _numbers(field: str, low: int, high: int) -> frozenset[int]:
    """Return the numbers of a field such as ``*/15``, ``1-5`` or ``mon,wed``."""
    numbers: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            begin, dash, end = (DAYS.get(word, word) for word in span.partition("-"))
            first = int(begin)
            last = int(end) if dash else (high if step else first)  # "5/10" is "5-59/10"
        if not low <= first <= last <= high:
            raise ValueError(field)
        numbers.update(range(first, last + 1, int(step or 1)))
    return frozenset(numbers)


def _crontabs() -> Iterator[str]:
    """Yield the texts of this user's and the system's crontabs, as far as they can be read."""
    try:
        completed = subprocess.run(["crontab", "-l"], capture_output=True, timeout=10, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        pass
    else:
        if completed.returncode == 0:
            yield completed.stdout.decode("utf-8", "replace")
    for place in SYSTEM_FILES:
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            try:
                yield path.read_text(encoding="utf-8", errors="replace")
            except OSError:  # root's crontab may be private
                continue
