"""Metrics of recovery: nights, days off, breaks and protected time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.calendar import monday_of
from monitor.analysis.catalogue import Family, metric
from monitor.analysis.columns import arrays
from monitor.analysis.intervals import intersection, seconds_inside, spans, subtract, union
from monitor.analysis.metrics.days import activities, day_edges
from monitor.analysis.metrics.weekly import (
    Bools,
    WeeklyValues,
    cached,
    from_both_sources,
    observed,
    values_where,
    weekly_counts,
    weekly_ratios,
    weekly_shares,
    weekly_sums,
)
from monitor.analysis.metrics.work import work_spans
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

REST_SECONDS = 11 * 3600  # Directive 2003/88, article 3
LONG_DAY = 6 * 60  # agreed minutes beyond which a break is due
BREAK_SECONDS = 30 * 60
EDGE_SECONDS = 3600  # before and after a day's middle
PROTECTED = (Kind.PROTECTED, Kind.TRAINING, Kind.CONSULTATION)


@metric("Short nights", Unit.COUNT, Family.RECOVERY, evidence="A", source="Directive 2003/88, article 3", high=7.0)
def short_rests(frames: Frames) -> WeeklyValues:
    """Nights with less than 11 hours between the last work of a day and the first of the next, another job included.

    A night that is short only because of one single message is not counted. A night belongs to the day on which it
    ends.
    """
    weeks, short, by_message = nights(frames)
    return from_both_sources(frames, weekly_counts(frames, weeks[short & ~by_message], "primary_observed"))


@metric(
    "Nights cut by one message",
    Unit.COUNT,
    Family.RECOVERY,
    evidence="D",
    source="Directive 2003/88, article 3",
    high=7.0,
)
def message_rests(frames: Frames) -> WeeklyValues:
    """Nights with less than 11 hours between the last work and the first only because of one single message."""
    weeks, short, by_message = nights(frames)
    return from_both_sources(frames, weekly_counts(frames, weeks[short & by_message], "primary_observed"))


@cached
def nights(frames: Frames) -> tuple[NDArray[np.int64], Bools, Bools]:
    """Return the week of each day with work but the first, whether the night before was short, and by one message.

    ::

        work     |---|  |---|     x        |---|
        night               |--------------|         11 hours without x: cut by one message
    """
    starts, ends, episode = activities(frames)
    day, begins, lasts, first = day_edges(frames)
    if len(day) < 2:
        return day[:0], np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    last = first[1:] - 1  # the row before a day's first is the last of the day before
    reach = np.maximum.accumulate(ends)
    before_last = np.append(-(2**40), reach)[last]  # the end of all work but the evening's last
    second = np.append(starts, 2**40)[first[1:] + 1]
    short = begins[1:] - np.maximum.accumulate(lasts)[:-1] < REST_SECONDS
    in_the_evening = episode[last] & (begins[1:] - before_last >= REST_SECONDS)
    in_the_morning = episode[first[1:]] & (second - reach[last] >= REST_SECONDS)
    return monday_of(day[1:]), short, in_the_evening | in_the_morning


@metric(
    "Longest free stretch",
    Unit.HOURS,
    Family.RECOVERY,
    evidence="A",
    source="Directive 2003/88, article 5",
    look_back=2,
)
def longest_free_stretch(frames: Frames) -> WeeklyValues:
    """Longest stretch without work, another job included, that touches the week, in hours.

    It counts in full for each week that it touches, so that a Sunday off counts for both weeks that it borders; one
    that is still going on counts up to the end of the last week that was read completely. The directive's 35 hours (24
    and 11) protect employees. Unknown where the calendar was not read throughout, unless a longer stretch is known.
    """
    starts, ends, _ = activities(frames)
    begins = np.maximum.accumulate(ends) if len(ends) else ends
    read_to = (
        frames.time.weeks["end"][observed(frames, "all_complete")].max()
        if observed(frames, "all_complete").any()
        else 0
    )
    # After the last piece of work the stretch goes on up to where everything was read.
    over = np.append(starts, read_to)[1:] if len(starts) else starts
    hours = (over - begins) / 3600
    free = hours > 0
    begins, over, hours = begins[free], over[free], hours[free]
    start, end = arrays(frames.time.weeks, "start", "end")
    first, after = np.searchsorted(end, begins, side="right"), np.searchsorted(start, over)
    # One row for each stretch and week that it touches.
    weeks = np.maximum(after - first, 0)
    stretch = np.repeat(np.arange(len(hours)), weeks)
    week = first[stretch] + np.arange(len(stretch)) - (np.cumsum(weeks) - weeks)[stretch]
    # A stretch counts if the calendar was read on every day between its two ends.
    days, (calendar_read,) = frames.time.days.index.to_numpy(), arrays(frames.time.days, "calendar_observed")
    unread = np.append(0, np.cumsum(~calendar_read))
    opens, closes = (np.clip(frames.time.calendar.day_of(edges) - days[0], 0, len(days)) for edges in (begins, over))
    days_unread = unread[np.maximum(closes, opens + 1)] - unread[np.minimum(opens + 1, len(days))]
    was_read = (days_unread == 0)[stretch]
    longest, unknown = np.zeros(len(start)), np.zeros(len(start))
    np.maximum.at(longest, week[was_read], hours[stretch][was_read])
    np.maximum.at(unknown, week[~was_read], hours[stretch][~was_read])
    n = np.bincount(week[was_read], minlength=len(start))
    # A longer stretch that nobody observed could be the longest, so the number would be too small.
    known = observed(frames, "calendar_observed") & (n > 0) & (longest >= unknown)
    return from_both_sources(frames, values_where(known, longest, n))


@metric("Days since a full day off", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", look_back=4)
def days_since_full_day_off(frames: Frames) -> WeeklyValues:
    """Days from the last local day without a session, a sent message or another job to the end of the week.

    Unknown before the first such day.
    """
    occupied, calendar_read = arrays(frames.time.days, "occupied", "calendar_observed")
    return from_both_sources(frames, days_since(frames, frames.time.days.index.to_numpy()[~occupied & calendar_read]))


def days_since(frames: Frames, days: NDArray[np.int64]) -> WeeklyValues:
    """Return the days from the last of ``days`` (sorted) to the end of the week; unknown where there was none."""
    sundays = frames.time.weeks.index.to_numpy() + 6
    index = np.searchsorted(days, sundays, side="right") - 1
    known = observed(frames, "calendar_observed") & (index >= 0)
    since = sundays - np.append(days, 0)[index]
    return values_where(known, since, known)


@metric("Breaks kept", Unit.PERCENT, Family.RECOVERY, evidence="C", source="design choice", high=100.0)
def break_kept_share(frames: Frames) -> WeeklyValues:
    """Of the worked days with more than 6 agreed hours, the share with a free half hour inside the day's middle.

    The middle is the agreed time of the day, with breaks and without leave, less its first and its last hour. Known for
    days on which the calendar was read.
    """
    active, calendar_read, minutes = arrays(frames.time.days, "active", "calendar_observed", "working_minutes")
    days = frames.time.days.index.to_numpy()[active & calendar_read & (minutes > LONG_DAY)]
    days = days[frames.time.calendar.day_starts(days + 1) <= frames.as_of]
    return from_both_sources(
        frames, weekly_shares(frames, monday_of(days), _longest_free(frames, days) >= BREAK_SECONDS)
    )


def _longest_free(frames: Frames, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seconds of the longest stretch without work in the middle of each day; no day may be all leave.

    ::

        agreed    09:00|-------|13:00   14:00|-------------|18:00
        leave                                       16:00|-------
        middle       10:00|-----------------------|15:00
        work           |--| |---------|  |-----| |-------|
        longest free                  |--|
    """
    calendar = frames.time.calendar
    pattern, agreed = calendar.pattern_spans, calendar.agreed
    begins, ends = np.searchsorted(pattern[:, 0], days), np.searchsorted(pattern[:, 0], days, side="right")
    opens, closes = pattern[begins, 1], pattern[ends - 1, 2]
    first = agreed[np.searchsorted(agreed[:, 1], opens, side="right"), 0]
    last = agreed[np.searchsorted(agreed[:, 0], closes) - 1, 1]
    starts = np.maximum(opens, first) + EDGE_SECONDS
    middle = spans(np.column_stack((starts, np.minimum(closes, last) - EDGE_SECONDS)))
    free = subtract(middle, union(work_spans(frames), calendar.leave))
    longest = np.zeros(len(days), dtype=np.int64)
    np.maximum.at(longest, np.searchsorted(starts, free[:, 0], side="right") - 1, free[:, 1] - free[:, 0])
    return longest


