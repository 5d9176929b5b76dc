"""Tests of reading and writing hours as people write them."""

from __future__ import annotations

import pytest

from monitor.config.hours import format_span, overlapping_spans, parse_minutes, parse_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("09:00-13:00", (540, 780)),
        ("9:00-13:00", (540, 780)),
        (" 09:00 – 13:00 ", (540, 780)),
        ("22:00-06:00", (1320, 1800)),
        ("18:00-24:00", (1080, 1440)),
        ("18:00-00:00", (1080, 1440)),
        ("00:00-24:00", (0, 1440)),
        ("23:59-23:58", (1439, 2878)),
        ("9-17", (540, 1020)),
        ("9:30-17", (570, 1020)),
        ("18-24", (1080, 1440)),
        ("22:00-6", (1320, 1800)),
    ],
)
def test_a_span_is_minutes_from_the_midnight_of_its_first_day(text: str, span: tuple[int, int]) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9.30-13",
        "9",
        "9-13, 14-18",
        "25:00-26:00",
        "09:60-10:00",
        "24:00-06:00",
        "09:00",
        "09:00-13:00-14:00",
        "09:00-24:01",
        "٠٩:٠٠-١٣:٠٠",
    ],
)
def test_the_error_for_an_invalid_span_shows_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_span(text)
    assert str(error.value) == f'"{text}" is not a span of hours; write it like "09:00-13:00"'


@pytest.mark.parametrize("text", ["9-5", "22-6"])
def test_hours_alone_are_not_taken_for_a_night(text: str) -> None:
    with pytest.raises(ValueError, match="could be a day or a night"):
        parse_span(text)


def test_a_span_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match='a whole day is "00:00-24:00"'):
        parse_span("09:00-09:00")


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("4:00", 240), ("23:59", 1439)])
def test_a_time_of_day_is_minutes_after_midnight(text: str, minutes: int) -> None:
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["4", "24:00", "04:60", "04:00:00", "-1:00"])
def test_a_text_that_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        parse_minutes(text)


def test_spans_that_touch_do_not_overlap() -> None:
    assert list(overlapping_spans([(780, 900), (540, 780)])) == []
    assert list(overlapping_spans([(780, 900), (540, 781)])) == [((540, 781), (780, 900))]


@pytest.mark.parametrize("text", ["09:00-13:00", "22:00-06:00", "18:00-24:00"])
def test_a_span_reads_back_as_it_was_written(text: str) -> None:
    assert format_span(parse_span(text)) == text
