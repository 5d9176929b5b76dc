"""A therapist's weekly report, for that therapist alone."""

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
from monitor.store import notices as kept
from monitor.store.database import Connection, Store
from monitor.store.notices import NoticeRow
from monitor.weekly_report import cards, figures, gaps, sentences
from monitor.weekly_report.evidence_rows import WeekValues
from monitor.weekly_report.figures import Highlights
from monitor.weekly_report.gaps import WeekCompleteness
from reports.models import BuiltFrom, GapNote, WeeklyReport

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

ENOUGH_WEEKS = 6
MAIN_MEASURES = ("outside_hours_minutes", "after_hours_replies", "overrun_minutes", "sessions_held")
CONTEXT_WEEKS = 60


def leading_week(ready: Readiness) -> int:
    """Return the week (its Monday) that a page leads with: the last that was read and computed whole, if any was."""
    whole = ready.last_complete_week
    return ready.last_week if whole is None else whole


def weekly_report(
    config: Config, store: Store, clinician: Clinician, week: date | None = None, *, now: datetime
) -> WeeklyReport:
    """Return the report of one clinician's week (its Monday), as known at ``now``.

    By default it is the last week that was read and computed whole. Of any other the report says which part is missing,
    and shows no number that would need it.
    """
    with store.read() as connection:
        ready = readiness_of(config, connection, clinician, now)
        frames = load_frames(config, store, clinician, now=now)
        monday = leading_week(ready) if week is None else day_number(week)
        newer = gaps.incomplete_sentence(ready, ready.last_week) if week is None and monday < ready.last_week else ""
        values = week_values(connection, clinician, monday)
        found, codes = kept.notices(connection, clinician.key), analysis_records.pseudonyms(connection, clinician.key)
    known = WeekCompleteness.of(ready, frames, monday, newer)
    values = values.select_weeks(ready.is_computed)
    found = with_persons(frames, found) if known.is_computed else []
    today = day_number(local_day(clinician, now))
    notice = cards.leading_notice(found, monday, today, clinician)
    told = notice if notice and (notice.week == monday or notice.tier != RULE) else None  # a put-off line is of before
    attention = _highlights(frames, told, monday, found)
    measures = dict.fromkeys((*MAIN_MEASURES, *(key for key in attention.metrics if key in catalogue())))
    enough = _observed_before(frames, monday) >= ENOUGH_WEEKS
    built = _built_from(frames, monday, ready)
    return WeeklyReport(
        clinician=clinician.name,
        week=date_of(monday),
        headline=sentences.headline(
            frames,
            monday,
            told,
            completeness=known,
            enough_weeks=enough,
            silenced=cards.count_silenced(found, monday, today, clinician),
            ongoing=cards.ongoing_notices(frames, found, monday, values),
        ),
        built_from=built,
        card=cards.build_card(frames, notice, monday, values, codes) if notice else None,
        rhythm=figures.rhythm(frames, monday, attention, known) if known.is_complete else None,
        ends=figures.session_ends(frames, monday, attention) if known.sessions_known else None,
        ranges=figures.own_ranges(frames, monday, values, tuple(measures), attention.metrics, unsure=bool(known.gaps)),
        protects=sentences.protective_facts(frames, monday, values, messages=known.messages_seen)
        if known.is_complete and not newer
        else (),
        ahead=sentences.looking_ahead(frames, monday) if known.sessions_known else (),
        notes=tuple(_range_notes(frames, monday)),
        contacts=config.practice.contacts,
        definitions_version=DEFINITIONS_VERSION,
        previous=_neighbour(ready, frames, monday - 7),
        following=_neighbour(ready, frames, monday + 7),
        warnings=gaps.warnings(ready),
        gaps=tuple(GapNote(*gaps.page_texts(gap)) for gap in known.gaps),
    )


def week_values(connection: Connection, clinician: Clinician, week: int, back: int = CONTEXT_WEEKS) -> WeekValues:
    """Stored weekly numbers of both wings, ``back`` weeks, without those whose coverage is too thin to be shown."""
    since = week - back * 7
    rows = weeks.wellbeing_weeks(connection, [clinician.key], since, week)
    rows += weeks.workload_weeks(connection, [clinician.key], since, week)
    known = catalogue()
    return WeekValues(
        {
            (at, key): value if coverage >= known[key].min_coverage else None
            for _, at, key, value, _, coverage in rows
            if key in known
        }
    )


def _highlights(frames: Frames, notice: NoticeRow | None, week: int, found: Sequence[NoticeRow]) -> Highlights:
    """What may be drawn in amber: the measures of the notice, and the days of this week that it rests on."""
    planned = any(
        out.metric == "overrun_minutes" and out.first - 7 < week <= out.last for out in exclusions_from(found)
    )
    if notice is None:
        return Highlights(planned_ends=planned)
    metrics = tuple(signal.key for signal in notice.signals) or (notice.key,)
    late = frames.episodes[frames.episodes["is_reply"] & frames.episodes["after_hours"]]
    days = late.loc[late["week"] == week, "day"] if "after_hours_replies" in metrics else ()
    return Highlights(metrics, frozenset(int(day) for day in days), planned)


def _observed_before(frames: Frames, week: int) -> int:
    return int((frames.weeks["compared"] & (frames.weeks.index < week)).sum())


def _built_from(frames: Frames, week: int, ready: Readiness) -> BuiltFrom:
    messages = ready.spans[RecordType.MESSAGES] is not None
    channels = () if messages else ("messages",)
    return BuiltFrom(
        calendar_events=_in_week(frames.sessions, week) + _in_week(frames.other_events, week),
        message_times=_in_week(frames.messages, week),
        messages_connected=messages,
        not_seen=(*channels, *(channel for channel in ("phone", "portal") if not _has_channel(frames, channel))),
        complete_through=_complete_through(ready, week),
        assumed_hours=frames.clinician.has_assumed_hours,
    )


def _in_week(table: pd.DataFrame, week: int) -> int:
    return int((table["week"] == week).sum())


def _has_channel(frames: Frames, channel: str) -> bool:
    return bool((frames.messages["channel"] == channel).any())


def _complete_through(ready: Readiness, week: int) -> datetime | None:
    """Up to when the week is known: its end, or what was read and computed last if that was earlier."""
    if not ready.anything_read:
        return None
    end = ready.week_end(week)
    known = end if ready.is_complete(week) else ready.fresh_to
    return None if known is None else local_time(ready.clinician, min(end, known))


def _range_notes(frames: Frames, week: int) -> list[str]:
    """What is missing, and what would help."""
    observed = _observed_before(frames, week)
    if observed >= ENOUGH_WEEKS:
        return []
    have = "none yet" if observed == 0 else str(observed)
    return [f"Your usual range needs {ENOUGH_WEEKS} weeks; you have {have}. We show your week without comparing it."]


def _neighbour(ready: Readiness, frames: Frames, week: int) -> date | None:
    """A neighbouring week that has a report: something was seen of it, or it is over and waits to be read."""
    waits = len(frames.weeks) > 0 and frames.weeks.index[-1] < week <= ready.last_week
    return date_of(week) if week in frames.weeks.index or waits else None
