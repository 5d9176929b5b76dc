"""The terms of clients and the kinds of ledger entries, declared here and nowhere else.

A term is dated: the value that holds on a day is the latest from that day or before, and none holds before the first.
Every value is a number, a date or a word from a list, so that nothing entered here can name anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from monitor.config.hours import format_span, parse_span

ALWAYS = 0
"""The day number for a term that holds for all time: an insurer was never a client."""


class TermFormat(StrEnum):
    """The formats of a term's value."""

    CHOICE = "one of a list"
    WORDS = "some of a list, with commas"
    YES_NO = "yes or no"
    NUMBER = "a number"
    DATE = "a date"
    HOURS = "hours of a day"
    AGREED = "agreed"


class TermScope(StrEnum):
    """The correspondents that a term applies to."""

    CONTACT = "whoever writes or is met"
    CLIENT = "a client"


@dataclass(frozen=True, slots=True)
class Term:
    """One term: ``title`` is its label on a page, ``labels`` are those of its choices.

    ``low`` and ``high`` bound a number; ``allows_own_words`` lets the practice add words of its own to the list.
    """

    name: str
    format: TermFormat
    title: str
    scope: TermScope = TermScope.CLIENT
    labels: Mapping[str, str] | None = None
    low: float = 0.0
    high: float = 0.0
    allows_own_words: bool = False


CLIENT, NOT_A_CLIENT, DISCHARGED, HANDED_OVER = "client", "not_a_client", "discharged", "handed_over"
STANDINGS = {
    CLIENT: "A client",
    NOT_A_CLIENT: "Not a client",
    DISCHARGED: "Discharged",
    HANDED_OVER: "Handed over",
}
CHANNELS = {
    "email": "Email", "sms": "Text message", "phone": "Phone", "video": "Video", "portal": "Portal", "chat": "Chat",
    "letter": "Letter",
}  # fmt: skip
WEEKDAYS = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
    "sun": "Sunday",
}  # fmt: skip
CRISIS_PLAN = "crisis_plan"
REASONS = {
    CRISIS_PLAN: "A crisis plan",
    "clinical_need": "A clinical need",
    "life_event": "Something that happened in their life",
    "access": "Access, language or disability",
    "culture": "Culture or community",
    "distance": "Distance or travel",
    "other": "Another reason",
}
AUTHORS = {
    "clinician": "I decided it",
    "supervision": "In supervision",
    "team": "The team decided it",
    "client": "The client asked for it",
}

_DECLARED = (
    Term("standing", TermFormat.CHOICE, "Who this is", TermScope.CONTACT, STANDINGS),
    Term("band", TermFormat.NUMBER, "Weight band", low=1, high=9),
    Term("trauma", TermFormat.YES_NO, "The work is trauma-focused"),
    Term("emergency", TermFormat.YES_NO, "An emergency protocol or crisis plan covers contact at any hour"),
    Term("frequency", TermFormat.NUMBER, "Sessions a week", low=0.05, high=7),
    Term("session_minutes", TermFormat.NUMBER, "Minutes of a session", low=10, high=480),
    Term("channels", TermFormat.WORDS, "Channels between sessions", labels=CHANNELS, allows_own_words=True),
    Term("contact_hours", TermFormat.HOURS, "Hours of contact between sessions"),
    Term("contact_days", TermFormat.WORDS, "Days of contact between sessions", labels=WEEKDAYS),
    Term("response_hours", TermFormat.NUMBER, "Hours until an answer", low=0.25, high=336),
    Term("modified", TermFormat.CHOICE, "Why the boundary is modified", labels=REASONS),
    Term("modified_by", TermFormat.CHOICE, "Who decided that", labels=AUTHORS),
    Term("modified_until", TermFormat.DATE, "When that is reviewed"),
    Term("review_on", TermFormat.DATE, "When the agreement is reviewed"),
    Term("other_support", TermFormat.AGREED, "Other support, and how to reach it"),
    Term("cancellation", TermFormat.AGREED, "Cancellation"),
    Term("fees", TermFormat.AGREED, "Fees"),
    Term("confidentiality", TermFormat.AGREED, "Confidentiality and its limits"),
    Term("social_media", TermFormat.AGREED, "Social media"),
    Term("goals", TermFormat.AGREED, "Goals"),
    Term("supervision", TermFormat.AGREED, "That the work is supervised"),
    Term("rationale", TermFormat.AGREED, "A reason in culture or community for doing it differently"),
)
TERMS: Mapping[str, Term] = {term.name: term for term in _DECLARED}
"""All terms by name, in the order in which they are shown."""

LEDGER: Mapping[str, str] = {
    "exception": "An exception made",
    "gift": "A gift",
    "chance_meeting": "A chance meeting",
    "dual_role": "A second role with each other",
    "request_declined": "A request declined",
    "request_accepted": "A request accepted",
    "self_disclosure": "Something you said about yourself",
    "touch": "Touch",
    "fee_waived": "A fee waived",
    "telehealth_place": "Telehealth: the place",
    "telehealth_third_person": "Telehealth: a third person",
    "telehealth_technical": "Telehealth: something technical",
    "policy_reviewed": "A policy reviewed together",
    "consultation": "A consultation held",
}
"""The kinds of ledger entries with their labels, in the order of the list on the page."""

EXCEPTIONS = frozenset({"exception", "gift", "request_accepted", "fee_waived"})
"""The kinds of entries that count as an exception: something given that was not agreed."""


def normalise_value(term: str, text: str, *, own_words: Collection[str] = ()) -> str:
    """Return a term's value in its normal form. ``own_words`` are the practice's, for a list that allows them.

    Raises:
        ValueError: the value is not possible; the message names what is, without repeating the value.
    """
    declared, value = TERMS[term], text.strip().lower()
    expected = ""
    try:
        match declared.format:
            case TermFormat.NUMBER:
                expected = f"a number from {declared.low:g} to {declared.high:g}"
                number = float(value.replace(",", "."))
                if declared.low <= number <= declared.high:
                    return f"{number:g}"
            case TermFormat.DATE:
                expected = "a date like 2026-03-02"
                return date.fromisoformat(value).isoformat()
            case TermFormat.HOURS:
                expected = 'one span of hours, like "09:00-18:00"'
                return format_span(parse_span(value))
            case TermFormat.WORDS:
                listed = [*(declared.labels or {}), *sorted(own_words if declared.allows_own_words else ())]
                expected = f"some of {', '.join(listed)}"
                words = {word.strip() for word in value.split(",")} - {""}
                if words and words <= set(listed):
                    # In the order of the list, so that the same choice always has the same text.
                    return ",".join(word for word in dict.fromkeys(listed) if word in words)
            case _:
                choices = choices_of(declared)
                expected = f"one of {', '.join(choices)}"
                if value in choices:
                    return value
    except ValueError:
        pass  # not a number, a date or hours at all
    raise ValueError(f"has to be {expected}")


def choices_of(term: Term) -> Mapping[str, str]:
    """Return the choices of a term with their labels; empty where the value is a number, a date or hours."""
    if term.format is TermFormat.YES_NO:
        return {"yes": "Yes", "no": "No"}
    return {"agreed": "Agreed"} if term.format is TermFormat.AGREED else term.labels or {}
