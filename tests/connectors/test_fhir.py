"""A record system over HTTP: a small server of ours with chosen habits, and Medplum's as a peer."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from connectors import http
from connectors.base import Batch, Context, Owner, Window
from connectors.errors import AuthorizationError, ConnectorError, MalformedError, RateLimitError, UnavailableError
from connectors.fhir import server as fhir
from connectors.fhir.source import SOURCE_KIND, FhirOptions
from connectors.records import (
    CalendarEvent,
    CounterpartKind,
    Grade,
    Kind,
    MessageStamp,
    Record,
    SessionEvidence,
    Status,
)
from tests.connectors.fhir_server import FhirServer, fhir_server
from tests.connectors.ingest_policy import apply_policy
from tests.connectors.mailboxes import CANARY, practice
from tests.peers.reply_server import ReceivedRequest, Reply, reply_server

if TYPE_CHECKING:
    from tests.peers.medplum import Medplum

ANA = Owner("ana", ZoneInfo("Europe/London"), frozenset({"ana@harbour.example"}))
BEN = Owner("ben", ZoneInfo("Europe/London"), frozenset({"ben@harbour.example"}))
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
PEOPLE = {"ana": ("Practitioner/1",), "ben": ("Practitioner/2", "PractitionerRole/22")}
START = datetime(2026, 5, 4, 9, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with fhir_server() as running:
        yield running


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list of pauses, which are not slept."""
    slept: list[float] = []
    init: Callable[..., None] = http.HttpClient.__init__
    monkeypatch.setattr(
        http.HttpClient, "__init__", lambda self, source, login=None: init(self, source, slept.append, login)
    )
    return slept


def booked(number: int = 0, *people: str, **elements: object) -> dict[str, object]:
    """Return an appointment of 50 minutes, with texts that must not be stored."""
    actors = people or ("Practitioner/1", "Patient/9")
    start = START + timedelta(days=number)
    return {
        "status": "booked",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=50)).isoformat(),
        "participant": [{"actor": {"reference": name, "display": CANARY}, "status": "accepted"} for name in actors],
        "description": CANARY,
        "comment": CANARY,
        "text": {"div": CANARY},
    } | elements


def met(number: int = 0, over: int = 7, **elements: object) -> dict[str, object]:
    """Return an encounter that began three minutes late and ran over."""
    start = START + timedelta(days=number, minutes=3)
    end = START + timedelta(days=number, minutes=50 + over)
    return {
        "status": "finished",
        "period": {"start": start.isoformat(), "end": end.isoformat()},
        "participant": [{"individual": {"reference": "Practitioner/1", "display": CANARY}}],
        "subject": {"reference": "Patient/9", "display": CANARY},
        "reasonCode": [{"text": CANARY}],
    } | elements


def written(number: int = 0, sender: str = "Patient/9", *recipients: str, **elements: object) -> dict[str, object]:
    sent_at = START + timedelta(hours=number)
    return {
        "status": "completed",
        "sent": sent_at.isoformat(),
        "received": (sent_at + timedelta(minutes=1)).isoformat(),
        "sender": {"reference": sender, "display": CANARY},
        "recipient": [{"reference": name} for name in recipients or ("Practitioner/1",)],
        "payload": [{"contentString": CANARY}],
        "topic": {"text": CANARY},
    } | elements


def read(url: str, cursor: str | None = None, **more: object) -> list[Batch]:
    """Return the batches of one run; ``more`` are options, or parts of the context."""
    names = FhirOptions.__dataclass_fields__
    options = {name: more.pop(name) for name in [*more] if name in names}
    owners = more.pop("owners", (ANA, BEN))
    context: Context = replace(practice(Path(), window=WINDOW), owners=owners, **more)  # type: ignore[arg-type]
    fhir_options = FhirOptions(**{"url": url, "practitioners": PEOPLE, **options})  # type: ignore[arg-type]
    return [apply_policy(batch, context.window) for batch in SOURCE_KIND.make(fhir_options, context).fetch(cursor)]


@dataclass
class Stored:
    """Return the records by key as a store would have them after these batches."""

    records: dict[tuple[str, object], Record]

    @classmethod
    def after(cls, *runs: list[Batch]) -> Stored:
        stored = cls({})
        for batch in (batch for run in runs for batch in run):
            if batch.replaces:
                stored.records = {
                    key: record for key, record in stored.records.items() if isinstance(record, MessageStamp)
                }
            stored.records = {key: record for key, record in stored.records.items() if key[1] not in batch.removed}
            stored.records |= {(record.clinician, _key(record)): record for record in batch.records}
        return stored

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records.values() if isinstance(record, kind)]


