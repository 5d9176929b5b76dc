from __future__ import annotations

from datetime import date, datetime

import pytest

from reports import wording
from reports.models import Unit


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (8, Unit.COUNT, "8"),
        (7.5, Unit.COUNT, "7.5"),
        (38, Unit.MINUTES, "38 min"),
        (161, Unit.MINUTES, "2 h 41"),
        (66.4, Unit.MINUTES, "1 h 06"),
        (59.6, Unit.MINUTES, "1 h"),
        (120, Unit.MINUTES, "2 h"),
        (1.4, Unit.MINUTES, "1.4 min"),
        (0, Unit.MINUTES, "0 min"),
        (-3, Unit.MINUTES, "−3 min"),
        (-0.001, Unit.MINUTES, "0 min"),
        (18.5, Unit.HOURS, "18.5 h"),
        (20, Unit.HOURS, "20 h"),
        (25, Unit.PERCENT, "25 %"),
        (1, Unit.DAYS, "1 day"),
        (12, Unit.DAYS, "12 days"),
        (21.44, Unit.LOAD, "21.4"),
    ],
)
def test_a_quantity_is_written_with_its_unit(value: float, unit: Unit, words: str) -> None:
    assert wording.quantity(value, unit) == words


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_no_value_is_a_dash_and_never_zero(nothing: float | None, unit: Unit) -> None:
    assert wording.quantity(nothing, unit) == "–"


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [
        (66, 101, Unit.MINUTES, "1 h 06 – 1 h 41"),
        (44, 65, Unit.MINUTES, "44 min – 1 h 05"),
        (38, 52, Unit.MINUTES, "38 – 52 min"),
        (7, 12, Unit.COUNT, "7 – 12"),
        (20, 25, Unit.PERCENT, "20 – 25 %"),
        (5, 5, Unit.COUNT, "5"),
        (None, None, Unit.COUNT, "–"),
    ],
)
def test_a_range_has_a_shared_unit_once(low: float | None, high: float | None, unit: Unit, words: str) -> None:
    assert wording.value_range(low, high, unit) == words


@pytest.mark.parametrize(("value", "words"), [(22, "+22 %"), (-4.4, "−4 %"), (0.3, "0 %"), (-0.3, "0 %"), (None, "–")])
def test_a_difference_shows_its_sign(value: float | None, words: str) -> None:
    assert wording.signed_percent(value) == words


@pytest.mark.parametrize(
    ("hour", "words"), [(0, "midnight"), (6, "6 am"), (12, "noon"), (15, "3 pm"), (24, "midnight"), (27, "3 am")]
)
def test_hours_go_on_after_midnight(hour: int, words: str) -> None:
    assert wording.hour(hour) == words


def test_days_and_lists_are_plain_english_whatever_the_locale() -> None:
    day = date(2025, 11, 3)
    assert (wording.weekday(day), wording.short_weekday(day)) == ("Monday", "Mon")
    assert wording.full_date(day) == "3 November 2025"
    assert wording.iso_week(date(2027, 1, 1)) == "2026-W53"
    assert wording.listed(["phone", "portal", "fax"]) == "phone, portal and fax"
    assert (wording.listed(["phone"]), wording.listed([])) == ("phone", "")
    assert wording.moment(datetime(2025, 11, 9, 23, 59)) == "Sunday night"  # noqa: DTZ001 - local
    assert (wording.clock(18.5), wording.clock(25), wording.clock(24)) == ("18:30", "1:00", "24:00")
    assert (wording.counted(1, "session"), wording.counted(1260, "event")) == ("1 session", "1,260 events")


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2025, 11, 3), date(2025, 11, 3), "3 November"),
        (date(2025, 11, 3), date(2025, 11, 5), "3 to 5 November"),
        (date(2025, 11, 30), date(2025, 12, 2), "30 November to 2 December"),
        (date(2024, 11, 3), date(2025, 11, 5), "3 November to 5 November"),
    ],
)
def test_days_between_name_their_month_once(first: date, last: date, words: str) -> None:
    assert wording.days_between(first, last) == words
