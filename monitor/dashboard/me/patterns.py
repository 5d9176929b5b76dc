"""Is something drifting? Every notice there was, one client at a time, and the ledger; for the clinician alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isfinite

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from connectors.base import RecordType
from monitor import notices
from monitor.access import Role
from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.client_summary import client_summaries
from monitor.analysis.terms import EXCEPTIONS, LEDGER
from monitor.config import Config
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.me import forms
from monitor.dashboard.me.agenda import Agenda, agenda
from monitor.dashboard.me.client_index import Choice, ClientIndex, load_client_index
from monitor.dashboard.me.forms import ROW_NUMBER, exception_end_range, flash_usage_errors, own, parse_from_day
from monitor.dashboard.policy import allow
from monitor.notices import ALL_FAMILIES, FAMILIES, PATTERN, RULE, RULES
from monitor.readiness import GapKind, Readiness, readiness_of
from monitor.roster import Clinician
from monitor.store import clients
from monitor.store import notices as kept
from monitor.store.database import Store
from monitor.store.notices import NoticeRow
from monitor.weekly_report import cards, gaps
from monitor.weekly_report.evidence_rows import WeekValues
from monitor.weekly_report.report import CONTEXT_WEEKS, leading_week, week_values
from reports.models import Card, TextTable, Unit
from reports.wording import (
    ASSUMED_HOURS,
    DASH,
    MINUS,
    counted,
    day_and_month,
    full_date,
    listed,
    quantity,
    signed_percent,
    spelled,
)

blueprint = Blueprint("patterns", __name__, url_prefix="/me/patterns")

PRIVACY = (
    "Private to you: in Evenhours nobody else can open it. (Whoever administers the computer could.) "
    "Whatever you answer is passed on to nobody."
)
LITERATURE = (
    "Why look at this at all: the literature ties a large share of trauma-focused work, and little support around it, "
    "to compassion fatigue. The ties are weak (r = 0.16 to 0.26 over 38 studies: Hensel and others, Journal of "
    "Traumatic Stress 28, 2015), so nothing here can say how one person is."
)
ONE_CLIENT = (
    "Facts, not notes: sessions and messages of the last four weeks, beside what you agreed and what is usual with "
    "this client, extra sessions being those beyond the agreed number in their week; after hours, and channels that "
    "you did not agree on, over eight weeks; how long your last eight replies took in working time, and how many "
    "minutes past their time the last eight sessions ended, each with how that moves from one to the next."
)
LEDGER_WORDS = "What no calendar shows, by kind and day. No words are kept, so that nothing here can name anybody."
AGENDA_WORDS = (
    "What you wrote down, and what was noticed about one client, {}. It is a list for you to choose from: it is shown "
    "to nobody, and nothing is ticked off."
)

A_YEAR = timedelta(days=365)
CLIENT_COLUMNS = (
    "Client", "Sessions", "Your messages", "After hours", "Other channel", "Replies",
    "Ends, minutes",
)  # fmt: skip


RECENT_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Note:
    """A notice or line of some week, past or present. ``card`` is what it says and rests on.

    ``moved`` is how far, with its interval, and with whom, where it is about one client; ``weeks`` are those it speaks
    of, in words. ``answered_on`` is when the standing answer was given.
    """

    card: Card
    week: date
    moved: str
    weeks: str
    open: bool
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class NoteGroup:
    """The notes of one family, the newest first."""

    heading: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of the ledger, in words; ``client`` is empty where it is about no single client."""

    entry: int
    day: date
    kind: str
    client: str


@dataclass(frozen=True, slots=True)
class PatternsReport:
    """Is something drifting? Every note by family, one client at a time, the ledger.

    ``quiet`` are the titles of what is watched and has no note, ``unknown`` of what cannot be watched, since nothing is
    known of it. ``warnings`` say what was not read, not computed or not recognised. ``clients`` has one row a client,
    already in words. ``exceptions`` says how many there were in a year. ``kinds`` and ``people`` are what a new entry
    can be about.
    ``agenda`` is the list for the next supervision. ``assumed_hours`` says that nobody declared the agreed hours.
    """

    headline: str
    waiting: tuple[Note, ...]
    groups: tuple[NoteGroup, ...]
    quiet: tuple[str, ...]
    clients: TextTable
    ledger: tuple[LedgerEntry, ...]
    exceptions: str
    kinds: tuple[Choice, ...]
    people: tuple[Choice, ...]
    agenda: Agenda
    assumed_hours: bool
    today: date
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@blueprint.get("")
@allow(Role.CLINICIAN)
def overview() -> str:
    """Every notice, every client, the ledger."""
    report = patterns_report(request.config(), request.store(), request.clinician(), now=request.now())
    return render(report, exception_end_range())


