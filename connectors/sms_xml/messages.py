"""Elements of a backup become texts: when, which way, between which numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from xml.parsers import expat

from connectors.pseudonyms import canonical_address
from connectors.sms_xml.filter import Sieve, UnfitError

_RECEIVED, _SENT = "1", "2"
_NEVER_SENT = frozenset({"3", "4", "5", "6"})  # draft, outbox, failed, queued
_REPORTS = frozenset({"134", "135", "136"})  # of delivery and of reading
_FROM = "137"
_NOBODY = frozenset({"", "null", "insert-address-token"})
_SHORT_CODE = 6  # digits; longer ones belong to people
_TAIL = 7  # digits by which telephones, too, tell one number however it is written


@dataclass(frozen=True, slots=True)
class Text:
    """One message. ``others`` are the numbers at the other end, as the file spells them, the sender first.

    ``where`` says which of the file's it is; ``group`` that more than two people are in it.
    """

    where: str
    sent_at: datetime
    outgoing: bool
    others: tuple[str, ...]
    group: bool = False

    @property
    def identity(self) -> str:
        """What names the message in every backup of it: its instant to the millisecond, direction and numbers."""
        return f"{self.sent_at.timestamp():.3f} {self.outgoing:d} {' '.join(sorted(map(_tail, self.others)))}"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message that cannot be used, and why."""

    where: str
    reason: str


def texts_in(chunks: Iterable[bytes], own: frozenset[str]) -> Iterator[Text | Unusable]:
    """Every text that was sent or received, in the file's order; ``own`` are the owner's numbers.

    Raises :class:`~connectors.sms_xml.filter.UnfitError` for what is no backup of texts.
    """
    sieve, reader = Sieve(), _Reader(own)
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler, parser.EndElementHandler = reader.begin, reader.end
    parser.StartDoctypeDeclHandler = _refuse_definitions
    try:
        for chunk in chunks:
            parser.Parse(sieve.passed(chunk), False)
            yield from reader.turn()
        parser.Parse(sieve.rest(), True)
    except expat.ExpatError:
        raise UnfitError("it is damaged, or was changed by another program") from None
    yield from reader.turn()


def _refuse_definitions(*_: object) -> None:
    raise UnfitError("it brings definitions of its own (a DTD), which no backup does")


class _Reader:
    """Gathers elements: an sms is whole at once, an mms once its numbers have come."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = frozenset(map(_tail, own))
        self._found: list[Text | Unusable] = []
        self._number = 0
        self._root = ""
        self._mms: dict[str, str] = {}
        self._numbers: list[tuple[str, str]] = []

    def turn(self) -> list[Text | Unusable]:
        """Hand over what was found and begin anew."""
        found, self._found = self._found, []
        return found

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root:
            self._root = name
            if name != "smses":
                raise UnfitError("it is a log of calls, not of texts" if name == "calls" else "it holds no texts")
        elif name == "sms":
            self._add(attributes, attributes.get("type", ""), (attributes.get("address", ""),))
        elif name == "mms":
            self._mms, self._numbers = attributes, []
        elif name == "addr":
            self._numbers.append((attributes.get("type", ""), attributes.get("address", "")))

    def end(self, name: str) -> None:
        if name == "mms" and self._mms.get("m_type") not in _REPORTS:
            numbers = [number for _, number in sorted(self._numbers, key=lambda pair: pair[0] != _FROM)]
            self._add(self._mms, self._mms.get("msg_box", ""), self._others(numbers))

    def _others(self, numbers: list[str]) -> tuple[str, ...]:
        """Everybody but the owner: by the list of numbers, else by the conversation's own (``A~B``)."""
        others = tuple(dict.fromkeys(number for number in numbers if not self._is_own(number)))
        named = tuple(self._mms.get("address", "").split("~"))
        return others or named

    def _is_own(self, number: str) -> bool:
        return number in _NOBODY or _tail(number) in self._own

    def _add(self, attributes: dict[str, str], box: str, numbers: tuple[str, ...]) -> None:
        self._number += 1
        where = f"message {self._number}"
        if box in _NEVER_SENT:
            return
        if box not in {_RECEIVED, _SENT}:
            self._found.append(Unusable(where, "it is neither received nor sent"))
            return
        sent_at = _instant(attributes.get("date", ""))
        if sent_at is None:
            self._found.append(Unusable(where, "it has no readable date"))
            return
        others = tuple(number for number in numbers if number not in _NOBODY)
        self._found.append(Text(where, sent_at, box == _SENT, others, group=len(others) > 1))


@lru_cache(maxsize=65_536)
def _tail(number: str) -> str:
    """What is the same in every spelling of a number; a word is itself."""
    plain = canonical_address(number)
    return plain[-_TAIL:] if plain.removeprefix("+").isdigit() else plain


def _instant(text: str) -> datetime | None:
    """The instant of milliseconds since 1970."""
    if not re.fullmatch(r"[0-9]{1,15}", text):
        return None
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=65_536)
def canonical_number(text: str, country: str | None) -> str:
    """The number with its country's code (E.164) where ``country`` (ISO code) says how local ones are dialled.

    Without a country, and for words, short codes and what can be no number there, its digits as they are.
    """
    plain = canonical_address(text)
    if country is None or not plain.removeprefix("+").isdigit() or len(plain) <= _SHORT_CODE:
        return plain
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse

    try:
        number = parse(plain, country)
    except NumberParseException:
        return plain
    return str(format_number(number, PhoneNumberFormat.E164)) if is_possible_number(number) else plain


def is_machine(number: str) -> bool:
    """Whether nobody could be called there: a word in the place of a number, or a short code."""
    digits = number.removeprefix("+")
    return bool(number) and "@" not in number and (not digits.isdigit() or len(digits) <= _SHORT_CODE)