def _key(record: Record) -> object:
    return record.uid_key if isinstance(record, CalendarEvent) else record.key


def records(batches: list[Batch], kind: type[Any]) -> list[Any]:
    return [record for batch in batches for record in batch.records if isinstance(record, kind)]


def reasons(batches: list[Batch]) -> list[str]:
    return [record.reason for batch in batches for record in batch.rejected]


# What resources become


def test_a_record_that_can_be_used_now_is_resolved(server: FhirServer) -> None:
    for name in ("a1", "a2"):
        server.put("Appointment", name, **booked(0, end=None))
    first = read(server.url)
    places = {record.where for batch in first for record in batch.rejected}
    assert len(places) == 2
    server.now += timedelta(hours=1)
    server.put("Appointment", "a1", **booked(0))
    second = read(server.url, first[-1].cursor)
    (resolved,) = (place for batch in second for place in batch.resolved)
    assert {record.where for batch in second for record in batch.rejected} == places - {resolved}
    assert "a1" not in resolved


def test_an_appointment_that_cannot_be_used_any_more_is_gone(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0))
    first = read(server.url)
    server.put("Appointment", "a1", **booked(0, end=None))
    second = read(server.url, first[-1].cursor)
    assert Stored.after(first, second).of(CalendarEvent) == Stored.after(read(server.url)).of(CalendarEvent) == []


def test_messages_report_progress(server: FhirServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "COUNT", 2)
    server.page = 2
    for number in range(5):
        server.put("Communication", f"c{number}", **written(number))
    pages = [batch for batch in read(server.url) if batch.records and not batch.replaces]
    assert [(batch.done, batch.total) for batch in pages] == [(2, 5), (4, 5), (5, 5)]


def test_an_appointment_and_its_encounter_are_one_session_with_true_times(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0, status="fulfilled"))
    server.put("Encounter", "e1", **met(0, appointment=[{"reference": "Appointment/a1"}]))
    batches = read(server.url)
    (event,), (times,) = records(batches, CalendarEvent), records(batches, SessionEvidence)
    assert (event.clinician, event.kind, event.status) == ("ana", Kind.SESSION, Status.CONFIRMED)
    assert (event.start, event.end) == (START, START + timedelta(minutes=50))
    assert event.client is not None
    assert (times.clinician, times.grade, times.uid_key) == ("ana", Grade.EHR, event.uid_key)
    assert (times.started_at, times.ended_at) == (START + timedelta(minutes=3), START + timedelta(minutes=57))


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("proposed", Status.TENTATIVE),
        ("pending", Status.TENTATIVE),
        ("waitlist", Status.TENTATIVE),
        ("booked", Status.CONFIRMED),
        ("arrived", Status.CONFIRMED),
        ("checked-in", Status.CONFIRMED),
        ("fulfilled", Status.CONFIRMED),
        ("cancelled", Status.CANCELLED),
        ("noshow", Status.NO_SHOW),
    ],
)
def test_each_status_of_an_appointment(server: FhirServer, status: str, becomes: Status) -> None:
    server.put("Appointment", "a1", **booked(0, status=status))
    assert [event.status for event in records(read(server.url), CalendarEvent)] == [becomes]


def test_an_appointment_declined_by_one_of_two(server: FhirServer) -> None:
    people = [
        {"actor": {"reference": "https://elsewhere.example/fhir/Practitioner/1"}, "status": "declined"},
        {"actor": {"reference": "PractitionerRole/22/_history/3"}, "status": "accepted"},
        {"actor": {"reference": "Patient/9"}, "status": "accepted"},
    ]
    server.put("Appointment", "a1", **booked(participant=people))
    server.resources["Appointment/a1"]["participant"][0]["actor"]["reference"] = "Practitioner/1"
    server.resources["Appointment/a1"]["participant"][1]["actor"]["reference"] = "PractitionerRole/22"
    statuses = {event.clinician: event.status for event in records(read(server.url), CalendarEvent)}
    assert statuses == {"ana": Status.DECLINED, "ben": Status.CONFIRMED}


def test_without_a_client_it_is_no_session(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0, "Practitioner/1", "Location/3"))
    (event,) = records(read(server.url), CalendarEvent)
    assert (event.kind, event.client) == (Kind.OTHER, None)


