"""Classification of calendar entries by the practice's rules: a title becomes a kind and a client's pseudonym.

The rules are ordered; the first that matches decides. An entry that no rule matches is a session if somebody from
outside attends, and *other* if not. *Outside* is whoever is neither in the roster nor in the practice's domains; it is
never inferred. The traits that rules look at are not kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from connectors.pseudonyms import Pseudonyms, canonical_address
from connectors.records import CalendarEvent, CounterpartKind, Kind

_CONTACT_KINDS = frozenset({Kind.PERSONAL, Kind.OTHER})  # may be with a client and no session, such as a coffee
# Addresses from which no person writes. They still count as outside, but not as clients.
_MACHINE = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|notifications?)([-+.=_].*)?@")


@dataclass(frozen=True, slots=True)
class EntryTraits:
    """The traits of an entry that rules may look at; in memory only."""

    title: str = ""
    calendar: str = ""
    categories: tuple[str, ...] = ()
    colour: str = ""
    attendees: tuple[str, ...] = ()


class ClassifiedEntry(NamedTuple):
    """An entry as the practice's rules classify it, for its owner's own screen; never stored."""

    start: datetime
    end: datetime
    title: str
    kind: Kind
    client: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class KindRule:
    """One ``[[kinds]]`` entry: every condition that is set must be met. Patterns ignore case."""

    kind: Kind
    title: re.Pattern[str] | None = None
    calendar: str | None = None
    category: str | None = None
    colour: str | None = None
    attendee_domain: str | None = None

    def matches(self, traits: EntryTraits) -> bool:
        """Return ``True`` if the rule decides an entry with these traits."""
        return (
            (self.title is None or self.title.search(traits.title) is not None)
            and (self.calendar is None or self.calendar.lower() == traits.calendar.lower())
            and (self.category is None or self.category.lower() in {name.lower() for name in traits.categories})
            and (self.colour is None or self.colour.lower() == traits.colour.lower())
            and (self.attendee_domain is None or self.attendee_domain.lower() in map(domain_of, traits.attendees))
        )


def domain_of(address: str) -> str:
    """Return the part after the @ in lower case; empty for a phone number."""
    return canonical_address(address).rpartition("@")[2] if "@" in address else ""


@dataclass(frozen=True, slots=True)
class Classifier:
    """The practice's rules, with the addresses inside the practice in canonical spelling."""

    rules: tuple[KindRule, ...] = ()
    domains: frozenset[str] = frozenset()
    staff: frozenset[str] = frozenset()
    management: frozenset[str] = frozenset()
    client_title: re.Pattern[str] | None = None

    def is_outside(self, address: str) -> bool:
        """Return ``True`` if the address belongs to nobody in the practice."""
        address = canonical_address(address)
        return address not in self.staff | self.management and domain_of(address) not in self.domains

    def classify(self, traits: EntryTraits, clinician: str, pseudonyms: Pseudonyms) -> tuple[Kind, str | None]:
        """Return an entry's kind, and its client's pseudonym for a session or another contact with a client.

        The client is the first outside attendee, else the match of ``client_title`` in the title (its group ``client``,
        else its first group, else the whole match).
        """
        outside = [address for address in traits.attendees if self.is_outside(address)]
        kind = next((rule.kind for rule in self.rules if rule.matches(traits)), None)
        if kind is None:
            kind = Kind.SESSION if outside else Kind.OTHER
        # Of a private entry only attendees are looked at: its title is no client's name.
        if kind in _CONTACT_KINDS:
            return kind, pseudonyms.person(clinician, outside[0]) if outside else None
        if kind is not Kind.SESSION:
            return kind, None
        client = outside[0] if outside else None
        match = self.client_title.search(traits.title) if self.client_title and client is None else None
        if match:
            groups = (group for group in match.groups() if group)
            client = match.groupdict().get("client") or next(groups, match.group())
        return kind, pseudonyms.person(clinician, client) if client else None

    def explain(self, traits: EntryTraits, record: CalendarEvent) -> ClassifiedEntry:
        """Return the entry of a record with its title and the rule that decided."""
        number = next((number for number, rule in enumerate(self.rules, 1) if rule.matches(traits)), None)
        default = "somebody from outside" if record.kind is Kind.SESSION else "no rule"
        rule = f"rule {number}" if number else default
        return ClassifiedEntry(record.start, record.end, traits.title, record.kind, record.client, rule)

    def counterpart_kind(self, address: str) -> CounterpartKind:
        """Return the kind of a correspondent: management, else colleague, else automatic, else client."""
        address = canonical_address(address)
        if address in self.management:
            return CounterpartKind.MANAGEMENT
        if not self.is_outside(address):
            return CounterpartKind.COLLEAGUE
        return CounterpartKind.AUTOMATIC if _MACHINE.match(address) else CounterpartKind.CLIENT
