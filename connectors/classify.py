"""A title becomes a kind and a client key, and is gone.

The practice's rules are ordered; the first that matches decides. An entry that no rule matches is a session if
somebody from outside attends, and *other* if not. *Outside* is whoever is neither in the roster nor in the
practice's domains; it is never inferred. Nothing that is looked at here is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from connectors.pseudonyms import Pseudonyms, canonical_address
from connectors.records import CalendarEvent, CounterpartKind, Kind

_OUTSIDE_THE_FRAME = frozenset({Kind.PERSONAL, Kind.OTHER})  # such as a coffee with a client
_MACHINE = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|notifications?)([-+.=_].*)?@")


@dataclass(frozen=True, slots=True)
class EntryTraits:
    """What a rule may look at, in memory only."""

    title: str = ""
    calendar: str = ""
    categories: tuple[str, ...] = ()
    colour: str = ""
    attendees: tuple[str, ...] = ()


class ClassifiedEntry(NamedTuple):
    """What the practice's rules make of one instance, for its owner's own screen; never stored."""

    start: datetime
    end: datetime
    title: str
    kind: Kind
    client: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class KindRule:
    """One ``[[kinds]]`` entry: every condition that is given must hold. Patterns ignore case."""

    kind: Kind
    title: re.Pattern[str] | None = None
    calendar: str | None = None
    category: str | None = None
    colour: str | None = None
    attendee_domain: str | None = None

    def matches(self, traits: EntryTraits) -> bool:
        """Whether this rule decides the entry."""
        return (
            (self.title is None or self.title.search(traits.title) is not None)
            and (self.calendar is None or self.calendar.lower() == traits.calendar.lower())
            and (self.category is None or self.category.lower() in {name.lower() for name in traits.categories})
            and (self.colour is None or self.colour.lower() == traits.colour.lower())
            and (self.attendee_domain is None or self.attendee_domain.lower() in map(domain_of, traits.attendees))
        )


def domain_of(address: str) -> str:
    """The part behind the @, lower case; empty for a phone number."""
    return canonical_address(address).rpartition("@")[2] if "@" in address else ""


@dataclass(frozen=True, slots=True)
class Classifier:
    """The practice's rules with the addresses that are inside it (canonical spelling)."""

    rules: tuple[KindRule, ...] = ()
    domains: frozenset[str] = frozenset()
    staff: frozenset[str] = frozenset()
    management: frozenset[str] = frozenset()
    client_title: re.Pattern[str] | None = None

    def is_outside(self, address: str) -> bool:
        """Whether an address belongs to nobody of the practice."""
        address = canonical_address(address)
        return address not in self.staff | self.management and domain_of(address) not in self.domains

    def classify(self, traits: EntryTraits, clinician: str, names: Pseudonyms) -> tuple[Kind, str | None]:
        """The kind of an entry and its client's pseudonym: for a session, or for time with a client that is none.

        The client is the first outside attendee; without one, what ``client_title`` finds in the title (its group
        ``client``, else its first group, else the whole match).
        """
        outside = [address for address in traits.attendees if self.is_outside(address)]
        kind = next((rule.kind for rule in self.rules if rule.matches(traits)), None)
        if kind is None:
            kind = Kind.SESSION if outside else Kind.OTHER
        if kind in _OUTSIDE_THE_FRAME:
            return kind, names.person(clinician, outside[0]) if outside else None
        if kind is not Kind.SESSION:
            return kind, None
        client = outside[0] if outside else self._client_in(traits.title)
        return kind, names.person(clinician, client) if client else None

    def explain(self, traits: EntryTraits, record: CalendarEvent) -> ClassifiedEntry:
        """What became of an entry, with its title and the rule that decided."""
        number = next((number for number, rule in enumerate(self.rules, 1) if rule.matches(traits)), None)
        otherwise = "somebody from outside" if record.kind is Kind.SESSION else "no rule"
        rule = f"rule {number}" if number else otherwise
        return ClassifiedEntry(record.start, record.end, traits.title, record.kind, record.client, rule)

    def _client_in(self, title: str) -> str | None:
        found = self.client_title.search(title) if self.client_title else None
        if found is None:
            return None
        return found.groupdict().get("client") or next((group for group in found.groups() if group), found.group())

    def counterpart_kind(self, address: str) -> CounterpartKind:
        """Who a correspondent is: management before colleague before machine; everybody else counts as a client."""
        address = canonical_address(address)
        if address in self.management:
            return CounterpartKind.MANAGEMENT
        if not self.is_outside(address):
            return CounterpartKind.COLLEAGUE
        return CounterpartKind.AUTOMATIC if _MACHINE.match(address) else CounterpartKind.CLIENT
