"""The whole weekly report of one therapist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from connectors.base import RecordType
from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.catalogue import DEFINITIONS_VERSION, catalogue
from monitor.analysis.clock import local_day, local_time
from monitor.config import Config
from monitor.loading import load_frames
from monitor.notices import RULE, exclusions_from, with_persons
from monitor.readiness import Readiness, readiness_of
from monitor.roster import Clinician
from monitor.store import analysis_records, weeks
from monitor.store import notices as notice_store
from monitor.store.database import Connection, Store
from monitor.store.notices import NoticeRow
from monitor.weekly_report import cards, figures, gaps, sentences
from monitor.weekly_report.evidence_rows import WeekValues
from monitor.weekly_report.figures import Highlights
from monitor.weekly_report.gaps import WeekCompleteness
from reports.models import BuiltFrom, GapNote, WeeklyReport

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

ENOUGH_WEEKS = 6
MAIN_MEASURES = ("outside_hours_minutes", "after_hours_replies", "overrun_minutes", "sessions_held")
CONTEXT_WEEKS = 60


def leading_week(ready: Readiness) -> int:
    """Return the week (its Monday) that a page leads with: the last complete one, or else the last."""
    complete_week = ready.last_complete_week
    return ready.last_week if complete_week is None else complete_week


def weekly_report(
    config: Config, store: Store, clinician: Clinician, week: date | None = None, *, now: datetime
) -> WeeklyReport:
    """Return the report of one clinician's week (its Monday), as known at ``now``.

    By default it is the last week that was read and computed to its end. For any other week the report names what is
    missing, and shows no number that needs it.
    """
    with store.read() as connection:
        ready = readiness_of(config, connection, clinician, now)
        frames = load_frames(config, store, clinician, now=now)
        monday = leading_week(ready) if week is None else day_number(week)
        values = week_values(connection, clinician, monday)
        notice_rows = notice_store.notices(connection, clinician.key)
        codes = analysis_records.pseudonyms(connection, clinician.key)
    leads_with_earlier_week = week is None and monday < ready.last_week
    newer_sentence = gaps.incomplete_sentence(ready, ready.last_week) if leads_with_earlier_week else ""
    completeness = WeekCompleteness.of(ready, frames, monday, newer_sentence)
    values = values.select_weeks(ready.is_computed)
    # Without computed numbers nothing is known of the week, and old notices would look like news.
    notice_rows = with_persons(frames, notice_rows) if completeness.is_computed else []
    today = day_number(local_day(clinician, now))
    notice = cards.leading_notice(notice_rows, monday, today, clinician)
    # A crossed rule of an earlier week can come back as a card after four weeks, but is no headline of this one.
    headline_notice = notice if notice and (notice.week == monday or notice.tier != RULE) else None
    highlights = _highlights(frames, headline_notice, monday, notice_rows)
    # A dict keeps the order and drops repeats.
    keys = dict.fromkeys((*MAIN_MEASURES, *(key for key in highlights.metrics if key in catalogue())))
    observed = int((frames.time.weeks["compared"] & (frames.time.weeks.index < monday)).sum())
    range_note = (
        f"Your usual range needs {ENOUGH_WEEKS} weeks; you have {observed or 'none yet'}. "
        "We show your week without comparing it."
    )
    return WeeklyReport(
        clinician=clinician.name,
        week=date_of(monday),
        headline=sentences.headline(
            frames,
            monday,
            headline_notice,
            completeness=completeness,
            enough_weeks=observed >= ENOUGH_WEEKS,
            silenced=cards.count_silenced(notice_rows, monday, today, clinician),
            ongoing=cards.ongoing_notices(frames, notice_rows, monday, values),
        ),
        built_from=_built_from(frames, monday, ready),
        card=cards.build_card(frames, notice, monday, values, codes) if notice else None,
        rhythm=figures.rhythm(frames, monday, highlights, completeness) if completeness.is_complete else None,
        ends=figures.session_ends(frames, monday, highlights) if completeness.sessions_known else None,
        ranges=figures.own_ranges(
            frames, monday, values, tuple(keys), highlights.metrics, unsure=bool(completeness.gaps)
        ),
        protective_facts=sentences.protective_facts(frames, monday, values, messages=completeness.messages_seen)
        if completeness.is_complete and not newer_sentence
        else (),
        looking_ahead=sentences.looking_ahead(frames, monday) if completeness.sessions_known else (),
        notes=() if observed >= ENOUGH_WEEKS else (range_note,),
        contacts=config.practice.contacts,
        definitions_version=DEFINITIONS_VERSION,
        previous=_neighbour(ready, frames, monday - 7),
        following=_neighbour(ready, frames, monday + 7),
        warnings=gaps.warnings(ready),
        gaps=tuple(GapNote(*gaps.page_texts(gap)) for gap in completeness.gaps),
    )


def week_values(connection: Connection, clinician: Clinician, week: int, back: int = CONTEXT_WEEKS) -> WeekValues:
    """Return stored weekly numbers of both categories, ``back`` weeks, without those of too low coverage."""
    first = week - back * 7
    rows = weeks.wellbeing_weeks(connection, [clinician.key], first, week)
    rows += weeks.workload_weeks(connection, [clinician.key], first, week)
    metrics = catalogue()
    return WeekValues(
        {
            (monday, key): value if coverage >= metrics[key].min_coverage else None
            for _, monday, key, value, _, coverage in rows
            if key in metrics
        }
    )


def _highlights(frames: Frames, notice: NoticeRow | None, week: int, notice_rows: Sequence[NoticeRow]) -> Highlights:
    """Return what is drawn in amber: the metrics of the notice, and the days of this week that it rests on."""
    has_planned_ends = any(
        exclusion.metric == "overrun_minutes" and exclusion.first - 7 < week <= exclusion.last
        for exclusion in exclusions_from(notice_rows)
    )
    if notice is None:
        return Highlights(planned_ends=has_planned_ends)
    metrics = tuple(signal.key for signal in notice.all_signals)
    replies = frames.messages.episodes[frames.messages.episodes["is_reply"] & frames.messages.episodes["after_hours"]]
    days = replies.loc[replies["week"] == week, "day"] if "after_hours_replies" in metrics else ()
    return Highlights(metrics, frozenset(int(day) for day in days), has_planned_ends)


def _built_from(frames: Frames, week: int, ready: Readiness) -> BuiltFrom:
    """Return how much of the week was read, the channels of which nothing was ever read, and up to when it is known."""
    tables = (frames.sessions.all, frames.other_events, frames.messages.all)
    sessions, other_events, messages = (int((table["week"] == week).sum()) for table in tables)
    has_messages = ready.spans[RecordType.MESSAGES] is not None
    channels = set(frames.messages.all["channel"].tolist())
    unseen = [channel for channel in ("phone", "portal") if channel not in channels]
    complete_through = None
    if ready.anything_read:
        # A complete week is known to its end, whatever was read after it.
        end = ready.week_end(week)
        known_to = end if ready.is_complete(week) else ready.fresh_to
        complete_through = None if known_to is None else local_time(ready.clinician, min(end, known_to))
    return BuiltFrom(
        calendar_events=sessions + other_events,
        message_times=messages,
        messages_connected=has_messages,
        not_seen=(*(() if has_messages else ("messages",)), *unseen),
        complete_through=complete_through,
        assumed_hours=frames.clinician.has_assumed_hours,
    )


def _neighbour(ready: Readiness, frames: Frames, week: int) -> date | None:
    """Return a neighbouring week that has a report: one that was observed, or one that is over and not read yet."""
    is_unread = len(frames.time.weeks) > 0 and frames.time.weeks.index[-1] < week <= ready.last_week
    return date_of(week) if week in frames.time.weeks.index or is_unread else None
