"""After any edits, late arrivals, corrections, agreements and answers, night after night, the stored numbers equal
those of one full analysis, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Window
from connectors.records import CalendarEvent, CounterpartKind, Grade, Kind, MessageStamp, SessionEvidence, Status
from monitor.config import Config, SourceConfig
from monitor.night import analyse
from monitor.notices import ANSWERS, EXCEPTIONS
from monitor.roster import Contract, Practice, Residence, Weights
from monitor.store import clients, notices, sources
from monitor.store.computations import mark_dirty
from monitor.store.database import Connection, Store, opened
from monitor.store.events import remove_events, save_events
from monitor.store.evidence import save_correction, save_evidence
from monitor.store.messages import save_messages
from monitor.store.threads import mark_emergency
from tests.monitor.facts import BERLIN, EXAMPLES, clinician, day, hours

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
WEEKS = 30
NEW_YORK = ZoneInfo("America/New_York")
START = FIRST + timedelta(weeks=WEEKS, days=1)
TABLES = {
    "workload_week": "*",
    "wellbeing_week": "*",
    # its number is another one each time
    "notice": "clinician_id, week, tier, family, key, client_id, ratio, low, high, since, measured, observed",
}
_ALL = "SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4, 5, 6"


def session(number: int, start: datetime, *, client: str = "K1", **fields: object) -> CalendarEvent:
    event = CalendarEvent("ana", f"s{number}", start, start + timedelta(minutes=50), Kind.SESSION, client=client)
    return replace(event, **fields)  # type: ignore[arg-type]


def letter(number: int, sent_at: datetime, *, out: bool, client: str = "K1") -> MessageStamp:
    return MessageStamp("ana", number, sent_at, out, client, CounterpartKind.CLIENT, thread_nodes=(number,))


@dataclass
class EditedPractice:
    """A practice in a store, as of ``now``; each edit is followed by a night."""

    store: Store
    config: Config
    now: datetime = START
    events: dict[str, CalendarEvent] = field(default_factory=dict)

    def source(self, connection: Connection, name: str) -> sources.SourceRow:
        return sources.source_row(connection, name, "memory", ["ana"])

    def show(self, *events: CalendarEvent) -> None:
        self.events |= {event.uid_key: event for event in events}
        with self.store.write() as connection:
            source = self.source(connection, "calendar")
            mark_dirty(connection, save_events(connection, source, events, int(self.now.timestamp())))

    def write(self, *letters: MessageStamp) -> None:
        with self.store.write() as connection:
            mark_dirty(connection, save_messages(connection, self.source(connection, "mail"), letters))

    def read(self, *names: str) -> None:
        """Record that these sources were read to their end."""
        window = Window(FIRST - timedelta(days=30), self.now + timedelta(days=120))
        with self.store.write() as connection:
            for name in names:
                sources.save_success(connection, self.source(connection, name), window, int(self.now.timestamp()))

    def night(self) -> None:
        list(analyse(self.config, self.store, now=self.now))

    def numbers(self) -> dict[str, list[object]]:
        with self.store.read() as connection:
            queries = {table: _ALL.format(columns=columns, table=table) for table, columns in TABLES.items()}
            return {table: connection.execute(sql).fetchall() for table, sql in queries.items()}

    def from_scratch(self) -> dict[str, list[object]]:
        """Return the numbers of an analysis that has the records and the answers, but nothing computed before."""
        with self.store.write() as connection:
            for table in ("workload_week", "wellbeing_week", "computation"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("DELETE FROM notice_signal WHERE notice_id NOT IN (SELECT notice_id FROM answer)")
            connection.execute("DELETE FROM notice WHERE id NOT IN (SELECT notice_id FROM answer)")
        list(analyse(self.config, self.store, now=self.now, everyone=True))
        return self.numbers()


def thirty_weeks(folder: Path, store: Store, now: datetime = START) -> EditedPractice:
    """Return a practice with thirty weeks of sessions, of growing overruns and of later replies, read at ``now``."""
    harbour = Practice("Harbour Street", ZoneInfo(BERLIN))
    files = [folder / name for name in ("evenhours.db", "evenhours.key", "evenhours.toml")]
    read = (SourceConfig("calendar", "ics", ("ana",), None), SourceConfig("mail", "mbox", ("ana",), None))
    config = Config(harbour, (clinician(),), (), None, read, *files)
    practice = EditedPractice(store, config, now)
    numbers = [(week, of_the_day) for week in range(WEEKS) for of_the_day in range(4)]
    starts = [FIRST + timedelta(weeks=week, days=of_the_day, hours=week % 3) for week, of_the_day in numbers]
    practice.show(*(session(n, start, client=f"K{n % 4}") for n, start in enumerate(starts)))
    practice.write(*letters(starts))
    with store.write() as connection:
        mark_dirty(
            connection, save_evidence(connection, practice.source(connection, "calendar"), list(true_times(starts)))
        )
    practice.read("calendar", "mail")
    return practice


def true_times(starts: list[datetime]) -> Iterator[SessionEvidence]:
    for number, start in enumerate(starts):
        ended = start + timedelta(minutes=50 + number // 12)
        yield SessionEvidence("ana", f"t{number}", Grade.EHR, start + timedelta(minutes=1), ended, f"s{number}")


def letters(starts: list[datetime]) -> Iterator[MessageStamp]:
    for number, start in enumerate(starts):
        question_time = start.replace(hour=16)
        yield letter(2 * number, question_time, out=False, client=f"K{number % 4}")
        later = timedelta(hours=4 if number > 90 or number % 9 == 0 else 1)
        yield letter(2 * number + 1, question_time + later, out=True, client=f"K{number % 4}")


Edit = Callable[[EditedPractice], object]
numbered = st.integers(0, 4 * WEEKS - 1)
keys = st.integers(1, 4)
days_ago = st.integers(-10, 7 * WEEKS)
terms = st.sampled_from(
    [
        ("standing", "discharged"), ("standing", "not_a_client"), ("standing", "client"), ("band", "3"), ("band", None),
        ("emergency", "yes"), ("emergency", "no"), ("frequency", "2"), ("channels", "sms"), ("trauma", "yes"),
        ("modified", "access"), ("modified_until", "2026-09-01"), ("contact_hours", "08:00-22:00"),
    ]
)  # fmt: skip
rosters: list[dict[str, object]] = [
    {"hours": (hours({"mon": ["09:00-17:00"]}),)},
    {"hours": (hours(), hours({"tue": ["11:00-20:00"]}, "2026-05-01"))},
    {"hours": ()},
    {"grace_minutes": 2},
    {"contracts": (Contract(None, 0.5),)},
    {"starts": date(2026, 2, 2)},
    {"ends": date(2026, 6, 1)},
    {"residences": (Residence(None, ZoneInfo("Europe/Lisbon")), Residence(date(2026, 4, 1), NEW_YORK))},
]
rules: list[dict[str, object]] = [
    {"region": "US"},
    {"supervision_group": 8},
    {"country": "DE", "subdivision": "BY"},
    {"weights": (Weights(None, (1.0, 5.0)),)},
    {"day_starts_at": 0},
]


def move_event(number: int, by: int) -> Edit:
    return lambda practice: practice.show(shift_event(practice.events.get(f"s{number}"), by))


def shift_event(event: CalendarEvent | None, by: int) -> CalendarEvent:
    event = event or session(999, FIRST)
    shift = timedelta(hours=by)
    return replace(event, start=event.start + shift, end=event.end + shift)


def set_status(number: int, status: Status) -> Edit:
    return lambda practice: practice.show(replace(practice.events[f"s{number}"], status=status))


def remove_event(number: int) -> Edit:
    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            source = practice.source(connection, "calendar")
            left = remove_events(connection, source, [("ana", f"s{number}")], int(practice.now.timestamp()))
            mark_dirty(connection, left)

    return edit


def add_event(number: int, ago: int, kind: Kind) -> Edit:
    def edit(practice: EditedPractice) -> None:
        start = practice.now.replace(hour=10) - timedelta(days=ago)
        practice.show(replace(session(1000 + number, start, client="K1"), kind=kind))

    return edit


def add_message(number: int, ago: int, client: int, out: bool) -> Edit:  # noqa: FBT001
    age = timedelta(days=ago, hours=number % 24)
    return lambda practice: practice.write(letter(5000 + number, practice.now - age, out=out, client=f"K{client}"))


def correct_end(number: int, past: int) -> Edit:
    def edit(practice: EditedPractice) -> None:
        event = practice.events[f"s{number}"]
        with practice.store.write() as connection:
            save_correction(connection, "ana", event.uid_key, int(event.end.timestamp()) + 60 * past, 1)

    return edit


def set_term(client: int, term: tuple[str, str | None], ago: int) -> Edit:
    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            since = day("2026-08-04") - ago
            clients.set_term(connection, "ana", client, *term, from_day=since, now=int(practice.now.timestamp()))

    return edit


def join_or_separate(client: int, other: int, apart: bool) -> Edit:  # noqa: FBT001
    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            if apart:
                clients.separate_client(connection, "ana", client)
            else:
                clients.join_clients(connection, "ana", [client, other])

    return edit


def mark_thread(number: int, marked: bool) -> Edit:  # noqa: FBT001
    """Mark or unmark the thread of a message as an emergency."""

    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            sql = "SELECT thread FROM node WHERE node = ?"
            (thread,) = connection.execute(sql, (number,)).fetchone()
            assert mark_emergency(connection, "ana", thread, marked=marked, now=int(practice.now.timestamp()))

    return edit


def add_message_to_threads(number: int, other: int) -> Edit:
    """Add a message that joins two threads."""

    def edit(practice: EditedPractice) -> None:
        message = letter(5100 + number, practice.now - timedelta(days=1), out=True)
        practice.write(replace(message, thread_nodes=(message.key, number, other)))

    return edit


def add_ledger_entry(client: int, kind: str, ago: int) -> Edit:
    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            clients.add_ledger_entry(connection, "ana", kind, day=day("2026-08-04") - ago, client=client, now=1)

    return edit


def answer_notice(which: int, answer: str, ahead: int | None) -> Edit:
    """Answer one of the notices, counted from the newest, if there is one; an exception may last for days."""

    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            for row in notices.notices(connection, "ana")[::-1][which : which + 1]:
                until = None if ahead is None or answer not in EXCEPTIONS else row.week + ahead
                notices.answer_notice(connection, "ana", row.id, answer, int(practice.now.timestamp()), until=until)

    return edit


def undo_answer(which: int) -> Edit:
    """Undo the answer to a notice, if there is one."""

    def edit(practice: EditedPractice) -> None:
        with practice.store.write() as connection:
            for row in notices.notices(connection, "ana")[::-1][which : which + 1]:
                notices.undo_answer(connection, "ana", row.id, int(practice.now.timestamp()))

    return edit


def change_clinician(what: dict[str, object]) -> Edit:
    def edit(practice: EditedPractice) -> None:
        person = replace(practice.config.clinicians[0], **what)  # type: ignore[arg-type]
        practice.config = replace(practice.config, clinicians=(person,))

    return edit


def change_practice(what: dict[str, object]) -> Edit:
    def edit(practice: EditedPractice) -> None:
        settings_ = replace(practice.config.practice, **what)  # type: ignore[arg-type]
        practice.config = replace(practice.config, practice=settings_)

    return edit


def let_time_pass(hours_: int, read: tuple[str, ...]) -> Edit:
    def edit(practice: EditedPractice) -> None:
        practice.now += timedelta(hours=hours_)
        practice.read(*read)

    return edit


kinds = st.sampled_from([Kind.SESSION, Kind.SUPERVISION, Kind.ON_CALL, Kind.EMERGENCY, Kind.OTHER])
edits = st.one_of(
    st.builds(move_event, numbered, st.sampled_from([-24, -1, 3, 24 * 7])),
    st.builds(set_status, numbered, st.sampled_from(Status)),
    st.builds(remove_event, numbered),
    st.builds(add_event, st.integers(0, 20), days_ago, kinds),
    st.builds(add_message, st.integers(0, 50), days_ago, keys, st.booleans()),
    st.builds(correct_end, numbered, st.integers(-20, 20)),
    st.builds(set_term, keys, terms, days_ago),
    st.builds(join_or_separate, keys, keys, st.booleans()),
    st.builds(mark_thread, st.integers(0, 8 * WEEKS - 1), st.booleans()),
    st.builds(add_message_to_threads, st.integers(0, 8 * WEEKS - 1), st.integers(0, 8 * WEEKS - 1)),
    st.builds(add_ledger_entry, keys, st.sampled_from(["exception", "gift", "consultation"]), days_ago),
    st.builds(answer_notice, st.integers(0, 3), st.sampled_from(sorted(ANSWERS)), st.none() | st.integers(0, 60)),
    st.builds(undo_answer, st.integers(0, 3)),
    st.builds(change_clinician, st.sampled_from(rosters)),
    st.builds(change_practice, st.sampled_from(rules)),
    st.builds(let_time_pass, st.integers(1, 24 * 9), st.sampled_from([(), ("calendar",), ("calendar", "mail")])),
)


@settings(max_examples=max(EXAMPLES // 8, 2))
@given(st.lists(edits, min_size=1, max_size=5))
def test_nightly_updates_store_the_numbers_of_a_full_analysis(chosen: list[Edit]) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "evenhours.db", create=True) as store:
        practice = thirty_weeks(Path(folder), store)
        practice.night()
        for edit in chosen:
            edit(practice)
            practice.night()
        stored = practice.numbers()

        assert stored == practice.from_scratch()


def test_the_made_up_practice_has_notices(tmp_path: Path) -> None:
    with opened(tmp_path / "evenhours.db", create=True) as store:
        practice = thirty_weeks(tmp_path, store)
        practice.night()

        assert practice.numbers()["notice"]


def test_a_second_night_without_news_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "evenhours.db", create=True) as store:
        practice = thirty_weeks(tmp_path, store)
        practice.night()
        practice.now += timedelta(hours=20)
        practice.read("calendar", "mail")

        assert list(analyse(practice.config, store, now=practice.now)) == []


def test_a_source_that_is_read_again_after_a_pause_makes_its_week_known(tmp_path: Path) -> None:
    """A successful reading without new records makes an unobserved week an observed one."""
    with opened(tmp_path / "evenhours.db", create=True) as store:
        practice = thirty_weeks(tmp_path, store)
        practice.now += timedelta(days=7)  # nobody read anything in the meantime
        practice.night()
        before = practice.numbers()
        practice.read("calendar", "mail")
        practice.night()

        assert practice.numbers() != before
        assert practice.numbers() == practice.from_scratch()
