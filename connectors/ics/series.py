"""Instances of a calendar's events: parsed, checked, and recurring events expanded over a span.

Imported only when a calendar is read, because its libraries are heavy. Each event is parsed alone, so that a bad one
is rejected without the others. The cost of a recurrence rule is bounded before it is expanded, because rules come from
outside and can describe millions of occurrences.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import chain, islice
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Event, Timezone
from recurring_ical_events import EventAdapter, Occurrence, Series
from x_wr_timezone import UTCChangingWalker

from connectors.base import RejectedRecord, Window
from connectors.ics.text import CalendarText, EventText
from connectors.ics.zones import iana_name

MOST_INSTANCES = 5_000  # of one series in one window
MOST_CANDIDATES = 200_000  # days since the start of a rule, times the times of day it names
_SEARCH_YEAR = 9_950  # near the last year that dateutil knows
_ZONE_HORIZON = datetime(2100, 1, 1, tzinfo=UTC)
_LAST_SECOND = time(23, 59, 59)
_MARGIN = timedelta(days=3)  # around the window in UTC: floating times and dates get their zone later
# A component may have each of these once (RFC 5545, 3.6.1); the parser keeps repeated ones as a list.
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_DATE_VALUES = ("DTSTART", "DTEND", "RECURRENCE-ID")
_DATE_PATTERN = r"(?:;TZID=([^:;\r]+))?:(\d{8}T\d{6})(Z)?\r\n"
_START_AND_END = re.compile(f"DTSTART{_DATE_PATTERN}DTEND{_DATE_PATTERN}")
_SERIES_PROPERTIES = ("RRULE", "RDATE", "RECURRENCE-ID")

DateOrDatetime = date | datetime
"""A date for all-day events, an aware datetime, or a naive one that floats with the reader's zone."""


class UnusableEventError(ValueError):
    """An event has to be rejected; the message is the reason, without content."""


