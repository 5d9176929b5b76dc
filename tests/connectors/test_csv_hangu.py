from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import pytest

from benchmarks.hangu_sessions import convert, half_day_sessions
from connectors.base import Window
from tests.connectors.exports import events, evidence, export

SHANGHAI = ZoneInfo("Asia/Shanghai")
COLUMNS = {role: role for role in ("booked_start", "booked_end", "actual_start", "actual_end")} | {"id": "session"}
YEAR = Window(datetime(2017, 12, 31, tzinfo=UTC), datetime(2019, 1, 2, tzinfo=UTC))


@pytest.mark.real
def test_a_physicians_year_gives_187_half_days_15_of_them_with_unknown_end(real: Path, tmp_path: Path) -> None:
    assert convert(real / "pms" / "hangu_clinic_2018.csv", tmp_path / "export.csv") == 187
    batch = export(tmp_path, COLUMNS, zone=SHANGHAI).with_context(window=YEAR).batch()
    ends = {actual.uid_key: actual.ended_at for actual in evidence(batch)}
    overruns = [(ended - event.end).total_seconds() / 60 for event in events(batch) if (ended := ends[event.uid_key])]
    assert (len(events(batch)), len(overruns), batch.rejected) == (187, 172, ())
    assert sum(ended is None for ended in ends.values()) == 15
    assert {event.end.astimezone(SHANGHAI).strftime("%H:%M") for event in events(batch)} == {"12:00", "18:00"}
    assert round(median(overruns)) == 35


def test_a_session_ends_with_the_consultation_that_begins_last() -> None:
    day = {"Session": "7", "DateInferred": "2018-01-03", "AM_PM": "afternoon"}
    rows = [
        day | {"StartTime": "17:50:10", "ServTime": "900.0"},
        day | {"StartTime": "14:31:40", "ServTime": ""},
    ]
    (session,) = half_day_sessions(rows)
    assert (session.booked_start, session.booked_end) == ("2018-01-03 14:30:00", "2018-01-03 18:00:00")
    assert (session.actual_start, session.actual_end) == ("2018-01-03 14:31:40", "2018-01-03 18:05:10")


def test_an_unknown_last_consultation_leaves_the_end_empty() -> None:
    row = {"Session": "7", "DateInferred": "2018-01-03", "AM_PM": "morning", "StartTime": "8:31:40", "ServTime": ""}
    assert [session.actual_end for session in half_day_sessions([row])] == [""]
