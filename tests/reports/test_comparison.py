from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from reports import charts, tables, value_texts
from tests.reports import samples
from tests.reports.pages import read


def test_the_numbers_of_the_figure_are_the_drawn_ones() -> None:
    data = samples.comparison()
    rows = {row[0]: row[1:] for row in tables.comparison(data).rows}
    labels = [use.all("title")[0].words() for use in read(charts.comparison(data, "k")).all("use") if use.all("title")]

    assert len(rows) == 52
    assert sum(cell != "–" for row in rows.values() for cell in row) == len(labels)
    assert rows["15 December 2025"] == ("41", "–", "–", "55 min", "1.5 min", "–")
    assert "Compassion satisfaction, 20 December: 41, moderate" in labels
    assert "Exhaustion, 10 November: 2.6" in labels


def test_two_answers_in_a_week_are_both_in_its_row() -> None:
    data = samples.comparison()
    (day, value), *_ = data.self_reports[0].points
    scale = replace(data.self_reports[0], points=((day, value), (day + timedelta(days=1), 30.0)))

    table = tables.comparison(replace(data, self_reports=(scale,), measures=()))

    assert [row[1] for row in table.rows if row[1] != "–"] == ["41, 30"]


def test_a_fine_line_leads_from_each_day_of_answers_through_each_measure() -> None:
    data = samples.comparison()
    days = {day for scale in data.self_reports for day, _ in scale.points}
    svg = read(charts.comparison(data, "k"))

    thin_lines = [
        path
        for path in svg.all("path")
        if path.attributes.get("class") == "s-slate-2" and path.attributes["d"].count("M") > 1
    ]

    assert [path.attributes["d"].count("M") for path in thin_lines] == [len(days)] * len(data.measures)


def test_a_week_without_a_value_breaks_the_line() -> None:
    svg = charts.comparison(samples.comparison(), "k")

    assert len(re.findall(r'class="s-teal-2" stroke-width="1.5"', svg)) == 3 + 1  # outside hours has two gaps


def test_neither_a_band_nor_a_value_is_made_up() -> None:
    exhaustion, replies = samples.comparison().self_reports[2], samples.comparison().measures[2]

    assert value_texts.band_name(exhaustion, 4.0) == ""
    assert value_texts.latest_value(replies, samples.comparison().weeks) == ("–", "no value")