def test_two_clinicians_clients_are_not_joined(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0, "Practitioner/1", "Practitioner/2", "Patient/9"))
    first, second = records(read(server.url), CalendarEvent)
    assert (first.client == second.client, first.uid_key == second.uid_key) == (False, False)


def test_clients_that_differ_by_case_are_two(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0, "Practitioner/1", "Patient/aB"))
    server.put("Appointment", "a2", **booked(1, "Practitioner/1", "Patient/Ab"))
    assert len({event.client for event in records(read(server.url), CalendarEvent)}) == 2


def test_minutes_take_the_place_of_an_end(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0, end=None, minutesDuration=45))
    assert [event.end for event in records(read(server.url), CalendarEvent)] == [START + timedelta(minutes=45)]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"end": None}, "it is booked and has no start or no end"),
        ({"start": None}, "it is booked and has no start or no end"),
        ({"start": "2026-05-04"}, "its start has no time of day"),
        ({"start": "2026-05-04T09:00:00"}, "its start has no time zone"),
        ({"start": f"2026-05-04T09:{CANARY}"}, "its start has no time of day"),
        ({"start": "2026-05-04T09:99:00Z"}, "its start is not a time"),
        ({"end": "2026-05-04T08:00:00Z"}, "it ends before it begins"),
    ],
)
def test_an_unusable_appointment_is_rejected(server: FhirServer, elements: dict[str, object], reason: str) -> None:
    server.put("Appointment", "a1", **booked(0, **elements))
    server.put("Appointment", "a2", **booked(1))
    server.refuses = _everything(server)
    batches = read(server.url)
    assert len(records(batches, CalendarEvent)) == 1
    assert reasons(batches) == [reason]


def _everything(server: FhirServer) -> Callable[[ReceivedRequest], Reply]:
    """Return a server's answers that ignore the query."""

    def answer(request: ReceivedRequest) -> Reply:
        kind = request.path.partition("?")[0].rpartition("/")[2]
        entries = [{"resource": resource} for resource in server.resources.values() if resource["resourceType"] == kind]
        return Reply(body=json.dumps({"resourceType": "Bundle", "entry": entries}).encode())

    return answer


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error", "unknown"])
def test_an_encounter_that_did_not_take_place_takes_its_times_back(server: FhirServer, status: str) -> None:
    server.put("Encounter", "e1", **met())
    first = read(server.url)
    server.put("Encounter", "e1", **met(status=status))
    (times,) = records(read(server.url, first[-1].cursor), SessionEvidence)
    assert (times.key, times.started_at, times.ended_at) == (records(first, SessionEvidence)[0].key, None, None)


def test_an_encounter_that_goes_on_has_no_end(server: FhirServer) -> None:
    server.put("Encounter", "e1", **met(status="in-progress", period={"start": START.isoformat()}))
    (times,) = records(read(server.url), SessionEvidence)
    assert (times.started_at, times.ended_at, times.uid_key) == (START, None, None)


@pytest.mark.parametrize("hours", [-1, 0, 13])
def test_an_encounter_that_cannot_be_true_has_unknown_times(server: FhirServer, hours: int) -> None:
    period = {"start": START.isoformat(), "end": (START + timedelta(hours=hours)).isoformat()}
    server.put("Encounter", "e1", **met(period=period))
    batches = read(server.url)
    assert [(record.started_at, record.ended_at) for record in records(batches, SessionEvidence)] == [(None, None)]
    assert len(reasons(batches)) == 1


def test_a_template_default_is_delivered_as_it_is(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked())
    period = {"start": START.isoformat(), "end": (START + timedelta(minutes=50)).isoformat()}
    server.put("Encounter", "e1", **met(period=period, appointment=[{"reference": "Appointment/a1"}]))
    batches = read(server.url)
    (event,), (times,) = records(batches, CalendarEvent), records(batches, SessionEvidence)
    assert (event.start, event.end) == (times.started_at, times.ended_at)


