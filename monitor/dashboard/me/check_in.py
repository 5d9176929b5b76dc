"""The check-in: sheets to fill in about how one feels, and what was answered beside the own measured weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.catalogue import catalogue
from monitor.analysis.clock import local_day
from monitor.analysis.questionnaires import (
    QUESTIONNAIRES,
    Questionnaire,
    QuestionnaireScale,
    band_label,
    next_answer_day,
    questionnaire_by_key,
    scale_range,
    scale_values,
)
from monitor.config import Config
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.policy import allow
from monitor.readiness import readiness_of
from monitor.roster import Clinician
from monitor.store.database import Store
from monitor.store.selfreport import CheckIn, check_ins, remove_check_in, save_check_in
from monitor.weekly_report.evidence_rows import WeekValues
from monitor.weekly_report.report import MAIN_MEASURES, leading_week, week_values
from reports import tables
from reports.models import ComparedMetric, Comparison, SelfReportScale, Unit
from reports.wording import ASSUMED_HOURS, counted, full_date, listed, quantity

blueprint = Blueprint("check_in", __name__, url_prefix="/me/check-in")

PRIVACY = (
    "Private to you: in Evenhours nobody else can open it, and no report, mail or export carries any of it. "
    "(Whoever administers the computer could.)"
)
KEPT = (
    "Kept is the number of each scale by day. Single answers are added up and forgotten. This is not a clinical "
    "record, but it may have to be disclosed."
)
CLOSING = (
    "These are your own answers. They are not a diagnosis, and nobody is compared with anybody. "
    "If something in them worries you, talk to somebody you trust."
)
LONGEST, SHORTEST = 52, 12  # weeks on the line of time
BEFORE = 6  # weeks that are shown before the first answer
SUBTITLE = (
    "Each large dot is an answer of yours, each line below it your own weeks. What moves together need not be cause "
    "and effect."
)
READINGS = {
    "proqol5": (
        "Three sums of 10 to 50; the publisher calls 22 and under low, 23 to 41 moderate, 42 and over high. "
        "The most once in 30 days, because it asks about the last 30."
    ),
    "single": "The study puts its mark at 3.",
    "olbi": "Two means of 1 to 4; scored from your own copy.",
}
"""The reading of each questionnaire's numbers."""


@dataclass(frozen=True, slots=True)
class QuestionnaireForm:
    """A questionnaire that can be filled in from an own copy, answer by answer.

    ``ends`` say what the lowest and the highest answer mean. ``open_from`` is the day from which it can be answered
    again, ``None`` when it can be now. A sheet that was sent with gaps comes back with its ``answers`` by item and the
    ``gap`` in words; ``is_enough`` says that it can be kept like that.
    """

    key: str
    title: str
    about: str
    items: tuple[int, ...]
    lowest: int
    highest: int
    ends: tuple[str, str]
    reading: str
    source: str
    address: str
    open_from: date | None
    answers: Mapping[int, int] = field(default_factory=dict)
    gap: str = ""
    is_enough: bool = False


@dataclass(frozen=True, slots=True)
class CompletedQuestionnaire:
    """One sheet that was filled in: its results in words, one for each scale that has a number."""

    key: str
    title: str
    day: date
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInReport:
    """The page: answers by one's own word beside what was counted; for that person alone.

    ``assumed_hours`` says that nobody declared the agreed hours, on which the measures beside it rest.
    """

    headline: str
    beside: Comparison | None
    answered: tuple[CompletedQuestionnaire, ...]
    sheets: tuple[QuestionnaireForm, ...]
    contacts: tuple[str, ...]
    assumed_hours: bool


@blueprint.get("")
@allow(Role.CLINICIAN)
def overview() -> str:
    """Show what was answered, and what can be."""
    return _page()


