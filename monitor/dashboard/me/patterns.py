"""Patterns over time: all notices so far, one client at a time, the list for supervision, and the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from monitor.dashboard.me.agenda import Agenda, agenda
from monitor.dashboard.me.client_index import Choice, ClientIndex, load_client_index
from monitor.dashboard.me.forms import (
    ROW_NUMBER,
    exception_end_range,
    flash_usage_errors,
    parse_from_day,
    require_own_client,
    save_answer,
    take_back_answer,
)
from monitor.dashboard.policy import allow
from monitor.notices import ALL_FAMILIES, FAMILIES, PATTERN, RULE, RULES, NoticeFamily
from monitor.readiness import GapKind, readiness_of
from monitor.roster import Clinician
from monitor.store import clients
from monitor.store import notices as store_notices
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
    "Your answers are passed on to nobody."
)
LITERATURE = (
    "Why this page exists: the literature ties a large share of trauma-focused work, and little support around it, "
    "to compassion fatigue. The correlations are weak (r = 0.16 to 0.26 over 38 studies: Hensel and others, Journal of "
    "Traumatic Stress 28, 2015), so nothing here can say how you are."
)
ONE_CLIENT = (
    "Facts, not notes. Sessions and your messages are those of the last four weeks, beside what you agreed and what is "
    "usual with this client; extra sessions are those beyond the agreed number in their week. After hours, and "
    "channels that you did not agree on, cover eight weeks. Replies shows how long your last eight replies took, in "
    "working time, and Ends how many minutes after their booked end the last eight sessions ended; the second number "
    "of each shows how that changes from one to the next."
)
LEDGER_TEXT = "What no calendar shows: a kind and a day, and no free text, so that no entry can name anybody."
AGENDA_TEXT = (
    "What you entered in the ledger, and what was noticed about single clients, {}. Choose from it what you want to "
    "bring: nobody else sees this list, and nothing is ticked off."
)

A_YEAR = timedelta(days=365)
RECENT_WEEKS = 8
CLIENT_COLUMNS = (
    "Client", "Sessions", "Your messages", "After hours", "Other channel", "Replies",
    "Ends, minutes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NoticeEntry:
    """A notice of some week, past or present. On pages and in reports it is called a note.

    Attributes:
        card: The text, its evidence and the answers.
        week: The week of the notice.
        change: The size of the change with its interval, and the client if it is about one; empty for a rule.
        weeks: The weeks that the notice is about, in words.
        is_open: It can still be answered, and has no answer or one that does not end it.
        answered_on: The day of the current answer.
    """

    card: Card
    week: date
    change: str
    weeks: str
    is_open: bool
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class NoticeGroup:
    """The notices of one family, the newest first."""

    heading: str
    notices: tuple[NoticeEntry, ...]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of the ledger, in words; ``client`` is empty if it is about no single client."""

    entry: int
    day: date
    kind: str
    client: str


@dataclass(frozen=True, slots=True)
class PatternsReport:
    """The content of the page.

    Attributes:
        headline: How many notices are open, in words.
        open_notices: Those that can still be answered, the newest first.
        groups: All others, by family.
        quiet_families: Titles of the families that were observed and have no notice.
        clients: One row a client, in words.
        ledger: The entries of the ledger, the newest first.
        exceptions: The number of exceptions in the last year, in words; empty without any.
        ledger_kinds: The kinds that a new entry can have.
        client_choices: The clients that a new entry can be about.
        agenda: The list for the next supervision.
        assumed_hours: The agreed hours are assumed, because none were declared.
        today: The clinician's local day.
        unobserved_families: Titles of the families without any values in the last weeks.
        warnings: Sentences about what was not read, not computed or not recognised.
    """

    headline: str
    open_notices: tuple[NoticeEntry, ...]
    groups: tuple[NoticeGroup, ...]
    quiet_families: tuple[str, ...]
    clients: TextTable
    ledger: tuple[LedgerEntry, ...]
    exceptions: str
    ledger_kinds: tuple[Choice, ...]
    client_choices: tuple[Choice, ...]
    agenda: Agenda
    assumed_hours: bool
    today: date
    unobserved_families: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@blueprint.get("")
@allow(Role.CLINICIAN)
def overview() -> str:
    """Show every notice, every client and the ledger."""
    report = patterns_report(request.config(), request.store(), request.clinician(), now=request.now())
    return render(report, exception_end_range())


@blueprint.post(f"/notices/<{ROW_NUMBER}:notice>")
@allow(Role.CLINICIAN)
def answer(notice: int) -> Response:
    """Save the reader's answer to a notice."""
    save_answer(notice, request.form().get("answer", ""))
    return redirect(url_for(".overview"), 303)


@blueprint.post(f"/notices/<{ROW_NUMBER}:notice>/undo")
@allow(Role.CLINICIAN)
def undo(notice: int) -> Response:
    """Take back the answer to a notice."""
    take_back_answer(notice)
    return redirect(url_for(".overview"), 303)