@blueprint.post(f"/notices/<{ROW_NUMBER}:notice>")
@allow(Role.CLINICIAN)
def answer(notice: int) -> Response:
    """Keep what the person says to a notice."""
    forms.answer(notice, request.form().get("answer", ""))
    return redirect(url_for(".overview"), 303)


@blueprint.post(f"/notices/<{ROW_NUMBER}:notice>/undo")
@allow(Role.CLINICIAN)
def undo(notice: int) -> Response:
    """Take the answer to a notice back."""
    forms.take_back(notice)
    return redirect(url_for(".overview"), 303)


@blueprint.post("/ledger")
@allow(Role.CLINICIAN)
def enter() -> Response:
    """Write something into the ledger."""
    kind, named = request.form().get("kind", ""), request.form().get("client", "")
    if kind not in LEDGER or not ((named.isdecimal() and len(named) <= 18) or not named):
        abort(400)
    client = int(named) if named else None
    if client is not None:
        own(client)
    with flash_usage_errors(), request.store().write() as connection:
        day, now = parse_from_day("on which day it was"), int(request.now().timestamp())
        clients.add_ledger_entry(connection, request.clinician().key, kind, day=day, client=client, now=now)
        request.flash(f"Written down: {LEDGER[kind]}.")
    return redirect(url_for(".overview"), 303)


@blueprint.post(f"/ledger/<{ROW_NUMBER}:entry>/strike")
@allow(Role.CLINICIAN)
def strike(entry: int) -> Response:
    """Take an entry out of the ledger."""
    with request.store().write(erases=True) as connection:
        if not clients.remove_ledger_entry(connection, request.clinician().key, entry):
            abort(404)
    request.flash("Struck out.")
    return redirect(url_for(".overview"), 303)


