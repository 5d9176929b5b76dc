"""Roles guessed from the names of columns and the kind of their cells, in English and some German and French."""

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
class ColumnProfile:
    """The name of a column and the kind of its cells; ``distinct`` if no two rows have the same value."""

    name: str
    kind: CellKind
    distinct: bool = False

    def mentions(self, *topics: str) -> bool:
        """Return ``True`` if the name has a word of each topic."""
        words = name_words(self.name)
        return all(words & _VOCABULARY[topic] for topic in topics)


def name_words(name: str) -> frozenset[str]:
    """Return the words of a column's name: lower case, without accents, also of names WrittenLikeThis."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    unaccented = "".join(
        character for character in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(character)
    )
    return frozenset(re.findall(r"[a-z]+|\d+", unaccented.lower()))


def guess_roles(columns: Sequence[ColumnProfile]) -> dict[str, str]:
    """Return the likely roles, each with its column or two columns joined by a plus."""
    # A birthday or a payment date would otherwise be taken for a session's.
    columns = [column for column in columns if not column.mentions("another matter")]
    direction = _first_name(columns, lambda column: column.mentions("direction"))
    if direction:
        date_columns = [column for column in columns if column.kind is CellKind.DAY and column.mentions("day")]
        roles = {
            "sent_at": _time_column(columns, "sent", date_columns),
            "direction": direction,
            "counterpart": _first_name(columns, lambda column: column.mentions("counterpart")),
            "thread": _first_name(columns, lambda column: column.mentions("thread")),
            "automatic": _first_name(columns, lambda column: column.mentions("automatic")),
        }
    else:
        roles = _time_roles(columns)

    used = set(roles.values())
    candidates = [
        column for column in columns if column.kind in {CellKind.TEXT, CellKind.NUMBER} and column.name not in used
    ]
    people = [column for column in candidates if not column.mentions("status")]
    identifying = [column for column in people if column.distinct and not column.mentions("client")]
    roles["id"] = _first_name(identifying, lambda column: column.mentions("entry", "identifier")) or _first_name(
        identifying, lambda column: name_words(column.name) == {"id"}
    )
    if not direction:
        roles["clinician"] = _first_name(people, lambda column: column.mentions("clinician"))
        roles["client"] = _first_name(people, lambda column: column.mentions("client", "identifier")) or _first_name(
            people, lambda column: column.mentions("client")
        )
        roles["status"] = _first_name(candidates, lambda column: column.mentions("status"))
    return {role: name for role, name in roles.items() if name}


def _time_roles(columns: Sequence[ColumnProfile]) -> dict[str, str]:
    """Return the roles of the times of visits or calls."""
    booked = [column for column in columns if not column.mentions("actual")]
    actual = [column for column in columns if column.mentions("actual")]
    date_columns = [column for column in booked if column.kind is CellKind.DAY and column.mentions("day")]
    instant_name = _first_name(booked, lambda column: column.kind is CellKind.INSTANT and column.mentions("day"))
    times = {
        "booked_start": _time_column(booked, "start", date_columns) or instant_name,
        "booked_end": _time_column(booked, "end", date_columns),
        "booked_minutes": _duration_column(booked),
        "actual_start": _time_column(actual, "start", date_columns),
        "actual_end": _time_column(actual, "end", date_columns),
        "actual_minutes": _duration_column(actual),
    }
    # The times of a call log are actual times, whatever their names.
    if not actual and any(column.mentions("call", "start") for column in columns):
        times = {role.replace("booked", "actual"): times[role] for role in times if role.startswith("booked")}
    for prefix in ("booked", "actual"):
        if times.get(f"{prefix}_end") or not times.get(f"{prefix}_start"):
            times.pop(f"{prefix}_minutes", None)
    return times


def _time_column(columns: Sequence[ColumnProfile], topic: str, date_columns: Sequence[ColumnProfile]) -> str:
    """Return the column of an instant, or a column of dates and one of times joined by a plus."""
    matching = [column for column in columns if column.mentions(topic)]
    instant_name = _first_name(matching, lambda column: column.kind is CellKind.INSTANT)
    time_name = _first_name(matching, lambda column: column.kind is CellKind.CLOCK and not column.mentions("minutes"))
    date_name = _first_name(matching, lambda column: column.kind is CellKind.DAY) or _first_name(
        date_columns, lambda _: True
    )
    return instant_name or (f"{date_name} + {time_name}" if date_name and time_name else "")


def _duration_column(columns: Sequence[ColumnProfile]) -> str:
    return _first_name(
        columns, lambda column: column.kind in {CellKind.NUMBER, CellKind.CLOCK} and column.mentions("minutes")
    )


def _first_name(columns: Iterable[ColumnProfile], is_match: Callable[[ColumnProfile], bool]) -> str:
    return next((column.name for column in columns if is_match(column)), "")