@blueprint.post("/ledger")
@allow(Role.CLINICIAN)
def add_entry() -> Response:
    """Add an entry to the ledger."""
    kind, client_text = request.form().get("kind", ""), request.form().get("client", "")
    if kind not in LEDGER or not ((client_text.isdecimal() and len(client_text) <= 18) or not client_text):
        abort(400)
    client = int(client_text) if client_text else None  # an entry need not be about a single client
    if client is not None:
        require_own_client(client)
    with flash_usage_errors(), request.store().write() as connection:
        day, now = parse_from_day("the day on which it was"), int(request.now().timestamp())
        clients.add_ledger_entry(connection, request.clinician().key, kind, day=day, client=client, now=now)
        request.flash(f"Added to the ledger: {LEDGER[kind]}.")
    return redirect(url_for(".overview"), 303)


@blueprint.post(f"/ledger/<{ROW_NUMBER}:entry>/strike")
@allow(Role.CLINICIAN)
def remove_entry(entry: int) -> Response:
    """Remove an entry from the ledger, without a trace."""
    with request.store().write(erases=True) as connection:
        if not clients.remove_ledger_entry(connection, request.clinician().key, entry):
            abort(404)
    request.flash("Removed from the ledger.")
    return redirect(url_for(".overview"), 303)


def render(report: PatternsReport, exception_ends: tuple[date, date] | None = None) -> str:
    """Return the page; ``exception_ends`` are the first and the last day on which an exception can end."""
    return page(
        "me/patterns.html",
        title="Patterns",
        report=report,
        texts={
            "privacy": PRIVACY,
            "literature": LITERATURE,
            "one_client": ONE_CLIENT,
            "ledger": LEDGER_TEXT,
            "assumed": ASSUMED_HOURS if report.assumed_hours else "",
            "agenda": AGENDA_TEXT.format(report.agenda.period),
        },
        full_date=full_date,
        quiet_families=_listed_titles(report.quiet_families),
        unobserved_families=_listed_titles(report.unobserved_families),
        exception_ends=exception_ends,
    )


def _listed_titles(titles: Sequence[str]) -> str:
    """Return titles as a list inside a sentence: "sessions running over, one client and full days off"."""
    return listed([title[0].lower() + title[1:] for title in titles])


