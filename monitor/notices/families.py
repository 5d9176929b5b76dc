"""The six families of metrics that are watched, each with its yearly budget and its sentences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WORTH_A_LOOK, PATTERN, RULE = "worth a look", "pattern", "line"
"""The tiers as stored and exported: one family shifted, several shifted together, or a rule was crossed (a fact)."""

AGAIN_WEEKS = 8
"""Weeks from one notice of a family or rule to the next."""


class MetricScale(StrEnum):
    """The scale of a weekly number, which decides how it is compared with earlier weeks."""

    PER_SESSIONS = "a count for each twenty held sessions"
    PER_DAYS = "a count for each five worked days"
    SHARE = "a share of the rows that it rests on"
    MINUTES = "a weekly mean, compared by its difference"
    TIMES = "a weekly mean, compared by its ratio"
    TIMES_PER_DAY = "a weekly sum for each agreed day, compared by its ratio"

    @property
    def is_count(self) -> bool:
        """True for a count with an exposure, false for a mean."""
        return self in {MetricScale.PER_SESSIONS, MetricScale.PER_DAYS, MetricScale.SHARE}


@dataclass(frozen=True, slots=True)
class WatchedMetric:
    """One metric of a family; a notice is about its rise.

    ``phrase`` finishes the sentence "For six weeks …"; ``{}`` stands for how far it moved. ``typical_sd`` is the
    shipped week-to-week deviation of a mean (of its logarithm where ratios are compared). ``score_spread`` is how much
    wider the score of a metric that is itself a mean of several weeks varies than that of single weeks.
    ``detection_metric`` is the metric in which shifts are looked for, where it differs from the one that is shown.
    """

    metric: str
    scale: MetricScale
    phrase: str
    typical_sd: float = 0
    score_spread: float = 1
    detection_metric: str = ""


@dataclass(frozen=True, slots=True)
class NoticeFamily:
    """One family of metrics, with its own yearly budget of false notices.

    At least ``min_metrics`` of its ``metrics`` have to move. The family of single clients watches each client's
    contacts; its one metric is not in the catalogue.
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
        """True for the family that watches one client at a time."""
        return self.metrics[0].metric == CONTACTS


CONTACTS = "client_contacts"
"""Key of the metric watched for one client: sent episodes, and sessions beyond the first of a week."""

LOG_LOAD_SD, LOG_HOURS_SD, LOG_WAIT_SD = 0.06, 0.15, 0.4
# Neighbouring eight-week means share weeks, so their score swings wider: root of 1 + 2 Σ (1 − k/8) 0.75ᵏ, k = 1 to 7.
EIGHT_WEEK_SPREAD = 2.1

FAMILIES = (
    NoticeFamily(
        key="availability",
        title="Replies after hours",
        headline="Evenings ran longer than usual.",
        try_this="decide before the evening begins which messages need an answer today, and let the rest wait.",
        metrics=(
            WatchedMetric(
                "after_hours_replies", MetricScale.PER_SESSIONS, "your after-hours replies per session were {}"
            ),
        ),
    ),
    NoticeFamily(
        key="sessions running over",
        title="Sessions running over",
        headline="Sessions ended later than usual.",
        try_this="say once how much time is left, ten minutes before the end of a session that tends to run over.",
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
            WatchedMetric("short_rests", MetricScale.PER_DAYS, "your nights with less than 11 hours of rest were {}"),
        ),
    ),
    NoticeFamily(
        key="load",
        title="Fuller days",
        headline="There was more work in your days than usual.",
        try_this="keep one hour free in the coming weeks, before somebody asks for it.",
        metrics=(
            WatchedMetric(
                "contact_hours",
                MetricScale.TIMES_PER_DAY,
                "your time with clients per agreed day was {}",
                LOG_HOURS_SD,
            ),
            WatchedMetric(
                "weighted_load",
                MetricScale.TIMES,
                "your weighted load was {}",
                LOG_LOAD_SD,
                score_spread=EIGHT_WEEK_SPREAD,
            ),
        ),
    ),
    NoticeFamily(
        key="one client",
        title="More contact with one client",
        headline="You had more contact with one client than usual.",
        try_this="put this client on the list for your next supervision.",
        metrics=(WatchedMetric(CONTACTS, MetricScale.PER_SESSIONS, "your contacts with {client} were {}"),),
    ),
    NoticeFamily(
        key="fewer, later, shorter",
        title="Replies, cancellations, shorter sessions",
        headline="Replies were slower, or sessions were cancelled or ended early, more than usual.",
        try_this="tell someone you trust how the last weeks were, whatever the reason.",
        metrics=(
            WatchedMetric(
                "reply_minutes_working", MetricScale.TIMES, "the working time until you replied was {}", LOG_WAIT_SD
            ),
            WatchedMetric(
                "clinician_cancel_share", MetricScale.SHARE, "the share of sessions that you cancelled was {}"
            ),
            WatchedMetric("shortened_share", MetricScale.SHARE, "the share of sessions that ended early was {}"),
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
"""The pattern over all families for which there is data, with a budget of its own."""


def family(key: str) -> NoticeFamily:
    """Return the family of a stored notice."""
    return next(entry for entry in (*FAMILIES, ALL_FAMILIES) if entry.key == key)


def watched_metric(metric: str) -> WatchedMetric:
    """Return the declaration of a metric in a stored notice."""
    return next(signal for entry in FAMILIES for signal in entry.metrics if signal.metric == metric)


def family_of_metric(metric: str) -> NoticeFamily:
    """Return the family that watches a metric."""
    return next(entry for entry in FAMILIES if metric in {signal.metric for signal in entry.metrics})
