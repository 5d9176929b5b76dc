"""A notice in words: what changed and how surely, since when, what moved, and how often chance does this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.notices.families import ALL_FAMILIES, FAMILIES, PATTERN, RULE, MetricScale, family, watched_metric
from monitor.notices.rules import rule
from monitor.store.notices import NoticeRow, Signal
from reports.wording import MINUS, counted, listed, spelled

if TYPE_CHECKING:
    import pandas as pd

DEMAND_RATIO = 1.25  # times as many client messages after hours as before
PLANNED_HOURS = 20  # attended hours a week of a full-time post, as NHS Talking Therapies plans them
SEVERAL_FROM = 4.0  # times of a usual that is then nearly nothing: a number would sound like more than it is
SMOOTHING = 0.25  # messages a week that are added to both sides, so that one letter more is not many times none
BOUNDARY_POINTS = 10.0  # points of the share answered before work began again


def title(row: NoticeRow) -> str:
    """The heading of a notice or a line."""
    return rule(row.family).title if row.tier == RULE else family(row.family).title


def headline(row: NoticeRow) -> str:
    """The sentence for the top of the week."""
    return rule(row.family).headline if row.tier == RULE else family(row.family).headline


def try_this(row: NoticeRow) -> str:
    """One thing to try, if it fits."""
    return rule(row.family).try_this if row.tier == RULE else family(row.family).try_this


def explanation(row: NoticeRow, moved: str, client: str = "") -> str:
    """The notice in three sentences. ``client`` is how the person knows the client, where it is about one."""
    if row.tier == RULE:
        return rule(row.family).explain(row.measured or 0, client, row.topic)
    if row.tier == PATTERN:
        said = [_pattern_sentence(row), "Each by itself may be too small to notice."]
    else:
        said = [f"{_signal_sentence(signal, row.week, client)}." for signal in row.all_signals]
    return " ".join([*said, *([moved] if moved else []), _chance_sentence(row)])


def _signal_sentence(signal: Signal, week: int, client: str) -> str:
    """One measure: "For six weeks your after-hours replies per session ran 1.8 times your usual (90 % interval …)"."""
    said = watched_metric(signal.key).phrase.replace("{client}", client or "one client")
    return f"{_weeks_span(signal, week)} {said.format(describe_change(signal, '90 % interval '))}"


def describe_change(signal: Signal, naming: str = "") -> str:
    """How far a measure moved in its weeks, and what is left of it when chance is allowed for.

    "1.6 times your usual; allowing for chance, 1.2 times (90 % interval 0.8 to 1.9)"; one number where both are one.
    """
    moved = signal.ratio if signal.observed is None else signal.observed
    between, middle = f"({naming}{interval(signal)})", _with_decimals(signal.ratio, signal)
    if _with_decimals(moved, signal) == middle:
        return f"{describe_amount(signal, signal.ratio)} {between}"
    unit = "times" if watched_metric(signal.key).scale is not MetricScale.MINUTES else "minutes"
    return f"{describe_amount(signal, moved)}; allowing for chance, {middle} {unit} {between}"


def published_hours(row: NoticeRow, fte: float) -> str:
    """What is published about hours with clients, where a notice is about them: to place them, not to meet it."""
    if "contact_hours" not in {signal.key for signal in row.all_signals}:
        return ""
    own = "" if fte == 1 else f", {PLANNED_HOURS * fte:.3g} for your {fte:.3g}"
    return f"For context: NHS Talking Therapies plans about {PLANNED_HOURS} attended hours a week for a full post{own}."


def interval(signal: Signal) -> str:
    """The 90 % interval of how far a measure moved: "1.3 to 2.4"."""
    return f"{_with_decimals(signal.low, signal)} to {_with_decimals(signal.high, signal)}"


def _with_decimals(number: float, signal: Signal) -> str:
    """With one decimal, or with two where the ends of the interval would read the same; never a minus zero."""
    places = 1 if f"{signal.low:z.1f}" != f"{signal.high:z.1f}" else 2
    return f"{number:z.{places}f}".replace("-", MINUS)


def describe_amount(signal: Signal, moved: float) -> str:
    """So far: "1.8 times your usual", "several times your usual", "2.3 minutes later than your usual"."""
    if watched_metric(signal.key).scale is not MetricScale.MINUTES:
        return f"{_with_decimals(moved, signal) if moved < SEVERAL_FROM else 'several'} times your usual"
    minutes = _with_decimals(abs(moved), signal)
    way = "later" if moved >= 0 else "earlier"
    return f"{minutes} {'minute' if float(minutes) == 1 else 'minutes'} {way} than your usual"


def _weeks_span(signal: Signal, week: int) -> str:
    weeks = (week - signal.since) // 7 + 1
    return "For one week" if weeks == 1 else f"For {spelled(weeks)} weeks"


def _pattern_sentence(row: NoticeRow) -> str:
    named = listed([short_name(signal.key) for signal in row.signals])
    return f"Several things moved a little at the same time: {named}."


def short_name(metric: str) -> str:
    """A measure inside a sentence."""
    return _SHORT_NAMES[metric]


_SHORT_NAMES = {
    "after_hours_replies": "replies after hours",
    "overrun_minutes": "the ends of sessions",
    "short_rests": "short nights",
    "contact_hours": "time with clients",
    "weighted_load": "the caseload",
    "reply_minutes_working": "the time to a reply",
    "clinician_cancel_share": "sessions called off",
    "shortened_share": "sessions that ended early",
}


def _chance_sentence(row: NoticeRow) -> str:
    entry = family(row.family)
    once = f"Chance alone produces about one such note every {spelled(round(1 / entry.alarms_per_year))} years"
    return f"{once}." if entry is ALL_FAMILIES else f"{once} for each of the {spelled(len(FAMILIES))} things watched."


def breakdown(row: NoticeRow, weekly: pd.DataFrame) -> str:
    """What is behind a notice: demand or the boundary for replies, more sessions or longer ones for fuller days.

    ``weekly`` has one row a week with the columns after_hours_inbound, reply_propensity, sessions_held and
    contact_hours; compared are the weeks of the notice with the year before. Empty where nothing can be said.
    """
    now, before = weekly.loc[row.since : row.week], weekly.loc[row.since - 52 * 7 : row.since - 1]
    if row.key == "after_hours_replies" and row.tier != RULE:
        return _demand_or_boundary(now, before)
    if row.family == "load":
        return _more_or_longer(now, before)
    return ""


def _demand_or_boundary(now: pd.DataFrame, before: pd.DataFrame) -> str:
    more = now["after_hours_inbound"].mean() / max(before["after_hours_inbound"].mean(), 0.5)
    points = now["reply_propensity"].mean() - before["reply_propensity"].mean()
    if not (np.isfinite(more) and np.isfinite(points)):
        return ""
    demand = _demand(more)
    if abs(points) < BOUNDARY_POINTS:
        return f"{demand}; the share you answered did not change."
    return f"{demand}; you answered a {'larger' if points > 0 else 'smaller'} share of it before the next working day."


def _demand(times: float) -> str:
    return f"Clients wrote {_more_or_less(times, ' after hours')}"


def _more_or_less(times: float, when: str = "") -> str:
    if times >= DEMAND_RATIO:
        return f"more{when}"
    if times <= 1 / DEMAND_RATIO:
        return f"less{when}"
    return f"about as much{when} as before"


def client_breakdown(now: float, before: float) -> str:
    """What is behind a notice about one client: whether the client wrote more. Both are messages a week."""
    if not (np.isfinite(now) and np.isfinite(before)):
        return ""
    return f"This client wrote {_more_or_less((now + SMOOTHING) / (before + SMOOTHING))}."


def _more_or_longer(now: pd.DataFrame, before: pd.DataFrame) -> str:
    held, hours = (now[key].mean() for key in ("sessions_held", "contact_hours"))
    usual_held, usual_hours = (before[key].mean() for key in ("sessions_held", "contact_hours"))
    if not (held >= 0.5 and usual_held > 0 and np.isfinite([hours, usual_hours]).all()):
        return ""
    one = hours / held * 60
    usual = usual_hours / usual_held * 60
    length = "about as long as before" if abs(one - usual) < 2 else f"{one:.0f} minutes instead of {usual:.0f}"
    where = f" where {usual_held:.0f} {'was' if round(usual_held) == 1 else 'were'} usual" if round(usual_held) else ""
    number = ", as usual" if round(held) == round(usual_held) else where
    return f"You held {counted(round(held), 'session')} a week{number}, each {length}."
