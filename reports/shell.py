"""The frame around every page: templates, the style sheet, and the single file that contains both."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FONT = re.compile(r'url\("fonts/(inter-latin-[\w-]+\.woff2)"\)')
QUANTITY = re.compile(r"\d+ h \d\d\b|\d[\d.,]* (?:h|min|%|days?|weeks?)(?!\w)")
# Faces with extended Latin letters, which a single file leaves out.
FACE = re.compile(r"@font-face\s*\{[^}]*latin-ext[^}]*\}\s*")

TEMPLATE_OPTIONS: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
"""Options of all templates: a missing name is an error, and a line with only a tag leaves no blank line."""


def static() -> Traversable:
    """Return the folder of the style sheet and the fonts, to be served as it is."""
    return resources.files("reports") / "static"


@cache
def environment() -> Environment:
    """Return the templates of the reports, with escaping always on."""
    templates = Environment(loader=PackageLoader("reports"), autoescape=True, **TEMPLATE_OPTIONS)
    templates.filters["quantities"] = quantities
    templates.globals["stylesheet"] = ""
    return templates


def quantities(sentence: str) -> Markup:
    """Return a sentence in which no quantity breaks across lines."""
    pieces, end = Markup(), 0
    for match in QUANTITY.finditer(sentence):
        pieces += Markup('{}<span class="q">{}</span>').format(sentence[end : match.start()], match[0])
        end = match.end()
    return pieces + sentence[end:]


def fragment(template: str, **values: Any) -> str:
    """Return one template filled in."""
    return environment().get_template(template).render(values)


def standalone(title: str, body: str) -> str:
    """Return a page as one file: style and fonts inside, and a policy that lets it load nothing else."""
    style = _style_with_fonts()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style's own hash allows this one style and nothing else.
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:"
    return fragment("standalone.html", title=title, body=Markup(body), style=Markup(style), policy=policy)  # noqa: S704


@cache
def _style_with_fonts() -> str:
    """Return the style sheet with the Latin fonts as data; other letters use the reader's own font."""

    def font_as_data(match: re.Match[str]) -> str:
        font = (static() / "fonts" / match[1]).read_bytes()
        return f'url("data:font/woff2;base64,{base64.b64encode(font).decode()}")'

    sheet = (static() / "evenhours.css").read_text(encoding="utf-8")
    return FONT.sub(font_as_data, FACE.sub("", sheet))
