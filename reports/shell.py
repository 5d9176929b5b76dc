"""The frame around every page: templates, the style sheet, and the file that carries both within itself."""

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
FACE = re.compile(r"@font-face\s*\{[^}]*latin-ext[^}]*\}\s*")

TEMPLATE_OPTIONS: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
"""How templates are read: a missing name is an error, and a line with a tag alone leaves no blank line."""


def static() -> Traversable:
    """The folder of the style sheet and the fonts, to be served as it is."""
    return resources.files("reports") / "static"


@cache
def environment() -> Environment:
    """Templates of the reports: everything is escaped."""
    made = Environment(loader=PackageLoader("reports"), autoescape=True, **TEMPLATE_OPTIONS)
    made.filters["quantities"] = quantities
    made.globals["stylesheet"] = ""
    return made


def quantities(sentence: str) -> Markup:
    """A sentence whose quantities do not break across lines."""
    pieces, end = Markup(), 0
    for found in QUANTITY.finditer(sentence):
        pieces += Markup('{}<span class="q">{}</span>').format(sentence[end : found.start()], found[0])
        end = found.end()
    return pieces + sentence[end:]


def fragment(template: str, **values: Any) -> str:
    """One template filled in."""
    return environment().get_template(template).render(values)


def standalone(title: str, body: str) -> str:
    """A page that is one file: style and fonts within, and a policy that lets it load nothing else."""
    style = _style_with_fonts()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:"
    return fragment("standalone.html", title=title, body=Markup(body), style=Markup(style), policy=policy)  # noqa: S704


@cache
def _style_with_fonts() -> str:
    """The style sheet with the Latin fonts as data; letters beyond them fall back to the reader's own."""
    sheet = (static() / "evenhours.css").read_text(encoding="utf-8")
    return FONT.sub(lambda found: f'url("{_data_uri(found[1])}")', FACE.sub("", sheet))


def _data_uri(name: str) -> str:
    font = (static() / "fonts" / name).read_bytes()
    return f"data:font/woff2;base64,{base64.b64encode(font).decode()}"
