from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from reports import fairness
from reports.models import FairnessReport
from tests.reports import samples
from tests.reports.conftest import Snapshot
from tests.reports.pages import read


@pytest.fixture(params=samples.PRACTICES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def report_of(name: str) -> FairnessReport:
    return samples.PRACTICES[name]()


def test_the_page_shows_headline_chance_and_basis(name: str) -> None:
    report = report_of(name)
    for rendered in (read(fairness.html(report)).words(), " ".join(fairness.text(report).split())):
        assert report.headline in rendered
        assert report.evenness_sentence in rendered
        assert fairness.BASIS in rendered
        days = (
            "No block is published yet" if name == "first-block" else "29 September to 26 October 2025 · published 27"
        )
        assert days in rendered
        assert "block is 27 October to 23 November 2025" in rendered
        assert "on 8 December at the latest" in rendered


def test_a_fragment_holds_under_the_strictest_policy(name: str) -> None:
    everything = read(fairness.html(report_of(name), csv="/practice/shares.csv")).all("*")
    assert not [e for e in everything if e.tag in {"style", "script", "img"} or "style" in e.attributes]
    ids = [e.attributes["id"] for e in everything if "id" in e.attributes]
    assert len(ids) == len(set(ids))


def test_the_numbers_are_the_drawn_ones(name: str) -> None:
    if name == "first-block":
        assert not read(fairness.html(report_of(name))).all("section", "figure")
        return
    figure = read(fairness.html(report_of(name))).all("section", "figure")[0]
    drawn = [use.all("title")[0].words() for use in figure.all("svg")[0].all("use") if use.all("title")]
    rows = [
        (row.all("th")[0].words(), [td.words() for td in row.all("td")]) for row in figure.all("tbody")[0].all("tr")
    ]
    listed = [f"{person}, the two blocks before: {c[2]}" for person, c in rows if c[2] != "–"]
    compared = {person: f", {c[3]} against an equal share" if c[3] != "–" else "" for person, c in rows}
    listed += [f"{person}: {c[1]}{compared[person]}" for person, c in rows if c[1] != "–"]
    assert sorted(listed) == sorted(drawn)


def test_below_four_clinicians_there_is_no_index() -> None:
    for rendered in (fairness.html(samples.small_practice()), fairness.text(samples.small_practice())):
        assert "Gini" not in rendered
        assert "Hoover" not in rendered


def test_an_index_that_chance_could_make_anything_is_not_printed() -> None:
    vague = replace(samples.practice(), gini=None, gini_low=None, gini_high=None)
    for rendered in (fairness.html(vague), fairness.text(vague)):
        assert "0.07" not in rendered
        assert "with so few people, chance decides too much" in " ".join(rendered.split())


def test_who_leaves_has_clients_to_hand_over() -> None:
    sentence = "G. Whitaker leaves on 19 December 2025: 29 clients to hand over, at the block’s end."
    for rendered in (
        read(fairness.html(samples.practice())).words(),
        " ".join(fairness.text(samples.practice()).split()),
    ):
        assert sentence in rendered


def test_a_waiting_block_names_the_missing() -> None:
    period = replace(samples.PERIOD, waits_for=("C. Marín", "E. Novak"))
    words = fairness.next_block_sentence(period)
    assert words.startswith("The block of 27 October to 23 November 2025 is over and waits for C. Marín and E. Novak,")
    assert words.endswith("On 8 December at the latest it is published without them.")


def test_bookings_of_an_unread_calendar_are_stated_as_not_known() -> None:
    report = replace(report_of("practice"), nothing_booked=None)
    for rendered in (read(fairness.html(report)).words(), " ".join(fairness.text(report).split())):
        assert "not known: a calendar had not been read by then" in rendered


def test_no_clinicians_is_a_page_too() -> None:
    empty = replace(samples.practice(()), equal_share=None, hoover=None, gini=None)
    assert "<svg" not in fairness.html(empty)
    assert fairness.text(empty)
    assert fairness.standalone(empty)


def test_names_are_escaped_in_every_rendering() -> None:
    report = samples.large_practice()
    assert "<b>" not in fairness.html(report)
    assert "<b>" not in fairness.markdown(report)
    assert r"\<b\>Bobby\</b\> \| Tables" in fairness.markdown(report)


def test_every_row_of_a_markdown_table_has_its_columns() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", fairness.markdown(samples.large_practice()), flags=re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_plain_text_keeps_to_72_columns(name: str) -> None:
    assert max(map(len, fairness.text(report_of(name)).splitlines())) <= 72


def test_the_csv_is_linked_where_there_is_one() -> None:
    assert read(fairness.html(samples.practice(), csv="/x.csv")).all("a")[0].attributes["href"] == "/x.csv"
    assert not read(fairness.html(samples.practice())).all("a")


def test_the_model_has_no_field_in_which_wellbeing_could_travel() -> None:
    names = {field.name for part in (FairnessReport, type(samples.PRACTICE[0])) for field in fields(part)}
    assert not [name for name in names if re.search("after|overrun|leave|repl|notice|rest|hours", name)]


def test_the_text_of_a_practice(name: str, snapshot: Snapshot) -> None:
    snapshot(f"fairness-{name}.txt", fairness.text(report_of(name)))


def test_the_markdown_of_a_practice(snapshot: Snapshot) -> None:
    snapshot("fairness-practice.md", fairness.markdown(samples.practice()))