@blueprint.post("/<key>")
@allow(Role.CLINICIAN)
def keep(key: str) -> Response | tuple[str, int]:
    """Score a sheet that was filled in and keep its numbers; one with gaps comes back first, as it was filled in."""
    asked = questionnaire_by_key(key) or abort(404)
    answers = _answers(asked)
    numbers = {scale: value for scale, value in scale_values(asked, answers).items() if value is not None}
    me, today = request.clinician().key, local_day(request.clinician(), request.now())
    with request.store().read() as connection:
        waits = open_from(asked, check_ins(connection, me), today)
    if waits:
        request.flash(f"Nothing is kept: you can answer {asked.title} again from {full_date(waits)}.")
        return redirect(url_for(".overview"), 303)
    gap = gap_words(asked, answers)
    if gap and not (numbers and "without" in request.form()):
        request.flash(f"Nothing is kept yet. {gap}")
        return _page({key: answers}), 422
    with request.store().write() as connection:
        save_check_in(connection, me, CheckIn(day_number(today), asked.key, numbers))
    request.flash(f"Kept for {full_date(today)}: {' · '.join(result_words(asked, numbers))}.")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/<key>/<day>/remove")
@allow(Role.CLINICIAN)
def remove(key: str, day: str) -> Response:
    """Erase one entry for good."""
    with request.store().write(erases=True) as connection:
        erased = remove_check_in(connection, request.clinician().key, day_number(_date(day)), key)
    if not erased:
        abort(404)
    request.flash("That entry is erased.")
    return redirect(url_for(".overview"), 303)


