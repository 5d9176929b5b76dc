"""The check-in: questionnaires about how the reader feels, and their results beside the measured weeks."""

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
    "Private to you: in Evenhours nobody else can open it, and no report, mail or export contains any of it. "
    "(Whoever administers the computer could.)"
)
STORED = (
    "Only the number of each scale is stored, by day. Single answers are added up and not stored. This is not a "
    "clinical record, but it may have to be disclosed."
)
CLOSING = (
    "These are your own answers. They are not a diagnosis, and nobody is compared with anybody. "
    "If something in them worries you, talk to somebody you trust."
)
LONGEST, SHORTEST = 52, 12  # weeks on the time axis
WEEKS_BEFORE = 6  # shown before the first answer
SUBTITLE = (
    "Each large dot is one of your answers; the lines below show your own weeks. Two things that change together need "
    "not be cause and effect."
)
READINGS = {
    "proqol5": (
        "Three sums of 10 to 50; the publisher calls 22 and under low, 23 to 41 moderate, 42 and over high. "
        "At most once in 30 days, because it asks about the last 30."
    ),
    "single": "The study puts its mark at 3.",
    "olbi": "Two means of 1 to 4; scored from your own copy.",
}
"""A sentence about the numbers of each questionnaire, by its key."""


@dataclass(frozen=True, slots=True)
class QuestionnaireForm:
    """The form for the answers to a questionnaire that the reader has as their own copy.

    Attributes:
        reading: A sentence about its numbers.
        open_from: The day from which it can be answered again; ``None`` if it can be answered today.
        answers: The answers by item, if the form was sent with questions left out.
        gap: The questions that were left out, in words; empty if the form was not sent.
        can_be_saved: At least one scale has all its answers, so the form can be saved with the gap.
    """

    questionnaire: Questionnaire
    reading: str
    open_from: date | None
    answers: Mapping[int, int] = field(default_factory=dict)
    gap: str = ""
    can_be_saved: bool = False


@dataclass(frozen=True, slots=True)
class CompletedQuestionnaire:
    """A questionnaire that was answered: one result in words for each scale that has a number."""

    key: str
    title: str
    day: date
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInReport:
    """The content of the page; for the clinician alone.

    ``comparison`` is ``None`` while nothing has been answered. ``assumed_hours`` means that the measures beside the
    answers rest on assumed hours, because none were declared.
    """

    headline: str
    comparison: Comparison | None
    completed: tuple[CompletedQuestionnaire, ...]
    forms: tuple[QuestionnaireForm, ...]
    contacts: tuple[str, ...]
    assumed_hours: bool


@blueprint.get("")
@allow(Role.CLINICIAN)
def overview() -> str:
    """Show earlier answers beside the weeks, and the questionnaires."""
    return _page()


@blueprint.post("/<key>")
@allow(Role.CLINICIAN)
def save(key: str) -> Response | tuple[str, int]:
    """Score a questionnaire and save its numbers. With questions left out, show the form again as it was filled in."""
    questionnaire = questionnaire_by_key(key) or abort(404)
    texts = {item: request.form().get(f"q{item}", "") for item in questionnaire.items}
    try:
        answers = {item: int(text) for item, text in texts.items() if text}
        values = scale_values(questionnaire, answers)
    except ValueError:  # a value that the form does not offer
        abort(400)
    numbers = {scale: value for scale, value in values.items() if value is not None}
    clinician, today = request.clinician().key, local_day(request.clinician(), request.now())
    with request.store().read() as connection:
        open_again = open_from(questionnaire, check_ins(connection, clinician), today)
    if open_again:  # the page offers no form then; this answers one that was left open in another tab
        request.flash(f"Nothing was saved: you can answer {questionnaire.title} again from {full_date(open_again)}.")
        return redirect(url_for(".overview"), 303)
    gap = gap_text(questionnaire, answers)
    # "without" is sent by the second button, which is offered only once the gap has been shown.
    if gap and not (numbers and "without" in request.form()):
        request.flash(f"Nothing is saved yet. {gap}")
        return _page({key: answers}), 422
    with request.store().write() as connection:
        save_check_in(connection, clinician, CheckIn(day_number(today), questionnaire.key, numbers))
    request.flash(f"Saved for {full_date(today)}: {' · '.join(result_texts(questionnaire, numbers))}.")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/<key>/<day>/remove")
@allow(Role.CLINICIAN)
def remove(key: str, day: str) -> Response:
    """Erase one entry for good."""
    try:
        number = day_number(date.fromisoformat(day))
    except ValueError:
        abort(404)
    # `erases` also empties the write-ahead log, which would otherwise still contain the numbers.
    with request.store().write(erases=True) as connection:
        erased = remove_check_in(connection, request.clinician().key, number, key)
    if not erased:
        abort(404)
    request.flash("That entry is erased.")
    return redirect(url_for(".overview"), 303)


def _page(sent_answers: Mapping[str, Mapping[int, int]] | None = None) -> str:
    """Return the page, with the answers of a form that was sent with questions left out."""
    report = check_in_report(
        request.config(), request.store(), request.clinician(), now=request.now(), sent_answers=sent_answers
    )
    return render(report)


def render(report: CheckInReport) -> str:
    """Return the page."""
    from reports import charts  # loads matplotlib

    drawings: tuple[str, ...] = ()  # a wide and a narrow one; the style sheet shows the one that fits
    if report.comparison:
        drawings = (
            charts.comparison(report.comparison, "beside"),
            charts.comparison(report.comparison, "beside-narrow", narrow=True),
        )
    return page(
        "me/check_in.html",
        title="Check-in",
        report=report,
        texts={"privacy": PRIVACY, "stored": STORED, "closing": CLOSING},
        assumed=ASSUMED_HOURS if report.comparison and report.assumed_hours else "",
        drawings=drawings,
        numbers=tables.comparison(report.comparison) if report.comparison else None,
        full_date=full_date,
    )


