"""Text messages from the elements of a backup: time, direction and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from xml.parsers import expat

from connectors.base import RejectedRecord
from connectors.pseudonyms import canonical_address
from connectors.sms_xml.filter import AttributeFilter, InvalidBackupError

_RECEIVED, _SENT = "1", "2"
_NEVER_SENT = frozenset({"3", "4", "5", "6"})  # draft, outbox, failed, queued
_REPORTS = frozenset({"134", "135", "136"})  # of delivery and of reading
_SENDER = "137"
_PLACEHOLDERS = frozenset({"", "null", "insert-address-token"})
_SHORT_CODE_DIGITS = 6  # longer numbers belong to people
_TAIL_DIGITS = 7  # by as many last digits telephones, too, recognise a number in any spelling


@dataclass(frozen=True, slots=True)
class TextMessage:
    """One message. ``others`` are the numbers of everybody but the owner as the file has them, the sender first.

    ``place`` is its position in the file; ``is_group`` says that more than two people take part.
    """

    place: str
    sent_at: datetime
    outgoing: bool
    others: tuple[str, ...]
    is_group: bool = False

    @property
    def identity(self) -> str:
        """The same text for the message in every backup: its time in milliseconds, direction and numbers."""
        return f"{self.sent_at.timestamp():.3f} {self.outgoing:d} {' '.join(sorted(map(_tail, self.others)))}"


def parse_messages(chunks: Iterable[bytes], own_numbers: frozenset[str]) -> Iterator[TextMessage | RejectedRecord]:
    """Yield every message that was sent or received, and every rejected record, in the file's order.

    Raises :class:`~connectors.sms_xml.filter.InvalidBackupError` if the file is not a backup of text messages.
    """
    attribute_filter, handler = AttributeFilter(), _ElementHandler(own_numbers)
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        for chunk in chunks:
            parser.Parse(attribute_filter.feed(chunk), False)
            yield from handler.take()
        parser.Parse(attribute_filter.flush(), True)
    except expat.ExpatError:
        raise InvalidBackupError("it is damaged, or was changed by another program") from None
    yield from handler.take()


def _refuse_doctype(*_: object) -> None:
    raise InvalidBackupError("it contains definitions of its own (a DTD), which no backup does")


class _ElementHandler:
    """Collects messages: an sms is complete at once, an mms once its numbers have been read."""

    def __init__(self, own_numbers: frozenset[str]) -> None:
        self._own_tails = frozenset(map(_tail, own_numbers))
        self._results: list[TextMessage | RejectedRecord] = []
        self._messages = 0
        self._root = ""
        self._mms: dict[str, str] = {}
        self._numbers: list[tuple[str, str]] = []

    def take(self) -> list[TextMessage | RejectedRecord]:
        """Return the results since the last call."""
        results, self._results = self._results, []
        return results

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root:
            self._root = name
            if name != "smses":
                found = "it is a log of calls, not of texts" if name == "calls" else "it contains no texts"
                raise InvalidBackupError(found)
        elif name == "sms":
            self._add(attributes, attributes.get("type", ""), (attributes.get("address", ""),))
        elif name == "mms":
            self._mms, self._numbers = attributes, []
        elif name == "addr":
            self._numbers.append((attributes.get("type", ""), attributes.get("address", "")))

    def end(self, name: str) -> None:
        if name != "mms" or self._mms.get("m_type") in _REPORTS:
            return
        # The sort is stable: the sender comes first, and the others stay in their order.
        numbers = [number for _, number in sorted(self._numbers, key=lambda pair: pair[0] != _SENDER)]
        # Everybody but the owner: from the list of numbers, else from the message's address ("A~B").
        others = dict.fromkeys(
            number for number in numbers if number not in _PLACEHOLDERS and _tail(number) not in self._own_tails
        )
        self._add(self._mms, self._mms.get("msg_box", ""), tuple(others or self._mms.get("address", "").split("~")))

    def _add(self, attributes: dict[str, str], box: str, numbers: tuple[str, ...]) -> None:
        self._messages += 1
        place = f"message {self._messages}"
        if box in _NEVER_SENT:
            return
        if box not in {_RECEIVED, _SENT}:
            self._results.append(RejectedRecord(place, "it is neither received nor sent"))
            return
        sent_at = _from_milliseconds(attributes.get("date", ""))
        if sent_at is None:
            self._results.append(RejectedRecord(place, "it has no readable date"))
            return
        others = tuple(number for number in numbers if number not in _PLACEHOLDERS)
        self._results.append(TextMessage(place, sent_at, box == _SENT, others, is_group=len(others) > 1))


@lru_cache(maxsize=65_536)
def _tail(number: str) -> str:
    """Return what is the same in every spelling of a number: its last digits; a word unchanged."""
    plain = canonical_address(number)
    return plain[-_TAIL_DIGITS:] if plain.removeprefix("+").isdigit() else plain


def _from_milliseconds(text: str) -> datetime | None:
    """Return the instant of milliseconds since 1970; ``None`` if it is invalid."""
    if not re.fullmatch(r"[0-9]{1,15}", text):
        return None
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=65_536)
def canonical_number(text: str, country: str | None) -> str:
    """Return the number with its country code (E.164); a local one is read as dialled in ``country`` (ISO code).

    Without a country, and for words, short codes and impossible numbers, return the digits unchanged.
    """
    plain = canonical_address(text)
    if country is None or not plain.removeprefix("+").isdigit() or len(plain) <= _SHORT_CODE_DIGITS:
        return plain
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse

    try:
        number = parse(plain, country)
    except NumberParseException:
        return plain
    return str(format_number(number, PhoneNumberFormat.E164)) if is_possible_number(number) else plain


def is_machine(number: str) -> bool:
    """Return ``True`` for a sender that cannot be called: a word instead of a number, or a short code."""
    digits = number.removeprefix("+")
    return bool(number) and "@" not in number and (not digits.isdigit() or len(digits) <= _SHORT_CODE_DIGITS)
