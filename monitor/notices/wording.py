"""The sentences of a notice: what changed, how surely, since when, and how often chance does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.notices.families import (
    ALL_FAMILIES,
    FAMILIES,
    PATTERN,
    RULE,
    MetricScale,
    NoticeFamily,
    family,
    watched_metric,
)
from monitor.notices.rules import Rule, rule
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
    """Return the heading of a notice."""
    return _declaration(row).title


def headline(row: NoticeRow) -> str:
    """Return the sentence for the top of the week."""
    return _declaration(row).headline


def try_this(row: NoticeRow) -> str:
    """Return one thing to try, if it fits."""
    return _declaration(row).try_this


def _declaration(row: NoticeRow) -> Rule | NoticeFamily:
    return rule(row.family) if row.tier == RULE else family(row.family)


def explanation(row: NoticeRow, breakdown_sentence: str, client: str = "") -> str:
    """Return a notice in about three sentences. ``client`` is how the person knows the client, if it is about one."""
    if row.tier == RULE:
        return rule(row.family).explain(row.measured or 0, client, row.topic)

    sentences = []
    if row.tier == PATTERN:
        names = listed([short_name(signal.key) for signal in row.signals])
        sentences = [f"Several things moved a little at the same time: {names}."]
        sentences.append("Each by itself may be too small to notice.")
    else:
        # One sentence a metric: since when, and how far it moved.
        for signal in row.all_signals:
            weeks = (row.week - signal.since) // 7 + 1
            span = "For one week" if weeks == 1 else f"For {spelled(weeks)} weeks"
            phrase = watched_metric(signal.key).phrase.replace("{client}", client or "one client")
            sentences.append(f"{span} {phrase.format(describe_change(signal, '90 % interval '))}.")
    if breakdown_sentence:
        sentences.append(breakdown_sentence)

    entry = family(row.family)
    scope = "" if entry is ALL_FAMILIES else f" for each of the {spelled(len(FAMILIES))} things watched"
    years = spelled(round(1 / entry.alarms_per_year))
    sentences.append(f"Chance alone produces about one such note every {years} years{scope}.")
    return " ".join(sentences)


def describe_change(signal: Signal, interval_name: str = "") -> str:
    """Return how far a metric moved in its weeks, and how much of that remains when chance is allowed for.

    "1.6 times your usual; allowing for chance, 1.2 times (90 % interval 0.8 to 1.9)"; one number where both are equal.
    ``interval_name`` is put before the interval.
    """
    observed = signal.ratio if signal.observed is None else signal.observed
    interval_text, estimate = f"({interval_name}{interval(signal)})", _with_decimals(signal.ratio, signal)
    if _with_decimals(observed, signal) == estimate:
        return f"{describe_amount(signal, signal.ratio)} {interval_text}"
    unit = "times" if watched_metric(signal.key).scale is not MetricScale.MINUTES else "minutes"
    return f"{describe_amount(signal, observed)}; allowing for chance, {estimate} {unit} {interval_text}"


def published_hours(row: NoticeRow, fte: float) -> str:
    """Return the published plan for hours with clients, where a notice is about them: context, and no target."""
    if "contact_hours" not in {signal.key for signal in row.all_signals}:
        return ""
    own_share = "" if fte == 1 else f", so {PLANNED_HOURS * fte:.3g} for {fte:.3g} of one"
    return (
        f"For context: NHS Talking Therapies plans about {PLANNED_HOURS} attended hours a week for a full-time "
        f"post{own_share}."
    )


def interval(signal: Signal) -> str:
    """Return the 90 % interval of how far a metric moved: "1.3 to 2.4"."""
    return f"{_with_decimals(signal.low, signal)} to {_with_decimals(signal.high, signal)}"


def _with_decimals(number: float, signal: Signal) -> str:
    """Return a number with one decimal, or two where both ends of the interval would read the same.

    Never a minus zero.
    """
    decimals = 1 if f"{signal.low:z.1f}" != f"{signal.high:z.1f}" else 2
    # The format's z turns -0.0 into 0.0.
    return f"{number:z.{decimals}f}".replace("-", MINUS)


def describe_amount(signal: Signal, amount: float) -> str:
    """Return an amount in words: "1.8 times your usual", "several times your usual", "2.3 minutes later than usual"."""
    if watched_metric(signal.key).scale is not MetricScale.MINUTES:
        return f"{_with_decimals(amount, signal) if amount < SEVERAL_FROM else 'several'} times your usual"
    minutes = _with_decimals(abs(amount), signal)
    direction = "later" if amount >= 0 else "earlier"
    return f"{minutes} {'minute' if float(minutes) == 1 else 'minutes'} {direction} than usual"


def short_name(metric: str) -> str:
    """Return the name of a metric inside a sentence."""
    return _SHORT_NAMES[metric]


_SHORT_NAMES = {
    "after_hours_replies": "replies after hours",
    "overrun_minutes": "session ends",
    "short_rests": "short nights",
    "contact_hours": "time with clients",
    "weighted_load": "the caseload",
    "reply_minutes_working": "the time until you replied",
    "clinician_cancel_share": "sessions that you cancelled",
    "shortened_share": "sessions that ended early",
}


def breakdown(row: NoticeRow, weekly: pd.DataFrame) -> str:
    """Return the numbers behind a notice: demand or the boundary for replies, more or longer sessions for fuller days.

    ``weekly`` has one row a week with the columns after_hours_inbound, reply_propensity, sessions_held and
    contact_hours. The weeks of the notice are compared with the year before. Empty where the data do not tell.
    """
    # Slices of a sorted index by Monday, both ends included.
    now, before = weekly.loc[row.since : row.week], weekly.loc[row.since - 52 * 7 : row.since - 1]
    if row.key == "after_hours_replies" and row.tier != RULE:
        # Half a message a week at least, so that a first evening message is no infinite growth.
        ratio = now["after_hours_inbound"].mean() / max(before["after_hours_inbound"].mean(), 0.5)
        share_change = now["reply_propensity"].mean() - before["reply_propensity"].mean()
        if not np.isfinite([ratio, share_change]).all():
            return ""
        demand = f"Clients wrote {_more_or_less(ratio, ' after hours')}"
        if abs(share_change) < BOUNDARY_POINTS:
            return f"{demand}; the share you answered did not change."
        size = "larger" if share_change > 0 else "smaller"
        return f"{demand}; you answered a {size} share of it before the next working day."
    if row.family != "load":
        return ""

    sessions, hours = (now[key].mean() for key in ("sessions_held", "contact_hours"))
    usual_sessions, usual_hours = (before[key].mean() for key in ("sessions_held", "contact_hours"))
    if not (sessions >= 0.5 and usual_sessions > 0 and np.isfinite([hours, usual_hours]).all()):
        return ""
    count, usual_count = round(sessions), round(usual_sessions)
    if count == usual_count:
        comparison = ", as usual"
    else:
        comparison = f" where {usual_count} {'was' if usual_count == 1 else 'were'} usual" if usual_count else ""
    minutes, usual_minutes = hours / sessions * 60, usual_hours / usual_sessions * 60
    length = f"{minutes:.0f} minutes instead of {usual_minutes:.0f}"
    if abs(minutes - usual_minutes) < 2:
        length = "about as long as before"
    return f"You held {counted(count, 'session')} a week{comparison}, each {length}."


def _more_or_less(ratio: float, when: str = "") -> str:
    if ratio >= DEMAND_RATIO:
        return f"more{when}"
    if ratio <= 1 / DEMAND_RATIO:
        return f"less{when}"
    return f"about as much{when} as before"


def client_breakdown(now: float, before: float) -> str:
    """Return whether the client of a notice wrote more than before. Both numbers are messages a week."""
    if not (np.isfinite(now) and np.isfinite(before)):
        return ""
    return f"This client wrote {_more_or_less((now + SMOOTHING) / (before + SMOOTHING))}."
