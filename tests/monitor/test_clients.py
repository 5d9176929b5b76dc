"""One client at a time: what a pair's detector is given, and the signs that a frame drifts."""

from __future__ import annotations

from itertools import combinations
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import Kind
from monitor.analysis.clients import LAST, drift_signals, pair_weeks, theil_sen
from monitor.analysis.frames import Frames
from tests.monitor.facts import EXAMPLES, Row, day, event, frames, message, seen_times, term

MONDAY = day("2026-03-02")


def weekly(client: int, weeks: int = 12, past: float = 0.0) -> tuple[list[Row], list[Row]]:
    """A session every Monday at a time of the client's own, each ``past`` minutes later than the one before."""
    entries, times = [], []
    for number, on in enumerate(pd.date_range("2026-01-05", periods=weeks, freq="7D")):
        start, booked = on + pd.Timedelta(hours=9 + client), on + pd.Timedelta(hours=9 + client, minutes=50)
        ended = booked + pd.Timedelta(minutes=past * number)
        entries.append(event(f"{start}", f"{booked}", client=client, uid=f"{client}-{number}"))
        times.append(seen_times(f"{start + pd.Timedelta(minutes=1)}", f"{ended}", uid=f"{client}-{number}"))
    return entries, times


def sent(when: str, client: int = 1, channel: str = "email") -> Row:
    return message(when, out=True, client=client, channel=channel)


def lives(*mail: Row, past: float = 0.0, terms: tuple[Row, ...] = ()) -> Frames:
    """Two clients seen weekly."""
    one, two = weekly(1, past=past), weekly(2)
    around = [message(f"2026-{on} 10:00", client=99) for on in ("01-05", "03-25")]
    return frames(entries=[*one[0], *two[0]], times=[*one[1], *two[1]], mail=[*around, *mail], terms=terms)


def week_of(found: Frames, client: int = 1, week: int = MONDAY) -> pd.Series:
    table = drift_signals(found)
    return table[(table["client"] == client) & (table["week"] == week)].iloc[0]


def test_contacts_and_exposure_by_week_and_client() -> None:
    mail = [sent("2026-03-03 10:00"), sent("2026-03-04 10:00"), sent("2026-03-04 10:05"), sent("2026-03-04 10:00", 2)]
    found = pair_weeks(lives(*mail))

    assert found.contacts.loc[MONDAY].to_dict() == {1: 2, 2: 1}
    assert found.exposure.loc[MONDAY].to_dict() == {1: 1, 2: 1}
    assert found.contacts.shape[1] == 2


def test_a_week_does_not_count_for_who_is_not_active_nor_in_a_leave() -> None:
    discharged = (term(2, "standing", "discharged", "2026-01-20"), term(2, "standing", "client", "2026-03-30"))
    entries, _ = weekly(1)
    off = event("2026-03-02 00:00", "2026-03-09 00:00", kind=Kind.LEAVE, all_day=True)
    seen = [message(f"2026-{on} 10:00", client=99) for on in ("01-05", "03-25")]
    early = [event(f"2026-01-{on} 11:00", f"2026-01-{on} 11:50", client=2) for on in ("05", "12", "19")]
    found = pair_weeks(frames(entries=[*entries, *early, off], mail=seen, terms=discharged))

    assert np.isnan(found.contacts[2].loc[day("2026-02-02")])
    assert not np.isnan(found.contacts[1].loc[day("2026-02-02")])
    assert np.isnan(found.contacts.loc[MONDAY]).all()


def test_what_an_emergency_protocol_covers_is_no_contact_here() -> None:
    mail = [sent("2026-03-03 21:00"), sent("2026-03-04 10:00")]

    assert pair_weeks(lives(*mail, terms=(term(1, "emergency", "yes"),))).contacts.loc[MONDAY, 1] == 1
    assert pair_weeks(lives(*mail)).contacts.loc[MONDAY, 1] == 2


def test_shares_off_the_agreement_and_after_hours() -> None:
    mail = [
        sent("2026-03-03 10:00"),
        sent("2026-03-04 21:00"),
        sent("2026-03-05 10:00", channel="sms"),
        sent("2026-03-06 10:00"),
    ]
    signs = week_of(lives(*mail, terms=(term(1, "channels", "email"), term(1, "contact_hours", "09:00-18:00"))))

    assert signs[["contacts", "sessions", "off_agreement_share", "after_hours_share"]].tolist() == [4, 1, 50, 25]
    assert np.isnan(week_of(lives(*mail))["off_agreement_share"])


def test_sessions_beyond_the_agreed_frequency_are_extra() -> None:
    extra = event("2026-03-05 10:00", "2026-03-05 10:50", client=1)
    one, _ = weekly(1)
    signs = week_of(frames(entries=[*one, extra], terms=[term(1, "frequency", "0.5")]))

    assert signs["extra_sessions"] == 1
    assert np.isnan(week_of(frames(entries=[*one, extra]))["extra_sessions"])


def test_the_slope_of_overruns_is_over_the_last_eight_sessions() -> None:
    found = drift_signals(lives(past=1.5)).set_index(["client", "week"])["overrun_slope"]

    assert found[1].dropna().unique().tolist() == [1.5]
    assert found[2].dropna().unique().tolist() == [0]
    assert found[1].notna().sum() == 12 - (LAST - 1)


def test_replies_that_come_ever_faster_have_a_falling_slope() -> None:
    mail = []
    for number, on in enumerate(pd.date_range("2026-01-06", periods=9, freq="7D")):
        asked = on + pd.Timedelta(hours=10)
        mail += [message(f"{asked}"), sent(f"{asked + pd.Timedelta(minutes=255 / 2**number)}"[:19])]

    assert week_of(lives(*mail))["reply_slope"] == pytest.approx(-1, abs=0.2)


groups = st.lists(st.integers(0, 2), max_size=40).map(sorted)


@settings(max_examples=EXAMPLES)
@given(groups, st.data())
def test_the_slope_is_the_median_over_all_pairs(of: list[int], data: st.DataObject) -> None:
    values = [float(data.draw(st.integers(-50, 50))) for _ in of]
    found = theil_sen(np.array(of, dtype=np.int64), np.array(values))

    for place, group in enumerate(of):
        own = [values[at] for at in range(place + 1) if of[at] == group][-LAST:]
        if len(own) < LAST:
            assert np.isnan(found[place])
        else:
            slopes = [(b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(own), 2)]
            assert found[place] == pytest.approx(median(slopes))
