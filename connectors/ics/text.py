"""The allowed properties of an iCalendar file, separated from all others before any parser runs.

A file with a broken structure is refused as a whole, because to every parser a file that was cut off looks like a
calendar from which everything was deleted. Of a valid file only the allowed properties are kept; descriptions, places,
links, notes, alarms and names of people are skipped.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import count, takewhile

from connectors.content import Content
from connectors.ics.zones import ZoneNames

_FOLD = re.compile(rb"(?:\r\n|\n|\r)[ \t]")
_BREAK = re.compile(r"[\r\n]+")
_NAME = re.compile(r"[A-Za-z0-9-]+")
# A quoted parameter value may contain colons and semicolons (RFC 5545, 3.2).
_CONTENT_LINE = re.compile(r"""([A-Za-z0-9-]+)((?:[^":]|"[^"]*")*):(.*)""", re.DOTALL)
_PARAMETER = re.compile(r""";([A-Za-z0-9-]+)=((?:[^";]|"[^"]*")*)""")
_ESCAPED = re.compile(r"\\(.)")
# A comma after a backslash is part of a category's name.
_COMMA = re.compile(r"(?<!\\),")
_WORD = re.compile(r"[A-Za-z-]+")
# A VALARM in a VEVENT in a VCALENDAR needs three.
_MOST_NESTED = 8
_NOT_PEOPLE = frozenset(("ROOM", "RESOURCE"))

DATE_PROPERTIES = frozenset(("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"))
PLAIN_PROPERTIES = frozenset(("UID", "SEQUENCE", "STATUS", "TRANSP", "LAST-MODIFIED"))
PEOPLE_PROPERTIES = frozenset(("ATTENDEE", "ORGANIZER"))
RULE_PROPERTIES = frozenset(("SUMMARY", "CATEGORIES", "COLOR"))
_ZONE_PROPERTIES = frozenset(("DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO"))
_SERIES_PROPERTIES = frozenset(("RRULE", "RDATE", "RECURRENCE-ID"))
_ALWAYS_ALLOWED = DATE_PROPERTIES | PLAIN_PROPERTIES | _ZONE_PROPERTIES | {"TZID", "X-WR-TIMEZONE"}
_INDEXED = _ZONE_PROPERTIES | _SERIES_PROPERTIES | {"BEGIN", "END", "UID", "TZID", "X-WR-TIMEZONE"}
# One dictionary for all lines without parameters: a large calendar has hundreds of thousands of them.
_NO_PARAMETERS: dict[str, str] = {}


class InvalidCalendarError(ValueError):
    """The text is not a complete calendar; the message says in a phrase, without content, what it is instead."""


@dataclass(frozen=True, slots=True)
class ContentLine:
    """One unfolded content line (RFC 5545, 3.1)."""

    name: str
    parameters: dict[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Attendee:
    """A person invited to an event, by address alone, and whether that person declined."""

    address: str
    declined: bool = False


@dataclass(frozen=True, slots=True)
class EventText:
    """The allowed text of one VEVENT.

    ``date_lines`` are its date properties; nothing else is ever passed to the parser. ``place`` says where it is in the
    source ("event 17"). ``title``, ``categories`` and ``colour`` are empty unless a rule needs them.
    """

    place: str = field(compare=False)
    uid: str
    date_lines: str
    sequence: int = 0
    edited_at: datetime | None = None
    status: str = ""
    is_free: bool = False
    title: str = ""
    categories: tuple[str, ...] = ()
    colour: str = ""
    attendees: tuple[Attendee, ...] = ()
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class CalendarText:
    """The allowed text of one VCALENDAR: the name of its own zone ("" if none), the zones it defines, its events.

    ``events`` may be read lazily; ``zones`` contains the zones that the events read so far have named.
    """

    zone: str
    zones: dict[str, str]
    events: Iterable[EventText]


@dataclass(frozen=True, slots=True)
class CalendarIndex:
    """The result of a first pass over a valid file, needed to read its events one by one in a second.

    ``calendars`` has for each VCALENDAR its zone and the zones it defines. ``uids`` are hashes of the UIDs of all
    events, ``shared_uids`` of those that belong to several events or to a series. ``digest`` changes with every allowed
    line.
    """

    digest: str
    calendars: list[tuple[str, dict[str, str]]]
    uids: set[int]
    shared_uids: set[int]


def parse_calendars(
    data: bytes, rule_properties: frozenset[str] = frozenset(), name: str = "", prefix: str = ""
) -> tuple[CalendarText, ...]:
    """Return the calendars of a file. Raises :class:`InvalidCalendarError`.

    ``rule_properties`` are the further properties that rules look at (of PEOPLE_PROPERTIES and RULE_PROPERTIES),
    ``name`` is the calendar's name for rules, and ``prefix`` is put before the place of each event.
    """
    content = Content(data)
    texts = read_calendars(content, index_calendars(content, rule_properties), rule_properties, name, prefix)
    return tuple(replace(calendar, events=tuple(calendar.events)) for calendar in texts)


def index_calendars(content: Content, rule_properties: frozenset[str] = frozenset()) -> CalendarIndex:
    """Read a file through for the first time. Raises :class:`InvalidCalendarError` if it is not a complete calendar."""
    digest = sha256()

    def note(text: str) -> None:
        digest.update(f"{text}\n".encode("utf-8", "surrogatepass"))

    zones: dict[str, str] = {}
    index = CalendarIndex("", [], set(), set())
    for part, parents in _components(_allowed_lines(content, _ALWAYS_ALLOWED | rule_properties, _INDEXED, note)):
        if part.name == "VCALENDAR":
            zone = next((line.value.strip() for line in part.lines if line.name == "X-WR-TIMEZONE"), "")
            index.calendars.append((zone, zones))
            zones = {}
        elif part.name == "VTIMEZONE" and parents == 1:
            zones |= [_zone_definition(part)]
        elif part.name == "VEVENT" and parents == 1:
            values = {line.name: line.value.strip() for line in part.lines}
            # A hash takes less memory. Two UIDs with the same one are merely treated as shared.
            uid = hash(values.get("UID", ""))
            if uid in index.uids or not values.keys().isdisjoint(_SERIES_PROPERTIES):
                index.shared_uids.add(uid)
            index.uids.add(uid)
    return replace(index, digest=digest.hexdigest())


def read_calendars(
    content: Content, index: CalendarIndex, rule_properties: frozenset[str], name: str = "", prefix: str = ""
) -> Iterator[CalendarText]:
    """Read an indexed file again, event by event; arguments as for :func:`parse_calendars`."""
    components = (
        None if part.name == "VCALENDAR" else part
        for part, parents in _components(_allowed_lines(content, _ALWAYS_ALLOWED | rule_properties))
        if part.name == "VCALENDAR" or (part.name == "VEVENT" and parents == 1)
    )
    number = count(1)
    for zone, defined in index.calendars:
        names = ZoneNames(defined)
        # _components yields a VCALENDAR (here None) after its parts, so that it ends the list of its own events
        own = takewhile(lambda component: component is not None, components)
        events = (_event(component, f"{prefix}event {next(number)}", name, names) for component in own if component)
        yield CalendarText(zone, names.used, events)


@dataclass(slots=True)
class _Component:
    name: str
    lines: list[ContentLine] = field(default_factory=list)
    inner: list[_Component] = field(default_factory=list)


def _components(lines: Iterable[ContentLine]) -> Iterator[tuple[_Component, int]]:
    """Yield each VCALENDAR as it ends, and before it each of its parts, with the number of enclosing components.

    Raises :class:`InvalidCalendarError` if a component does not end, or lies outside a VCALENDAR.
    """
    open_: list[_Component] = []
    yielded = 0
    for line in lines:
        if line.name == "BEGIN":
            component = _Component(line.value.strip().upper())
            # Only a VCALENDAR may be outermost, and none may be inside another component.
            if (not open_) != (component.name == "VCALENDAR") or len(open_) >= _MOST_NESTED:
                raise _structure_error(lines, "its components are not nested as in a calendar")
            open_.append(component)
        elif line.name == "END":
            if not open_ or open_[-1].name != line.value.strip().upper():
                raise _structure_error(lines, "a component has no matching END")
            component = open_.pop()
            # A part of a part belongs to it, so that an alarm in an event is never taken for an event.
            if len(open_) > 1:
                open_[-1].inner.append(component)
            else:
                yielded += 1
                yield component, len(open_)
        elif open_:
            open_[-1].lines.append(line)
    if open_ or not yielded:
        raise InvalidCalendarError("it is cut off before its end")


def _structure_error(rest: Iterable[ContentLine], reason: str) -> InvalidCalendarError:
    """Return the error for a broken structure, unless reading the rest raises that the file is cut off."""
    deque(rest, maxlen=0)
    return InvalidCalendarError(reason)


def _allowed_lines(
    content: Content,
    allowed: frozenset[str],
    parsed: frozenset[str] | None = None,
    note: Callable[[str], object] | None = None,
) -> Iterator[ContentLine]:
    """Yield the allowed lines of a file, unfolded, with BEGIN and END; every other line is skipped.

    If only some of them have to be ``parsed``, the others are passed to ``note`` alone, as they are.
    """
    allowed |= {"BEGIN", "END"}
    parsed = allowed if parsed is None else parsed
    last = ""
    for text in _unfolded_lines(content):
        if not last and text.lstrip().startswith("<"):
            raise InvalidCalendarError("it is a web page, perhaps one that asks to sign in")
        if not last and text.strip().upper() != "BEGIN:VCALENDAR":
            raise InvalidCalendarError("it does not begin with BEGIN:VCALENDAR")
        last = text
        match = _NAME.match(text)
        name = match.group().upper() if match else ""
        if match is None or name not in allowed:
            continue
        if note:
            note(text)
        if name not in parsed:
            continue
        if text[match.end() : match.end() + 1] == ":":  # most lines have no parameters and need no regular expression
            yield ContentLine(name, _NO_PARAMETERS, text[match.end() + 1 :])
        elif line := _CONTENT_LINE.fullmatch(text):
            parameters = {key.upper(): value.strip('"') for key, value in _PARAMETER.findall(line[2])}
            yield ContentLine(name, parameters, line[3])
    if not last:
        raise InvalidCalendarError("it is empty")
    if last.strip().upper() != "END:VCALENDAR":
        raise InvalidCalendarError("it is cut off before its end")


def _unfolded_lines(content: Content) -> Iterator[str]:
    """Yield the unfolded lines of a file that are not blank."""
    # Hardly any other text is valid UTF-8; in Latin-1 every byte is a letter.
    encoding = "utf-8" if content.is_encoded_in("utf-8") else "latin-1"
    byte_order_mark = b"\xef\xbb\xbf"
    for number, piece in enumerate(_whole_lines(content)):
        # Folding may split a character of several bytes, so lines are unfolded before they are decoded.
        unfolded = _FOLD.sub(b"", piece if number else piece.removeprefix(byte_order_mark))
        for text in _BREAK.split(unfolded.decode(encoding)):
            if text.strip():
                yield text


def _whole_lines(content: Content) -> Iterator[bytes]:
    """Yield a file in pieces, each ending at a line break that is not followed by a continuation line."""
    pending = bytearray()
    for chunk in content.chunks():
        searched = max(len(pending) - 1, 0)
        pending += chunk
        cut = len(pending)
        while (cut := max(pending.rfind(b"\n", searched, cut), pending.rfind(b"\r", searched, cut))) >= 0:
            # The byte after the break decides, so a break at the very end waits for the next chunk.
            if cut + 1 < len(pending) and pending[cut + 1] not in b" \t\r\n":
                yield bytes(pending[: cut + 1])
                del pending[: cut + 1]
                break
    yield bytes(pending)


def _zone_definition(component: _Component) -> tuple[str, str]:
    """Return the name that a file gives to a zone, and the text of the zone's changes of offset."""
    tzid = next((line.value for line in component.lines if line.name == "TZID"), "")
    definition = ""
    for part in component.inner:
        if part.name in {"STANDARD", "DAYLIGHT"}:
            lines = "".join(f"{line.name}:{line.value}\r\n" for line in part.lines if line.name in _ZONE_PROPERTIES)
            definition += f"BEGIN:{part.name}\r\n{lines}END:{part.name}\r\n"
    return tzid, definition


def _event(component: _Component, place: str, calendar: str, names: ZoneNames) -> EventText:
    # The last value of a repeated property counts here; repeated dates are rejected after parsing.
    values = {line.name: line.value.strip() for line in component.lines}
    date_lines = "".join(_date_line(line, names) for line in component.lines if line.name in DATE_PROPERTIES)
    sequence = values.get("SEQUENCE", "")
    categories = [line.value for line in component.lines if line.name == "CATEGORIES"]
    return EventText(
        place=place,
        # This text becomes part of the keyed name of the event: changing it would rename stored events.
        uid=values.get("UID") or f"without a name: {date_lines}",
        date_lines=date_lines,
        sequence=int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else 0,
        edited_at=_aware_datetime(values.get("LAST-MODIFIED", "")),
        status=values.get("STATUS", "").upper(),
        is_free=values.get("TRANSP", "").upper() == "TRANSPARENT",
        title=_unescape(values.get("SUMMARY", "")),
        categories=tuple(_unescape(name).strip() for text in categories for name in _COMMA.split(text)),
        colour=values.get("COLOR", ""),
        attendees=tuple(dict.fromkeys(_attendees(component.lines))),
        calendar=calendar,
    )


def _date_line(line: ContentLine, names: ZoneNames) -> str:
    zone = f";TZID={names[line.parameters['TZID']]}" if "TZID" in line.parameters else ""
    # Other parameters do not change the meaning of a date, and nothing but plain words may reach the parser.
    parameters = "".join(
        f";{name}={line.parameters[name]}"
        for name in ("VALUE", "RANGE")
        if _WORD.fullmatch(line.parameters.get(name, ""))
    )
    return f"{line.name}{parameters}{zone}:{line.value}\r\n"


def _aware_datetime(text: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value if value.tzinfo else None


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], text) if "\\" in text else text


def _attendees(lines: Iterable[ContentLine]) -> Iterator[Attendee]:
    """Yield people, attendees before the organiser: the first of them from outside is the client.

    Rooms, equipment and calendars (which Google invites by an address of their own) are left out.
    """
    for line in sorted((line for line in lines if line.name in PEOPLE_PROPERTIES), key=lambda line: line.name):
        if line.parameters.get("CUTYPE", "").upper() in _NOT_PEOPLE:
            continue
        address = next((text for text in (line.value, line.parameters.get("EMAIL", "")) if "@" in text), "")
        if address and not address.lower().rstrip(">").endswith("calendar.google.com"):
            yield Attendee(address, line.parameters.get("PARTSTAT", "").upper() == "DECLINED")
