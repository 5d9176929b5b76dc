"""Writes docs/definitions.md from the catalogue: ``python -m monitor.analysis.definitions``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from math import isfinite

from monitor.analysis.catalogue import DEFINITIONS_VERSION, Category, Family, Metric, catalogue

_INTRODUCTION = f"""# What is measured

Definitions version {DEFINITIONS_VERSION}. Every number is one week's (Monday to Sunday, by your own clock), beside your
own past weeks. A dash means that nothing is known; it never stands for 0. The evidence grade says how well a measure
is supported: **A** regulation or professional standard, **B** several observational studies, **C** indirect or small,
**D** opinion or design choice.
"""


def definitions_markdown() -> str:
    """Return the text of docs/definitions.md."""
    families = groupby(catalogue().values(), key=lambda entry: entry.family)
    sections = (_family(family, entries) for family, entries in families)
    return "\n".join([_INTRODUCTION, *sections])


def _family(family: Family, entries: Iterable[Metric]) -> str:
    return "\n".join([f"## {family.value.capitalize()}\n", *map(_section, entries)])


def _section(entry: Metric) -> str:
    return f"### {entry.title}\n\n{entry.definition}\n\n" + "".join(f"- {line}\n" for line in _facts(entry))


def _facts(entry: Metric) -> Iterator[str]:
    yield f"key: `{entry.key}`, in {entry.unit.value}{_range(entry)}"
    yield f"evidence: {entry.evidence}; source: {entry.source}"
    yield f"seen by: {_seen_by(entry)}"
    if entry.min_coverage:
        yield f"shown where at least {entry.min_coverage:.0%} of the evidence is there"


def _seen_by(entry: Metric) -> str:
    if not entry.on_pages:
        return "nobody; it stands on no page"
    if entry.category is Category.WORKLOAD:
        return "you alone; the director’s blocks of four weeks are made from it"
    return "you alone"


def _range(entry: Metric) -> str:
    low, high = (f"{limit:g}" if isfinite(limit) else "" for limit in (entry.low, entry.high))
    if low and high:
        return f", from {low} to {high}"
    return f", {low} or more" if low else ""


if __name__ == "__main__":
    print(definitions_markdown(), end="")  # noqa: T201 - this is the program