def check_in_report(
    config: Config,
    store: Store,
    clinician: Clinician,
    *,
    now: datetime,
    sent_answers: Mapping[str, Mapping[int, int]] | None = None,
) -> CheckInReport:
    """Return the content of the page, as known at ``now``.

    ``sent_answers`` are those of a form with questions left out, by item, under the key of its questionnaire.
    """
    today = local_day(clinician, now)
    with store.read() as connection:
        last_week = date_of(leading_week(readiness_of(config, connection, clinician, now)))
        earlier = check_ins(connection, clinician.key)
        values = week_values(connection, clinician, day_number(last_week))
    completed = []
    for check_in in reversed(earlier):
        questionnaire, day = questionnaire_by_key(check_in.instrument), date_of(check_in.day)
        if questionnaire is None:  # answered in an earlier version that still offered it
            title, results = check_in.instrument, tuple(map(str, check_in.results.values()))
        else:
            title, results = questionnaire.title, result_texts(questionnaire, check_in.results)
        completed.append(CompletedQuestionnaire(check_in.instrument, title, day, results))
    forms = []
    for questionnaire in QUESTIONNAIRES:
        answers = (sent_answers or {}).get(questionnaire.key)
        numbers = scale_values(questionnaire, answers or {}).values()
        forms.append(
            QuestionnaireForm(
                questionnaire,
                READINGS[questionnaire.key],
                open_from(questionnaire, earlier, today),
                answers=answers or {},
                gap="" if answers is None else gap_text(questionnaire, answers),
                can_be_saved=any(number is not None for number in numbers),
            )
        )
    return CheckInReport(
        headline="How do you feel, beside what was counted?",
        comparison=_comparison(earlier, values, last_week),
        completed=tuple(completed),
        forms=tuple(forms),
        contacts=config.practice.contacts,
        assumed_hours=clinician.has_assumed_hours,
    )


def open_from(questionnaire: Questionnaire, earlier: Sequence[CheckIn], today: date) -> date | None:
    """Return the day from which a questionnaire can be answered again, or ``None`` if it can be today."""
    days = [date_of(check_in.day) for check_in in earlier if check_in.instrument == questionnaire.key]
    next_day = next_answer_day(questionnaire, max(days, default=None))
    return next_day if next_day and next_day > today else None


def result_texts(questionnaire: Questionnaire, results: Mapping[str, float]) -> tuple[str, ...]:
    """Return each result with its published label: "Burnout 21, low"."""
    texts = []
    for scale in questionnaire.scales:
        if scale.key in results:
            value = results[scale.key]
            label = band_label(scale, value)
            texts.append(f"{scale.title} {quantity(value, Unit.COUNT)}{', ' if label else ''}{label or ''}")
    return tuple(texts)


def gap_text(questionnaire: Questionnaire, answers: Mapping[int, int]) -> str:
    """Return in words which questions have no answer and which scales get no number; empty if all have one."""
    left_out = [item for item in questionnaire.items if item not in answers]
    without_number = [scale.title for scale in questionnaire.scales if not answers.keys() >= set(scale.items)]
    if not left_out:
        return ""
    if len(left_out) == len(questionnaire.items):
        return "No question has an answer yet."
    if len(left_out) == 1:
        return f"Question {left_out[0]} has no answer yet; without it {listed(without_number)} gets no number."
    numbers = listed([str(item) for item in left_out])
    return f"Questions {numbers} have no answer yet; without them there is no number for {listed(without_number)}."


def _comparison(check_ins: Sequence[CheckIn], values: WeekValues, last_week: date) -> Comparison | None:
    """Return answers and measured weeks of at most a year; ``None`` if nothing was answered in it.

    ::

        |------------------------- at most LONGEST weeks ---------------------|
        |-- WEEKS_BEFORE --|first answer ................ newest week or answer|
    """
    # An answer of this week lies after the last week that is over.
    newest = max([last_week, *(_monday(date_of(check_in.day)) for check_in in check_ins)])
    recent = [check_in for check_in in check_ins if date_of(check_in.day) > newest - timedelta(weeks=LONGEST - 1)]
    if not recent:
        return None
    first = _monday(date_of(recent[0].day)) - timedelta(weeks=WEEKS_BEFORE)
    first = max(min(first, newest - timedelta(weeks=SHORTEST)), newest - timedelta(weeks=LONGEST - 1))
    weeks = tuple(first + timedelta(weeks=n) for n in range((newest - first).days // 7 + 1))
    days = len({check_in.day for check_in in recent})

    # A scale without results, or a metric without values, has no line in the chart.
    scales = []
    for questionnaire in QUESTIONNAIRES:
        answered = [check_in for check_in in recent if check_in.instrument == questionnaire.key]
        for scale in questionnaire.scales:
            points = tuple(
                (date_of(check_in.day), check_in.results[scale.key])
                for check_in in answered
                if scale.key in check_in.results
            )
            if points:
                bands = tuple((float(band.low), band.label) for band in scale.bands)
                scales.append(SelfReportScale(scale.title, *scale_range(questionnaire, scale), bands, points))
    measures = []
    for key in MAIN_MEASURES:
        metric, weekly = catalogue()[key], tuple(values.get((day_number(week), key)) for week in weeks)
        if any(value is not None for value in weekly):
            measures.append(ComparedMetric(metric.title, metric.unit, weekly))
    return Comparison(
        title=f"You answered on {counted(days, 'day')}; these are the weeks around it",
        subtitle=SUBTITLE,
        weeks=weeks,
        self_reports=tuple(scales),
        measures=tuple(measures),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
