"""A therapist's weekly report, for that therapist alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from monitor.analysis.calendar import date_of, day_number, last_week
from monitor.analysis.catalogue import DEFINITIONS_VERSION, catalogue
from monitor.analysis.clock import local_day, local_time
from monitor.briefing import cards, figures, words
from monitor.briefing.figures import Attention
from monitor.briefing.freshness import fresh_at, is_overdue
from monitor.config import Config
from monitor.loading import frames_of
from monitor.notices import LINE, left_out, of_persons
from monitor.roster import Clinician
from monitor.store import facts, weeks
from monitor.store import notices as kept
from monitor.store.database import Connection, Store
from monitor.store.notices import NoticeRow
from reports.models import BuiltFrom, WeeklyReport

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

ENOUGH_WEEKS = 6
MAIN_MEASURES = ("outside_hours_minutes", "after_hours_replies", "overrun_minutes", "sessions_held")
CONTEXT_WEEKS = 60


def last_complete_week(config: Config, clinician: Clinician, now: datetime) -> date:
    """The Monday of the clinician's last week that is over."""
    return last_week(local_time(clinician, now.timestamp()), config.practice.day_starts_at)


def weekly_report(config: Config, store: Store, clinician: Clinician, week: date, *, now: datetime) -> WeeklyReport:
    """The report of one clinician's week (its Monday), as known at ``now``."""
    frames, monday = frames_of(config, store, clinician, now=now), day_number(week)
    with store.read() as connection:
        values = values_of(connection, clinician, monday)
        found, codes = kept.notices(connection, clinician.key), facts.pseudonyms(connection, clinician.key)
        fresh = fresh_at(config, connection, clinician)
    found = of_persons(frames, found)
    notice = cards.leading(found, monday, day_number(local_day(clinician, now)), clinician)
    told = notice if notice and (notice.week == monday or notice.tier != LINE) else None  # a put-off line is of before
    attention = _attention(frames, told, monday, found)
    measures = dict.fromkeys((*MAIN_MEASURES, *(key for key in attention.metrics if key in catalogue())))
    enough = _observed_before(frames, monday) >= ENOUGH_WEEKS
    built = _built_from(frames, monday, fresh, now)
    return WeeklyReport(
        clinician=clinician.name,
        week=week,
        headline=words.headline(
            frames,
            monday,
            told,
            enough_weeks=enough,
            messages=built.messages_connected,
            whole=_is_whole(frames, fresh, monday),
        ),
        built_from=built,
        card=cards.card(frames, notice, monday, values, codes) if notice else None,
        rhythm=figures.rhythm(frames, monday, attention),
        ends=figures.session_ends(frames, monday, attention),
        ranges=figures.own_ranges(frames, monday, values, tuple(measures), attention.metrics),
        protects=words.protects(frames, monday, values),
        ahead=words.ahead(frames, monday),
        notes=tuple(_notes(frames, monday, built)),
        contacts=config.practice.contacts,
        definitions_version=DEFINITIONS_VERSION,
        previous=_neighbour(frames, monday - 7),
        following=_neighbour(frames, monday + 7),
    )


Values = dict[tuple[int, str], float | None]


def values_of(connection: Connection, clinician: Clinician, week: int, back: int = CONTEXT_WEEKS) -> Values:
    """Stored weekly numbers of both wings, ``back`` weeks, without those whose coverage is too thin to be shown."""
    since = week - back * 7
    rows = weeks.wellbeing(connection, [clinician.key], since, week)
    rows += weeks.workload(connection, [clinician.key], since, week)
    known = catalogue()
    return {
        (at, key): value if coverage >= known[key].least_coverage else None
        for _, at, key, value, _, coverage in rows
        if key in known
    }


def _attention(frames: Frames, notice: NoticeRow | None, week: int, found: Sequence[NoticeRow]) -> Attention:
    """What may be drawn in amber: the measures of the notice, and the days of this week that it rests on."""
    planned = any(out.metric == "overrun_minutes" and out.first - 7 < week <= out.last for out in left_out(found))
    if notice is None:
        return Attention(planned_ends=planned)
    metrics = tuple(sign.key for sign in notice.signs) or (notice.key,)
    late = frames.episodes[frames.episodes["is_reply"] & frames.episodes["after_hours"]]
    days = late.loc[late["week"] == week, "day"] if "after_hours_replies" in metrics else ()
    return Attention(metrics, frozenset(int(day) for day in days), planned)


def _observed_before(frames: Frames, week: int) -> int:
    return int((frames.weeks["compared"] & (frames.weeks.index < week)).sum())


def _built_from(frames: Frames, week: int, fresh: int | None, now: datetime) -> BuiltFrom:
    messages = not frames.messages.empty
    channels = () if messages else ("messages",)
    return BuiltFrom(
        calendar_events=_in_week(frames.sessions, week) + _in_week(frames.entries, week),
        message_times=_in_week(frames.messages, week),
        messages_connected=messages,
        not_seen=(*channels, *(channel for channel in ("phone", "portal") if not _has_channel(frames, channel))),
        complete_through=_complete_through(frames, fresh, week),
        assumed_hours=frames.clinician.assumed_hours,
        overdue=is_overdue(fresh, now),
    )


def _in_week(table: pd.DataFrame, week: int) -> int:
    return int((table["week"] == week).sum())


def _has_channel(frames: Frames, channel: str) -> bool:
    return bool((frames.messages["channel"] == channel).any())


def _complete_through(frames: Frames, fresh: int | None, week: int) -> datetime | None:
    """Up to when the week is known: its end, or the last reading if that was earlier."""
    if fresh is None:
        return None
    end = int(frames.calendar.day_starts([week + 7])[0])
    return local_time(frames.clinician, min(end, fresh))


def _is_whole(frames: Frames, fresh: int | None, week: int) -> bool:
    """Whether the week has been read to its end; where nothing was ever read there is none to wait for."""
    return fresh is None or fresh >= int(frames.calendar.day_starts([week + 7])[0])


def _notes(frames: Frames, week: int, built: BuiltFrom) -> list[str]:
    """What is missing, and what would help."""
    notes = []
    observed = _observed_before(frames, week)
    if observed < ENOUGH_WEEKS:
        have = "none yet" if observed == 0 else str(observed)
        notes.append(
            f"Your usual range needs {ENOUGH_WEEKS} weeks; you have {have}. We show your week without comparing it."
        )
    if not built.messages_connected:
        notes.append("No messages are connected, so evenings and replies are not in this report.")
    return notes


def _neighbour(frames: Frames, week: int) -> date | None:
    return date_of(week) if week in frames.weeks.index else None