@metric("Protected time kept", Unit.PERCENT, Family.RECOVERY, evidence="C", source="design choice", high=100.0)
def protected_kept_share(frames: Frames) -> WeeklyValues:
    """Of the time booked as protected, for training or for consultation, the share without sessions and messages.

    An all-day entry counts as the agreed hours of its days.
    """
    calendar = frames.time.calendar
    kind, end, all_day = arrays(frames.other_events, "kind", "end", "all_day")
    booked = np.isin(kind, PROTECTED) & (end <= frames.as_of)
    timed, whole_days = (
        np.column_stack(arrays(frames.other_events, "start", "end", rows=booked & rows)) for rows in (~all_day, all_day)
    )
    agreed = intersection(calendar.whole_days(spans(whole_days)), calendar.agreed)
    start, end = np.concatenate((timed, agreed)).T
    week = calendar.week_of(start)
    length = weekly_sums(frames, week, end - start)
    unworked = length - weekly_sums(frames, week, seconds_inside(work_spans(frames), start, end))
    known = observed(frames, "calendar_observed")
    return from_both_sources(frames, weekly_ratios(known, 100 * unworked, length, weekly_sums(frames, week)))


@metric(
    "Own days off worked",
    Unit.DAYS,
    Family.RECOVERY,
    evidence="C",
    source="design choice",
    high=7.0,
    uses_agreed_hours=True,
)
def off_day_work(frames: Frames) -> WeeklyValues:
    """Days without agreed hours, with a held session or two sent episodes outside on-call windows.

    Where only the calendar, or only messages, were read, it is at least this many.
    """
    (agreed,) = arrays(frames.time.days, "agreed_minutes")
    free = frames.time.days.index.to_numpy()[agreed == 0]
    parts = [arrays(part, "after_hours", "day") for part in (frames.sessions.held, frames.messages.episodes)]
    sessions, episodes = (day[late] for late, day in parts)
    days, often = np.unique(episodes, return_counts=True)
    worked = free[np.isin(free, sessions) | np.isin(free, days[often >= 2])]
    return from_both_sources(frames, weekly_counts(frames, monday_of(worked), "any_observed"))
