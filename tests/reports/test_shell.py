from __future__ import annotations

import subprocess
import sys

import pytest
from jinja2 import UndefinedError

from reports import shell
from reports.shell import quantities

EXTENDED = '{% extends "shell.html" %}{% block main %}{{ words }}{% endblock %}'


def test_a_page_can_put_its_own_frame_around() -> None:
    page = shell.environment().from_string(EXTENDED).render(words="<i>", stylesheet="/static/evenhours.css")
    assert '<link rel="stylesheet" href="/static/evenhours.css">' in page
    assert "&lt;i&gt;" in page


def test_a_missing_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        shell.environment().from_string(EXTENDED).render(stylesheet="")


def test_quantities_hold_together_and_words_are_escaped() -> None:
    assert (
        quantities("<2 h 41 & 38 min>") == '&lt;<span class="q">2 h 41</span> &amp; <span class="q">38 min</span>&gt;'
    )
    assert quantities("5 hamsters") == "5 hamsters"


@pytest.mark.parametrize(
    "module", ["reports", "reports.models", "reports.wording", "reports.weekly", "reports.fairness"]
)
def test_matplotlib_loads_only_with_a_figure(module: str) -> None:
    loaded = f"import sys, {module}; sys.exit(any(m in sys.modules for m in ('matplotlib', 'numpy', 'jinja2')))"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
