"""The lines of an iCalendar file that may be read, told apart from those that may not, before any parser.

A calendar file is sound or it is refused: one that was cut off looks to every parser like a calendar from which
everything was deleted. Of a sound one, a list of allowed properties is kept; descriptions, places, links, notes,
alarms and names of people are never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from connectors.ics.zones import zone_name

_FOLD = re.compile(rb"(?:\r\n|\n|\r)[ \t]")
_BREAK = re.compile(r"[\r\n]+")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_LINE = re.compile(r"""([A-Za-z0-9-]+)((?:[^":]|"[^"]*")*):(.*)""", re.DOTALL)
_PARAMETER = re.compile(r""";([A-Za-z0-9-]+)=((?:[^";]|"[^"]*")*)""")
_ESCAPED = re.compile(r"\\(.)")
_COMMA = re.compile(r"(?<!\\),")
_WORD = re.compile(r"[A-Za-z-]+")
_DEEPEST = 8
_THINGS = frozenset(("ROOM", "RESOURCE"))

TIMES = frozenset(("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"))
PLAIN = frozenset(("UID", "SEQUENCE", "STATUS", "TRANSP", "LAST-MODIFIED"))
PEOPLE = frozenset(("ATTENDEE", "ORGANIZER"))
LOOKS = frozenset(("SUMMARY", "CATEGORIES", "COLOR"))
_ZONE_LINES = frozenset(("DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO"))


class UnsoundError(ValueError):
    """The text is no whole calendar; the message says in a phrase, without content, what it is instead."""


@dataclass(frozen=True, slots=True)
class Line:
    """One unfolded content line."""

    name: str
    parameters: dict[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody an entry names, by address alone, and whether that person declined."""

    address: str
    declined: bool = False


@dataclass(frozen=True, slots=True)
class EntryText:
    """What is kept of one VEVENT. ``times`` are its date lines, for the parser; nothing else ever reaches one.

    ``place`` says where it stands ("event 17"). ``title``, ``categories`` and ``colour`` are empty unless a rule
    asks for them.
    """

    place: str = field(compare=False)
    uid: str
    times: str
    sequence: int = 0
    edited_at: datetime | None = None
    status: str = ""
    transparent: bool = False
    title: str = ""
    categories: tuple[str, ...] = ()
    colour: str = ""
    attendees: tuple[Attendee, ...] = ()
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class CalendarText:
    """What is kept of one VCALENDAR: its own zone's name ("" if it has none), zones it defines, entries."""

    zone: str
    zones: dict[str, str]
    entries: tuple[EntryText, ...]


def calendars(
    data: bytes, wanted: frozenset[str] = frozenset(), name: str = "", prefix: str = ""
) -> tuple[CalendarText, ...]:
    """The calendars of a file; ``wanted`` are the further properties that rules look at (of PEOPLE and LOOKS).

    ``name`` is the calendar's for rules; ``prefix`` goes before each entry's place. Raises :class:`UnsoundError`.
    """
    number = 0
    found = []
    for calendar in _components(_lines(data, TIMES | PLAIN | _ZONE_LINES | {"TZID", "X-WR-TIMEZONE"} | wanted)):
        zones = dict(_defined_zone(inner) for inner in calendar.inner if inner.name == "VTIMEZONE")
        names = _ZoneNames(zones)
        entries = []
        for event in (inner for inner in calendar.inner if inner.name == "VEVENT"):
            number += 1
            entries.append(_entry(event, f"{prefix}event {number}", name, names))
        zone = next((line.value.strip() for line in calendar.lines if line.name == "X-WR-TIMEZONE"), "")
        found.append(CalendarText(zone, names.used, tuple(entries)))
    return tuple(found)


@dataclass(slots=True)
class _Component:
    name: str
    lines: list[Line] = field(default_factory=list)
    inner: list[_Component] = field(default_factory=list)


def _components(lines: Iterable[Line]) -> list[_Component]:
    """The VCALENDARs of a file, if each component that begins also ends, and none lies outside them."""
    top = _Component("")
    open_: list[_Component] = [top]
    for line in lines:
        if line.name == "BEGIN":
            component = _Component(line.value.strip().upper())
            if (len(open_) == 1) != (component.name == "VCALENDAR") or len(open_) > _DEEPEST:
                raise UnsoundError("its parts are not nested as a calendar's are")
            open_[-1].inner.append(component)
            open_.append(component)
        elif line.name == "END":
            if len(open_) == 1 or open_.pop().name != line.value.strip().upper():
                raise UnsoundError("its parts do not end as they begin")
        else:
            open_[-1].lines.append(line)
    if len(open_) > 1 or not top.inner:
        raise UnsoundError("it is cut off before its end")
    return top.inner


def _lines(data: bytes, kept: frozenset[str]) -> Iterator[Line]:
    """The kept lines of a file, unfolded, with BEGIN and END; every other line is passed over unread."""
    texts = [text for text in _BREAK.split(_decoded(_FOLD.sub(b"", data))) if text.strip()]
    _refuse_other_formats(texts)
    kept |= {"BEGIN", "END"}
    for text in texts:
        name = _NAME.match(text)
        if name and name.group().upper() in kept and (match := _LINE.fullmatch(text)):
            yield Line(match[1].upper(), _parameters(match[2]), match[3])


def _refuse_other_formats(texts: list[str]) -> None:
    if not texts:
        raise UnsoundError("it is empty")
    if texts[0].lstrip().startswith("<"):
        raise UnsoundError("it is a web page, perhaps one that asks to sign in")
    if texts[0].strip().upper() != "BEGIN:VCALENDAR":
        raise UnsoundError("it does not begin as a calendar does")
    if texts[-1].strip().upper() != "END:VCALENDAR":
        raise UnsoundError("it is cut off before its end")


def _decoded(data: bytes) -> str:
    """The text: UTF-8 with or without a mark, else Latin-1, in which every byte is a letter."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _parameters(text: str) -> dict[str, str]:
    return {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(text)} if text else {}


class _ZoneNames:
    """The names by which a calendar's lines may call zones: IANA's, or one made of a definition's own content.

    The parser keeps the zones that files define in one table for the whole process; a name made of the content
    keeps one file's "Custom" from becoming another's.
    """

    def __init__(self, defined: dict[str, str]) -> None:
        self._defined = defined
        self._names: dict[str, str] = {}
        self.used: dict[str, str] = {}

    def __getitem__(self, tzid: str) -> str:
        if tzid not in self._names:
            self._names[tzid] = zone_name(tzid) or self._own_name(tzid)
        return self._names[tzid]

    def _own_name(self, tzid: str) -> str:
        definition = self._defined.get(tzid)
        if definition is None:
            return "unknown"
        name = f"own-{sha256(definition.encode()).hexdigest()[:16]}"
        self.used[name] = definition
        return name


def _defined_zone(component: _Component) -> tuple[str, str]:
    tzid = next((line.value for line in component.lines if line.name == "TZID"), "")
    parts = [_zone_part(part) for part in component.inner if part.name in {"STANDARD", "DAYLIGHT"}]
    return tzid, "".join(parts)


def _zone_part(part: _Component) -> str:
    lines = "".join(f"{line.name}:{line.value}\r\n" for line in part.lines if line.name in _ZONE_LINES)
    return f"BEGIN:{part.name}\r\n{lines}END:{part.name}\r\n"


def _entry(event: _Component, place: str, calendar: str, names: _ZoneNames) -> EntryText:
    plain = {line.name: line.value.strip() for line in event.lines}
    times = "".join(_time_line(line, names) for line in event.lines if line.name in TIMES)
    sequence = plain.get("SEQUENCE", "")
    return EntryText(
        place,
        plain.get("UID") or f"without a name: {times}",
        times,
        int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else 0,
        _instant(plain.get("LAST-MODIFIED", "")),
        plain.get("STATUS", "").upper(),
        plain.get("TRANSP", "").upper() == "TRANSPARENT",
        _plain_text(plain.get("SUMMARY", "")),
        tuple(_categories(event.lines)),
        plain.get("COLOR", ""),
        tuple(dict.fromkeys(_attendees(event.lines))),
        calendar,
    )


def _time_line(line: Line, names: _ZoneNames) -> str:
    zone = f";TZID={names[line.parameters['TZID']]}" if "TZID" in line.parameters else ""
    others = "".join(
        f";{name}={line.parameters[name]}"
        for name in ("VALUE", "RANGE")
        if _WORD.fullmatch(line.parameters.get(name, ""))
    )
    return f"{line.name}{others}{zone}:{line.value}\r\n"


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def _plain_text(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], text) if "\\" in text else text


def _categories(lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        if line.name == "CATEGORIES":
            yield from (_plain_text(name).strip() for name in _COMMA.split(line.value))


def _attendees(lines: Iterable[Line]) -> Iterator[Attendee]:
    """People, attendees before the organiser: the client is the first of them who comes from outside.

    Rooms, equipment and calendars (which Google invites by an address of their own) are nobody.
    """
    for line in sorted((line for line in lines if line.name in PEOPLE), key=lambda line: line.name):
        if line.parameters.get("CUTYPE", "").upper() in _THINGS:
            continue
        address = next((text for text in (line.value, line.parameters.get("EMAIL", "")) if "@" in text), "")
        if address and not address.lower().rstrip(">").endswith("calendar.google.com"):
            yield Attendee(address, line.parameters.get("PARTSTAT", "").upper() == "DECLINED")
