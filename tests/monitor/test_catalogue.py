"""The metric catalogue: the declarations of all metrics, and the page generated from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.analysis.catalogue import Category, Family, Metric, catalogue
from monitor.analysis.definitions import definitions_markdown
from monitor.notices import FAMILIES
from reports.models import Unit

PAGE = Path(__file__).parents[2] / "docs" / "definitions.md"
WORKLOAD = {
    "sessions_held", "active_clients", "intakes", "weighted_load", "supervision_held", "nothing_booked",
}  # fmt: skip

every_metric = pytest.mark.parametrize("entry", catalogue().values(), ids=catalogue().keys())


@every_metric
def test_a_metric_has_a_definition(entry: Metric) -> None:
    assert entry.title[0].isupper()
    assert entry.definition.endswith(".")
    assert len(entry.definition) > 20
    assert entry.source
    assert re.fullmatch(r"[ABC]( as standard)?|B, (mixed|small)|D|–", entry.evidence)
    assert entry.low < entry.high
    assert 0 <= entry.min_coverage < 1
    assert entry.look_back >= 1


@every_metric
def test_a_metrics_key_ends_in_its_unit_where_it_has_one(entry: Metric) -> None:
    ends = {Unit.MINUTES: "_minutes", Unit.PERCENT: "_share", Unit.DAYS: "_days"}
    named = [unit for unit, end in ends.items() if entry.key.endswith(end)]

    assert named in ([], [entry.unit])


def test_the_workload_metrics_are_exactly_these() -> None:
    assert {key for key, entry in catalogue().items() if entry.category is Category.WORKLOAD} == WORKLOAD


def test_metrics_are_shown_family_by_family() -> None:
    families = [entry.family for entry in catalogue().values()]

    assert list(dict.fromkeys(families)) == list(Family)
    assert families == sorted(families, key=list(Family).index)


def test_titles_are_distinct() -> None:
    assert len({entry.title for entry in catalogue().values()}) == len(catalogue())


def test_what_notices_watch_is_measured() -> None:
    watched = {signal.metric for entry in FAMILIES for signal in entry.metrics if not entry.by_client}
    assert watched <= catalogue().keys()


def test_the_page_of_definitions_is_the_catalogues() -> None:
    assert PAGE.read_text(encoding="utf-8") == definitions_markdown()


def test_the_page_holds_every_metric_and_no_other() -> None:
    assert re.findall(r"^- key: `(\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == list(catalogue())


def test_metrics_that_no_page_shows_are_declared_as_such() -> None:
    hidden = [key for key, entry in catalogue().items() if not entry.on_pages]
    page = PAGE.read_text(encoding="utf-8")

    assert hidden == ["overrun_minutes_clipped"]
    assert page.count("- seen by: nobody; it stands on no page\n") == len(hidden)