def patterns_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> PatternsReport:
    """Return the content of the page, as known at ``now``."""
    with store.read() as connection:
        ready = readiness_of(config, connection, clinician, now)
        last = leading_week(ready)
        index = load_client_index(config, store, clinician, now=now)
        rows = notices.with_persons(index.frames, store_notices.notices(connection, clinician.key))
        # The evidence of the oldest notice needs the weeks before it, too.
        first = min((row.since for row in rows), default=last)
        values = week_values(connection, clinician, last, (last - first) // 7 + CONTEXT_WEEKS)
    # A week that was never computed has no values, even if older ones are stored.
    values = values.select_weeks(ready.is_computed)

    has_messages = ready.spans[RecordType.MESSAGES] is not None
    unobserved = _unobserved_families(values, last, has_messages=has_messages)
    with_notices = {row.family for row in rows}
    quiet = [family for family in FAMILIES if family not in unobserved and family.key not in with_notices]

    warnings: list[str] = []
    if ready.anything_read:  # before that the page says only so, and does not list each gap
        warnings += gaps.warnings_with_week(ready)
        # The page has a sentence of its own for assumed hours.
        warnings += [gaps.page_texts(gap)[1] for gap in ready.gaps if gap.kind is not GapKind.HOURS_ASSUMED]

    newest_first = [(row.family, _entry(index, row, values, last)) for row in reversed(rows)]
    open_notices = [entry for _, entry in newest_first if entry.is_open]
    groups = []
    for family in (ALL_FAMILIES, *FAMILIES, *RULES):
        closed = tuple(entry for key, entry in newest_first if key == family.key and not entry.is_open)
        if closed:
            groups.append(NoticeGroup(family.title, closed))

    if open_notices:
        number = f"{spelled(len(open_notices))} {'note' if len(open_notices) == 1 else 'notes'}"
        headline = f"You can still answer {number}, if you like"
    elif any(entry.answered_on is None for _, entry in newest_first):
        # A note that is too old to be answered says nothing of whether its change goes on.
        headline = "No note is open for an answer now"
    else:
        headline = "You have answered every note" if rows else "There is no note so far"
        if unobserved or warnings:
            headline += ", but some data is missing"

    ledger = []
    for entry in reversed(index.ledger):
        client = None if entry.client is None else index.client_of(entry.client) or entry.client
        name = "" if client is None else index.name(client)
        ledger.append(LedgerEntry(entry.id, date_of(entry.day), LEDGER.get(entry.kind, entry.kind), name))
    return PatternsReport(
        headline=headline,
        open_notices=tuple(open_notices),
        groups=tuple(groups),
        quiet_families=tuple(family.title for family in quiet),
        unobserved_families=tuple(family.title for family in unobserved),
        clients=TextTable(CLIENT_COLUMNS, tuple(_client_rows(index, with_messages=has_messages))),
        ledger=tuple(ledger),
        exceptions=_exceptions(index, rows),
        ledger_kinds=tuple(Choice(kind, label) for kind, label in LEDGER.items()),
        client_choices=tuple(Choice(str(client), index.name(client)) for client in index.ordered),
        agenda=agenda(index, rows),
        assumed_hours=clinician.has_assumed_hours,
        today=index.today,
        warnings=tuple(warnings),
    )


def _unobserved_families(values: WeekValues, last: int, *, has_messages: bool) -> list[NoticeFamily]:
    """Return the families without any values in the last weeks: no notice of these is no good news."""
    recent = range(last - 7 * (RECENT_WEEKS - 1), last + 1, 7)
    observed = {key for (week, key), value in values.items() if value is not None and week in recent}
    return [
        family
        for family in FAMILIES
        if not (has_messages if family.by_client else observed & {metric.metric for metric in family.metrics})
    ]


def _exceptions(index: ClientIndex, rows: Sequence[NoticeRow]) -> str:
    """Return the number of exceptions in the last year, by the ledger and by answers; empty without any."""
    since = index.today - A_YEAR
    in_ledger = sum(entry.kind in EXCEPTIONS and date_of(entry.day) > since for entry in index.ledger)
    answered = sum(notices.is_exception(row) and date_of(row.week) > since for row in rows)
    if not in_ledger + answered:
        return ""
    return (
        f"{counted(in_ledger + answered, 'exception')} in the last year: {in_ledger} in the ledger, {answered} by an "
        "answer to a note."
    )


def _entry(index: ClientIndex, row: NoticeRow, values: WeekValues, last_week: int) -> NoticeEntry:
    """Return a notice with its change, its weeks, and whether it can still be answered."""
    owner = index.frames.clinician
    change = ""
    if row.tier == PATTERN:
        change = f"{counted(len(row.signals), 'thing')} at once"
    elif row.tier != RULE:
        change = notices.describe_change(row.all_signals[0])
    weeks = f"{day_and_month(date_of(row.since))} to {full_date(date_of(row.week + 6))}"
    if row.tier == RULE or row.since >= row.week:
        weeks = f"Week of {full_date(date_of(row.week))}"
    answered = notices.answered_on(row, owner)
    # A notice that led the weekly report long enough is over, unless it was answered.
    leads = row.week > last_week - 7 * cards.card_weeks(row) or row.answer is not None
    return NoticeEntry(
        card=cards.build_card(index.frames, row, row.week, values, index.codes),
        week=date_of(row.week),
        change=" · ".join(filter(None, (change, index.name(row.client) if row.client else ""))),
        weeks=weeks,
        is_open=notices.is_open(row, day_number(index.today), owner) and leads,
        answered_on=None if answered is None else date_of(answered),
    )


def _client_rows(index: ClientIndex, *, with_messages: bool) -> Iterator[tuple[str, ...]]:
    """Yield one row a client in the order of the week; without ``with_messages`` their columns have dashes."""
    summaries = client_summaries(index.frames)
    columns = {key: dict(zip(summaries.index.tolist(), summaries[key].tolist(), strict=True)) for key in summaries}
    for client in index.ordered:
        if client not in summaries.index:
            continue
        row = {str(key): float(values[client]) for key, values in columns.items()}
        sessions = _compared(row["sessions"], "agreed", row["agreed_sessions"])
        if row["extra_sessions"] > 0:
            sessions += f", {row['extra_sessions']:.0f} extra"
        replies = ends = DASH
        if isfinite(row["reply_minutes"]):
            # The slope is in doublings a reply: 1 is twice as long each time.
            change = (2 ** row["reply_slope"] - 1) * 100
            replies = f"{quantity(row['reply_minutes'], Unit.MINUTES)}, {signed_percent(change)}"
        if isfinite(row["end_minutes"]):
            ends = f"{_signed(row['end_minutes'])}, {_signed(row['end_slope'])}"
        yield (
            index.name(client).replace(", ", ",\u00a0"),  # day and time stay on one line
            sessions,
            _compared(row["contacts"], "usually", row["usual_contacts"]) if with_messages else DASH,
            f"{row['after_hours']:.0f} of {row['sent']:.0f}" if row["sent"] else DASH,
            quantity(row["other_channel"], Unit.COUNT) if with_messages else DASH,
            replies,
            ends,
        )


def _compared(value: float, label: str, reference: float) -> str:
    """Return a number beside its reference, "4, agreed 4"; alone if there is no reference."""
    text = quantity(value, Unit.COUNT)
    return f"{text}, {label} {quantity(reference, Unit.COUNT)}" if isfinite(reference) else text


def _signed(value: float) -> str:
    text = f"{value:+.1f}".replace("-", MINUS)
    return "0" if text[1:] == "0.0" else text  # neither "+0.0" nor "−0.0"
