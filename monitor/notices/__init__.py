"""What can become a notice, when, and in which words: declared here and nowhere else.

A notice says how a person's own pattern changed, a line that a norm or an agreement was crossed. Neither scores,
predicts or diagnoses.

families   the six things that are watched, with their yearly budgets
series     weekly numbers in the shape that the detectors take
clients    what passes with each client
finding    which weeks become a notice
lines      plain lines, and their words            crossing   when they are crossed
answers    what a person can say, and what it changes
wording    a notice in words
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
