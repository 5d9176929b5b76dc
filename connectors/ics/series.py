"""A calendar's entries become instances: parsed, checked, and their series expanded over a span.

Loaded only when a calendar is read, because its libraries are heavy. Each entry is parsed alone, so that a bad one
is set aside without its neighbours. What a series may cost is bounded before it is expanded: a rule is a program
that somebody else wrote.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Event, Timezone
from recurring_ical_events import EventAdapter, Occurrence, Series
from x_wr_timezone import UTCChangingWalker

from connectors.base import RejectedRecord, Window
from connectors.ics.text import CalendarText, EntryText
from connectors.ics.zones import zone_name

MOST_INSTANCES = 5_000  # of one series in one window
MOST_LOOKS = 200_000  # days, times the times of a day, that a rule may have to go through from its start
_LAST_YEAR = 9_950
_LAST_CHANGE = datetime(2100, 1, 1, tzinfo=UTC)
_LAST_SECOND = time(23, 59, 59)
_MARGIN = timedelta(days=3)  # over the span in UTC: floating times and dates find their zone later
_ONCE = ("DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID")
_MOMENTS = ("DTSTART", "DTEND", "RECURRENCE-ID")
_MOMENT = r"(?:;TZID=([^:;\r]+))?:(\d{8}T\d{6})(Z)?\r\n"
_PLAIN = re.compile(f"DTSTART{_MOMENT}DTEND{_MOMENT}")
_REPEATING = ("RRULE", "RDATE", "RECURRENCE-ID")

Moment = date | datetime
"""A date for all-day entries, an aware datetime, or a naive one that floats with the reader's zone."""


