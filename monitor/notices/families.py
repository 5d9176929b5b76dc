"""What is watched: six families, each with its measures, its yearly budget and its words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WORTH_A_LOOK, PATTERN, RULE = "worth a look", "pattern", "line"
"""The tiers: one family moved; several moved together; a plain line was crossed, which is a fact and no detection."""

AGAIN_WEEKS = 8
"""Weeks from one notice of a family, or from one telling of a line, to the next."""


class MetricScale(StrEnum):
    """What a weekly number is measured by, and so how it is compared with the weeks before."""

    PER_SESSIONS = "a count for each twenty held sessions"
    PER_DAYS = "a count for each five worked days"
    SHARE = "a share of the rows that it rests on"
    MINUTES = "a weekly mean, compared by its difference"
    TIMES = "a weekly mean, compared by its ratio"
    TIMES_PER_DAY = "a weekly sum for each agreed day, compared by its ratio"

    @property
    def is_count(self) -> bool:
        """Whether it is a count with an exposure; otherwise it is a mean."""
        return self in {MetricScale.PER_SESSIONS, MetricScale.PER_DAYS, MetricScale.SHARE}


@dataclass(frozen=True, slots=True)
class WatchedMetric:
    """One measure of a family, whose rise is what a notice is about.

    ``said`` finishes the sentence "For six weeks …"; ``{}`` stands for how far it moved. ``typical_sd`` is the shipped
    week-to-week deviation of a mean (of its logarithm where ratios are compared), ``swing`` how much wider the score of
    a measure that is itself a mean of several weeks swings than that of single weeks. ``found_in`` is the metric in
    which its changes are looked for, where that is another than the one that is shown.
    """

    metric: str
    scale: MetricScale
    phrase: str
    typical_sd: float = 0
    score_spread: float = 1
    detection_metric: str = ""


@dataclass(frozen=True, slots=True)
class NoticeFamily:
    """One of the things that are watched, with its own yearly budget of false notices.

    ``signals`` are its measures and ``min_signals`` how many of them have to move. The family of single clients watches
    each client's contacts; its one signal is no metric of the catalogue.
    """

    key: str
    title: str
    headline: str
    try_this: str
    metrics: tuple[WatchedMetric, ...]
    min_metrics: int = 1
    alarms_per_year: float = 0.5

    @property
    def by_client(self) -> bool:
        """Whether it watches one client at a time."""
        return self.metrics[0].metric == CONTACTS


CONTACTS = "client_contacts"
"""The key of what is watched with one client: sent episodes, and sessions beyond the first of a week."""

LOG_LOAD_SD, LOG_HOURS_SD, LOG_WAIT_SD = 0.06, 0.15, 0.4
EIGHT_WEEK_SPREAD = 2.1  # of the score of an eight-week mean: root of 1 + 2 Σ (1 − k/8) 0.75ᵏ

FAMILIES = (
    NoticeFamily(
        key="availability",
        title="Replies after hours",
        headline="Evenings ran longer than usual.",
        try_this="decide before the evening begins which messages can wait for the morning, and let the rest wait.",
        metrics=(
            WatchedMetric(
                "after_hours_replies", MetricScale.PER_SESSIONS, "your after-hours replies per session ran {}"
            ),
        ),
    ),
    NoticeFamily(
        key="sessions running over",
        title="Sessions running over",
        headline="Sessions ended later than usual.",
        try_this="name the time once, ten minutes before the end of a session that tends to run on.",
        metrics=(
            WatchedMetric(
                "overrun_minutes",
                MetricScale.MINUTES,
                "your sessions ended {}",
                typical_sd=1.4,
                detection_metric="overrun_minutes_clipped",
            ),
        ),
    ),
    NoticeFamily(
        key="recovery",
        title="Short nights between working days",
        headline="Nights between working days were short more often than usual.",
        try_this="after a late evening, let the next day begin later, or move its first session.",
        metrics=(
            WatchedMetric("short_rests", MetricScale.PER_DAYS, "your nights with less than 11 hours of rest ran {}"),
        ),
    ),
    NoticeFamily(
        key="load",
        title="Fuller days",
        headline="There was more work in your days than usual.",
        try_this="keep one hour of the coming weeks free before it is asked for.",
        metrics=(
            WatchedMetric(
                "contact_hours",
                MetricScale.TIMES_PER_DAY,
                "your time with clients for each agreed day ran {}",
                LOG_HOURS_SD,
            ),
            WatchedMetric(
                "weighted_load",
                MetricScale.TIMES,
                "your weighted load ran {}",
                LOG_LOAD_SD,
                score_spread=EIGHT_WEEK_SPREAD,
            ),
        ),
    ),
    NoticeFamily(
        key="one client",
        title="One client",
        headline="With one client there was more contact than usual.",
        try_this="put this client on the list for your next supervision.",
        metrics=(WatchedMetric(CONTACTS, MetricScale.PER_SESSIONS, "your contacts with {client} ran {}"),),
    ),
    NoticeFamily(
        key="fewer, later, shorter",
        title="Fewer, later, shorter",
        headline="Replies, sessions or bookings gave way a little.",
        try_this="tell somebody whom you trust how the last weeks were, whatever the reason is.",
        metrics=(
            WatchedMetric(
                "reply_minutes_working", MetricScale.TIMES, "the working time to your replies ran {}", LOG_WAIT_SD
            ),
            WatchedMetric(
                "clinician_cancel_share", MetricScale.SHARE, "the share of sessions that you called off ran {}"
            ),
            WatchedMetric("shortened_share", MetricScale.SHARE, "the share of sessions that ended early ran {}"),
        ),
        min_metrics=2,
    ),
)

ALL_FAMILIES = NoticeFamily(
    key="pattern",
    title="Several things at once",
    headline="Several things moved a little at the same time.",
    try_this="look at the coming two weeks as a whole, and take one thing out of them.",
    metrics=(),
)
"""The pattern over all families that are known of a person, with a budget of its own."""


def family(key: str) -> NoticeFamily:
    """The family of a stored notice."""
    return next(entry for entry in (*FAMILIES, ALL_FAMILIES) if entry.key == key)


def watched_metric(metric: str) -> WatchedMetric:
    """The declaration of a measure behind a stored notice."""
    return next(signal for entry in FAMILIES for signal in entry.metrics if signal.metric == metric)


def family_of_metric(metric: str) -> NoticeFamily:
    """The family that watches a measure."""
    return next(entry for entry in FAMILIES if metric in {signal.metric for signal in entry.metrics})
