"""Writer of the demonstration practice's ``evenhours.toml``, in the form a person would write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from monitor.demo.days import starts_on
from monitor.demo.logs import CALL_INSTANT, SYSTEM_INSTANT
from monitor.demo.practice import DIRECTOR, DOMAIN, PEOPLE, ZONE, DemoClinician, Horizon, WorkPattern

FILE_NAME = "evenhours.toml"
SYSTEM_CSV = "practice-system.csv"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PRACTICE = f"""# The demonstration practice: invented people in ordinary files, read by the ordinary connectors.

[practice]
name = "Harbour Street"
country = "GB"
subdivision = "ENG"
region = "GB"
zone = "{ZONE}"
domains = ["{DOMAIN}"]
management = ["{DIRECTOR}"]
client_title = "Client (?P<client>[A-Z]{{2}}[0-9]{{2}})"
contacts = ["Morag, supervisor: morag@supervision.example", "Peer consultation, first Monday of the month, 13:00"]

# What an entry of a calendar is: the first rule that matches decides. No rule and somebody from outside: a session.
"""
_KINDS = (
    ("leave", "annual leave|^leave$|^sick"),
    ("supervision", "supervision|case consult"),
    ("training", "training|cpd"),
    ("on_call", "^on call"),
    ("protected", "^lunch|protected"),
    ("administration", "team meeting"),
    ("session", "^client [A-Z]{2}[0-9]{2}$"),
)
_SYSTEM_COLUMNS = {
    "id": "Appointment",
    "clinician": "Clinician",
    "client": "Client",
    "booked_start": "Start",
    "booked_end": "End",
    "actual_start": "Actual start",
    "actual_end": "Actual end",
    "status": "Status",
}
_CALL_COLUMNS = {"id": "Meeting ID", "actual_start": "Joined", "actual_end": "Left"}
_STATUS_WORDS = {
    "held": ["Show", "Scheduled"],
    "cancelled": ["Cancelled"],
    "clinician_cancelled": ["Clinician Cancelled"],
    "late_cancelled": ["Late Cancelled"],
    "no_show": ["No Show"],
}


def settings_text(horizon: Horizon) -> str:
    """Return the text of the configuration."""
    blocks = [_PRACTICE, *(_table("[[kinds]]", kind=kind, title=title) for kind, title in _KINDS)]
    blocks += [_clinician(person, horizon) for person in PEOPLE]
    blocks += [source for person in PEOPLE for source in _sources(person, horizon)]
    return "\n".join([*blocks, _system(horizon)])


def mail_path(person: DemoClinician) -> str:
    """Return the path of a clinician's mail."""
    return f"{person.key}-mail" if person.mail == "maildir" else f"{person.key}.mbox"


def _table(header: str, **values: object) -> str:
    """Return one table; a value that is TOML text already is a :class:`_TomlText`."""
    return "\n".join([header, *(f"{key} = {_value(value)}" for key, value in values.items()), ""])


class _TomlText(str):
    """A value that is TOML text already."""

    __slots__ = ()


def _value(value: object) -> str:
    # A JSON string, number, boolean or list of strings is valid TOML.
    return str(value) if isinstance(value, _TomlText) else json.dumps(value)


def _clinician(person: DemoClinician, horizon: Horizon) -> str:
    joined = {} if person.joined is None else {"starts": _TomlText(starts_on(person, horizon).isoformat())}
    zone = {} if person.zone == ZONE else {"zone": person.zone}
    hours = _TomlText(f"[\n{''.join(_hours(pattern, horizon) for pattern in person.patterns)}]")
    return _table(
        "[[clinician]]",
        key=person.key,
        name=person.name,
        fte=person.fte,
        **joined,
        **zone,
        addresses=[person.address],
        hours=hours,
    )


def _hours(pattern: WorkPattern, horizon: Horizon) -> str:
    since = horizon.first if pattern.weeks_ago is None else horizon.monday(pattern.weeks_ago)
    days = ", ".join(f"{_DAYS[weekday]} = {json.dumps(list(spans))}" for weekday, spans in sorted(pattern.days.items()))
    return f"  {{ from = {since.isoformat()}, {days} }},\n"


def _sources(person: DemoClinician, horizon: Horizon) -> Iterator[str]:
    """Yield the sources of one clinician: calendar, mail, call log and other job."""
    key, window = person.key, _window(horizon)
    yield _source(f"{key}-calendar", "ics", clinician=key, path=f"{key}.ics", window=window)
    if person.mail:
        yield _source(f"{key}-mail", person.mail, clinician=key, path=mail_path(person), window=window)
    if person.ends == "calls":
        yield _source(f"{key}-calls", "csv", clinician=key, path=f"{key}-calls.csv", window=window)
        yield _table("[source.columns]", **_CALL_COLUMNS)
        yield _table("[source.format]", instant=CALL_INSTANT, zone="UTC")
    if person.other_job:
        path = f"{key}-other-job.ics"
        yield _source(f"{key}-other-job", "ics", clinician=key, path=path, window=window, busy_only=True)


def _system(horizon: Horizon) -> str:
    keys = [person.key for person in PEOPLE if person.ends == "system"]
    return "\n".join(
        [
            _source("practice-system", "csv", clinicians=keys, path=SYSTEM_CSV, window=_window(horizon)),
            _table("[source.columns]", **_SYSTEM_COLUMNS),
            _table("[source.format]", instant=SYSTEM_INSTANT, zone=ZONE, **_STATUS_WORDS),
        ]
    )


def _source(name: str, kind: str, **values: object) -> str:
    return _table("[[source]]", name=name, kind=kind, **values)


def _window(horizon: Horizon) -> _TomlText:
    # One day more, for clinicians in other zones than the practice.
    return _TomlText(f"{{ from = {(horizon.first - timedelta(days=1)).isoformat()}, to = {horizon.end.isoformat()} }}")
