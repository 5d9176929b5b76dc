from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from reports import charts, palette, value_texts
from reports.charts.ends import spread_dots
from reports.charts.layout import WIDE, shorten, text_width
from reports.charts.rhythm import Grid, agreed_outline
from reports.models import EndState
from tests.reports import samples
from tests.reports.pages import Element, read

DRAWN: dict[str, Callable[..., str]] = {
    "rhythm": lambda **how: charts.rhythm(samples.rhythm(), "k", **how),
    "long-days": lambda **how: charts.rhythm(samples.long_days(), "k", **how),
    "ends": lambda **how: charts.session_ends(samples.session_ends(), "k", **how),
    "crowded-ends": lambda **how: charts.session_ends(samples.crowded_ends(), "k", **how),
    "ranges": lambda **how: charts.own_ranges(samples.ranges(), "k", **how),
    "shares": lambda **how: charts.shares(samples.practice(), "k", **how),
    "many-shares": lambda **how: charts.shares(samples.large_practice(), "k", **how),
    "comparison": lambda **how: charts.comparison(samples.comparison(), "k", **how),
    "short-beside": lambda **how: charts.comparison(samples.short_comparison(), "k", **how),
    "no-rows": lambda **how: charts.shares(samples.practice(()), "k", **how),
}


@pytest.fixture(params=[False, True], ids=["wide", "narrow"])
def narrow(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=DRAWN)
def figure(request: pytest.FixtureRequest, narrow: bool) -> Element:  # noqa: FBT001 - a fixture
    return read(DRAWN[request.param](narrow=narrow)).all("svg")[0]


def titles(svg: str) -> list[str]:
    """Return the labels of a figure's marks."""
    return [use.all("title")[0].words() for use in read(svg).all("use") if use.all("title")]


def test_a_figure_has_a_title_and_description(figure: Element) -> None:
    assert figure.attributes["role"] == "img"
    assert figure.attributes["aria-labelledby"] == "k-title k-desc"
    assert [e.tag for e in figure.children[:2] if isinstance(e, Element)] == ["title", "desc"]


def test_nothing_in_a_figure_needs_an_inline_style_or_another_address(figure: Element) -> None:
    everything = figure.all("*")
    assert not [e for e in everything if "style" in e.attributes or e.tag in {"style", "metadata", "script"}]
    addresses = [e.attributes["href"] for e in everything if "href" in e.attributes]
    assert all(address.startswith("#k-") for address in addresses)


def test_ids_are_unique_and_carry_the_key(figure: Element) -> None:
    ids = [e.attributes["id"] for e in figure.all("*") if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert all(name.startswith("k-") for name in ids)
    assert {e.attributes["href"][1:] for e in figure.all("use")} <= set(ids)


def test_colours_are_parts_of_the_palette(figure: Element) -> None:
    classes = {name for e in figure.all("*") for name in e.attributes.get("class", "").split()} - {"chart"}
    assert {name[2:] for name in classes} <= set(palette.LIGHT)
    paints = {e.attributes.get(name) for e in figure.all("*") for name in ("fill", "stroke")}
    assert paints <= {None, "none"}


@pytest.mark.parametrize("name", DRAWN)
def test_for_mail_and_pdf_the_colours_are_literal(name: str) -> None:
    svg = DRAWN[name](literal=True)
    assert "class=" not in svg
    assert "style=" not in svg
    assert set(re.findall(r'(?:fill|stroke)="(#\w+)"', svg)) <= set(palette.LIGHT.values())


@pytest.mark.parametrize("name", DRAWN)
def test_all_words_lie_inside_the_sheet(name: str, narrow: bool) -> None:  # noqa: FBT001 - a fixture
    svg = read(DRAWN[name](narrow=narrow)).all("svg")[0]
    width = float(svg.attributes["viewbox"].split()[2])
    for text in svg.all("text"):
        wide = text_width(text.words(), float(text.attributes["font-size"])) * 0.85
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attributes.get("text-anchor", "start")]
        left = float(text.attributes["x"]) - share * wide
        assert left >= -1, text.words()
        assert left + wide <= width + 1, text.words()


def test_each_worked_hour_is_a_mark_with_its_minutes() -> None:
    week = samples.rhythm()
    labels = titles(charts.rhythm(week, "k"))
    assert len(labels) == sum(m > 0 for day in week.days for m in (*day.inside, *day.outside))
    assert "Tue 9 pm: 48 min outside" in labels
    assert "Mon 9 am: 1 h inside" in labels


def test_an_hour_worked_on_both_sides_of_the_agreed_end_is_two_marks() -> None:
    labels = titles(charts.rhythm(samples.long_days(), "k"))
    assert "Mon 6 pm: 30 min inside" in labels
    assert "Mon 6 pm: 12 min outside" in labels
    assert "Mon 1 am: 9 min outside" in labels


def test_amber_appears_only_where_a_notice_rests() -> None:
    assert "amber" in charts.rhythm(samples.rhythm(), "k")
    assert "amber" in charts.session_ends(samples.session_ends(), "k")
    assert "amber" in charts.own_ranges(samples.ranges(), "k")
    calm = samples.quiet()
    assert calm.rhythm
    assert calm.ends
    assert "amber" not in charts.rhythm(calm.rhythm, "k")
    assert "amber" not in charts.session_ends(calm.ends, "k")
    outside = tuple(replace(m, values=(*m.values[:-1], 999.0)) for m in calm.ranges)
    assert "amber" not in charts.own_ranges(outside, "k")


