"""Cron's lines as doctor reads them, compared with the practice's weeks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.cli import schedule
from monitor.cli.schedule import nightly_lines, parse_line
from tests.monitor.office import Office

LONDON = ZoneInfo("Europe/London")
CONFIG = Path("/etc/evenhours/evenhours.toml")


@pytest.mark.parametrize(
    ("fields", "after", "starts"),
    [
        ("30 4 * * *", "2026-11-23 04:00", "2026-11-23 04:30"),
        ("30 4 * * *", "2026-11-23 04:31", "2026-11-24 04:30"),
        ("17 2 * * *", "2026-11-23 04:00", "2026-11-24 02:17"),
        ("*/20 * * * *", "2026-11-23 04:01", "2026-11-23 04:20"),
        ("0 5 * * 1-5", "2026-11-21 06:00", "2026-11-23 05:00"),
        ("0 5 * * sun", "2026-11-23 04:00", "2026-11-29 05:00"),
        ("0 5 * * 7", "2026-11-23 04:00", "2026-11-29 05:00"),
        ("0 5 24 * 2", "2026-11-20 04:00", "2026-11-24 05:00"),
        ("0 5 27 * 2", "2026-11-23 04:00", "2026-11-24 05:00"),  # both days are restricted: either fits
        ("0 5 30 2 *", "2026-11-23 04:00", None),
        ("@daily", "2026-11-23 04:00", "2026-11-24 00:00"),
        ("@hourly", "2026-11-23 04:10", "2026-11-23 05:00"),
    ],
)
def test_when_a_line_starts_next(fields: str, after: str, starts: str | None) -> None:
    line = parse_line(f"{fields} evenhours nightly")
    assert line is not None
    start = line.next_after(datetime.fromisoformat(after).replace(tzinfo=LONDON))
    assert (start and f"{start:%Y-%m-%d %H:%M}") == starts


@pytest.mark.parametrize(
    "line", ["", "evenhours nightly", "61 4 * * * evenhours nightly", "x 4 * * * evenhours nightly"]
)
def test_a_text_that_is_no_cron_line_is_ignored(line: str) -> None:
    assert parse_line(line) is None


def test_only_the_lines_of_this_practice_count() -> None:
    crontab = """
# 0 1 * * * evenhours nightly
30 4 * * * /opt/evenhours/.venv/bin/evenhours nightly --config /etc/evenhours/evenhours.toml
0 3 * * * evenhours nightly --config /srv/other/evenhours.toml
0 6 * * 1 evenhours doctor
15 * * * * evenhours nightly
"""
    assert [line.text for line in nightly_lines(CONFIG, crontab)] == ["30 4 * * *", "15 * * * *"]


@pytest.mark.parametrize(
    ("line", "day_starts_at", "mark"),
    [
        ("30 4 * * *", "04:00", "✓"),
        ("17 2 * * *", "04:00", "✗"),
        ("30 4 * * *", "06:00", "✗"),
        ("30 * * * *", "06:00", "✓"),
    ],
)
def test_doctor_reports_where_cron_and_the_weeks_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, day_starts_at: str, mark: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    monkeypatch.setattr(schedule, "_crontabs", lambda: [f"{line} evenhours nightly\n"])
    office = Office(tmp_path)
    office.change('zone = "Europe/Paris"', f'zone = "Europe/Paris"\nday_starts_at = "{day_starts_at}"')
    office("nightly")

    (finding,) = [line for line in office("doctor").out.splitlines() if " cron: " in line]

    assert finding.startswith(f"{mark} cron: {line}")
