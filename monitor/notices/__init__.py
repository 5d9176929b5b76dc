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
    LeftOut,
    answered_on,
    answers_to,
    excepted,
    is_open,
    left_out,
    returns,
    settled,
    silent,
    without,
)
from monitor.notices.crossing import crossed
from monitor.notices.families import (
    FAMILIES,
    LINE,
    PATTERN,
    POOLED,
    WORTH_A_LOOK,
    NoticeFamily,
    Scale,
    family,
    watched,
)
from monitor.notices.finding import find
from monitor.notices.lines import LINES, Line, line
from monitor.notices.tonight import notices_of, of_persons
from monitor.notices.wording import (
    client_wrote,
    context,
    explanation,
    headline,
    how_far,
    title,
    try_this,
    what_moved,
)

__all__ = [
    "ANSWERS",
    "EXCEPTIONS",
    "FAMILIES",
    "LINE",
    "LINES",
    "PATTERN",
    "POOLED",
    "UNDO",
    "WORTH_A_LOOK",
    "LeftOut",
    "Line",
    "NoticeFamily",
    "Scale",
    "answered_on",
    "answers_to",
    "client_wrote",
    "context",
    "crossed",
    "excepted",
    "explanation",
    "family",
    "find",
    "headline",
    "how_far",
    "is_open",
    "left_out",
    "line",
    "notices_of",
    "of_persons",
    "returns",
    "settled",
    "silent",
    "title",
    "try_this",
    "watched",
    "what_moved",
    "without",
]