class _Unusable(ValueError):  # noqa: N818  # a reason, not a failure
    """Why an entry is set aside: a phrase without content."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One occurrence. ``occurrence`` names its original place in the series and outlives a move; "" without one.

    ``by_rule`` is set where a rule of the series is told, and not where the calendar lists instances one by one.
    """

    text: EntryText
    start: Moment
    end: Moment
    occurrence: str
    by_rule: bool = False

    def span(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Start and end in UTC where dates and floating times are read in ``zone``.

        A wall clock's span that the clock's change swallows keeps the length it shows on the wall.
        """
        start, end = _instant(self.start, zone), _instant(self.end, zone)
        return start, end if end >= start else start + (_wall(self.end) - _wall(self.start))


def _wall(moment: Moment) -> datetime:
    """What clock and calendar on the wall show."""
    return moment.replace(tzinfo=None) if isinstance(moment, datetime) else datetime.combine(moment, time())


def _instant(moment: Moment, zone: tzinfo) -> datetime:
    if isinstance(moment, datetime) and moment.tzinfo:
        return moment.astimezone(UTC)
    return _wall(moment).replace(tzinfo=zone).astimezone(UTC)


class _Entry(EventAdapter):  # type: ignore[misc]
    """A parsed VEVENT with the kept text it came from."""

    def __init__(self, component: Any, text: EntryText) -> None:
        super().__init__(component)
        self.text = text
        self.component = component

    @property
    def sequence(self) -> int:
        return self.text.sequence

    @property
    def uid(self) -> str:
        return self.text.uid

    @property
    def place(self) -> Moment | None:
        """Which occurrence of its series it stands for, ``None`` for the series itself or a single entry."""
        return getattr(self.component.get("RECURRENCE-ID"), "dt", None)

    @property
    def repeats(self) -> bool:
        return any(name in self.component for name in _REPEATING)


class _Occurrence(Occurrence):  # type: ignore[misc]
    """An occurrence that knows where it stood before it was moved."""

    def __init__(self, entry: _Entry, start: Moment | None = None, end: Moment | None = None) -> None:
        super().__init__(entry, start, end)
        self.entry = entry
        self.nominal = self.start if start is None else start - entry.move_recurrences_by
        if start is None and entry.place is not None:
            self.nominal = _on_same_clock(entry.place, entry.raw_start)

    def instance(self, *, by_rule: bool) -> Instance:
        name = _occurrence_name(self.nominal) if self.entry.repeats else ""
        return Instance(self.entry.text, self.start, self.end, name, by_rule)


class _Series(Series):  # type: ignore[misc]
    occurrence = _Occurrence


def _on_same_clock(moment: Moment, start: Moment) -> Moment:
    """A floating moment read in the zone of ``start``, where that has one."""
    if isinstance(moment, datetime) and isinstance(start, datetime) and moment.tzinfo is None:
        return moment.replace(tzinfo=start.tzinfo)
    return moment


def _occurrence_name(moment: Moment) -> str:
    if isinstance(moment, datetime) and moment.tzinfo:
        return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return moment.strftime("%Y%m%dT%H%M%S" if isinstance(moment, datetime) else "%Y%m%d")


class TooLongError(ValueError):
    """The calendars need more time than a whole practice's would."""


def expand(
    calendars: Iterable[CalendarText],
    window: Window,
    is_alone: Callable[[EntryText], bool] = lambda _: False,
    seconds: float = 60,
) -> Iterator[Instance | RejectedRecord]:
    """Every instance near the window (a few days more on either side) and every entry that cannot be used.

    Entries of all calendars count as one, so that a move kept in one file finds its series in another; of one that
    ``is_alone`` it is known that it has no namesake, and it is not kept until the others are there. Raises
    :class:`TooLongError` after ``seconds`` of work: half a calendar would look like one from which the rest was gone.
    """
    spent, since = 0.0, monotonic()
    for found in _expanded(calendars, window, is_alone):
        spent += monotonic() - since
        if spent > seconds:
            raise TooLongError
        if found:
            yield found
        since = monotonic()  # what became of it meanwhile is no work of ours


def _expanded(
    calendars: Iterable[CalendarText], window: Window, is_alone: Callable[[EntryText], bool]
) -> Iterator[Instance | RejectedRecord | None]:
    """As :func:`expand`, with a ``None`` after each step of the work."""
    entries: dict[str, list[_Entry | Instance]] = defaultdict(list)
    for calendar in calendars:
        for step in _parsed_entries(calendar, window.end):
            if isinstance(step, RejectedRecord):
                yield step
            elif is_alone(step.text):
                yield from _together([step], window)
            else:
                entries[step.text.uid].append(step)
                yield None
    for namesakes in entries.values():
        yield from _together(namesakes, window)
        yield None


def _together(namesakes: list[_Entry | Instance], window: Window) -> Iterator[Instance | RejectedRecord]:
    """Yield what all entries of one name mean together."""
    if len(namesakes) == 1 and isinstance(namesakes[0], Instance):  # most are
        yield namesakes[0]
    else:
        yield from _instances([_as_entry(one, window.end) for one in namesakes], window)


def _parsed_entries(calendar: CalendarText, horizon: datetime) -> Iterator[_Entry | Instance | RejectedRecord]:
    zone = zone_name(calendar.zone) if calendar.zone else None
    walker = UTCChangingWalker(ZoneInfo(zone)) if zone else None
    if calendar.zone and not walker:
        yield RejectedRecord("the calendar itself", "its own time zone is unknown; the clinician's is taken")
    defined = 0
    for text in calendar.entries:
        for name in islice(calendar.zones, defined, None):
            _define_zone(name, calendar.zones[name])
        defined = len(calendar.zones)
        try:
            entry = (_single(text) if not walker else None) or _parsed(text, walker, horizon)
        except Exception as error:  # noqa: BLE001  # the parser meets hostile text; whatever it raises, one entry is lost
            yield _rejected(text, error)
        else:
            yield entry


def _single(text: EntryText) -> Instance | None:
    """An entry that says no more than when it begins and ends, read without the parser; ``None`` for any other."""
    match = _PLAIN.fullmatch(text.times)
    if match is None:
        return None
    try:
        start, end = _plain_moment(*match.group(1, 2, 3)), _plain_moment(*match.group(4, 5, 6))
        return None if (start.tzinfo is None) != (end.tzinfo is None) or end < start else Instance(text, start, end, "")
    except (ValueError, OSError, KeyError):  # no time, or no zone that everybody knows
        return None


def _plain_moment(zone: str | None, clock: str, utc: str | None) -> datetime:
    if zone and utc:
        raise ValueError
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone) if zone else UTC if utc else None)


