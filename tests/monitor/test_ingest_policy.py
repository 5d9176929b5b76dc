"""The practice's policy holds for every source alike: what is kept of a record does not depend on who brings it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connectors import registry
from monitor.analysis.calendar import day_number
from monitor.analysis.catalogue import measure
from monitor.config import Config, load
from monitor.ingest import Outcome, Wish, ingest
from monitor.loading import frames_of
from monitor.store.database import Store, open_store
from tests.connectors.test_add_a_connector import files
from tests.monitor.memory import NAMES

NOW = datetime(2026, 3, 23, 4, tzinfo=UTC)  # a Monday
PRACTICE = """
[practice]
name = "Two"
zone = "Europe/Paris"
[[clinician]]
key = "ana"
addresses = ["ana@two.example"]
"""


def practice(folder: Path, *sources: str) -> tuple[Config, Store]:
    path = folder / "evenhours.toml"
    path.write_text(PRACTICE + "".join(f'[[source]]\nclinician = "ana"\n{source}\n' for source in sources))
    config = load(path)
    return config, open_store(config.database, create=True)


def read(config: Config, store: Store, **wish: Any) -> dict[str, Outcome]:
    found = {outcome.name: outcome for outcome in ingest(config, store, NAMES, Wish(**wish), now=NOW)}
    assert [outcome.problem for outcome in found.values() if outcome.problem] == []
    return found


def stored(store: Store, sql: str) -> list[Any]:
    """What the database answers; a single column without its tuples."""
    found = store.connection.execute(sql).fetchall()
    return [row[0] for row in found] if found and len(found[0]) == 1 else found


def last_week(config: Config, store: Store) -> dict[str, float]:
    """Ana's numbers of the week before ``NOW``."""
    found = measure(frames_of(config, store, config.clinicians[0], now=NOW))
    rows = found[found["week"] == day_number(date(2026, 3, 16))]
    return dict(zip(rows["key"], rows["value"], strict=True))


# Another job's shifts


VISITS = """name = "clinic"
kind = "csv"
path = "visits.csv"
[source.columns]
client = "Client"
booked_start = "Start"
booked_end = "End"
"""
SHIFTS = """name = "ward"
kind = "csv"
path = "shifts.csv"
busy_only = true
[source.columns]
booked_start = "From"
booked_end = "To"
"""


def test_a_shift_of_a_whole_day_in_another_jobs_export_is_no_day_off(tmp_path: Path) -> None:
    worked = [day for day in range(2, 21) if day not in {7, 8}]
    rows = [f"C1,2026-03-{day:02} 09:00,2026-03-{day:02} 09:50\n" for day in worked]
    (tmp_path / "visits.csv").write_text("".join(["Client,Start,End\n", *rows]))
    (tmp_path / "shifts.csv").write_text("From,To\n2026-03-21 08:00,2026-03-22 08:00\n")
    config, store = practice(tmp_path, VISITS, SHIFTS)
    read(config, store)
    found = last_week(config, store)
    assert found["days_since_full_day_off"] == 14  # since Sunday the 8th
    assert found["longest_free_stretch"] == pytest.approx(23 + 1 / 6)  # from one day's session to the next


# A connector of others


@pytest.fixture
def bookings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connector that docs/add-a-connector.md teaches, installed."""
    module = ModuleType("evenhours_bookings.source")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(files()["evenhours_bookings/source.py"], "source.py", "exec"), module.__dict__)
    monkeypatch.setattr(registry, "KINDS", {**registry.KINDS, "bookings": module.__name__})


FRONT_DESK = """name = "front-desk"
kind = "bookings"
path = "bookings.json"
"""


def booking(number: int, start: str, end: str, **more: str) -> dict[str, Any]:
    told = {"id": number, "start": f"{start}:00+01:00", "end": f"{end}:00+01:00", "client": "carol@post.example"}
    return told | more


@pytest.mark.usefixtures("bookings")
def test_no_connector_makes_48_hours_a_session(tmp_path: Path) -> None:
    told = [
        booking(1, "2026-03-16T09:00", "2026-03-16T09:50"),
        booking(2, "2026-03-17T09:00", "2026-03-19T09:50"),
    ]
    (tmp_path / "bookings.json").write_text(json.dumps(told))
    config, store = practice(tmp_path, FRONT_DESK)
    read(config, store)
    found = last_week(config, store)
    assert found["contact_hours"] == pytest.approx(50 / 60)
    assert stored(store, "SELECT set_aside FROM event ORDER BY start_at") == [None, "longer than longest_session_hours"]