def _date(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        return abort(404)


def _page(sent: Mapping[str, Mapping[int, int]] | None = None) -> str:
    """Draw the page; with the answers of a sheet that was sent with gaps."""
    return render(check_in_report(request.config(), request.store(), request.clinician(), now=request.now(), sent=sent))


def render(report: CheckInReport) -> str:
    """Draw what is known."""
    from reports import charts

    drawn: tuple[str, ...] = ()
    if report.beside:
        drawn = (
            charts.comparison(report.beside, "beside"),
            charts.comparison(report.beside, "beside-narrow", narrow=True),
        )
    return page(
        "me/check_in.html",
        title="Check-in",
        report=report,
        lines={"privacy": PRIVACY, "kept": KEPT, "closing": CLOSING},
        assumed=ASSUMED_HOURS if report.beside and report.assumed_hours else "",
        drawn=drawn,
        numbers=tables.comparison(report.beside) if report.beside else None,
        full_date=full_date,
    )


def _answers(asked: Questionnaire) -> dict[int, int]:
    """The answers of the sheet as it was sent; what no sheet of ours can send is refused."""
    given = {item: request.form().get(f"q{item}", "") for item in asked.items}
    try:
        answers = {item: int(answer) for item, answer in given.items() if answer}
        scale_values(asked, answers)
    except ValueError:
        abort(400)
    return answers


def check_in_report(
    config: Config,
    store: Store,
    clinician: Clinician,
    *,
    now: datetime,
    sent: Mapping[str, Mapping[int, int]] | None = None,
) -> CheckInReport:
    """The page of one clinician, as known at ``now``; with the answers of a sheet that was ``sent`` with gaps."""
    today = local_day(clinician, now)
    with store.read() as connection:
        last = date_of(leading_week(readiness_of(config, connection, clinician, now)))
        taken = check_ins(connection, clinician.key)
        values = week_values(connection, clinician, day_number(last))
    return CheckInReport(
        headline="How do you feel, beside what was counted?",
        beside=_beside(taken, values, last),
        answered=tuple(_answered(one) for one in reversed(taken)),
        sheets=tuple(_sheet(asked, taken, today, (sent or {}).get(asked.key)) for asked in QUESTIONNAIRES),
        contacts=config.practice.contacts,
        assumed_hours=clinician.has_assumed_hours,
    )


def open_from(asked: Questionnaire, taken: Sequence[CheckIn], today: date) -> date | None:
    """The day from which a questionnaire can be answered again, ``None`` if it can be today."""
    days = [date_of(one.day) for one in taken if one.instrument == asked.key]
    following = next_answer_day(asked, max(days, default=None))
    return following if following and following > today else None


def result_words(asked: Questionnaire, results: Mapping[str, float]) -> tuple[str, ...]:
    """Each result with its published word: "Burnout 21, low"."""
    return tuple(_result(scale, results[scale.key]) for scale in asked.scales if scale.key in results)


def _result(scale: QuestionnaireScale, value: float) -> str:
    said = f"{scale.title} {quantity(value, Unit.COUNT)}"
    return ", ".join(filter(None, (said, band_label(scale, value))))


def _answered(one: CheckIn) -> CompletedQuestionnaire:
    asked = questionnaire_by_key(one.instrument)
    if asked is None:  # a questionnaire that a later version no longer offers keeps its numbers
        return CompletedQuestionnaire(
            one.instrument, one.instrument, date_of(one.day), tuple(map(str, one.results.values()))
        )
    return CompletedQuestionnaire(asked.key, asked.title, date_of(one.day), result_words(asked, one.results))


def _sheet(
    asked: Questionnaire, taken: Sequence[CheckIn], today: date, sent: Mapping[int, int] | None
) -> QuestionnaireForm:
    return QuestionnaireForm(
        key=asked.key,
        title=asked.title,
        about=asked.about,
        items=asked.items,
        lowest=asked.lowest,
        highest=asked.highest,
        ends=asked.end_labels,
        reading=READINGS[asked.key],
        source=asked.source,
        address=asked.address,
        open_from=open_from(asked, taken, today),
        answers=sent or {},
        gap="" if sent is None else gap_words(asked, sent),
        is_enough=any(value is not None for value in scale_values(asked, sent or {}).values()),
    )


def gap_words(asked: Questionnaire, answers: Mapping[int, int]) -> str:
    """Name the questions without an answer, and what that costs; empty where all have one."""
    left_out = [item for item in asked.items if item not in answers]
    without = [scale.title for scale in asked.scales if not answers.keys() >= set(scale.items)]
    if not left_out:
        return ""
    if len(left_out) == len(asked.items):
        return "No question has an answer yet."
    if len(left_out) == 1:
        return f"Question {left_out[0]} has no answer yet; without it {listed(without)} gets no number."
    numbers = listed([str(item) for item in left_out])
    return f"Questions {numbers} have no answer yet; without them there is no number for {listed(without)}."


def _beside(taken: Sequence[CheckIn], values: WeekValues, last: date) -> Comparison | None:
    """Answers and weeks of at most a year; ``None`` while nothing was answered in it."""
    newest = max([last, *(_monday(date_of(one.day)) for one in taken)])
    recent = [one for one in taken if date_of(one.day) > newest - timedelta(weeks=LONGEST - 1)]
    if not recent:
        return None
    first = _monday(date_of(recent[0].day)) - timedelta(weeks=BEFORE)
    first = max(min(first, newest - timedelta(weeks=SHORTEST)), newest - timedelta(weeks=LONGEST - 1))
    weeks = tuple(first + timedelta(weeks=n) for n in range((newest - first).days // 7 + 1))
    times = len({one.day for one in recent})
    return Comparison(
        title=f"You answered on {counted(times, 'day')}; these are the weeks around it",
        subtitle=SUBTITLE,
        weeks=weeks,
        self_reports=tuple(
            felt for asked in QUESTIONNAIRES for scale in asked.scales if (felt := _felt(asked, scale, recent))
        ),
        measures=tuple(measured for key in MAIN_MEASURES if (measured := _measured(key, values, weeks))),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _felt(asked: Questionnaire, scale: QuestionnaireScale, taken: Sequence[CheckIn]) -> SelfReportScale | None:
    points = tuple(
        (date_of(one.day), one.results[scale.key])
        for one in taken
        if one.instrument == asked.key and scale.key in one.results
    )
    bands = tuple((float(part.low), part.label) for part in scale.bands)
    return SelfReportScale(f"{scale.title}", *scale_range(asked, scale), bands, points) if points else None


def _measured(key: str, values: WeekValues, weeks: Sequence[date]) -> ComparedMetric | None:
    known = tuple(values.get((day_number(week), key)) for week in weeks)
    if all(value is None for value in known):
        return None
    return ComparedMetric(catalogue()[key].title, catalogue()[key].unit, known)
