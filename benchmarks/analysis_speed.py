"""Benchmark of the analysis of one clinician's year, from stored records to weekly values.

::

    python -m benchmarks.analysis_speed [RUNS]

A year has 1,500 sessions with actual times and 10,000 messages of 30 clients, half of them with agreements. Prints the
best and the median of the runs in CPU time: the frames, the metrics, and both; then the shift detectors for a series of
two years.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from monitor.analysis.catalogue import catalogue, compute_metrics
from monitor.analysis.frames import Frames, frames_from
from monitor.analysis.records import RECORD_COLUMNS, Records
from monitor.analysis.shifts import count_shifts, mean_shifts
from monitor.roster import Clinician, Hours, Practice, Residence

SESSIONS, MESSAGES, CLIENTS = 1500, 10_000, 30
START = 1_736_121_600  # Monday, 6 January 2025, in UTC
DAY, YEAR = 86_400, 365 * 86_400
BERLIN = ZoneInfo("Europe/Berlin")
PRACTICE = Practice("Harbour Street", BERLIN)
OFFICE = Hours(None, dict.fromkeys(range(5), ((9 * 60, 13 * 60), (14 * 60, 18 * 60))))
ANA = Clinician("ana", "Ana", (Residence(None, BERLIN),), hours=(OFFICE,))


def records_of_year(seed: int = 1) -> Records:
    """Return the records of one clinician's year."""
    rng = np.random.default_rng(seed)
    events = _events(rng)
    return Records(
        events=events,
        evidence=_evidence(events, rng),
        corrections=_table("corrections"),
        messages=_messages(rng),
        persons=_table("persons"),
        terms=_terms(),
        ledger=_table("ledger"),
    )


def frames_of(records: Records) -> Frames:
    """Return the frames of the year, read to its end."""
    span = (START - 30 * DAY, START + YEAR)
    return frames_from(records, ANA, PRACTICE, as_of=START + YEAR, calendar_span=span, messages_span=span)


def _table(name: str, rows: Sequence[tuple[object, ...]] = ()) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(RECORD_COLUMNS[name])).astype(dict(RECORD_COLUMNS[name]))


def _events(rng: np.random.Generator) -> pd.DataFrame:
    weekdays = [day for day in range(364) if day % 7 < 5]
    slots = np.array([day * DAY + hour * 3600 for day in weekdays for hour in range(8, 14)])[:SESSIONS]
    start = START + slots
    status = rng.choice(["confirmed", "late_cancelled", "no_show"], len(start), p=[0.93, 0.04, 0.03])
    return pd.DataFrame(
        {
            "source": 1, "uid_key": pd.Series([f"s{n}" for n in range(len(start))], dtype="str"), "start": start,
            "end": start + 3000, "booked_end": start + 3000, "all_day": False, "status": pd.Series(status, dtype="str"),
            "kind": pd.Series("session", index=range(len(start)), dtype="str"),
            "client": rng.integers(0, CLIENTS, len(start)),
            "excluded": pd.Series([None] * len(start), dtype="str"), "known_at": start - 20 * DAY,
            "meeting": pd.Series("", index=range(len(start)), dtype="str"), "cancelled_at": np.nan, "moved": False,
        }
    )  # fmt: skip


def _evidence(events: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    size = len(events)
    return pd.DataFrame(
        {
            "source": 2, "grade": pd.Series("ehr", index=range(size), dtype="str"),
            "started_at": (events["start"] + rng.integers(0, 300, size)).astype(float),
            "ended_at": (events["booked_end"] + rng.integers(-200, 600, size)).astype(float),
            "uid_key": events["uid_key"], "meeting": pd.Series("", index=range(size), dtype="str"),
        }
    )  # fmt: skip


def _messages(rng: np.random.Generator) -> pd.DataFrame:
    counterpart = rng.integers(0, CLIENTS, MESSAGES)
    return pd.DataFrame(
        {
            "sent_at": np.sort(START + rng.integers(0, YEAR - 10 * DAY, MESSAGES)),
            "outgoing": rng.random(MESSAGES) < 0.5, "automatic": rng.random(MESSAGES) < 0.03,
            "counterpart": counterpart, "counterpart_kind": pd.Series("client", index=range(MESSAGES), dtype="str"),
            "channel": pd.Series("email", index=range(MESSAGES), dtype="str"),
            "thread": counterpart * 1000 + rng.integers(0, 30, MESSAGES), "source": 3, "emergency": False,
        }
    )  # fmt: skip


def _terms() -> pd.DataFrame:
    terms = {"frequency": "1", "channels": "email", "band": "2", "trauma": "yes", "contact_hours": "09:00-18:00"}
    return _table(
        "terms", [(client, term, 0, text, 0) for client in range(0, CLIENTS, 2) for term, text in terms.items()]
    )


def timed(records: Records, runs: int) -> np.ndarray:
    """Return the CPU seconds for the frames and for the metrics, one row for each run, after a warm-up."""
    seconds = np.zeros((runs + 1, 2))
    for run in seconds:
        started = time.process_time()
        frames = frames_of(records)
        derived = time.process_time()
        compute_metrics(frames)
        run[:] = derived - started, time.process_time() - derived
    return seconds[1:]


def detectors(runs: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the CPU milliseconds for a series of two years: alone, and as one of a thousand."""
    counts = pd.DataFrame(np.random.default_rng(1).poisson(5, (104, 1000)).astype(float))
    for detector in (count_shifts, mean_shifts):
        for label, table, times in (("alone", counts[[0]], 20 * runs), ("of a thousand", counts, runs)):
            weights = table.where(table.isna(), 1.0)
            milliseconds = np.zeros(times)
            for run in range(times):
                started = time.process_time()
                detector(table, weights)
                milliseconds[run] = 1000 * (time.process_time() - started) / table.shape[1]
            yield f"{detector.__name__}, {label}", milliseconds


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    timings = timed(records_of_year(), runs)
    lines = [f"{len(catalogue())} metrics, {SESSIONS} sessions, {MESSAGES} messages"]
    for name, seconds in (("frames", timings[:, 0]), ("metrics", timings[:, 1]), ("both", timings.sum(axis=1))):
        lines.append(f"{name:>9}  best {seconds.min():.3f} s  median {np.median(seconds):.3f} s")
    for name, milliseconds in detectors(runs):
        lines.append(f"{name:>27}  best {milliseconds.min():.2f} ms  median {np.median(milliseconds):.2f} ms")
    print("\n".join(lines))  # noqa: T201 - the output of the command


if __name__ == "__main__":
    main()