def render(report: PatternsReport, until: tuple[date, date] | None = None) -> str:
    """Draw the page. ``until`` are the first and the last day that an answer can name as the end of an exception."""
    return page(
        "me/patterns.html",
        title="Patterns",
        report=report,
        lines={
            "privacy": PRIVACY,
            "literature": LITERATURE,
            "one_client": ONE_CLIENT,
            "ledger": LEDGER_WORDS,
            "assumed": ASSUMED_HOURS if report.assumed_hours else "",
            "agenda": AGENDA_WORDS.format(report.agenda.since),
        },
        full_date=full_date,
        quiet=listed([title[0].lower() + title[1:] for title in report.quiet]),
        unknown=listed([title[0].lower() + title[1:] for title in report.unknown]),
        days=until,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """The sources that every note is written from."""

    book: ClientIndex
    values: WeekValues
    last_week: int


def patterns_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> PatternsReport:
    """Everything that was ever noticed, as known at ``now``."""
    with store.read() as connection:
        ready = readiness_of(config, connection, clinician, now)
        last = leading_week(ready)
        book = load_client_index(config, store, clinician, now=now)
        rows = notices.with_persons(book.frames, kept.notices(connection, clinician.key))
        first = min((row.since for row in rows), default=last)
        values = week_values(connection, clinician, last, (last - first) // 7 + CONTEXT_WEEKS)
    values = values.select_weeks(ready.is_computed)
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
        clients=TextTable(CLIENT_COLUMNS, tuple(_client_rows(book, messages=not no_mail))),
        ledger=tuple(_ledger(book)),
        exceptions=_exceptions(book, rows),
        kinds=tuple(Choice(kind, words) for kind, words in LEDGER.items()),
        people=tuple(Choice(str(client), book.name(client)) for client in book.in_order),
        agenda=agenda(book, rows),
        assumed_hours=clinician.has_assumed_hours,
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
        if (no_mail if entry.by_client else not known & {signal.metric for signal in entry.metrics})
    }


def _missing(ready: Readiness) -> Iterator[str]:
    """Say what the page does not know."""
    yield from gaps.warnings_with_week(ready)
    for gap in ready.gaps:
        if gap.kind is not GapKind.HOURS_ASSUMED:  # that is said wherever numbers stand
            yield gaps.page_texts(gap)[1]


def _groups(rows: Sequence[NoticeRow], notes: Mapping[int, Note]) -> Iterator[NoteGroup]:
    """Yield what has been answered or is over, by family in the order in which they are declared, lines last."""
    for entry in (ALL_FAMILIES, *FAMILIES, *RULES):
        of_family = [notes[row.id] for row in reversed(rows) if row.family == entry.key and not notes[row.id].open]
        if of_family:
            yield NoteGroup(entry.title, tuple(of_family))


def _note(told: _Told, row: NoticeRow) -> Note:
    owner = told.book.frames.clinician
    answered = notices.answered_on(row, owner)
    recent = row.week > told.last_week - 7 * (1 if row.tier == RULE else cards.CARD_WEEKS)
    return Note(
        card=cards.build_card(told.book.frames, row, row.week, told.values, told.book.codes),
        week=date_of(row.week),
        moved=" · ".join(filter(None, (_moved(row), told.book.name(row.client) if row.client else ""))),
        weeks=_weeks(row),
        open=notices.is_open(row, day_number(told.book.today), owner) and (recent or row.answer is not None),
        answered_on=None if answered is None else date_of(answered),
    )


def _moved(row: NoticeRow) -> str:
    """Say how far, with the 90 % interval; of a pattern, how many things; nothing of a line."""
    if row.tier == RULE:
        return ""
    if row.tier == PATTERN:
        return f"{counted(len(row.signals), 'thing')} at once"
    signal = row.all_signals[0]
    return notices.describe_change(signal)


def _weeks(row: NoticeRow) -> str:
    """The weeks a note speaks of: "Week of 9 November 2026", "19 October to 15 November 2026"."""
    if row.tier == RULE or row.since >= row.week:
        return f"Week of {full_date(date_of(row.week))}"
    return f"{day_and_month(date_of(row.since))} to {full_date(date_of(row.week + 6))}"


def _client_rows(book: ClientIndex, *, messages: bool) -> Iterator[tuple[str, ...]]:
    """One client a row, in the order of the week; without ``messages`` nothing is known of what was sent."""
    facts = client_summaries(book.frames)
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
    """Say how long replies take, and how that moves from one to the next: "1 h 20, −12 %"."""
    if not isfinite(minutes):
        return DASH
    return f"{quantity(minutes, Unit.MINUTES)}, {signed_percent((2**slope - 1) * 100)}"


def _beside(value: float, words: str, other: float) -> str:
    """A number beside what it is measured by: "4, agreed 4"; alone where there is nothing to measure it by."""
    said = quantity(value, Unit.COUNT)
    return f"{said}, {words} {quantity(other, Unit.COUNT)}" if isfinite(other) else said


def _ends(minutes: float, slope: float) -> str:
    """Say when sessions end, and how that moves from one to the next, in minutes: "+6.0, +0.5"."""
    return f"{_signed(minutes)}, {_signed(slope)}" if isfinite(minutes) else DASH


def _signed(value: float) -> str:
    words = f"{value:+.1f}".replace("-", MINUS)
    return "0" if words[1:] == "0.0" else words


def _ledger(book: ClientIndex) -> Iterator[LedgerEntry]:
    """The entries, the newest first."""
    person = {key: client for client, keys in book.keys.items() for key in keys}
    for row in reversed(book.ledger):
        who = "" if row.client is None else book.name(person.get(row.client, row.client))
        yield LedgerEntry(row.id, date_of(row.day), LEDGER.get(row.kind, row.kind), who)


def _exceptions(book: ClientIndex, rows: Sequence[NoticeRow]) -> str:
    """Count the exceptions of the last year, in the ledger and by an answer; empty without any."""
    since: date = book.today - A_YEAR
    entered = sum(row.kind in EXCEPTIONS and date_of(row.day) > since for row in book.ledger)
    answered = sum(notices.is_exception(row) and date_of(row.week) > since for row in rows)
    if not entered + answered:
        return ""
    return (
        f"{counted(entered + answered, 'exception')} in the last year: {entered} in the ledger, {answered} by an "
        "answer to a note."
    )
