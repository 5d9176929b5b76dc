"""How things look: models in, pages, charts and text out. Nothing here knows the rest of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment() -> Environment:
    """The reports' templates, for a page that puts its own frame around them."""
    from reports.shell import environment as templates

    return templates()
