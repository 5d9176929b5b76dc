"""How much of one week is known, so that no sentence says more than that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from connectors.base import RecordType
from monitor.briefing import gaps
from monitor.readiness import Gap, Lack, Readiness

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a week.

    Attributes:
        incomplete: The sentence that says which part was not read or computed; empty where nothing is missing.
        newer: The same of the last week that is over, where the page leads with an earlier one.
        computed: Whether its numbers were computed.
        whole: Whether everything was read and computed to its end.
        sessions: Whether its calendars were, and the numbers.
        lacks: The gaps of the person.
        nothing_read: Whether nothing of the person was ever read.
        messages: Whether messages say something of this week.
    """

    incomplete: str
    computed: bool
    whole: bool
    sessions: bool
    lacks: tuple[Lack, ...]
    nothing_read: bool
    messages: bool
    newer: str = ""

    @classmethod
    def of(cls, ready: Readiness, frames: Frames, week: int, newer: str = "") -> Self:
        """Return what is known of a week (its Monday)."""
        computed = ready.is_computed(week)
        calendars = any(RecordType.CALENDAR in source.parts for source in ready.behind(week))
        weeks = frames.weeks
        return cls(
            incomplete=gaps.incomplete(ready, week) if ready.anything_read else "",
            computed=computed,
            whole=ready.is_whole(week),
            sessions=computed and not calendars,
            lacks=ready.lacks if ready.anything_read else (),
            nothing_read=not ready.anything_read,
            messages=week in weeks.index and bool(weeks.loc[week, "messages_seen"]),
            newer=newer,
        )

    @property
    def hours(self) -> bool:
        """Whether it can be said that nothing lay outside the hours: they were chosen, and all work is seen."""
        return self.whole and self.messages and not self.lacks and not self.newer

    def has(self, gap: Gap) -> bool:
        """Whether the person has that gap."""
        return any(lack.gap is gap for lack in self.lacks)
