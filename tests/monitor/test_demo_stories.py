"""Test that each planted drift of the shipped demonstration practice is noticed, and in which week."""

from __future__ import annotations

import pytest

from benchmarks.stories import run_seed
from monitor.demo.practice import PEOPLE, STORIES

SHIPPED_SEED = 2026
STORY_SOURCES = tuple(
    f"{person.key}-{source}"
    for person in PEOPLE
    if person.key in {story.clinician for story in STORIES}
    for source in ("calendar", "mail", *(["calls"] if person.ends == "calls" else []))
)


@pytest.mark.slow
def test_each_story_is_noticed_in_its_week() -> None:
    assert run_seed(SHIPPED_SEED, (*STORY_SOURCES, "practice-system")).by_family == {
        "evenings_creeping_up": 8,
        "one_client_drifting": 2,
        "sessions_running_over": 3,
        "overfull_days": 6,
        "fewer_later_shorter": 1,
    }
