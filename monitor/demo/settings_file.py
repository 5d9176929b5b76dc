"""Writer of the demonstration practice's ``evenhours.toml``, in the form a person would write."""

from __future__ import annotations

import json
from datetime import timedelta

from monitor.demo.days import starts_on
from monitor.demo.logs import CALL_INSTANT, SYSTEM_INSTANT
from monitor.demo.practice import DIRECTOR, DOMAIN, PEOPLE, ZONE, DemoClinician, Horizon

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
    # One day more, for clinicians in other zones than the practice.
    first = horizon.first - timedelta(days=1)
    window = _TomlText(f"{{ from = {first.isoformat()}, to = {horizon.end.isoformat()} }}")
    blocks = [_PRACTICE, *(_table("[[kinds]]", kind=kind, title=title) for kind, title in _KINDS)]
    for person in PEOPLE:
        hours = ""
        for pattern in person.patterns:
            since = horizon.first if pattern.weeks_ago is None else horizon.monday(pattern.weeks_ago)
            days = (f"{_DAYS[weekday]} = {json.dumps(list(spans))}" for weekday, spans in sorted(pattern.days.items()))
            hours += f"  {{ from = {since.isoformat()}, {', '.join(days)} }},\n"
        joined = {} if person.joined is None else {"starts": _TomlText(starts_on(person, horizon).isoformat())}
        zone = {} if person.zone == ZONE else {"zone": person.zone}
        blocks.append(
            _table(
                "[[clinician]]",
                key=person.key,
                name=person.name,
                fte=person.fte,
                **joined,
                **zone,
                addresses=[person.address],
                hours=_TomlText(f"[\n{hours}]"),
            )
        )
    for person in PEOPLE:
        key = person.key
        blocks.append(_source(f"{key}-calendar", "ics", clinician=key, path=f"{key}.ics", window=window))
        if person.mail:
            blocks.append(_source(f"{key}-mail", person.mail, clinician=key, path=mail_path(person), window=window))
        if person.ends == "calls":
            blocks += [
                _source(f"{key}-calls", "csv", clinician=key, path=f"{key}-calls.csv", window=window),
                _table("[source.columns]", **_CALL_COLUMNS),
                _table("[source.format]", instant=CALL_INSTANT, zone="UTC"),
            ]
        if person.other_job:
            path = f"{key}-other-job.ics"
            blocks.append(_source(f"{key}-other-job", "ics", clinician=key, path=path, window=window, busy_only=True))
    in_system = [person.key for person in PEOPLE if person.ends == "system"]
    blocks += [
        _source("practice-system", "csv", clinicians=in_system, path=SYSTEM_CSV, window=window),
        _table("[source.columns]", **_SYSTEM_COLUMNS),
        _table("[source.format]", instant=SYSTEM_INSTANT, zone=ZONE, **_STATUS_WORDS),
    ]
    return "\n".join(blocks)


def mail_path(person: DemoClinician) -> str:
    """Return the path of a clinician's mail."""
    return f"{person.key}-mail" if person.mail == "maildir" else f"{person.key}.mbox"


class _TomlText(str):
    """A value that is TOML text already."""

    __slots__ = ()


def _table(header: str, **values: object) -> str:
    lines = [header]
    for key, value in values.items():
        # A JSON string, number, boolean or list of strings is valid TOML.
        lines.append(f"{key} = {value if isinstance(value, _TomlText) else json.dumps(value)}")
    return "\n".join([*lines, ""])


def _source(name: str, kind: str, **values: object) -> str:
    return _table("[[source]]", name=name, kind=kind, **values)