def _as_entry(found: _Entry | Instance, horizon: datetime) -> _Entry:
    """The same for the library that knows series: a single entry may have namesakes that move it."""
    return _parsed(found.text, None, horizon) if isinstance(found, Instance) else found


def _rejected(text: EntryText, error: Exception) -> RejectedRecord:
    return RejectedRecord(text.place, str(error) if isinstance(error, _Unusable) else "its dates cannot be read")


def _define_zone(name: str, definition: str) -> None:
    """Teach the parser a zone that the file defines itself; one that makes no sense stays unknown."""
    text = f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{definition}END:VTIMEZONE\r\n".encode()
    try:
        draft: Any = Timezone.from_ical(text.replace(b"VTIMEZONE", b"X-DRAFT"))
        for part in draft.subcomponents:
            for rule in _as_list(part.get("RRULE")):
                if rule.get("FREQ") != ["YEARLY"]:
                    return
                _refuse_costly_rule(rule, part["DTSTART"].dt, _LAST_CHANGE)
        Timezone.from_ical(text)
    except Exception:  # noqa: BLE001  # hostile text: its entries are set aside for their unknown zone
        return


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _parsed(text: EntryText, walker: UTCChangingWalker | None, horizon: datetime) -> _Entry:
    component: Any = Event.from_ical(f"BEGIN:VEVENT\r\n{text.times}END:VEVENT\r\n".encode())
    _refuse_unreadable(component)
    _refuse_unknown_zone(component)
    if walker:
        component = walker.walk_event(component)
    entry = _Entry(component, text)
    _refuse_impossible_span(entry)
    for rule in _as_list(component.get("RRULE")):
        _end_by_its_clock(rule, entry.start)
        _refuse_costly_rule(rule, entry.start, horizon)
    return entry


def _refuse_unreadable(component: Any) -> None:
    if component.errors or "DTSTART" not in component:
        raise _Unusable("its dates cannot be read")
    if any(isinstance(component.get(name), list) for name in _ONCE if name != "RRULE"):
        raise _Unusable("it has two of what it may have once")
    if not all(isinstance(component[name].dt, date) for name in _MOMENTS if name in component):
        raise _Unusable("its dates cannot be read")  # a duration or a period, as the parser takes some misspelled ones
    if "EXRULE" in component:
        raise _Unusable("it has exceptions by rule (EXRULE), which are not understood")


def _refuse_unknown_zone(component: Any) -> None:
    for value in component.values():
        for single in _as_list(value):
            zone = getattr(single, "params", {}).get("TZID")
            moments = [single] if hasattr(single, "dt") else getattr(single, "dts", [])
            if zone and any(isinstance(at.dt, datetime) and at.dt.tzinfo is None for at in moments):
                raise _Unusable("its time zone is unknown")


def _refuse_impossible_span(entry: _Entry) -> None:
    start, end = entry.raw_start, entry.raw_end
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise _Unusable("it begins with a date and ends with a time, or the other way round")
    if isinstance(start, datetime) and (start.tzinfo is None) != (end.tzinfo is None):
        raise _Unusable("only one of its ends has a time zone")
    if end < start:
        raise _Unusable("it ends before it begins")


def _end_by_its_clock(rule: Any, start: Moment) -> None:
    """Read an UNTIL that is a date, or that floats, by the clock of a series of times; others stay.

    A date is that whole day. The library would take its midnight, and both for UTC: the last session would be lost.
    """
    until = rule.get("UNTIL", [None])[0]
    if until is None or not isinstance(start, datetime) or getattr(until, "tzinfo", None):
        return
    last = until if isinstance(until, datetime) else datetime.combine(until, _LAST_SECOND)
    with suppress(OverflowError):  # the last day that there is: without end, in any zone
        rule["UNTIL"] = [_instant(last, start.tzinfo) if start.tzinfo else last]