def test_messages_have_direction_time_and_counterpart(server: FhirServer) -> None:
    server.put("Communication", "c1", **written(0))
    server.put(
        "Communication",
        "c2",
        **written(2, "Practitioner/1", "Patient/9", inResponseTo=[{"reference": "Communication/c1"}]),
    )
    server.put("Communication", "c3", **written(3, "Practitioner/2", "Practitioner/1"))
    server.put("Communication", "c4", **written(4, "Device/1"))
    server.put("Communication", "c5", **written(5, status="not-done"))
    stamps = [stamp for stamp in records(read(server.url), MessageStamp) if stamp.clinician == "ana"]
    once = sorted({stamp.key: stamp for stamp in stamps}.values(), key=lambda stamp: stamp.sent_at)
    values = [(stamp.sent_at, stamp.outgoing, stamp.counterpart_kind, stamp.automatic) for stamp in once]
    assert values == [
        (START + timedelta(minutes=1), False, CounterpartKind.CLIENT, False),
        (START + timedelta(hours=2), True, CounterpartKind.CLIENT, False),
        (START + timedelta(hours=3, minutes=1), False, CounterpartKind.COLLEAGUE, False),
        (START + timedelta(hours=4, minutes=1), False, CounterpartKind.AUTOMATIC, True),
    ]
    question, answer = once[:2]
    assert question.counterpart == answer.counterpart
    assert (question.thread_nodes, answer.thread_nodes) == ((), (answer.key, question.key))
    assert {stamp.channel for stamp in stamps} == {"portal"}


def test_where_times_suffice_only_appointments_are_requested(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked())
    server.put("Encounter", "e1", **met())
    server.put("Communication", "c1", **written())
    batches = read(server.url, times_suffice=True)
    assert sum(len(batch.records) for batch in batches) == 1
    assert {request.path.partition("?")[0].rpartition("/")[2] for request in server.received} == {"Appointment"}


# Runs


def fill(server: FhirServer, count: int = 12) -> None:
    for number in range(count):
        server.put("Appointment", f"a{number}", **booked(number, f"Practitioner/{1 + number % 2}", f"Patient/{number}"))
        server.put("Encounter", f"e{number}", **met(number, appointment=[{"reference": f"Appointment/a{number}"}]))
        server.put("Communication", f"c{number}", **written(number))
        server.put("Communication", f"d{number}", **written(number, "Practitioner/1", "Patient/9"))


@pytest.mark.parametrize("habits", [{}, {"links": False}, {"sorts": False}, {"selects": True}, {"page": 3}])
def test_changes_and_a_full_reading_agree_for_every_kind_of_server(
    habits: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir, "COUNT", 5 if habits.get("sorts", True) else 1_000)
    with fhir_server(**habits) as server:
        fill(server)
        runs = [read(server.url)]
        for number, change in enumerate(CHANGES):
            server.now += timedelta(hours=2)
            change(server)
            runs.append(read(server.url, runs[-1][-1].cursor))
            assert runs[-1][-1].cursor != runs[-2][-1].cursor, number
        assert Stored.after(*runs) == Stored.after(read(server.url))


CHANGES: list[Callable[[FhirServer], None]] = [
    lambda server: server.put("Appointment", "a1", **booked(30)),
    lambda server: server.put("Appointment", "a2", **booked(2, "Practitioner/2", "Patient/2")),
    lambda server: server.put("Appointment", "a3", **booked(3, status="entered-in-error")),
    lambda server: server.put("Appointment", "a4", **booked(400)),
    lambda server: server.put("Encounter", "e5", **met(5, over=20, appointment=[{"reference": "Appointment/a5"}])),
    lambda server: server.put("Appointment", "new", **booked(6)),
    lambda server: server.put("Communication", "new", **written(100)),
]


def test_a_run_without_changes_returns_no_news(server: FhirServer) -> None:
    fill(server)
    first = read(server.url)
    again = read(server.url, first[-1].cursor)
    assert again[-1].cursor == first[-1].cursor
    assert Stored.after(first, again) == Stored.after(first)


def test_only_changes_are_requested_from_ten_minutes_before(server: FhirServer) -> None:
    fill(server, 2)
    first = read(server.url)
    server.received.clear()
    server.now += timedelta(days=1)
    server.put("Appointment", "late", **booked(9))
    second = read(server.url, first[-1].cursor)
    assert any("_lastUpdated=ge2026-06-01T11%3A50" in request.path for request in server.received)
    assert not any("date=" in request.path for request in server.received)
    server.received.clear()
    third = read(server.url, second[-1].cursor)
    assert len(records(third, CalendarEvent)) == 1


