"""Plain lines beside the notices: a published norm or one's own agreement was crossed. A fact, not a detection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.analysis.terms import LEDGER
from monitor.notices.families import FAMILIES, POOLED
from reports.wording import counted, spelled


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what is told once it is crossed.

    ``metric`` is the weekly number it is drawn for, empty where it comes from what the person wrote down. ``said`` puts
    the number into words, with the client, where there is one, and with what the line is about, where a measure does
    not say it. ``source`` names the norm.
    """

    key: str
    metric: str
    title: str
    headline: str
    said: Callable[[float, str, str], str]
    try_this: str
    source: str


def _rest(nights: float, *_: str) -> str:
    return (
        f"On {spelled(round(nights))} nights of this week there were fewer than 11 hours between your last and your "
        "next work. The European Working Time Directive names 11 hours for employees."
    )


def _free_stretch(hours: float, *_: str) -> str:
    longest = counted(int(hours), "hour")
    return (
        f"The longest stretch without work that touched this week was {longest}, and that of the week before was "
        "short, too. The European Working Time Directive names 35 hours in a week, or in two, for employees."
    )


def _day_off(days: float, *_: str) -> str:
    return f"It has been {counted(round(days), 'day')} since your last full day without work; the line is at 12 days."


def _supervision(hours: float, *_: str) -> str:
    found = "was no supervision" if hours == 0 else f"were {hours:.4g} hours of supervision"
    found = "was 1 hour of supervision" if hours == 1 else found
    asked = "BACP asks for at least 1.5 hours in a month with clients."
    return f"By your calendar there {found} in the last month. {asked}"


def _leave(days: float, *_: str) -> str:
    return f"There was work on {counted(round(days), 'day')} of your leave, its first and last day left out."


def _review(_: float, client: str, term: str) -> str:
    what = "The modified boundary" if term == "modified_until" else "What you agreed"
    return f"{what} with {client or 'a client'} is due for review."


def _ended(_: float, client: str, family: str) -> str:
    titles = {entry.key: entry.title.lower() for entry in (POOLED, *FAMILIES, *LINES)}
    what = client or titles.get(family, "something")
    return f"The time that you gave an exception about {what} is over; from now on it counts again."


def _just_this_once(number: float, client: str, kind: str) -> str:
    made = LEDGER.get(kind, "More contact than usual")
    return f"{made}: number {round(number)} with {client or 'one client'}. Boundaries move in small steps."


LINES = (
    Line(
        "rest", "short_rests", "Short nights", "Some nights between working days were short.", _rest,
        "after a late evening, let the next day begin later.", "Directive 2003/88/EC, article 3",
    ),
    Line(
        "free stretch", "longest_free_stretch", "Time without work", "There was little time without any work.",
        _free_stretch, "keep one evening and the day after it free of messages.",
        "Directive 2003/88/EC, articles 3, 5 and 16",
    ),
    Line(
        "day off", "days_since_full_day_off", "Full days off", "A full day off is some time ago.", _day_off,
        "choose one day of the coming week now, and tell somebody about it.", "design choice",
    ),
    Line(
        "supervision", "supervision_hours", "Supervision", "There was little supervision in the last month.",
        _supervision, "write to your supervisor with two dates.", "BACP",
    ),
    Line(
        "leave", "leave_interrupted", "Work during leave", "There was work during your leave.", _leave,
        "name somebody who answers for you before the next leave begins.", "design choice",
    ),
    Line(
        "review", "", "A review is due", "Something that you agreed is due for review.", _review,
        "look at it together in the next session, or set a new date.", "your own agreement",
    ),
    Line(
        "exception ended", "", "An exception has ended", "An exception of yours has come to its end.", _ended,
        "give it a new date if it goes on.", "your own answer",
    ),
    Line(
        "just this once", "", "Just this once", "One exception has been made several times.", _just_this_once,
        "decide whether this is an exception or the agreement from now on, and write it down.", "design choice",
    ),
)  # fmt: skip


def line(key: str) -> Line:
    """The declaration of a stored line."""
    return next(entry for entry in LINES if entry.key == key)
