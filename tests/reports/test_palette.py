from __future__ import annotations

import re
from itertools import pairwise

import pytest

from reports import palette, shell

CSS = (shell.static() / "evenhours.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", palette.GROUNDS)
@pytest.mark.parametrize("part", palette.TEXT)
def test_words_are_readable_on_every_ground_in_both_themes(theme: dict[str, str], ground: str, part: str) -> None:
    assert palette.contrast(theme[part], theme[ground]) >= 4.5


def test_amber_words_reach_their_contrast_on_white() -> None:
    assert palette.contrast(palette.LIGHT["amber-4"], "#ffffff") >= 5.3


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("mark", ["teal-3", "teal-4", "amber-4", "slate-3", "slate-4", "quiet"])
def test_marks_stand_out_from_paper_and_band(theme: dict[str, str], mark: str) -> None:
    assert palette.contrast(theme[mark], theme["paper"]) >= 3
    assert palette.contrast(theme[mark], theme["band"]) >= 3


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ramp", ["teal", "slate", "amber"])
def test_a_darker_shade_means_more_in_both_themes(theme: dict[str, str], ramp: str) -> None:
    steps = [palette.contrast(theme[f"{ramp}-{n}"], theme["paper"]) for n in range(1, 5)]
    assert steps == sorted(steps)
    assert all(later / earlier > 1.2 for earlier, later in pairwise(steps))


def test_a_colour_names_one_part() -> None:
    assert len(set(palette.LIGHT.values())) == len(palette.LIGHT)
    assert all(palette.colour_name(colour) == name for name, colour in palette.LIGHT.items())


def test_the_style_sheet_has_the_same_colours() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, flags=re.DOTALL)
    assert dict(re.findall(r"--([\w-]+): (#\w{6});", light)) == palette.LIGHT
    assert dict(re.findall(r"--([\w-]+): (#\w{6});", dark)) == palette.DARK


def test_every_part_can_be_drawn() -> None:
    assert set(re.findall(r"\.f-([\w-]+) \{ fill: var\(--\1\)", CSS)) == set(palette.LIGHT)
    assert set(re.findall(r"\.s-([\w-]+) \{ stroke: var\(--\1\)", CSS)) == set(palette.LIGHT)


def test_the_style_sheet_loads_only_our_own_fonts_with_their_licence() -> None:
    fonts = re.findall(r"url\(\"(.*?)\"\)", CSS)
    assert len(fonts) == 4
    assert all((shell.static() / font).is_file() for font in fonts)
    assert "SIL Open Font License" in (shell.static() / "fonts" / "LICENSE-Inter.txt").read_text(encoding="utf-8")