def test_each_session_is_a_mark_with_its_minutes() -> None:
    week = samples.session_ends()
    labels = titles(charts.session_ends(week, "k"))
    assert len(labels) == sum(len(day.ends) for day in week.days)
    assert "Thursday, booked to 15:50: +23 min, as planned" in labels


def test_a_planned_end_leaves_numerator_and_denominator() -> None:
    thursday = samples.session_ends().days[3]
    assert value_texts.ends_past_grace(thursday) == "3 of 5"
    planned = tuple(replace(end, state=EndState.PLANNED) for end in thursday.ends)
    assert value_texts.ends_past_grace(replace(thursday, ends=planned)) == "–"


@pytest.mark.parametrize("places", [[0.0] * 9, [0.0, 1, 2, 3], [0.0, 20, 40], [5.0, 0, 5, 0, 9, 9.5], []])
def test_dots_step_aside_until_none_covers_another(places: list[float]) -> None:
    steps = spread_dots(places, 10)
    dots = list(zip(places, steps, strict=True))
    gaps = [((a - c) ** 2 + (b - d) ** 2) ** 0.5 for n, (a, b) in enumerate(dots) for c, d in dots[n + 1 :]]
    assert all(gap >= 9.99 for gap in gaps)


def test_a_dot_alone_stays_on_its_row() -> None:
    assert spread_dots([0, 20, 40], 10) == [0, 0, 0]


def test_the_agreed_hours_have_one_outline() -> None:
    grid = Grid(left=0, top=0, column=1, row=1, first=0, columns=24)
    strokes = set(agreed_outline([[(9, 18)], [(10, 19)], []], grid))
    assert ((9, 0), (9, 1)) in strokes
    assert ((9, 1), (10, 1)) in strokes
    assert ((18, 1), (19, 1)) in strokes
    assert ((10, 2), (19, 2)) in strokes
    assert ((10, 1), (18, 1)) not in strokes, "no edge inside the agreed hours"


def test_a_week_without_a_value_breaks_the_line() -> None:
    replies = samples.ranges()[1]
    assert None in replies.values
    labels = titles(charts.own_ranges((replies,), "k"))
    assert len(labels) == len(replies.values) - 1
    assert len(re.findall(r'class="s-teal-2" stroke-width="1.5"', charts.own_ranges((replies,), "k"))) == 2


def test_a_clinician_without_data_has_a_dash_and_no_dot() -> None:
    row = samples.large_practice().rows[-1]
    svg = charts.shares(samples.practice((row,)), "k")
    assert titles(svg) == []
    assert "–" in [text.words() for text in read(svg).all("text")]


def test_the_weeks_before_are_hollow_and_joined_to_now() -> None:
    labels = titles(charts.shares(samples.practice(), "k"))
    assert "A. Okafor, the two blocks before: 29.8" in labels
    assert "A. Okafor: 31.6, +22 % against an equal share" in labels


def test_names_that_are_too_long_are_cut_and_stay_whole_in_the_mark() -> None:
    name = "Dr. Maximiliane Freifrau von Hohenstein-Schwarzenberg"
    assert shorten(name, 120, WIDE.body).endswith("…")
    assert any(label.startswith(f"{name}:") for label in titles(charts.shares(samples.large_practice(), "k")))


@pytest.mark.parametrize("name", ["\x00\x1b[31m", "$x^2$", "</text><script>", "\ud800", "a" * 500, "שלום", "𝒜" * 3])
def test_a_hostile_name_is_drawn_as_words(name: str) -> None:
    row = replace(samples.PRACTICE[0], name=name)
    svg = charts.shares(samples.practice((row,)), "k", literal=True)
    assert "<script" not in svg
    assert read(svg).all("svg")
    svg.encode()


def test_a_measure_at_one_value_all_along_can_be_drawn() -> None:
    flat = replace(samples.ranges()[3], values=(24.0,) * 13, low=24.0, middle=24.0, high=24.0)
    empty = replace(flat, values=(None,) * 13, low=None, middle=None, high=None)
    assert titles(charts.own_ranges((flat, empty), "k")) != []


def test_steps_of_a_week_are_a_quarter_of_an_hour() -> None:
    ramp = re.compile(r"teal-(\d)")
    week = samples.rhythm()
    shades = []
    for minutes in (1, 15, 16, 30, 31, 46, 60):
        day = replace(week.days[0], inside=(float(minutes), *[0.0] * 17), outside=(0.0,) * 18)
        svg = charts.rhythm(replace(week, days=(day,)), "k")
        group = next(g for g in read(svg).all("g") if g.all("use") and g.all("use")[0].all("title"))
        match = ramp.search(group.attributes["class"])
        shades.append(int(match[1]) if match else 0)
    assert shades == [1, 1, 2, 2, 3, 4, 4]
    assert all(a <= b for a, b in pairwise(shades))
