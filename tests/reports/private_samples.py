"""What the pages for one therapist alone must bear, with invented numbers."""

from __future__ import annotations

from datetime import date, timedelta

from reports.models import Unit
from reports.private import Answered, Beside, CheckInReport, Felt, Measured, Sheet

FIRST = date(2025, 11, 10)
THIRDS = ((10.0, "low"), (23.0, "moderate"), (42.0, "high"))
CONTACTS = ("Morag, supervisor",)


def beside() -> Beside:
    """A year: a scale with three answers, one with a single answer, one without published parts; weeks with gaps."""
    weeks = tuple(FIRST + timedelta(weeks=n) for n in range(52))
    outside = tuple(None if n in {6, 7, 30} else 40.0 + 3 * (n % 9) for n in range(52))
    over = tuple(round(1.5 - (n % 5) * 0.7, 1) for n in range(52))
    return Beside(
        title="You answered on 4 days; these are the weeks around it",
        subtitle="Each large dot is an answer of yours.",
        weeks=weeks,
        felt=(
            Felt("Compassion satisfaction", 10, 50, THIRDS, _points((40, 41.0), (120, 22.0), (360, 35.0))),
            Felt("Burnout, by your own definition", 1, 5, ((1, "under"), (3, "over")), _points((200, 3.0))),
            Felt("Exhaustion", 1, 4, (), _points((0, 2.625), (120, 4.0))),
        ),
        measured=(
            Measured("Work outside agreed hours", Unit.MINUTES, outside),
            Measured("Minutes past the booked end", Unit.MINUTES, over),
            Measured("Replies after hours", Unit.COUNT, (None,) * 52),
        ),
    )


def short_beside() -> Beside:
    """One answer on the first day there was anything."""
    weeks = (FIRST,)
    felt = Felt("Burnout", 10, 50, THIRDS, ((FIRST, 21.0),))
    return Beside("You answered on 1 day; these are the weeks around it", "", weeks, (felt,), ())


def _points(*answers: tuple[int, float]) -> tuple[tuple[date, float], ...]:
    return tuple((FIRST + timedelta(days=days), value) for days, value in answers)


def sheet(key: str, items: int, *, open_from: date | None = None) -> Sheet:
    return Sheet(
        key=key,
        title=key.title(),
        about="About how it is.",
        items=tuple(range(1, items + 1)),
        lowest=1,
        highest=5,
        ends=("never", "very often"),
        reading="Three sums of 10 to 50.",
        source="Somebody and others, 2010",
        address="sheet.example" if items > 1 else "",
        open_from=open_from,
    )


def check_in() -> CheckInReport:
    answered = Answered(
        "thirty", "Thirty", date(2026, 3, 2), ("Burnout 21, low", "Compassion satisfaction 41, moderate")
    )
    return CheckInReport(
        headline="How do you feel, beside what was counted?",
        beside=beside(),
        answered=(answered,),
        sheets=(sheet("thirty", 30, open_from=date(2026, 4, 1)), sheet("one", 1), sheet("sixteen", 16)),
        contacts=CONTACTS,
    )


def first_check_in() -> CheckInReport:
    """Nothing was answered yet."""
    return CheckInReport("How do you feel?", None, (), (sheet("thirty", 30), sheet("one", 1)), ())