@pytest.mark.parametrize("page", range(1, 8))
def test_a_run_cut_off_after_any_page_loses_nothing(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "COUNT", 3)
    with fhir_server() as server:
        fill(server, 3)
        first = read(server.url)
        server.now += timedelta(hours=1)
        fill(server, 9)
        cut = read(server.url, first[-1].cursor)[:page]
        rest = read(server.url, cut[-1].cursor)
        assert Stored.after(first, cut, rest) == Stored.after(read(server.url))


@pytest.mark.parametrize("page", range(1, 6))
def test_messages_outside_a_shorter_window_are_read_once_the_window_covers_them(
    page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir, "COUNT", 2)
    short = Window(WINDOW.start, START + timedelta(hours=24))
    with fhir_server() as server:
        server.put("Communication", "m0", **written(0))
        runs = [read(server.url)]
        for number in (30, 1, 31, 2, 3, 4):
            server.now += timedelta(hours=1)
            server.put("Communication", f"m{number}", **written(number))
        runs.append(read(server.url, runs[-1][-1].cursor, window=short)[:page])
        server.put("Communication", "m32", **written(32))
        runs.append(read(server.url, runs[-1][-1].cursor))
        assert sorted(stamp.sent_at for stamp in Stored.after(*runs).of(MessageStamp)) == sorted(
            START + timedelta(hours=number, minutes=1) for number in (0, 30, 1, 31, 2, 3, 4, 32)
        )
        server.received.clear()
        read(server.url, runs[-1][-1].cursor)
        paths = [request.path for request in server.received if "recipient=" in request.path]
        assert "_lastUpdated=ge2026-06-01T17" in paths[0]


def test_deletions_are_noticed_by_a_full_reading(server: FhirServer) -> None:
    fill(server, 4)
    first = read(server.url)
    server.delete("Appointment", "a1")
    server.now += timedelta(days=6)
    server.put("Appointment", "a2", **booked(2))
    second = read(server.url, first[-1].cursor)
    assert [batch.replaces for batch in second if batch.replaces] == []
    server.now += timedelta(days=1)
    server.put("Appointment", "a2", **booked(2))
    third = read(server.url, second[-1].cursor)
    fourth = read(server.url, third[-1].cursor)
    assert [batch.replaces for batch in (*third, *fourth) if batch.replaces] == [WINDOW]
    assert Stored.after(first, second, third, fourth) == Stored.after(read(server.url))
    assert read(server.url, fourth[-1].cursor, full_every_days=0)[0].replaces == WINDOW


def test_a_window_that_moved_reads_the_days_that_came_into_it(server: FhirServer) -> None:
    server.put("Appointment", "far", **booked(300))
    server.put("Appointment", "near", **booked(1))
    first = read(server.url)
    moved = Window(WINDOW.start + timedelta(days=70), WINDOW.end + timedelta(days=70))
    second = read(server.url, first[-1].cursor, window=moved)
    assert (len(records(first, CalendarEvent)), len(Stored.after(first, second).of(CalendarEvent))) == (1, 2)
    assert not second[0].restarts
    assert read(server.url, second[-1].cursor)[0].restarts


@pytest.mark.parametrize(
    "more",
    [{"channel": "post"}, {"practitioners": {"ana": ("Practitioner/1",)}}],
)
def test_other_settings_read_again(server: FhirServer, more: dict[str, object]) -> None:
    fill(server, 2)
    first = read(server.url)
    assert read(server.url, first[-1].cursor, **more)[0].restarts


@pytest.mark.parametrize(
    "cursor", ["", "{}", "null", "[1]", "word", '{"since":3}', '{"since":{"a":"b"}}', '{"start":7}']
)
def test_a_cursor_of_somebody_else_is_the_beginning(server: FhirServer, cursor: str) -> None:
    fill(server, 1)
    assert len(records(read(server.url, cursor), CalendarEvent)) == 1


# Practitioners


def test_practitioners_are_found_by_identifier(server: FhirServer) -> None:
    server.put("Practitioner", "77", identifier=[{"system": "urn:npi", "value": "12 34"}], name=[{"family": CANARY}])
    server.put("Appointment", "a1", **booked(0, "Practitioner/77", "Patient/9"))
    batches = read(server.url, practitioners={"ben": ("urn:npi|12 34",)})
    assert [event.clinician for event in records(batches, CalendarEvent)] == ["ben"]


def test_an_unknown_identifier_is_reported_without_it(server: FhirServer) -> None:
    with pytest.raises(MalformedError, match=r"practitioners\.ben, entry 2: the server has nobody") as error:
        read(server.url, practitioners={"ben": ("Practitioner/1", f"urn:npi|{CANARY}")})
    assert CANARY not in str(error.value)


