"""Evidence rows of a card, one table a metric: which replies, which session ends, which nights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from connectors.records import SUPERVISION, CounterpartKind
from monitor.analysis.calendar import date_of
from monitor.analysis.clock import local_time
from monitor.analysis.intervals import spans
from monitor.analysis.metrics.days import day_edges
from monitor.analysis.metrics.leave import interrupted_days
from monitor.analysis.metrics.recovery import nights
from monitor.analysis.metrics.sessions import EARLY_END_MINUTES, is_past_grace
from monitor.analysis.sessions import distinct_meetings
from monitor.notices.series import weekly_contacts
from monitor.store.notices import NoticeRow
from monitor.weekly_report.figures import by_day
from monitor.weekly_report.sentences import client_name, usual_slots
from reports.models import TextTable, Unit
from reports.wording import counted, day_and_month, quantity, short_weekday, weekday

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

# A card's table has at most so many rows, and one that counts the rest.
MAX_ROWS = 12
YEAR_DAYS = 52 * 7
BREAKDOWN_METRICS = ("after_hours_inbound", "reply_propensity", "sessions_held", "contact_hours")


class WeekValues(dict[tuple[int, str], float | None]):
    """Weekly numbers by (week, key). They never change, so that a page's cards can share what is derived from them."""

    def select_weeks(self, is_selected: Callable[[int], bool]) -> WeekValues:
        """Return the numbers of the weeks for which ``is_selected`` is true."""
        weeks = {week for week in {week for week, _ in self} if is_selected(week)}
        return WeekValues({week_and_key: value for week_and_key, value in self.items() if week_and_key[0] in weeks})

    def by_week(self, key: str) -> Mapping[int, float | None]:
        """Return the weekly numbers of one metric."""
        return self._weeks_by_key.get(key, {})

    @cached_property
    def _weeks_by_key(self) -> dict[str, dict[int, float | None]]:
        by_key: dict[str, dict[int, float | None]] = {}
        for (week, key), value in self.items():
            by_key.setdefault(key, {})[week] = value
        return by_key

    @cached_property
    def breakdown_columns(self) -> pd.DataFrame:
        """The columns that tell demand from boundary, and more sessions from longer ones; one row a week."""
        import pandas as pd

        return pd.DataFrame({key: pd.Series(self.by_week(key), dtype=float) for key in BREAKDOWN_METRICS}).sort_index()


Row = tuple[str, ...]
Rows = tuple[Row, Sequence[Row]]
"""Column titles and rows."""


def evidence_table(frames: Frames, row: NoticeRow, week: int, codes: Mapping[int, str]) -> TextTable:
    """Return the rows of one week that a notice rests on; none where the metric is about more than a week."""
    evidence_of = _EVIDENCE.get(row.key)
    if evidence_of is None:
        return TextTable((), ())
    columns, rows = evidence_of(_EvidenceWeek(frames, week, row.client, codes))
    if len(rows) > MAX_ROWS:
        rows = [*rows[:MAX_ROWS], (f"and {len(rows) - MAX_ROWS} more", *[""] * (len(columns) - 1))]
    return TextTable(columns, tuple(rows))


def contacts_by_week(frames: Frames, client: int) -> dict[int, float | None]:
    """Return the contacts with a client by week; ``None`` in weeks that do not count."""
    counts = weekly_contacts(frames).counts
    if client not in counts.columns:
        return {}
    weeks = counts.index.to_numpy().tolist()
    return {
        week: None if np.isnan(count) else count for week, count in zip(weeks, counts[client].tolist(), strict=True)
    }


def messages_from_client(frames: Frames, row: NoticeRow) -> tuple[float, float]:
    """Return messages a week from the notice's client in its weeks and in the year before.

    NaN where none of the weeks counts.
    """
    incoming = frames.messages.all[
        ~frames.messages.all["outgoing"] & (frames.messages.all["counterpart"] == row.client)
    ]
    counts = incoming.groupby("week").size()
    counted_weeks = [week for week, contact in contacts_by_week(frames, row.client).items() if contact is not None]
    weekly = counts.reindex(counted_weeks, fill_value=0).sort_index()
    return weekly.loc[row.since : row.week].mean(), weekly.loc[row.since - YEAR_DAYS : row.since - 1].mean()


