"""Weeks of single clients: the detector's input, and the signs of a drifting frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.records import CounterpartKind, Kind
from monitor.analysis.client_weeks import client_weeks_from
from monitor.analysis.frames import Frames
from tests.monitor.facts import Row, actual_times, day, event, frames, message, term

MONDAY = day("2026-03-02")


def weekly(client: int, weeks: int = 12, past: float = 0.0) -> tuple[list[Row], list[Row]]:
    """Return a session every Monday at the client's own time, each ``past`` minutes later than the one before."""
    entries, times = [], []
    for number, on_day in enumerate(pd.date_range("2026-01-05", periods=weeks, freq="7D")):
        start, booked = on_day + pd.Timedelta(hours=9 + client), on_day + pd.Timedelta(hours=9 + client, minutes=50)
        ended = booked + pd.Timedelta(minutes=past * number)
        entries.append(event(f"{start}", f"{booked}", client=client, uid=f"{client}-{number}"))
        times.append(actual_times(f"{start + pd.Timedelta(minutes=1)}", f"{ended}", uid=f"{client}-{number}"))
    return entries, times


def sent(when: str, client: int = 1, channel: str = "email") -> Row:
    return message(when, out=True, client=client, channel=channel)


def to_a_colleague(when: str) -> Row:
    """Return a message to a colleague; without any message, the mail of a week with sessions counts as unread."""
    return message(when, out=True, client=98, kind=CounterpartKind.COLLEAGUE)


def client_frames(*mail: Row, past: float = 0.0, terms: tuple[Row, ...] = ()) -> Frames:
    """Return the frames of two weekly clients."""
    first, two = weekly(1, past=past), weekly(2)
    around = [message(f"2026-{on_day} 10:00", client=99) for on_day in ("01-05", "03-25")]
    around += [
        to_a_colleague(f"{on_day:%Y-%m-%d} 12:00") for on_day in pd.date_range("2026-01-05", periods=12, freq="7D")
    ]
    return frames(entries=[*first[0], *two[0]], times=[*first[1], *two[1]], mail=[*around, *mail], terms=terms)


def test_contacts_and_exposure_by_week_and_client() -> None:
    mail = [sent("2026-03-03 10:00"), sent("2026-03-04 10:00"), sent("2026-03-04 10:05"), sent("2026-03-04 10:00", 2)]
    result = client_weeks_from(client_frames(*mail))

    assert result.contacts.loc[MONDAY].to_dict() == {1: 2, 2: 1}
    assert result.exposure.loc[MONDAY].to_dict() == {1: 1, 2: 1}
    assert result.contacts.shape[1] == 2


def test_a_week_does_not_count_for_who_is_not_active_nor_in_a_leave() -> None:
    discharged = (term(2, "standing", "discharged", "2026-01-20"), term(2, "standing", "client", "2026-03-30"))
    entries, _ = weekly(1)
    leave = event("2026-03-02 00:00", "2026-03-09 00:00", kind=Kind.LEAVE, all_day=True)
    mail = [to_a_colleague(f"{on_day:%Y-%m-%d} 12:00") for on_day in pd.date_range("2026-01-05", periods=12, freq="7D")]
    early = [event(f"2026-01-{on_day} 11:00", f"2026-01-{on_day} 11:50", client=2) for on_day in ("05", "12", "19")]
    result = client_weeks_from(frames(entries=[*entries, *early, leave], mail=mail, terms=discharged))

    assert np.isnan(result.contacts[2].loc[day("2026-02-02")])
    assert not np.isnan(result.contacts[1].loc[day("2026-02-02")])
    assert np.isnan(result.contacts.loc[MONDAY]).all()


def test_what_an_emergency_protocol_covers_is_no_contact_here() -> None:
    mail = [sent("2026-03-03 21:00"), sent("2026-03-04 10:00")]

    assert client_weeks_from(client_frames(*mail, terms=(term(1, "emergency", "yes"),))).contacts.loc[MONDAY, 1] == 1
    assert client_weeks_from(client_frames(*mail)).contacts.loc[MONDAY, 1] == 2
