"""The lines of an iCalendar file that may be read, told apart from those that may not, before any parser.

A calendar file is sound or it is refused: one that was cut off looks to every parser like a calendar from which
everything was deleted. Of a sound one, a list of allowed properties is kept; descriptions, places, links, notes,
alarms and names of people are never looked at again.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import count, takewhile

from connectors.content import Content
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
_SERIES = frozenset(("RRULE", "RDATE", "RECURRENCE-ID"))
_KEPT = TIMES | PLAIN | _ZONE_LINES | {"TZID", "X-WR-TIMEZONE"}
_OUTLINING = _ZONE_LINES | _SERIES | {"BEGIN", "END", "UID", "TZID", "X-WR-TIMEZONE"}
_NO_PARAMETERS: dict[str, str] = {}


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
    """What is kept of one VCALENDAR: its own zone's name ("" if it has none), zones it defines, entries.

    The entries may come one by one, and of the zones those are there that an entry has named by then.
    """

    zone: str
    zones: dict[str, str]
    entries: Iterable[EntryText]


@dataclass(frozen=True, slots=True)
class Outline:
    """What a first reading of a sound file finds: what its entries need to be understood one by one in a second.

    ``calendars`` are the zone of each VCALENDAR and the zones it defines. ``uids`` are hashes of all its entries' UIDs,
    and ``together`` of those that belong to several entries or to a series. ``digest`` changes with every line that is
    looked at.
    """

    digest: str
    calendars: list[tuple[str, dict[str, str]]]
    uids: set[int]
    together: set[int]


def calendars(
    data: bytes, wanted: frozenset[str] = frozenset(), name: str = "", prefix: str = ""
) -> tuple[CalendarText, ...]:
    """The calendars of a file; ``wanted`` are the further properties that rules look at (of PEOPLE and LOOKS).

    ``name`` is the calendar's for rules; ``prefix`` goes before each entry's place. Raises :class:`UnsoundError`.
    """
    content = Content(data)
    found = calendars_in(content, outline_of(content, wanted), wanted, name, prefix)
    return tuple(replace(calendar, entries=tuple(calendar.entries)) for calendar in found)


def outline_of(content: Content, wanted: frozenset[str] = frozenset()) -> Outline:
    """Read a file through for the first time. Raises :class:`UnsoundError` if it is no whole calendar."""
    digest = sha256()

    def note(text: str) -> None:
        digest.update(f"{text}\n".encode("utf-8", "surrogatepass"))

    zones: dict[str, str] = {}
    found = Outline("", [], set(), set())
    for part, parents in _components(_lines(content, _KEPT | wanted, _OUTLINING, note)):
        if part.name == "VCALENDAR":
            zone = next((line.value.strip() for line in part.lines if line.name == "X-WR-TIMEZONE"), "")
            found.calendars.append((zone, zones))
            zones = {}
        elif part.name == "VTIMEZONE" and parents == 1:
            zones |= [_defined_zone(part)]
        elif part.name == "VEVENT" and parents == 1:
            plain = {line.name: line.value.strip() for line in part.lines}
            uid = hash(plain.get("UID", ""))
            if uid in found.uids or not plain.keys().isdisjoint(_SERIES):
                found.together.add(uid)
            found.uids.add(uid)
    return replace(found, digest=digest.hexdigest())


def calendars_in(
    content: Content, outline: Outline, wanted: frozenset[str], name: str = "", prefix: str = ""
) -> Iterator[CalendarText]:
    """Read a file again, entry by entry; arguments as of :func:`calendars`."""
    events = (
        None if part.name == "VCALENDAR" else part
        for part, parents in _components(_lines(content, _KEPT | wanted))
        if part.name == "VCALENDAR" or (part.name == "VEVENT" and parents == 1)
    )
    number = count(1)
    for zone, defined in outline.calendars:
        names = _ZoneNames(defined)
        own = takewhile(lambda event: event is not None, events)  # a VCALENDAR comes behind its parts
        entries = (_entry(event, f"{prefix}event {next(number)}", name, names) for event in own if event)
        yield CalendarText(zone, names.used, entries)


@dataclass(slots=True)
class _Component:
    name: str
    lines: list[Line] = field(default_factory=list)
    inner: list[_Component] = field(default_factory=list)


def _components(lines: Iterable[Line]) -> Iterator[tuple[_Component, int]]:
    """Yield each VCALENDAR of a file as it ends, and before it each of its parts, with the number of what encloses it.

    That holds if each component that begins also ends, and none lies outside a VCALENDAR.
    """
    open_: list[_Component] = []
    number = 0
    for line in lines:
        if line.name == "BEGIN":
            component = _Component(line.value.strip().upper())
            if (not open_) != (component.name == "VCALENDAR") or len(open_) >= _DEEPEST:
                raise _unsound(lines, "its parts are not nested as a calendar's are")
            open_.append(component)
        elif line.name == "END":
            if not open_ or open_[-1].name != line.value.strip().upper():
                raise _unsound(lines, "its parts do not end as they begin")
            component = open_.pop()
            if len(open_) > 1:
                open_[-1].inner.append(component)
            else:
                number += 1
                yield component, len(open_)
        elif open_:
            open_[-1].lines.append(line)
    if open_ or not number:
        raise UnsoundError("it is cut off before its end")


def _unsound(rest: Iterable[Line], reason: str) -> UnsoundError:
    """Return what is wrong with a file; if it does not end as a calendar does either, that it is cut off is raised."""
    deque(rest, maxlen=0)
    return UnsoundError(reason)


def _lines(
    content: Content,
    kept: frozenset[str],
    parsed: frozenset[str] | None = None,
    told: Callable[[str], object] | None = None,
) -> Iterator[Line]:
    """Yield the kept lines of a file, unfolded, with BEGIN and END; every other line is passed over unread.

    Where only some of them have to be ``parsed``, the others are ``told`` with these as they stand.
    """
    kept |= {"BEGIN", "END"}
    parsed = kept if parsed is None else parsed
    last = ""
    for text in _texts(content):
        if not last:
            _refuse_other_formats(text)
        last = text
        match = _NAME.match(text)
        name = match.group().upper() if match else ""
        if match is None or name not in kept:
            continue
        if told:
            told(text)
        if name not in parsed:
            continue
        if text[match.end() : match.end() + 1] == ":":  # most have no parameters
            yield Line(name, _NO_PARAMETERS, text[match.end() + 1 :])
        elif whole := _LINE.fullmatch(text):
            yield Line(name, _parameters(whole[2]), whole[3])
    if not last:
        raise UnsoundError("it is empty")
    if last.strip().upper() != "END:VCALENDAR":
        raise UnsoundError("it is cut off before its end")


def _texts(content: Content) -> Iterator[str]:
    """Yield the unfolded lines of a file that hold anything."""
    encoding = _encoding(content)
    mark = b"\xef\xbb\xbf"
    for number, piece in enumerate(_whole_lines(content)):
        unfolded = _FOLD.sub(b"", piece if number else piece.removeprefix(mark))
        for text in _BREAK.split(unfolded.decode(encoding)):
            if text.strip():
                yield text


def _whole_lines(content: Content) -> Iterator[bytes]:
    """Yield a file in pieces, each of which ends where a line does that does not go on in the next."""
    held = bytearray()
    for chunk in content.chunks():
        looked_at = max(len(held) - 1, 0)
        held += chunk
        at = len(held)
        while (at := max(held.rfind(b"\n", looked_at, at), held.rfind(b"\r", looked_at, at))) >= 0:
            if at + 1 < len(held) and held[at + 1] not in b" \t\r\n":
                yield bytes(held[: at + 1])
                del held[: at + 1]
                break
    yield bytes(held)


def _refuse_other_formats(first: str) -> None:
    if first.lstrip().startswith("<"):
        raise UnsoundError("it is a web page, perhaps one that asks to sign in")
    if first.strip().upper() != "BEGIN:VCALENDAR":
        raise UnsoundError("it does not begin as a calendar does")


def _encoding(content: Content) -> str:
    """UTF-8 with or without a mark, else Latin-1, in which every byte is a letter."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in content.chunks():
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


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
