from __future__ import annotations

import pytest

from connectors.registry import KINDS, source_kind
from tests.connectors.sources_page import PAGE, names, sources_markdown
from tests.connectors.worlds.world import Behaviour, worlds

COMMAND = "python -m tests.connectors.sources_page > docs/sources.md"


def test_the_page_matches_the_registry_and_the_worlds() -> None:
    assert PAGE.read_text(encoding="utf-8") == sources_markdown(), f"update it: {COMMAND}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_option_and_kept_field_is_on_the_page(kind: str) -> None:
    _, _, section = sources_markdown().partition(f"\n## {kind}\n")
    section, _, _ = section.partition("\n## ")
    declared = source_kind(kind)
    assert [name for name in names(declared.options) if f"| `{name}` |" not in section] == []
    assert [field for field in declared.kept_fields if field not in section] == []


def test_every_behaviour_and_every_reason_is_on_the_page() -> None:
    page = sources_markdown()
    reasons = {reason for kind in KINDS for world in worlds(kind) for reason in world.declines.values()}
    assert [behaviour.value for behaviour in Behaviour if f"| {behaviour.value} |" not in page] == []
    assert [reason for reason in reasons if f"{reason[1:]}.\n" not in page] == []
