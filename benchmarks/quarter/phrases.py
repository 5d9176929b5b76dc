"""The phrases that the oracle looks for. Where the product's texts change, only this module has to.

Each is a regular expression, case ignored, for text without tags and with single spaces.
"""

from __future__ import annotations

from benchmarks.quarter.plan import Missing

QUIET = (r"nothing (new |else )?stood out",)
"""Reassures; allowed if the week fulfils everything that METRICS asks of a quiet week."""

AS_USUAL = (r"sessions looked like your usual week",)
"""Says that the week was as usual; allowed if it is complete."""

NOTHING_OUTSIDE = (
    r"all of your week lay inside the hours",
    r"nothing was seen outside your agreed hours",
    r"stayed mostly inside the hours",
    r"most of your week stayed inside your hours",
)
"""Says that no work, or little, lay outside the agreed hours."""

PRAISE = (r"\d+ full days? without work", r"a real break on")
"""Praises protective days; wrong if counted from days that were not read."""

_UNREAD = r"(not( been)? (been )?read|last read|not read|has not arrived|is missing|complete through|cannot be read)"
_EVERYTHING = (
    r"nothing new has arrived for more than 48 hours",
    r"(nothing|no source) (has been|was) read since",
    r"not been read to its end",
    r"so what you see may be old",
    r"last night (did not|has not|was)",
)

NAMES: dict[Missing, tuple[str, ...]] = {
    Missing.CALENDAR_UNREAD: (rf"calendar[^.]{{0,80}}{_UNREAD}", rf"{_UNREAD}[^.]{{0,80}}calendar"),
    Missing.MAIL_UNREAD: (rf"(mail|messages)[^.]{{0,80}}{_UNREAD}", rf"{_UNREAD}[^.]{{0,80}}(mail|messages)"),
    Missing.NOT_COMPUTED: (
        r"not( been)? (been )?(computed|worked out|counted)",
        r"could not be computed",
        r"(numbers|computed|worked out)[^.]{0,60}(since|up to|until|only to|old)",
    ),
    Missing.OVERDUE: _EVERYTHING,
    Missing.NOT_RECOGNISED: (
        r"(own|your) (mail|messages?|address(es)?)[^.]{0,80}(not|missing|no |none|recogni)",
        r"(not one|no|none)[^.]{0,60}(message|mail)[^.]{0,60}(yours|your own|from you|of yours)",
        r"address[^.]{0,60}(is missing|not (known|recognised))",
    ),
    Missing.ASSUMED_HOURS: (r"hours are assumed", r"assumed hours", r"hours of \w+; [^→]*is assumed"),
    Missing.NO_CALENDAR: (
        r"no calendar",
        r"calendar is not connected",
        r"not seen:[^.]*calendar",
        r"without a calendar",
    ),
    Missing.NO_MAIL: (r"no messages are connected", r"messages are not connected", r"no (mail|message)"),
    Missing.NO_DATA: (r"nothing has arrived", r"nothing (has been|was) (read|seen)", r"no data", r"you have none yet"),
    Missing.FEW_WEEKS: (r"needs \d+ weeks", r"without comparing", r"too few weeks"),
}
"""Names what is missing. A phrase of ``OVERDUE`` names everything, where nothing at all of somebody's was read."""

NAMED_FOR_ALL = _EVERYTHING
"""On the director's page: one sentence for everybody, if everybody is out of date."""

BEHIND_NAMED = (
    r"(not|since|behind|missing|known|read|computed)[^.]{{0,120}}\b{name}\b",
    r"\b{name}\b[^.]{{0,120}}(not|since|behind|missing)",
)
"""On the director's page: the name of a person with incomplete numbers, in a sentence about that."""

BANNER = (
    r"nothing new has arrived for more than 48 hours",
    r"not been read",
    r"not read (since|to its end)",
    r"not (been )?computed",
    r"may be old",
    r"nothing has arrived",
    r"nothing has been read",
)
BANNER_MARKUP = r'class="(warning|banner)[^"]*"'
"""Warnings that must not be on the pages of a person for whom nothing is wrong."""

WEEK_SHOWN = r"Week of (?P<first>\d{1,2}(?: \w+)?(?: \d{4})?) to (?P<last>\d{1,2} \w+ \d{4})"
FRESH = r"complete through [^.]*\."
COMPLETE = (r"complete through sunday night",)
PERIOD_END = r"to (?P<last>\d{1,2} \w+ \d{4}) · published"

DASH = ("–", "not known", "")
MEASURES = {
    "Sessions held": (Missing.CALENDAR_UNREAD, Missing.NO_CALENDAR, Missing.NO_DATA),
    "Minutes past booked ends": (Missing.CALENDAR_UNREAD, Missing.NO_CALENDAR, Missing.NO_DATA),
    "Replies sent after hours": (Missing.MAIL_UNREAD, Missing.NO_MAIL, Missing.NOT_RECOGNISED, Missing.NO_DATA),
    "Work outside agreed hours": (
        Missing.CALENDAR_UNREAD,
        Missing.MAIL_UNREAD,
        Missing.NO_MAIL,
        Missing.NOT_RECOGNISED,
        Missing.NO_DATA,
    ),
}
"""The main measures by title, and what each needs; without it the value is a dash. All need the week computed."""
HELD = "Sessions held"

LOAD_COLUMN = 1
"""The column of the load in the director's first table, counted after the name."""

OWN_LOAD = "Load per FTE"
"""The row of a therapist's load on the page of what the director sees."""

DOCTOR_KILLED = (r"(killed|did not end|never ended|broke off|was cut off|not finished|stopped before its end)",)
DOCTOR_SILENT = r"\b(night|nightly|run)\b[^→\n]{{0,80}}\b{day}\b|\b{day}\b[^→\n]{{0,60}}\b(night|nightly|run)\b"
"""States when the last night ended, before the arrow of the remedy; ``day`` is a date such as "2 October"."""
DOCTOR_NOT_COMPUTED = (
    r"(not|never) (been )?(computed|worked out)",
    r"could not be computed",
    r"(numbers|computed)[^.]*(since|old|up to)",
)
TICK, CROSS, HINT = "✓", "✗", "?"

REFUSED_KEY = (r"\bkey\b",)
NIGHT_NOT_COMPUTED = (r"could not be computed",)
