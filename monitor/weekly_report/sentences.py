"""Sentences of a weekly report: headline, protective facts, the week ahead, and the names of clients and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitor import notices
from monitor.analysis.calendar import DAY_SECONDS, date_of
from monitor.analysis.clock import local_time
from monitor.analysis.intervals import complement, spans
from monitor.analysis.metrics.weekly import cached
from monitor.analysis.sessions import distinct_meetings
from monitor.store.notices import NoticeRow
from monitor.weekly_report import gaps
from monitor.weekly_report.figures import by_day, mostly_inside
from monitor.weekly_report.gaps import WeekCompleteness
from reports.models import Unit
from reports.wording import counted, day_and_month, listed, quantity, spelled, weekday

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

CODE_LENGTH = 4  # characters of a pseudonym that stand for a client on the person's own pages
MIN_BREAK_SECONDS = 30 * 60
ALL_PERCENT = 100.0
MIDDAY = (10, 15)


def headline(  # noqa: C901, PLR0912 (a flat list of cases: the first that holds is said)
    frames: Frames,
    week: int,
    notice: NoticeRow | None,
    *,
    completeness: WeekCompleteness,
    enough_weeks: bool,
    silenced: int = 0,
    ongoing: Sequence[NoticeRow] = (),
) -> str:
    """Return one or two sentences that answer: was this week usual for me?

    "Nothing stood out" is said only of a week that was read and computed to its end, with hours that the person chose,
    with calendar and messages in which the person was recognised, and without an ``ongoing`` notice, which is named
    instead. ``silenced`` is how many notices the person has put off or explained.
    """
    row = frames.time.weeks.loc[week] if week in frames.time.weeks.index else None
    if completeness.nothing_read:
        return "Nothing has arrived yet."
    if completeness.incomplete_sentence:
        return completeness.incomplete_sentence
    if completeness.newer_sentence:
        return f"{completeness.newer_sentence} Below is the last complete week."
    # No source saw anything of the week, so it has no row.
    if row is None:
        return gaps.headline(completeness.gaps) if completeness.gaps else "Nothing was seen of this week."
    # Leave and absence come first: "Nothing stood out" about a week away would be empty praise.
    if row["worked_days"] <= 0 and notice is None:
        return "You were away this week."
    if notice is not None:
        if not completeness.can_judge_hours:
            return notices.headline(notice)
        is_inside = mostly_inside(frames, week)
        hours = "Most of your week stayed inside" if is_inside else "A good part of your week lay outside"
        return f"{hours} your hours. {notices.headline(notice)}"
    # A gap keeps the page from judging the week; a notice above is still a fact.
    if completeness.gaps:
        return gaps.headline(completeness.gaps)
    if not completeness.messages_seen:
        return "No message of yours was seen this week, so this page cannot say whether it was usual."
    if not row["compared"]:
        return "A short week. We show it without comparing it."
    if not enough_weeks:
        return "Here is your week."
    if ongoing:  # "Still so: replies after hours, since September; fuller days, since July."
        parts = []
        for earlier in ongoing:
            title, since = notices.title(earlier), min(signal.since for signal in earlier.all_signals)
            parts.append(f"{title[:1].lower()}{title[1:]}, since {date_of(since):%B}")
        return f"Still so: {'; '.join(parts)}."
    if not mostly_inside(frames, week):
        return "Nothing new stood out; a good part of your week lay outside your hours."
    if silenced == 1:
        return "Nothing else stood out; one note that you put off or explained is under Patterns."
    if silenced:
        return f"Nothing else stood out; {spelled(silenced)} notes that you put off or explained are under Patterns."
    return "Nothing stood out this week."


@cached
def usual_slots(frames: Frames) -> dict[int, str]:
    """Return by client the weekday and time at which most of the last sessions began, as "Tuesdays, 15:00"."""
    recent = (
        # Eight sessions: two months of a weekly client, short enough to follow a moved slot.
        frames.sessions.held[frames.sessions.held["client"] >= 0].sort_values("booked_start").groupby("client").tail(8)
    )
    local = frames.time.calendar.clock.local(recent["booked_start"].to_numpy(dtype=np.int64))
    slots = recent.assign(day=(local // DAY_SECONDS + 3) % 7, minute=local % DAY_SECONDS // 60)
    times = slots.groupby(["client", "day", "minute"]).size().reset_index(name="times")
    usual = times.sort_values("times", kind="stable").groupby("client").tail(1)
    return {
        # Day number 0 is a Thursday; its Monday is 4 days later.
        int(client): f"{weekday(date_of(int(day) + 4))}s, {int(minute) // 60:02}:{int(minute) % 60:02}"
        for client, day, minute, _ in usual.itertuples(index=False)
    }


def client_name(client: int, slots: Mapping[int, str], codes: Mapping[int, str]) -> str:
    """Return a client as the person knows them: the usual slot and a short code, never a name."""
    code = codes.get(int(client), "")[:CODE_LENGTH]
    return " · ".join(name for name in (slots.get(int(client), ""), code) if name) or "no client known"


def protective_facts(
    frames: Frames, week: int, values: Mapping[tuple[int, str], float | None], *, messages: bool = True
) -> tuple[str, ...]:
    """Return what protects, where it is good: supervision, breaks, days off, booked leave.

    Without ``messages`` a break and a day off are stated as far as the calendar shows.
    """
    so_far = "" if messages else ", as far as your calendar shows"
    days = frames.time.days[(frames.time.days["week"] == week) & frames.time.days["calendar_observed"]]
    # Only days of which a calendar was seen: an unseen day is not a free one.
    days_off = [weekday(date_of(int(day))) for day in days.index[~days["occupied"]]]
    sentences = []
    if hours := values.get((week, "supervision_hours")):
        sentences.append(f"Supervision: {quantity(hours, Unit.HOURS)} in the last month.")
    break_share = values.get((week, "break_kept_share"))
    if break_share:
        break_days = (
            "every long day"
            if break_share >= ALL_PERCENT
            else f"{quantity(break_share, Unit.PERCENT)} of your long days"
        )
        sentences.append(f"A real break on {break_days}{so_far}.")
    if days_off:
        sentences.append(f"No work was seen on {listed(days_off)}{so_far}.")
    leave_starts = frames.time.calendar.leave[:, 0]
    leave_ahead = leave_starts[leave_starts > frames.as_of]
    if len(leave_ahead):
        begins = date_of(frames.time.calendar.day_of(leave_ahead[0]).item())
        sentences.append(f"Leave is booked from {weekday(begins)}, {day_and_month(begins)}.")
    return tuple(sentences)


def looking_ahead(frames: Frames, week: int) -> tuple[str, ...]:
    """Return what is booked for the following week: how many sessions, and the days without a gap around noon."""
    # "Held" as well: the following week may be partly over when the report is read.
    is_booked = (frames.sessions.all["week"] == week + 7) & frames.sessions.all["status"].isin(["booked", "held"])
    meetings = distinct_meetings(frames.sessions.all[is_booked])
    if meetings.empty:
        return ()
    first = local_time(frames.clinician, meetings["booked_start"].min())
    sentences = [f"{counted(len(meetings), 'session')} booked, the first on {weekday(first.date())} at {first:%H:%M}."]

    full_days = []
    for day, day_sessions in by_day(meetings):
        start, end = frames.time.calendar.clock.instants(np.array([day * DAY_SECONDS + hour * 3600 for hour in MIDDAY]))
        # What is left of 10:00 to 15:00 once all sessions are taken out, overlaps merged.
        booked = spans(day_sessions[["booked_start", "booked_end"]].to_numpy(dtype=np.int64))
        free = complement(booked, int(start), int(end))
        if (free[:, 1] - free[:, 0]).max(initial=0) < MIN_BREAK_SECONDS:
            full_days.append(weekday(date_of(day)))
    if full_days:
        sentences.append(f"No gap of half an hour on {listed(full_days)} between {MIDDAY[0]} and {MIDDAY[1] - 12}.")
    return tuple(sentences)