def test_an_unknown_practitioner_is_reported(server: FhirServer) -> None:
    with pytest.raises(MalformedError, match="not clinicians of this source: ben"):
        read(server.url, owners=(ANA,))


def test_only_the_practitioners_own_resources_are_requested(server: FhirServer) -> None:
    server.put("Appointment", "a1", **booked(0, "Practitioner/3", "Patient/9"))
    assert records(read(server.url), CalendarEvent) == []
    assert all("Practitioner%2F1" in request.path for request in server.received)


# What a server may do to us


BUNDLE = b'{"resourceType":"Bundle","entry":[]}'


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(401), AuthorizationError),
        (Reply(403), AuthorizationError),
        (Reply(404), UnavailableError),
        (Reply(500), UnavailableError),
        (Reply(429, headers={"Retry-After": "7200"}), RateLimitError),
        (Reply(body=b"<html>"), MalformedError),
        (Reply(body=b"[]"), MalformedError),
        (Reply(body=b"[" * 100_000), MalformedError),
        (Reply(body=b'{"resourceType":"Patient"}'), MalformedError),
        (Reply(body=BUNDLE, length=1_000), UnavailableError),
        (
            Reply(
                body=json.dumps(
                    {
                        "resourceType": "Bundle",
                        "link": [{"relation": "next", "url": "http://elsewhere.example/fhir?p=2"}],
                    }
                ).encode()
            ),
            MalformedError,
        ),
        (
            Reply(body=json.dumps({"resourceType": "Bundle", "link": [{"relation": "next", "url": "//["}]}).encode()),
            MalformedError,
        ),
        (
            Reply(
                body=json.dumps({"resourceType": "Bundle", "link": [{"relation": "next", "url": "?again"}]}).encode()
            ),
            MalformedError,
        ),
        (Reply(body=json.dumps({"resourceType": "Bundle", "total": 3}).encode()), MalformedError),
    ],
)
@pytest.mark.usefixtures("pauses")
def test_each_refusal_is_one_error(reply: Reply, error: type[ConnectorError]) -> None:
    with reply_server() as running:
        running.set_replies(reply)
        with pytest.raises(error):
            read(f"{running.url}fhir")


def test_junk_in_a_bundle_is_ignored_or_rejected(server: FhirServer) -> None:
    entries: list[object] = [
        None, 3, {}, {"resource": 3}, {"resource": {"resourceType": "OperationOutcome"}},
        {"resource": {"resourceType": "Appointment"}},
        {"resource": {"resourceType": "Appointment", "id": "x", "participant": 3, "meta": 3, "status": ["booked"]}},
        {"resource": {"resourceType": "Appointment", "id": "y", "participant": [{"actor": {"reference": 3}}, 4]}},
        {"resource": {"resourceType": "Appointment", "id": "z", "meta": {"lastUpdated": CANARY}, "end": CANARY}},
        {"resource": {"resourceType": "Encounter", "id": "e", "period": 3, "appointment": [{"reference": CANARY}]}},
        {"resource": {"resourceType": "Communication", "id": "c", "sender": [3], "recipient": {"a": 1}}},
    ]  # fmt: skip
    server.refuses = lambda _: Reply(body=json.dumps({"resourceType": "Bundle", "link": 3, "entry": entries}).encode())
    batches = read(server.url)
    assert (records(batches, CalendarEvent), records(batches, MessageStamp)) == ([], [])
    assert CANARY not in repr(batches)


def test_a_server_that_neither_sorts_nor_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "COUNT", 3)
    with fhir_server(sorts=False, links=False) as server:
        for number in (3, 1, 2, 0):
            server.now = START + timedelta(hours=number)
            server.put("Appointment", f"a{number}", **booked(number))
        with pytest.raises(MalformedError, match="neither sorts"):
            read(server.url)


def test_many_changes_at_one_time_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "COUNT", 3)
    with fhir_server(links=False) as server:
        for number in range(8):
            server.now = START
            server.put("Appointment", f"a{number}", **booked(number))
        assert len(records(read(server.url), CalendarEvent)) == 8


