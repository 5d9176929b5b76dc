"""Unambiguous evidence: the quick count for `doctor` agrees with the complete one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import CalendarEvent, Grade, Kind, SessionEvidence, Status
from monitor.analysis.sessions import count_linked_evidence
from monitor.store import analysis_records
from monitor.store.database import opened
from monitor.store.events import save_events
from monitor.store.evidence import save_evidence
from monitor.store.sources import source_row
from tests.monitor.facts import EXAMPLES

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
minutes = st.integers(-90, 150).map(lambda n: NOON + timedelta(minutes=10 * (n // 10)))
names = st.sampled_from(["a", "b", "c"])
entries = st.builds(
    lambda name, start, length, kind, status, all_day, reason: CalendarEvent(
        "ana", name, start, start + timedelta(minutes=length), kind, all_day, status, "K1", excluded=reason
    ),
    names, minutes, st.sampled_from([0, 30, 50]), st.sampled_from([Kind.SESSION, Kind.SESSION, Kind.OTHER]),
    st.sampled_from(Status), st.sampled_from([False, False, False, True]),
    st.sampled_from([None, None, None, "too long"]),
)  # fmt: skip
evidence = st.builds(
    lambda key, start, end, uid_key, grade: SessionEvidence("ana", key, grade, start, end, uid_key),
    st.sampled_from("pqrs"), st.none() | minutes, st.none() | minutes, st.none() | names, st.sampled_from(Grade),
)  # fmt: skip


@settings(max_examples=4 * EXAMPLES)
@given(
    st.lists(entries, min_size=1, max_size=4),
    st.lists(entries, max_size=1),
    st.lists(evidence, min_size=1, max_size=3),
)
def test_unambiguous_evidence_is_counted_like_all_evidence(
    first: list[CalendarEvent], second: list[CalendarEvent], rows: list[SessionEvidence]
) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "evenhours.db", create=True) as store:
        with store.write() as connection:
            sources = [source_row(connection, name, "memory", ["ana"]) for name in ("one", "two")]
            for source, events in zip(sources, (first, second), strict=True):
                save_events(connection, source, events, 1)
            save_evidence(connection, sources[0], rows)
            records = analysis_records.load_records(connection, "ana")
            session_records = analysis_records.session_evidence(connection, "ana")
            unambiguous = analysis_records.unambiguous_evidence_counts(connection).get("ana")
        assert session_records is not None
        counts = count_linked_evidence(records.events, records.evidence)
        assert count_linked_evidence(*session_records) == counts
        if unambiguous is not None:
            assert {source: (number, number) for source, number in unambiguous.items()} == counts


def test_a_visit_that_ran_over_is_unambiguous_and_one_that_repeats_its_booking_is_not(tmp_path: Path) -> None:
    with opened(tmp_path / "evenhours.db", create=True) as store, store.write() as connection:
        source = source_row(connection, "visits", "memory", ["ana"])
        end = NOON + timedelta(minutes=50)
        save_events(connection, source, [CalendarEvent("ana", "a", NOON, end, Kind.SESSION)], 1)
        ran_over = SessionEvidence("ana", "p", Grade.EHR, NOON + timedelta(minutes=2), end + timedelta(minutes=5), "a")
        save_evidence(connection, source, [ran_over])
        assert analysis_records.unambiguous_evidence_counts(connection) == {"ana": {source.id: 1}}
        save_evidence(connection, source, [SessionEvidence("ana", "q", Grade.EHR, NOON, end, "a")])
        assert analysis_records.unambiguous_evidence_counts(connection) == {}
