"""Is something drifting? Every notice there was, one client at a time, and the ledger; for the clinician alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isfinite

from connectors.base import RecordType
from monitor import notices
from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.one_client import one_by_one
from monitor.analysis.terms import EXCEPTIONS, LEDGER
from monitor.briefing import cards, gaps
from monitor.briefing.agenda import agenda
from monitor.briefing.behind import WeekValues
from monitor.briefing.book import Book, book_of
from monitor.briefing.week import CONTEXT_WEEKS, leading_week, values_of
from monitor.config import Config
from monitor.notices import FAMILIES, LINE, LINES, PATTERN, POOLED
from monitor.readiness import Gap, Readiness, readiness_of
from monitor.roster import Clinician
from monitor.store import notices as kept
from monitor.store.database import Store
from monitor.store.notices import NoticeRow
from reports.models import Table, Unit
from reports.private import Choice, LedgerLine, Note, NoteGroup, PatternsReport
from reports.wording import DASH, MINUS, counted, day_and_month, full_date, quantity, signed_percent, spelled

A_YEAR = timedelta(days=365)
CLIENT_COLUMNS = (
    "Client", "Sessions", "Your messages", "After hours", "Other channel", "Replies",
    "Ends, minutes",
)  # fmt: skip


RECENT_WEEKS = 8


@dataclass(frozen=True, slots=True)
class _Told:
    """What every note is written from."""

    book: Book
    values: WeekValues
    last_week: int


def patterns_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> PatternsReport:
    """Everything that was ever noticed, as known at ``now``."""
    with store.read() as connection:
        ready = readiness_of(config, connection, clinician, now)
        last = leading_week(ready)
        book = book_of(config, store, clinician, now=now)
        rows = notices.of_persons(book.frames, kept.notices(connection, clinician.key))
        first = min((row.since for row in rows), default=last)
        values = values_of(connection, clinician, last, (last - first) // 7 + CONTEXT_WEEKS)
    values = values.of_weeks(ready.is_computed)
    no_mail = ready.spans[RecordType.MESSAGES] is None
    unknown, noticed = _unknown(values, last, no_mail=no_mail), {row.family for row in rows}
    missing = tuple(_missing(ready)) if ready.anything_read else ()
    told = _Told(book, values, last)
    notes = {row.id: _note(told, row) for row in rows}
    waiting = [row for row in reversed(rows) if notes[row.id].open]
    return PatternsReport(
        headline=_headline(len(waiting), len(rows), everything_known=not (unknown or missing)),
        waiting=tuple(notes[row.id] for row in waiting),
        groups=tuple(_groups(rows, notes)),
        quiet=tuple(entry.title for entry in FAMILIES if entry.key not in {*unknown, *noticed}),
        unknown=tuple(entry.title for entry in FAMILIES if entry.key in unknown),
        clients=Table(CLIENT_COLUMNS, tuple(_client_rows(book, messages=not no_mail))),
        ledger=tuple(_ledger(book)),
        exceptions=_exceptions(book, rows),
        kinds=tuple(Choice(kind, words) for kind, words in LEDGER.items()),
        people=tuple(Choice(str(client), book.name(client)) for client in book.in_order),
        agenda=agenda(book, rows),
        assumed_hours=clinician.assumed_hours,
        today=book.today,
        warnings=missing,
    )


def _headline(waiting: int, noted: int, *, everything_known: bool) -> str:
    if waiting:
        wait = "note waits" if waiting == 1 else "notes wait"
        return f"{spelled(waiting).capitalize()} {wait} for your answer, if you like"
    if noted:
        return "You have answered every note, or it is over"
    return "There is no note so far" if everything_known else "There is no note so far, and not everything is known"


def _unknown(values: WeekValues, last: int, *, no_mail: bool) -> set[str]:
    """The families of which nothing is known in the last weeks: of these, silence says nothing."""
    recent = range(last - 7 * (RECENT_WEEKS - 1), last + 1, 7)
    known = {key for (week, key), value in values.items() if value is not None and week in recent}
    return {
        entry.key
        for entry in FAMILIES
        if (no_mail if entry.by_client else not known & {sign.metric for sign in entry.signs})
    }


def _missing(ready: Readiness) -> Iterator[str]:
    """What the page has to say of what it does not know."""
    yield from gaps.all_warnings(ready)
    for lack in ready.lacks:
        if lack.gap is not Gap.HOURS_ASSUMED:  # that is said wherever numbers stand
            yield gaps.explained(lack)[1]


def _groups(rows: Sequence[NoticeRow], notes: Mapping[int, Note]) -> Iterator[NoteGroup]:
    """What has been answered or is over, by family in the order in which they are declared, lines last."""
    for entry in (POOLED, *FAMILIES, *LINES):
        of_family = [notes[row.id] for row in reversed(rows) if row.family == entry.key and not notes[row.id].open]
        if of_family:
            yield NoteGroup(entry.title, tuple(of_family))


def _note(told: _Told, row: NoticeRow) -> Note:
    owner = told.book.frames.clinician
    answered = notices.answered_on(row, owner)
    recent = row.week > told.last_week - 7 * (1 if row.tier == LINE else cards.CARD_WEEKS)
    return Note(
        card=cards.card(told.book.frames, row, row.week, told.values, told.book.codes),
        week=date_of(row.week),
        moved=" · ".join(filter(None, (_moved(row), told.book.name(row.client) if row.client else ""))),
        weeks=_weeks(row),
        open=notices.is_open(row, day_number(told.book.today), owner) and (recent or row.answer is not None),
        answered_on=None if answered is None else date_of(answered),
    )


def _moved(row: NoticeRow) -> str:
    """How far, with the 90 % interval; of a pattern, how many things; nothing of a line."""
    if row.tier == LINE:
        return ""
    if row.tier == PATTERN:
        return f"{counted(len(row.signs), 'thing')} at once"
    sign = row.moved[0]
    return notices.how_far(sign)


def _weeks(row: NoticeRow) -> str:
    """The weeks a note speaks of: "Week of 9 November 2026", "19 October to 15 November 2026"."""
    if row.tier == LINE or row.since >= row.week:
        return f"Week of {full_date(date_of(row.week))}"
    return f"{day_and_month(date_of(row.since))} to {full_date(date_of(row.week + 6))}"


def _client_rows(book: Book, *, messages: bool) -> Iterator[tuple[str, ...]]:
    """One client a row, in the order of the week; without ``messages`` nothing is known of what was sent."""
    facts = one_by_one(book.frames)
    columns = {key: dict(zip(facts.index.tolist(), facts[key].tolist(), strict=True)) for key in facts}
    for client in book.in_order:
        if client in facts.index:
            row = {str(key): float(values[client]) for key, values in columns.items()}
            yield (
                book.name(client).replace(", ", ",\u00a0"),
                _sessions(row),
                _beside(row["contacts"], "usually", row["usual_contacts"]) if messages else DASH,
                f"{row['after_hours']:.0f} of {row['sent']:.0f}" if row["sent"] else DASH,
                quantity(row["other_channel"], Unit.COUNT) if messages else DASH,
                _replies(row["reply_minutes"], row["reply_slope"]),
                _ends(row["end_minutes"], row["end_slope"]),
            )


def _sessions(row: Mapping[str, float]) -> str:
    """Sessions beside the agreed ones: "5, agreed 4, 1 extra"."""
    extra = row["extra_sessions"]
    said = _beside(row["sessions"], "agreed", row["agreed_sessions"])
    return f"{said}, {extra:.0f} extra" if extra > 0 else said


def _replies(minutes: float, slope: float) -> str:
    """How long replies take, and how that moves from one to the next: "1 h 20, −12 %"."""
    if not isfinite(minutes):
        return DASH
    return f"{quantity(minutes, Unit.MINUTES)}, {signed_percent((2**slope - 1) * 100)}"


def _beside(value: float, words: str, other: float) -> str:
    """A number beside what it is measured by: "4, agreed 4"; alone where there is nothing to measure it by."""
    said = quantity(value, Unit.COUNT)
    return f"{said}, {words} {quantity(other, Unit.COUNT)}" if isfinite(other) else said


def _ends(minutes: float, slope: float) -> str:
    """When sessions end, and how that moves from one to the next, in minutes: "+6.0, +0.5"."""
    return f"{_signed(minutes)}, {_signed(slope)}" if isfinite(minutes) else DASH


def _signed(value: float) -> str:
    words = f"{value:+.1f}".replace("-", MINUS)
    return "0" if words[1:] == "0.0" else words


def _ledger(book: Book) -> Iterator[LedgerLine]:
    """The entries, the newest first."""
    person = {key: client for client, keys in book.keys.items() for key in keys}
    for row in reversed(book.ledger):
        who = "" if row.client is None else book.name(person.get(row.client, row.client))
        yield LedgerLine(row.id, date_of(row.day), LEDGER.get(row.kind, row.kind), who)


def _exceptions(book: Book, rows: Sequence[NoticeRow]) -> str:
    """How many exceptions there were in the last year, in the ledger and by an answer; empty without any."""
    since: date = book.today - A_YEAR
    entered = sum(row.kind in EXCEPTIONS and date_of(row.day) > since for row in book.ledger)
    answered = sum(notices.excepted(row) and date_of(row.week) > since for row in rows)
    if not entered + answered:
        return ""
    return (
        f"{counted(entered + answered, 'exception')} in the last year: {entered} in the ledger, {answered} by an "
        "answer to a note."
    )