def test_a_token_and_a_password_are_sent_and_never_shown(server: FhirServer) -> None:
    secrets = {"env:TOKEN": f"{CANARY}\n", "env:PASSWORD": "pässword"}.__getitem__
    read(server.url, token="env:TOKEN", read_secret=secrets)
    assert {request.headers["Authorization"] for request in server.received} == {f"Bearer {CANARY}"}
    server.received.clear()
    batches = read(
        "env:URL",
        user="ana",
        password="env:PASSWORD",
        read_secret=lambda name: server.url if name == "env:URL" else secrets(name),
    )
    assert {request.headers["Authorization"] for request in server.received} == {
        f"Basic {b64encode('ana:pässword'.encode()).decode()}"
    }
    assert CANARY not in repr(batches)


def test_a_secret_address_without_encryption_is_refused_and_not_shown() -> None:
    with pytest.raises(UnavailableError, match="begins with https") as error:
        read("env:URL", read_secret=lambda _: f"http://{CANARY}.example/fhir")
    assert CANARY not in str(error.value)


def test_a_token_that_was_revoked_is_reported(server: FhirServer) -> None:
    server.refuses = lambda request: None if request.headers.get("Authorization") == "Bearer new" else Reply(401)
    with pytest.raises(AuthorizationError) as error:
        read(server.url, token="env:TOKEN", read_secret=lambda _: CANARY)
    assert CANARY not in f"{error.value!r}"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"practitioners": {}}, "practitioners: name at least one"),
        ({"practitioners": {"ana": ("12",)}}, r"practitioners\.ana: write Practitioner/id"),
        ({"user": "ana"}, "password: user and password go together"),
        ({"token": "env:A", "user": "ana", "password": "env:B"}, "token: a token, or"),
        ({"url": "http://records.example/fhir"}, "url: .*https"),
        ({"full_every_days": -1}, "full_every_days"),
    ],
)
def test_invalid_options_are_reported(options: dict[str, Any], problem: str) -> None:
    assert SOURCE_KIND.check is not None
    assert SOURCE_KIND.check(FhirOptions(url="https://records.example", practitioners=PEOPLE)) == []
    (message,) = SOURCE_KIND.check(FhirOptions(**{"url": "https://a.example", "practitioners": PEOPLE, **options}))
    assert re.match(problem, message)


def test_nothing_but_times_and_keyed_names_leaves_the_connector(server: FhirServer) -> None:
    fill(server, 2)
    server.put("Appointment", "bad", **booked(0, end=f"2026-05-04T{CANARY}"))
    batches = read(server.url)
    assert records(batches, CalendarEvent)
    assert CANARY not in repr(batches)
    paths = " ".join(request.path for request in server.received)
    assert not any(word in paths for word in ("payload", "description", "note", "reason", "topic", "comment"))


# A server that others wrote


def test_medplum_is_read_as_our_own_server_is(medplum: Medplum, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "COUNT", 3)
    peer = medplum.practice()
    ana = peer.create("Practitioner", identifier=[{"system": "urn:npi", "value": "1234"}])
    patient = peer.create("Patient", name=[{"family": CANARY}])
    made = [peer.create("Appointment", **booked(number, ana, patient, status="fulfilled")) for number in range(7)]
    for number, name in enumerate(made):
        links = {"participant": [{"individual": {"reference": ana}}], "appointment": [{"reference": name}]}
        peer.create("Encounter", **met(number) | links | {"class": {"code": "AMB"}})
    question = peer.create("Communication", **written(0, patient, ana))
    peer.create("Communication", **written(1, ana, patient, inResponseTo=[{"reference": question}]))

    first = read(peer.url, practitioners={"ana": ("urn:npi|1234",)})

    assert (len(records(first, CalendarEvent)), len(records(first, SessionEvidence))) == (7, 7)
    assert {record.uid_key for record in records(first, CalendarEvent)} == {
        record.uid_key for record in records(first, SessionEvidence)
    }
    assert sorted(stamp.outgoing for stamp in records(first, MessageStamp)) == [False, True]
    assert CANARY not in repr(first)

    peer.change(made[0], status="noshow")
    peer.delete(made[1])
    second = read(peer.url, first[-1].cursor, practitioners={"ana": ("urn:npi|1234",)})
    stored = Stored.after(first, second).of(CalendarEvent)
    assert sorted(event.status for event in stored) == [*["confirmed"] * 6, "no_show"]
    third = read(peer.url, second[-1].cursor, practitioners={"ana": ("urn:npi|1234",)}, full_every_days=0)
    assert len(Stored.after(first, second, third).of(CalendarEvent)) == 6