class _EvidenceWeek:
    """One week of a person's frames, with the names of clients and times as they are written."""

    def __init__(self, frames: Frames, week: int, client: int, codes: Mapping[int, str]) -> None:
        self.frames, self.week, self.client = frames, week, client
        self._slots, self._codes = usual_slots(frames), codes

    def rows_of(self, table: pd.DataFrame, column: str = "week") -> pd.DataFrame:
        """Return the week's rows of a table."""
        return table[table[column] == self.week]

    def weekday_time(self, instant: float) -> str:
        """Return a moment as "Tue 21:40"."""
        local = local_time(self.frames.clinician, instant)
        return f"{short_weekday(local.date())} {local:%H:%M}"

    def client_name(self, client: int) -> str:
        """Return a client by usual slot and code."""
        return client_name(client, self._slots, self._codes)


def _replies(week: _EvidenceWeek) -> Rows:
    sent = week.rows_of(week.frames.messages.episodes)
    # The same rows as the metric counts, so that the table adds up to the figure.
    sent = sent[sent["is_reply"] & sent["after_hours"]].sort_values("sent_at")
    replies = zip(sent["sent_at"], sent["counterpart"], sent["messages"], strict=True)
    rows = [
        (week.weekday_time(sent_at), week.client_name(counterpart), counted(messages, "message"))
        for sent_at, counterpart, messages in replies
    ]
    return ("Sent", "To", "Messages"), rows


def _late_ends(week: _EvidenceWeek) -> Rows:
    sessions = distinct_meetings(week.rows_of(week.frames.sessions.held))
    return _ends(week, sessions[is_past_grace(week.frames, sessions)], lambda minutes: f"{minutes:+.0f} min")


def _early_ends(week: _EvidenceWeek) -> Rows:
    sessions = week.rows_of(week.frames.sessions.held)
    early = sessions[sessions["overrun_minutes"] <= EARLY_END_MINUTES]
    return _ends(week, early, lambda minutes: f"{-minutes:.0f} min early")


def _ends(week: _EvidenceWeek, sessions: pd.DataFrame, text: Callable[[float], str]) -> Rows:
    """Return one row a session; ``text`` returns its overrun in words."""
    evidence_names = {"ehr": "record system", "call": "call log", "corrected": "your correction"}
    in_order = sessions.sort_values("booked_start")
    columns = (in_order[name] for name in ("booked_end", "client", "overrun_minutes", "evidence"))
    rows = [
        (week.weekday_time(end), week.client_name(client), text(minutes), evidence_names.get(evidence, evidence))
        for end, client, minutes, evidence in zip(*columns, strict=True)
    ]
    return ("Booked end", "With", "Ended", "Known from"), rows


def _days(week: _EvidenceWeek) -> Rows:
    rows = []
    for day, sessions in by_day(distinct_meetings(week.rows_of(week.frames.sessions.held))):
        # Group sessions are booked once per client and overlap; the minutes of the clock count once.
        union = spans(sessions[["effective_start", "effective_end"]].to_numpy(dtype=np.int64))
        minutes = float((union[:, 1] - union[:, 0]).sum() / 60)
        rows.append((weekday(date_of(day)), counted(len(sessions), "session"), quantity(minutes, Unit.MINUTES)))
    return ("Day", "Sessions", "Total"), rows


