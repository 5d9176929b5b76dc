"""When cron starts the night, as far as it can be seen from here, and whether that suits the practice's weeks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

LATE = timedelta(hours=3)
"""How long after a week's end a night may begin for Monday morning's page to have that week."""

SYSTEM_FILES = (Path("/etc/crontab"), Path("/etc/cron.d"))
MACROS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0"}
DAYS = {day: str(number) for number, day in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


@dataclass(frozen=True, slots=True)
class CronLine:
    """One line of a crontab: the minutes, hours, days, months and weekdays (0 is Sunday) at which it starts."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first start at or after a local instant, within eight days."""
        at = instant.replace(second=0, microsecond=0)
        if at < instant:
            at += timedelta(minutes=1)
        for _ in range(8 * 24 * 60):
            if at.minute in self.minutes and at.hour in self.hours and self._on(at):
                return at
            at += timedelta(minutes=1)
        return None

    def _on(self, at: datetime) -> bool:
        in_month, on_weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        # Where both are restricted, cron starts when either fits (crontab(5)).
        on_day = (in_month or on_weekday) if self.either_day else (in_month and on_weekday)
        return at.month in self.months and on_day


def nightly_lines(config: Path, crontab: str | None = None) -> list[CronLine]:
    """Return the lines of this user's and the system's crontabs that run the night of this configuration.

    Args:
        config: The configuration; a line that names another one is another practice's.
        crontab: The text of the user's crontab, where it is known already.
    """
    texts = [_of_user() if crontab is None else crontab, *(_of_system() if crontab is None else ())]
    lines = (line.strip() for text in texts for line in text.splitlines())
    return [parsed for line in lines if _is_ours(line, config) and (parsed := parse(line)) is not None]


def _is_ours(line: str, config: Path) -> bool:
    if line.startswith("#") or not re.search(r"\bevenhours\b.*\bnightly\b", line):
        return False
    named = re.search(r"--config[= ](\S+)", line)
    return named is None or Path(named[1]).absolute() == config.absolute()


def parse(line: str) -> CronLine | None:
    """Return a crontab's line as sets of numbers; ``None`` where it cannot be read."""
    macro, _, rest = line.partition(" ")
    if macro in MACROS:
        line = f"{MACROS[macro]} {rest}"
    fields = line.split(None, 5)
    if len(fields) < 6:
        return None
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    try:
        numbers = [_numbers(field, *bound) for field, bound in zip(fields, bounds, strict=False)]
    except ValueError:
        return None
    weekdays = frozenset(number % 7 for number in numbers[4])
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    minutes, hours, days, months = numbers[:4]
    return CronLine(" ".join(fields[:5]), minutes, hours, days, months, weekdays, either)


def _numbers(field: str, low: int, high: int) -> frozenset[int]:
    """Return the numbers of a field such as ``*/15``, ``1-5`` or ``mon,wed``."""
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            begin, dash, end = (DAYS.get(word, word) for word in span.partition("-"))
            first = int(begin)
            last = int(end) if dash else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(field)
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _of_user() -> str:
    try:
        done = subprocess.run(["crontab", "-l"], capture_output=True, timeout=10, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _of_system() -> Iterator[str]:
    for place in SYSTEM_FILES:
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            try:
                yield path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
