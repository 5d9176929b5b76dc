"""Everything about notices: which changes and crossed rules lead to one, when, and in which words.

A notice states that a person's own pattern changed, or that a norm or an own agreement (a rule) was crossed. It never
scores, predicts or diagnoses.

families   the six families of metrics that are watched, with their yearly budgets of false notices
series     weekly numbers in the shape that the detectors take, and the weekly contacts with each client
detect     the weeks that become a notice
rules      published norms and own agreements, when they are crossed, and their sentences
answers    the answers to a notice, and their effects
wording    the sentences of a notice
"""

from monitor.notices.answers import (
    ANSWERS,
    EXCEPTIONS,
    UNDO,
    Exclusion,
    answered_on,
    drop_answered,
    exclude,
    exclusions_from,
    is_due_again,
    is_exception,
    is_open,
    is_silenced,
    possible_answers,
)
from monitor.notices.detect import detect_notices, detect_shifts, with_persons
from monitor.notices.families import (
    ALL_FAMILIES,
    FAMILIES,
    PATTERN,
    RULE,
    WORTH_A_LOOK,
    MetricScale,
    NoticeFamily,
    family,
    watched_metric,
)
from monitor.notices.rules import RULES, Rule, crossed_rules, rule
from monitor.notices.wording import (
    breakdown,
    client_breakdown,
    describe_change,
    explanation,
    headline,
    published_hours,
    title,
    try_this,
)

__all__ = [
    "ALL_FAMILIES",
    "ANSWERS",
    "EXCEPTIONS",
    "FAMILIES",
    "PATTERN",
    "RULE",
    "RULES",
    "UNDO",
    "WORTH_A_LOOK",
    "Exclusion",
    "MetricScale",
    "NoticeFamily",
    "Rule",
    "answered_on",
    "breakdown",
    "client_breakdown",
    "crossed_rules",
    "describe_change",
    "detect_notices",
    "detect_shifts",
    "drop_answered",
    "exclude",
    "exclusions_from",
    "explanation",
    "family",
    "headline",
    "is_due_again",
    "is_exception",
    "is_open",
    "is_silenced",
    "possible_answers",
    "published_hours",
    "rule",
    "title",
    "try_this",
    "watched_metric",
    "with_persons",
]