class ExpansionTimeoutError(ValueError):
    """Expanding the calendars takes longer than a whole practice's calendars should."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One occurrence of an event.

    ``occurrence`` names its original start in the series and stays the same when it is moved; "" for a single event.
    ``from_rule`` is set if the calendar contains the series' rule, and not if it lists the instances one by one.
    """

    text: EventText
    start: DateOrDatetime
    end: DateOrDatetime
    occurrence: str
    from_rule: bool = False

    def span(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return start and end in UTC; dates and floating times are read in ``zone``.

        If a clock change puts the end before the start, the length on the wall clock is kept.
        """
        start, end = _utc(self.start, zone), _utc(self.end, zone)
        return start, end if end >= start else start + (_wall_clock(self.end) - _wall_clock(self.start))


def _wall_clock(value: DateOrDatetime) -> datetime:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else datetime.combine(value, time())


def _utc(value: DateOrDatetime, zone: tzinfo) -> datetime:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return _wall_clock(value).replace(tzinfo=zone).astimezone(UTC)


class _ParsedEvent(EventAdapter):  # type: ignore[misc]
    """A parsed VEVENT with the text it was made from."""

    def __init__(self, component: Any, text: EventText) -> None:
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
    def recurrence_id(self) -> DateOrDatetime | None:
        """The original start of the occurrence that it changes, ``None`` for a series itself or a single event."""
        return getattr(self.component.get("RECURRENCE-ID"), "dt", None)

    @property
    def is_in_series(self) -> bool:
        return any(name in self.component for name in _SERIES_PROPERTIES)


class _Occurrence(Occurrence):  # type: ignore[misc]
    """An occurrence that also keeps its start from before it was moved."""

    def __init__(
        self, event: _ParsedEvent, start: DateOrDatetime | None = None, end: DateOrDatetime | None = None
    ) -> None:
        super().__init__(event, start, end)
        self.event = event
        # A change with RANGE=THISANDFUTURE moves all later occurrences, which keep the names of their original starts.
        self.original_start = self.start if start is None else start - event.move_recurrences_by
        if start is None and event.recurrence_id is not None:
            self.original_start = event.recurrence_id
            # A floating one is in the zone of the event itself.
            if isinstance(self.original_start, datetime) and self.original_start.tzinfo is None:
                self.original_start = self.original_start.replace(tzinfo=getattr(event.raw_start, "tzinfo", None))

    def instance(self, *, from_rule: bool) -> Instance:
        start = self.original_start
        if not self.event.is_in_series:
            name = ""
        elif isinstance(start, datetime) and start.tzinfo:
            name = start.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        else:
            name = start.strftime("%Y%m%dT%H%M%S" if isinstance(start, datetime) else "%Y%m%d")
        return Instance(self.event.text, self.start, self.end, name, from_rule)


class _Series(Series):  # type: ignore[misc]
    # The library makes its occurrences of this class.
    occurrence = _Occurrence


def expand(
    calendars: Iterable[CalendarText],
    window: Window,
    is_single: Callable[[EventText], bool] = lambda _: False,
    seconds: float = 60,
) -> Iterator[Instance | RejectedRecord]:
    """Yield each instance near the window (with a margin of some days) and each rejected record.

    The events of all calendars are read as one set, so that a change stored in one file finds its series in another. An
    event for which ``is_single`` is true has a UID of its own: it is yielded at once instead of being kept until all
    others have been read. Raises :class:`ExpansionTimeoutError` after ``seconds`` of work, since half a calendar would
    look like one from which the rest was deleted.
    """
    spent, resumed_at = 0.0, monotonic()
    for result in _expand_steps(calendars, window, is_single):
        spent += monotonic() - resumed_at
        if spent > seconds:
            raise ExpansionTimeoutError
        if result:
            yield result
        resumed_at = monotonic()  # the caller's work between two results does not count


def _expand_steps(
    calendars: Iterable[CalendarText], window: Window, is_single: Callable[[EventText], bool]
) -> Iterator[Instance | RejectedRecord | None]:
    """Yield the results of :func:`expand`, and ``None`` after each step of the work, so that it can be timed."""
    by_uid: dict[str, list[_ParsedEvent | Instance]] = defaultdict(list)
    for calendar in calendars:
        for event in _parse_events(calendar, window.end):
            if isinstance(event, RejectedRecord):
                yield event
            elif is_single(event.text):
                yield from _expand_uid([event], window)
            else:
                by_uid[event.text.uid].append(event)
                yield None
    for events in by_uid.values():
        yield from _expand_uid(events, window)
        yield None


def _parse_events(calendar: CalendarText, horizon: datetime) -> Iterator[_ParsedEvent | Instance | RejectedRecord]:
    zone = iana_name(calendar.zone) if calendar.zone else None
    # Google writes series in UTC and their zone into X-WR-TIMEZONE; in UTC they would be an hour off in summer.
    walker = UTCChangingWalker(ZoneInfo(zone)) if zone else None
    if calendar.zone and not walker:
        yield RejectedRecord("the calendar itself", "its own time zone is unknown; the clinician's is taken")
    registered = 0
    for text in calendar.events:
        # Reading an event may have added zones that it names; they have to be known before it is parsed.
        for name in islice(calendar.zones, registered, None):
            _register_zone(name, calendar.zones[name])
        registered = len(calendar.zones)
        try:
            event = (_parse_simple(text) if not walker else None) or _parse(text, walker, horizon)
        except Exception as error:  # noqa: BLE001  # the text may be hostile; whatever the parser raises, one event is lost
            yield _rejected(text, error)
        else:
            yield event


def _parse_simple(text: EventText) -> Instance | None:
    """Return the instance of an event that has a start and an end alone, without the slow parser; else ``None``."""
    match = _START_AND_END.fullmatch(text.date_lines)
    if match is None:
        return None
    try:
        start, end = _parse_datetime(*match.group(1, 2, 3)), _parse_datetime(*match.group(4, 5, 6))
        return None if (start.tzinfo is None) != (end.tzinfo is None) or end < start else Instance(text, start, end, "")
    except (ValueError, OSError, KeyError):  # not a time, or not an IANA zone
        return None


def _parse_datetime(zone: str | None, clock: str, utc: str | None) -> datetime:
    if zone and utc:
        raise ValueError
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone) if zone else UTC if utc else None)


def _rejected(text: EventText, error: Exception) -> RejectedRecord:
    reason = str(error) if isinstance(error, UnusableEventError) else "its dates cannot be read"
    return RejectedRecord(text.place, reason)


def _register_zone(name: str, definition: str) -> None:
    """Register a zone that the file defines with the parser; an invalid one stays unknown."""
    text = f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{definition}END:VTIMEZONE\r\n".encode()
    try:
        # Under another name the parser reads the definition without registering it, so that its rules can be checked.
        draft: Any = Timezone.from_ical(text.replace(b"VTIMEZONE", b"X-DRAFT"))
        for observance in draft.subcomponents:
            for rule in _as_list(observance.get("RRULE")):
                if rule.get("FREQ") != ["YEARLY"]:
                    return
                _check_rule_cost(rule, observance["DTSTART"].dt, _ZONE_HORIZON)
        Timezone.from_ical(text)
    except Exception:  # noqa: BLE001  # hostile text: its events are rejected for their unknown zone
        return


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _parse(text: EventText, walker: UTCChangingWalker | None, horizon: datetime) -> _ParsedEvent:
    """Return the event as the recurrence library needs it.

    ``walker`` moves its times into the calendar's own zone; rules are checked up to ``horizon``. Raises
    :class:`UnusableEventError`, and for hostile text whatever the parser raises.
    """
    component: Any = Event.from_ical(f"BEGIN:VEVENT\r\n{text.date_lines}END:VEVENT\r\n".encode())
    if component.errors or "DTSTART" not in component:
        raise UnusableEventError("its dates cannot be read")
    duplicates = [name for name in _ONCE if isinstance(component.get(name), list)]
    if duplicates:
        raise UnusableEventError(f"duplicate property: {duplicates[0]}")
    # The parser takes some misspelled dates for a duration or a period.
    if not all(isinstance(component[name].dt, date) for name in _DATE_VALUES if name in component):
        raise UnusableEventError("its dates cannot be read")
    if "EXRULE" in component:
        raise UnusableEventError("it has exceptions by rule (EXRULE), which are not supported")
    # The parser reads a time in a zone it does not know as a floating one.
    for item in chain.from_iterable(map(_as_list, component.values())):
        dates = [item] if hasattr(item, "dt") else getattr(item, "dts", [])
        has_zone = bool(getattr(item, "params", {}).get("TZID"))
        if has_zone and any(isinstance(value.dt, datetime) and value.dt.tzinfo is None for value in dates):
            raise UnusableEventError("its time zone is unknown")

    event = _ParsedEvent(walker.walk_event(component) if walker else component, text)
    start, end = event.raw_start, event.raw_end
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise UnusableEventError("it begins with a date and ends with a time, or the other way round")
    if isinstance(start, datetime) and (start.tzinfo is None) != (end.tzinfo is None):
        raise UnusableEventError("only one of its ends has a time zone")
    if end < start:
        raise UnusableEventError("it ends before it begins")

    for rule in _as_list(event.component.get("RRULE")):
        _localise_until(rule, event.start)
        _check_rule_cost(rule, event.start, horizon)
    return event


def _localise_until(rule: Any, start: DateOrDatetime) -> None:
    """Read an UNTIL that is a date or a floating time in the zone of the series; others stay.

    A date includes that whole day. The library would take its midnight, and read both as UTC: the last session would be
    lost.
    """
    until = rule.get("UNTIL", [None])[0]
    if until is None or not isinstance(start, datetime) or getattr(until, "tzinfo", None):
        return
    last = until if isinstance(until, datetime) else datetime.combine(until, _LAST_SECOND)
    with suppress(OverflowError):  # the last day of the calendar means "no end" in any zone
        rule["UNTIL"] = [_utc(last, start.tzinfo) if start.tzinfo else last]


def _check_rule_cost(rule: Any, start: DateOrDatetime, horizon: datetime) -> None:
    """Raise :class:`UnusableEventError` for a rule that never ends or takes longer than any real calendar's."""
    frequency = rule.get("FREQ", [""])[0]
    if frequency not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise UnusableEventError("it repeats more often than daily")
    if rule.get("INTERVAL", [1])[0] < 1:
        raise UnusableEventError("its repeat interval is less than 1")
    times = math.prod(len(rule.get(name, [0])) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    days = (horizon.date() - date(start.year, start.month, start.day)).days
    if days * times > MOST_CANDIDATES:
        raise UnusableEventError("it repeats too often")
    # FREQ alone always has one.
    if len(rule) > 1 and not _has_occurrence(rule, start):
        raise UnusableEventError("its rule has no occurrence")


def _has_occurrence(rule: Any, start: DateOrDatetime) -> bool:
    """Return whether a rule has any occurrence.

    dateutil would look for the first one up to the year 9999. The Gregorian calendar repeats, weekdays included, every
    400 years, so the rule is tried from the last year that is like its first, where a search without result is short.
    """
    first = _wall_clock(start)
    late = first.replace(year=first.year + (_SEARCH_YEAR - first.year) // 400 * 400)
    # UNTIL and COUNT do not decide whether there is any, and UNTIL would end the moved rule before it begins.
    parts = (part for part in rule.to_ical().decode().split(";") if not part.startswith(("UNTIL=", "COUNT=")))
    return next(iter(rrulestr(";".join(parts), dtstart=late)), None) is not None


def _expand_uid(events: list[_ParsedEvent | Instance], window: Window) -> Iterator[Instance | RejectedRecord]:
    """Yield the instances of all events with one UID: a series with its changes, or the versions of one event."""
    if len(events) == 1 and isinstance(events[0], Instance):  # most events
        yield events[0]
        return
    # The library needs all of them parsed, for a single event may have another that moves it.
    parsed = [event if isinstance(event, _ParsedEvent) else _parse(event.text, None, window.end) for event in events]
    latest, rejected = _latest_versions(parsed)
    yield from rejected
    first = latest[0]
    if len(latest) == 1 and not first.is_in_series:
        yield Instance(first.text, first.start, first.end, "")
        return
    from_rule = any(name in event.component for event in latest for name in ("RRULE", "RDATE"))
    try:
        # One instance more than allowed is read, to notice that there are too many.
        occurrences = _Series(latest).between(_shift(window.start, -_MARGIN), _shift(window.end, _MARGIN))
        instances = [occurrence.instance(from_rule=from_rule) for occurrence in islice(occurrences, MOST_INSTANCES + 1)]
    except Exception as error:  # noqa: BLE001  # hostile text again: a series that cannot be expanded is rejected as a whole
        yield _rejected(first.text, error)
        return
    if len(instances) > MOST_INSTANCES:
        yield RejectedRecord(first.text.place, "it repeats too often")
    else:
        yield from instances


def _shift(instant: datetime, delta: timedelta) -> datetime:
    try:
        # A window may begin in the year 1 or end in the year 9999.
        return instant.astimezone(UTC) + delta
    except OverflowError:
        return instant


def _latest_versions(versions: list[_ParsedEvent]) -> tuple[list[_ParsedEvent], list[RejectedRecord]]:
    """Return one event for each original start: the highest SEQUENCE, then the last edited, then the last read.

    An identical copy is dropped. Of two with the same SEQUENCE and different dates the earlier version is rejected.
    """
    # The sort is stable, so of equal versions the last one read wins.
    versions = sorted(versions, key=_version)
    # A RECURRENCE-ID that is a date means that day's session, if the latest version of the series has times.
    starts = [event.raw_start for event in versions if event.recurrence_id is None]
    if starts and isinstance(starts[-1], datetime):
        for event in versions:
            day = event.recurrence_id
            if day and not isinstance(day, datetime):
                event.component["RECURRENCE-ID"].dt = datetime.combine(day, starts[-1].timetz())

    latest: dict[object, _ParsedEvent] = {}
    rejected = []
    for event in versions:
        # Without a RECURRENCE-ID the key is empty: all versions of the series itself.
        earlier = latest.get(event.recurrence_ids[:1])
        latest[event.recurrence_ids[:1]] = event
        if earlier and earlier.sequence == event.sequence and earlier.text.date_lines != event.text.date_lines:
            reason = "another event with the same UID and SEQUENCE has other times"
            rejected.append(RejectedRecord(earlier.text.place, reason))
    return list(latest.values()), rejected


def _version(event: _ParsedEvent) -> tuple[int, float]:
    """Return a sort key: an edit that changes the times raises SEQUENCE, any other LAST-MODIFIED alone (RFC 5546)."""
    edited_at = event.text.edited_at
    return event.sequence, edited_at.timestamp() if edited_at else 0.0