def _contacts(week: _EvidenceWeek) -> Rows:
    frames = week.frames
    sent = week.rows_of(frames.messages.episodes)
    sent = sent[(sent["counterpart"] == week.client) & (sent["counterpart_kind"] == CounterpartKind.CLIENT)]
    sessions = week.rows_of(frames.sessions.held)
    sessions = sessions[sessions["client"] == week.client]
    moments = [(instant, "a session") for instant in sessions["booked_start"]]
    moments += [
        (instant, "a reply" if is_reply else "a message")
        for instant, is_reply in zip(sent["sent_at"], sent["is_reply"], strict=True)
    ]
    return ("When", "What"), [(week.weekday_time(instant), kind) for instant, kind in sorted(moments)]


def _reply_waits(week: _EvidenceWeek) -> Rows:
    # A reply belongs to the week in which the client wrote.
    runs = week.rows_of(week.frames.messages.replies, "inbound_week").sort_values("minutes_working", ascending=False)
    replies = zip(runs["inbound_at"], runs["client"], runs["minutes_working"], runs["reply_at"].notna(), strict=True)
    rows = [
        (
            week.weekday_time(inbound_at),
            week.client_name(client),
            quantity(minutes, Unit.MINUTES) if is_answered else "no reply within 7 days",
        )
        for inbound_at, client, minutes, is_answered in replies
    ]
    return ("Written", "By", "Working time until the reply"), rows


def _supervision(week: _EvidenceWeek) -> Rows:
    entries = week.frames.other_events
    supervisions = entries[entries["kind"].isin(SUPERVISION) & (entries["week"] <= week.week)].sort_values("start")
    rows = [
        (day_and_month(date_of(int(day))), quantity((end - start) / 60, Unit.MINUTES))
        for day, start, end in zip(supervisions["day"], supervisions["start"], supervisions["end"], strict=True)
    ]
    return ("Last supervisions", "Lasted"), rows[-4:]  # the rule looks at four weeks; older ones show the gap


def _nights(week: _EvidenceWeek) -> Rows:
    frames = week.frames
    _, day_begins, day_ends, _ = day_edges(frames)
    monday, is_short, is_lone = nights(frames)
    # A night beside a day with one lone message is not counted as short; see the metric.
    night_indexes = np.flatnonzero(is_short & ~is_lone & (monday == week.week))
    rows = [
        (
            week.weekday_time(day_ends[night]),
            week.weekday_time(day_begins[night + 1]),
            quantity((day_begins[night + 1] - day_ends[night]) / 60, Unit.MINUTES),
        )
        for night in night_indexes
    ]
    return ("Last work", "Next work", "Between"), rows


def _called_off(week: _EvidenceWeek) -> Rows:
    sessions = week.rows_of(week.frames.sessions.all)
    cancelled = sessions[sessions["cancelled_by_clinician"] == 1].sort_values("booked_start")
    rows = [
        (week.weekday_time(booked_start), week.client_name(client))
        for booked_start, client in zip(cancelled["booked_start"], cancelled["client"], strict=True)
    ]
    return ("Booked for", "With"), rows


def _on_leave(week: _EvidenceWeek) -> Rows:
    leave_days = interrupted_days(week.frames)
    tables = (
        (week.rows_of(week.frames.sessions.held), "effective_start", "a session"),
        (week.rows_of(week.frames.messages.episodes), "sent_at", "a message"),
    )
    moments = [
        (instant, kind)
        for table, column, kind in tables
        for instant in table.loc[table["day"].isin(leave_days), column].tolist()
    ]
    return ("When", "What"), [(week.weekday_time(instant), kind) for instant, kind in sorted(moments)]


_EVIDENCE: Mapping[str, Callable[[_EvidenceWeek], Rows]] = {
    "after_hours_replies": _replies,
    "overrun_minutes": _late_ends,
    "short_rests": _nights,
    "contact_hours": _days,
    "weighted_load": _days,
    "client_contacts": _contacts,
    "reply_minutes_working": _reply_waits,
    "clinician_cancel_share": _called_off,
    "shortened_share": _early_ends,
    "leave_interrupted": _on_leave,
    "supervision_hours": _supervision,
}