def _refuse_costly_rule(rule: Any, start: Moment, horizon: datetime) -> None:
    """Set a rule aside that would be expanded without end, or for longer than a calendar's rule ever is."""
    frequency = rule.get("FREQ", [""])[0]
    if frequency not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise _Unusable("it repeats more often than daily")
    if rule.get("INTERVAL", [1])[0] < 1:
        raise _Unusable("its rule stands still")
    times = math.prod(len(rule.get(name, [0])) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    days = (horizon.date() - date(start.year, start.month, start.day)).days
    if days * times > MOST_LOOKS:
        raise _Unusable("it repeats too often")
    if len(rule) > 1 and not _comes_true(rule, start):
        raise _Unusable("its rule never comes true")


def _comes_true(rule: Any, start: Moment) -> bool:
    """Whether a rule has an occurrence at all; dateutil looks for the first one up to the year 9999.

    The calendar repeats itself, weekdays included, every 400 years. So the rule is tried from the last year like
    its first, where a search in vain is short.
    """
    first = _wall(start)
    late = first.replace(year=first.year + (_LAST_YEAR - first.year) // 400 * 400)
    parts = (part for part in rule.to_ical().decode().split(";") if not part.startswith(("UNTIL=", "COUNT=")))
    return next(iter(rrulestr(";".join(parts), dtstart=late)), None) is not None


def _instances(namesakes: list[_Entry], window: Window) -> Iterator[Instance | RejectedRecord]:
    entries, rejected = _newest(namesakes)
    yield from rejected
    if len(entries) == 1 and not entries[0].repeats:
        yield Instance(entries[0].text, entries[0].start, entries[0].end, "")
        return
    by_rule = any(name in entry.component for entry in entries for name in ("RRULE", "RDATE"))
    try:
        found = _Series(entries).between(_shifted(window.start, -_MARGIN), _shifted(window.end, _MARGIN))
        instances = [occurrence.instance(by_rule=by_rule) for occurrence in islice(found, MOST_INSTANCES + 1)]
    except Exception as error:  # noqa: BLE001  # as above: a series that cannot be expanded is set aside whole
        yield _rejected(entries[0].text, error)
        return
    if len(instances) > MOST_INSTANCES:
        yield RejectedRecord(entries[0].text.place, "it repeats too often")
        return
    yield from instances


def _shifted(instant: datetime, by: timedelta) -> datetime:
    try:
        return instant.astimezone(UTC) + by
    except OverflowError:
        return instant


def _newest(namesakes: list[_Entry]) -> tuple[list[_Entry], list[RejectedRecord]]:
    """One entry for each (UID, original occurrence): the highest SEQUENCE, then the last edited, then the last.

    A copy says nothing new. Two of one SEQUENCE at different times contradict each other; the one left out is told.
    """
    kept: dict[object, _Entry] = {}
    rejected = []
    namesakes = sorted(namesakes, key=_age)
    _place_dates(namesakes)
    for entry in namesakes:
        older = kept.get(entry.recurrence_ids[:1])
        kept[entry.recurrence_ids[:1]] = entry
        if older and older.sequence == entry.sequence and older.text.times != entry.text.times:
            rejected.append(
                RejectedRecord(older.text.place, "another entry of the same name and SEQUENCE has other times")
            )
    return list(kept.values()), rejected


def _place_dates(namesakes: list[_Entry]) -> None:
    """Read a RECURRENCE-ID that is a date as that day's session where the series, the newest there is, has times."""
    dated = [(entry, entry.place) for entry in namesakes if entry.place and not isinstance(entry.place, datetime)]
    starts = [entry.raw_start for entry in namesakes if entry.place is None] if dated else []
    if starts and isinstance(starts[-1], datetime):
        for entry, day in dated:
            entry.component["RECURRENCE-ID"].dt = datetime.combine(day, starts[-1].timetz())


def _age(entry: _Entry) -> tuple[int, float]:
    edited_at = entry.text.edited_at
    return entry.sequence, edited_at.timestamp() if edited_at else 0.0
