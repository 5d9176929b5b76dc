"""The sentences of notices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from monitor.analysis.catalogue import catalogue
from monitor.notices import (
    ALL_FAMILIES,
    ANSWERS,
    FAMILIES,
    RULES,
    NoticeFamily,
    Rule,
    breakdown,
    client_breakdown,
    describe_change,
    explanation,
    headline,
    published_hours,
    title,
    try_this,
)
from monitor.store.notices import NoticeRow, Signal
from reports.wording import spelled
from tests.monitor.facts import day

FIRST = day("2025-01-06")
WEEK = FIRST + 40 * 7
UNKNOWN = float("nan")
BANNED = re.compile(r"burn-?out|\brisk|\bscor|\bshould\b|\bfail|!", re.IGNORECASE)
CHANCE = "Chance alone produces about one such note every two years for each of the {} things watched."
KNOWN_AS = "the client of Tuesdays, 15:00 · K7Q2"


def row(family: str, *signals: Signal, client: int = 0, tier: str = "worth a look") -> NoticeRow:
    first = signals[0]
    several = tuple(signals) if len(signals) > 1 else ()
    return NoticeRow(
        WEEK, tier, family, first.key, first.ratio, first.low, first.high, first.since, client, signals=several
    )


def signal(key: str, ratio: float = 1.8, low: float = 1.3, high: float = 2.4, *, weeks: int = 6) -> Signal:
    return Signal(key, ratio, low, high, WEEK - 7 * (weeks - 1))


def rule_notice(key: str, measured: float, client: int = 0, topic: str = "") -> NoticeRow:
    return NoticeRow(WEEK, "line", key, "", None, None, None, WEEK, client, measured=measured, topic=topic)


def weekly(**columns: tuple[float, float]) -> pd.DataFrame:
    """Return weekly numbers with one value in the year before the notice and one in its weeks, for each column."""
    index = FIRST + 7 * np.arange(41)
    is_notice_week = index >= WEEK - 7 * 5
    keys = ("after_hours_inbound", "reply_propensity", "sessions_held", "contact_hours")
    values = {key: columns.get(key, (UNKNOWN, UNKNOWN)) for key in keys}
    return pd.DataFrame(
        {key: np.where(is_notice_week, now, before) for key, (before, now) in values.items()}, index=index
    )


@pytest.mark.parametrize(
    ("notice", "text"),
    [
        (
            row("availability", signal("after_hours_replies")),
            "For six weeks your after-hours replies per session were 1.8 times your usual (90 % interval 1.3 to 2.4).",
        ),
        (
            row("availability", signal("after_hours_replies", weeks=1)),
            "For one week your after-hours replies per session were 1.8 times your usual (90 % interval 1.3 to 2.4).",
        ),
        (
            row("sessions running over", signal("overrun_minutes", 2.04, 0.8, 3.3, weeks=13)),
            "For 13 weeks your sessions ended 2.0 minutes later than usual (90 % interval 0.8 to 3.3).",
        ),
        (
            row("sessions running over", signal("overrun_minutes", 0.98, -0.2, 2.1, weeks=2)),
            "For two weeks your sessions ended 1.0 minute later than usual (90 % interval −0.2 to 2.1).",
        ),
        (
            row("load", signal("contact_hours", 1.2, 1.1, 1.4), signal("weighted_load", 1.3, 1.2, 1.4, weeks=3)),
            (
                "For six weeks your time with clients per agreed day was 1.2 times your usual "
                "(90 % interval 1.1 to 1.4). "
                "For three weeks your weighted load was 1.3 times your usual (90 % interval 1.2 to 1.4)."
            ),
        ),
        (
            row("recovery", signal("short_rests")),
            (
                "For six weeks your nights with less than 11 hours of rest were 1.8 times your usual "
                "(90 % interval 1.3 to 2.4)."
            ),
        ),
        (
            row("fewer, later, shorter", signal("reply_minutes_working"), signal("clinician_cancel_share", weeks=1)),
            (
                "For six weeks the working time until you replied was 1.8 times your usual (90 % interval 1.3 to 2.4). "
                "For one week the share of sessions that you cancelled was 1.8 times your usual "
                "(90 % interval 1.3 to 2.4)."
            ),
        ),
        (
            row("one client", signal("client_contacts", 2.3, 1.2, 4.1), client=3),
            f"For six weeks your contacts with {KNOWN_AS} were 2.3 times your usual (90 % interval 1.2 to 4.1).",
        ),
    ],
)
def test_a_notice_has_size_certainty_and_beginning(notice: NoticeRow, text: str) -> None:
    assert (
        explanation(notice, "", KNOWN_AS if notice.client else "") == f"{text} {CHANCE.format(spelled(len(FAMILIES)))}"
    )


@pytest.mark.parametrize(
    ("signal_", "amount", "interval_text"),
    [
        (signal("weighted_load", 1.21, 1.18, 1.24), "1.21 times your usual", "1.18 to 1.24"),
        (signal("weighted_load", 1.24, 1.2, 1.27), "1.2 times your usual", "1.2 to 1.3"),
        (signal("overrun_minutes", 1.004, 0.99, 1.03), "1.00 minute later than usual", "0.99 to 1.03"),
        (signal("overrun_minutes", -0.02, -0.04, 0.04), "0.02 minutes earlier than usual", "−0.04 to 0.04"),
        (signal("overrun_minutes", 0.3, -0.04, 0.6), "0.3 minutes later than usual", "0.0 to 0.6"),
    ],
)
def test_an_interval_is_no_single_number_and_has_no_minus_zero(
    signal_: Signal, amount: str, interval_text: str
) -> None:
    assert describe_change(signal_) == f"{amount} ({interval_text})"


@pytest.mark.parametrize(
    ("signal_", "text"),
    [
        (signal("after_hours_replies", 1.2, 0.8, 1.9), "1.2 times your usual (0.8 to 1.9)"),
        (
            replace(signal("after_hours_replies", 1.2, 0.8, 1.9), observed=1.63),
            "1.6 times your usual; allowing for chance, 1.2 times (0.8 to 1.9)",
        ),
        (
            replace(signal("short_rests", 1.5, 0.8, 2.5), observed=8.9),
            "several times your usual; allowing for chance, 1.5 times (0.8 to 2.5)",
        ),
        (replace(signal("after_hours_replies", 1.2, 0.8, 1.9), observed=1.16), "1.2 times your usual (0.8 to 1.9)"),
        (
            replace(signal("overrun_minutes", 1.5, 0.2, 2.9), observed=2.04),
            "2.0 minutes later than usual; allowing for chance, 1.5 minutes (0.2 to 2.9)",
        ),
    ],
)
def test_what_was_counted_stands_before_what_is_left_of_it_when_chance_is_allowed_for(
    signal_: Signal, text: str
) -> None:
    assert describe_change(signal_) == text


@pytest.mark.parametrize(
    ("notice", "fte", "ending"),
    [
        (row("load", signal("contact_hours")), 1.0, "about 20 attended hours a week for a full-time post."),
        (
            row("load", signal("weighted_load"), signal("contact_hours")),
            0.6,
            "for a full-time post, so 12 for 0.6 of one.",
        ),
        (row("load", signal("contact_hours")), 0.33, "for a full-time post, so 6.6 for 0.33 of one."),
        (row("load", signal("weighted_load")), 1.0, ""),
        (rule_notice("rest", 2), 1.0, ""),
    ],
)
def test_hours_with_clients_are_placed_beside_what_is_published(notice: NoticeRow, fte: float, ending: str) -> None:
    text = published_hours(notice, fte)

    assert text.endswith(ending)
    assert bool(text) is bool(ending)
    assert not BANNED.search(text)


def test_a_pattern_names_what_moved_and_its_own_chance() -> None:
    notice = row(
        "pattern", signal("contact_hours"), signal("after_hours_replies"), signal("overrun_minutes"), tier="pattern"
    )

    assert explanation(notice, "") == (
        "Several things moved a little at the same time: time with clients, replies after hours and session "
        "ends. Each by itself may be too small to notice. "
        "Chance alone produces about one such note every two years."
    )


@pytest.mark.parametrize(
    ("notice", "beginning"),
    [
        (
            rule_notice("rest", 2),
            "On two nights of this week you had less than 11 hours between the end of work and its next start",
        ),
        (
            rule_notice("free stretch", 34.6),
            "Your longest stretch without work that reached into this week was 34 hours, and",
        ),
        (
            rule_notice("free stretch", 27.6),
            "Your longest stretch without work that reached into this week was 27 hours, and",
        ),
        (rule_notice("leave", 1), "You worked on 1 day of your leave, not counting its first and last day."),
        (rule_notice("leave", 3), "You worked on 3 days of your leave, not counting its first and last day."),
        (
            rule_notice("day off", 13),
            "It has been 13 days since your last full day without work; the line is at 12 days.",
        ),
        (rule_notice("supervision", 0), "Your calendar shows no supervision in the last month."),
        (rule_notice("supervision", 1), "Your calendar shows 1 hour of supervision in the last month."),
        (rule_notice("supervision", 1.25), "Your calendar shows 1.25 hours of supervision in the last month."),
        (rule_notice("review", 1, 3, "review_on"), f"What you agreed with {KNOWN_AS} is due for review."),
        (rule_notice("review", 1, 3, "modified_until"), f"The modified boundary with {KNOWN_AS} is due for review."),
        (
            rule_notice("exception ended", 1, topic="availability"),
            "Your exception for replies after hours has ended; from now on it counts again.",
        ),
        (rule_notice("exception ended", 1, topic="rest"), "Your exception for short nights has ended"),
        (rule_notice("exception ended", 1, topic="pattern"), "Your exception for several things at"),
        (rule_notice("exception ended", 1, 3, "one client"), f"Your exception for {KNOWN_AS} has ended"),
        (rule_notice("just this once", 3, 3, "gift"), f"A gift: 3 times so far with {KNOWN_AS}."),
        (
            rule_notice("just this once", 6, 3, "one client"),
            f"More contact than usual: 6 times so far with {KNOWN_AS}.",
        ),
    ],
)
def test_a_rule_notice_states_a_plain_fact(notice: NoticeRow, beginning: str) -> None:
    text = explanation(notice, "", KNOWN_AS if notice.client else "")

    assert text.startswith(beginning)
    assert "hance" not in text
    assert "interval" not in text


MORE = {"after_hours_inbound": (4.0, 8.0), "reply_propensity": (40.0, 42.0)}


@pytest.mark.parametrize(
    ("columns", "beginning"),
    [
        (MORE, "Clients wrote more after hours; the share you answered did not change."),
        (
            MORE | {"after_hours_inbound": (4, 2)},
            "Clients wrote less after hours; the share you answered did not change.",
        ),
        (
            {"after_hours_inbound": (4, 4), "reply_propensity": (40, 60)},
            "Clients wrote about as much after hours as before; you answered a larger share of it",
        ),
        (MORE | {"reply_propensity": (60, 40)}, "Clients wrote more after hours; you answered a smaller share of it"),
        (MORE | {"after_hours_inbound": (4, UNKNOWN)}, ""),
        (MORE | {"reply_propensity": (UNKNOWN, 40)}, ""),
    ],
)
def test_demand_and_boundary_are_distinguished(columns: dict[str, tuple[float, float]], beginning: str) -> None:
    text = breakdown(row("availability", signal("after_hours_replies")), weekly(**columns))

    assert text.startswith(beginning)
    assert bool(text) is bool(beginning)


@pytest.mark.parametrize(
    ("sessions", "contact", "text"),
    [
        ((18, 22), (15.0, 18.4), "You held 22 sessions a week where 18 were usual, each about as long as before."),
        ((18, 18), (15.0, 18.0), "You held 18 sessions a week, as usual, each 60 minutes instead of 50."),
        ((18, 0), (15.0, 0.0), ""),
        ((18, UNKNOWN), (15.0, 12.0), ""),
    ],
)
def test_more_sessions_and_longer_sessions_are_distinguished(
    sessions: tuple[float, float], contact: tuple[float, float], text: str
) -> None:
    assert (
        breakdown(row("load", signal("contact_hours")), weekly(sessions_held=sessions, contact_hours=contact)) == text
    )


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (3.0, 1.0, "This client wrote more."),
        (0.5, 2.0, "This client wrote less."),
        (1.1, 1.0, "This client wrote about as much as before."),
        (0.0, 0.0, "This client wrote about as much as before."),
        (UNKNOWN, 1.0, ""),
        (1.0, UNKNOWN, ""),
    ],
)
def test_a_notice_about_one_client_states_whether_the_client_wrote_more(now: float, before: float, text: str) -> None:
    assert client_breakdown(now, before) == text


def test_without_demand_the_notice_does_not_mention_it() -> None:
    everything = weekly(**MORE, sessions_held=(18, 22), contact_hours=(15.0, 18.4))

    assert breakdown(row("sessions running over", signal("overrun_minutes")), everything) == ""
    assert breakdown(row("one client", signal("client_contacts"), client=3), everything) == ""
    assert breakdown(rule_notice("day off", 13), everything) == ""


def texts_of(rows: Sequence[NoticeRow]) -> list[str]:
    return [
        text
        for row_ in rows
        for text in (
            explanation(row_, "", KNOWN_AS if row_.client else ""),
            headline(row_),
            title(row_),
            try_this(row_),
        )
    ]


@pytest.mark.parametrize("entry", FAMILIES, ids=lambda entry: entry.key)
def test_no_family_judges(entry: NoticeFamily) -> None:
    client = 3 if entry.by_client else 0
    notice = row(entry.key, *(signal(watched.metric) for watched in entry.metrics), client=client)
    texts = texts_of([notice, replace(notice, signals=notice.signals[:2])])

    assert [text for text in texts if BANNED.search(text) or "{" in text or "  " in text] == []
    assert all(text[0].isupper() for text in texts[:3])


@pytest.mark.parametrize("entry", RULES, ids=lambda entry: entry.key)
def test_no_rule_notice_judges(entry: Rule) -> None:
    texts = texts_of([rule_notice(entry.key, measured, client) for measured in (0, 1, 2.5) for client in (0, 3)])

    assert [text for text in texts if BANNED.search(text) or "  " in text] == []
    assert entry.source


def test_no_other_sentence_judges() -> None:
    texts = [*ANSWERS.values(), ALL_FAMILIES.headline, ALL_FAMILIES.try_this, ALL_FAMILIES.title]
    texts += [entry.definition + entry.title for entry in catalogue().values()]

    assert [text for text in texts if BANNED.search(text)] == []
