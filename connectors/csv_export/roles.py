"""What a column's name and the look of its cells say of its role, in English and some German and French."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from connectors.csv_export.patterns import CellKind

_VOCABULARY = {
    topic: frozenset(words.split())
    for topic, words in {
        "actual": "actual real true check checked tatsachlich tatsachlicher tatsachliches ist reel reelle effectif",
        "start": "start starts started begin begins began beginn from von debut in arrival arrived join joined",
        "end": "end ends ended finish finished to until bis ende fin out stop leave left",
        "minutes": "duration minutes mins min length dauer duree",
        "day": "date day dos datum tag jour datetime",
        "another matter": "created updated modified birth dob birthday paid payment invoice billed cancelled canceled "
        "signed due geburt geburtsdatum naissance",
        "status": "status state outcome attendance statut",
        "client": "client patient patientin klient klientin customer mrn patientennummer patientennr klientennummer",
        "clinician": "clinician provider therapist staff practitioner counselor counsellor behandler behandlerin "
        "therapeut therapeutin praticien therapeute employee",
        "entry": "appointment appt visit session encounter event booking termin message call meeting rdv terminnummer",
        "identifier": "id no number nr code key identifier identifiant nummer numero uuid guid sid mrn patientennummer "
        "patientennr klientennummer terminnummer",
        "call": "call calls join joined leave left meeting anruf appel",
        "sent": "sent timestamp time date datetime when gesendet envoye start",
        "direction": "direction richtung sens",
        "counterpart": "counterpart number phone contact address nummer numero telefon telephone",
        "thread": "thread conversation chat",
        "automatic": "automatic auto automated",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it looks from outside; ``distinct`` if no two rows have the same there."""

    name: str
    kind: CellKind
    distinct: bool = False

    def says(self, *topics: str) -> bool:
        """Whether the name has a word of each topic."""
        words = words_of(self.name)
        return all(words & _VOCABULARY[topic] for topic in topics)


def words_of(name: str) -> frozenset[str]:
    """The words of a column's name: lower case, without accents, also where they are WrittenLikeThis."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(sign))
    return frozenset(re.findall(r"[a-z]+|\d+", plain.lower()))


def roles_from(columns: Sequence[Column]) -> dict[str, str]:
    """The roles that columns seem to have, each with its column or two joined by a plus."""
    columns = [column for column in columns if not column.says("another matter")]
    times = _message_times(columns) if _first(columns, lambda c: c.says("direction")) else _visit_times(columns)
    proposed = times | _others(columns, times)
    return {role: name for role, name in proposed.items() if name}


def _visit_times(columns: Sequence[Column]) -> dict[str, str]:
    booked = [column for column in columns if not column.says("actual")]
    actual = [column for column in columns if column.says("actual")]
    days = [column for column in booked if column.kind is CellKind.DAY and column.says("day")]
    whole = _first(booked, lambda c: c.kind is CellKind.INSTANT and c.says("day"))
    times = {
        "booked_start": _moment(booked, "start", days) or whole,
        "booked_end": _moment(booked, "end", days),
        "booked_minutes": _duration(booked),
        "actual_start": _moment(actual, "start", days),
        "actual_end": _moment(actual, "end", days),
        "actual_minutes": _duration(actual),
    }
    if not actual and any(column.says("call", "start") for column in columns):
        times = {role.replace("booked", "actual"): times[role] for role in times if role.startswith("booked")}
    for which in ("booked", "actual"):
        if times.get(f"{which}_end") or not times.get(f"{which}_start"):
            times.pop(f"{which}_minutes", None)
    return times


def _message_times(columns: Sequence[Column]) -> dict[str, str]:
    days = [column for column in columns if column.kind is CellKind.DAY and column.says("day")]
    return {
        "sent_at": _moment(columns, "sent", days),
        "direction": _first(columns, lambda c: c.says("direction")),
        "counterpart": _first(columns, lambda c: c.says("counterpart")),
        "thread": _first(columns, lambda c: c.says("thread")),
        "automatic": _first(columns, lambda c: c.says("automatic")),
    }


def _others(columns: Sequence[Column], times: dict[str, str]) -> dict[str, str]:
    taken = set(times.values())
    named = [
        column for column in columns if column.kind in {CellKind.TEXT, CellKind.NUMBER} and column.name not in taken
    ]
    people = [column for column in named if not column.says("status")]
    own = [column for column in people if column.distinct and not column.says("client")]
    identity = _first(own, lambda c: c.says("entry", "identifier")) or _first(own, lambda c: words_of(c.name) == {"id"})
    if "sent_at" in times:
        return {"id": identity}
    return {
        "id": identity,
        "clinician": _first(people, lambda c: c.says("clinician")),
        "client": _first(people, lambda c: c.says("client", "identifier"))
        or _first(people, lambda c: c.says("client")),
        "status": _first(named, lambda c: c.says("status")),
    }


def _moment(columns: Sequence[Column], topic: str, days: Sequence[Column]) -> str:
    """The column of an instant, or a column of days and one of times joined."""
    fitting = [column for column in columns if column.says(topic)]
    whole = _first(fitting, lambda c: c.kind is CellKind.INSTANT)
    clock = _first(fitting, lambda c: c.kind is CellKind.CLOCK and not c.says("minutes"))
    day = _first(fitting, lambda c: c.kind is CellKind.DAY) or _first(days, lambda _: True)
    return whole or (f"{day} + {clock}" if day and clock else "")


def _duration(columns: Sequence[Column]) -> str:
    return _first(columns, lambda c: c.kind in {CellKind.NUMBER, CellKind.CLOCK} and c.says("minutes"))


def _first(columns: Iterable[Column], fits: Callable[[Column], bool]) -> str:
    return next((column.name for column in columns if fits(column)), "")
