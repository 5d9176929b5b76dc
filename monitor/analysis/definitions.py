"""Writes docs/definitions.md from the catalogue: ``python -m monitor.analysis.definitions``."""

from __future__ import annotations

from itertools import groupby
from math import isfinite

from monitor.analysis.catalogue import DEFINITIONS_VERSION, Category, catalogue

_INTRODUCTION = f"""# What is measured

Definitions version {DEFINITIONS_VERSION}. Every number is one week's (Monday to Sunday, by your own clock), beside your
own past weeks. A dash means that nothing is known; it never stands for 0. The evidence grade says how well a measure
is supported: **A** regulation or professional standard, **B** several observational studies, **C** indirect or small,
**D** opinion or design choice.
"""


def definitions_markdown() -> str:
    """Return the text of docs/definitions.md."""
    sections = [_INTRODUCTION]
    for family, entries in groupby(catalogue().values(), key=lambda entry: entry.family):
        sections.append(f"## {family.value.capitalize()}\n")
        for entry in entries:
            low, high = (f"{limit:g}" if isfinite(limit) else "" for limit in (entry.low, entry.high))
            limits = f", from {low} to {high}" if low and high else f", {low} or more" if low else ""
            seen_by = "you alone"
            if not entry.on_pages:
                seen_by = "nobody; it stands on no page"
            elif entry.category is Category.WORKLOAD:
                seen_by = "you alone; the director’s blocks of four weeks are made from it"
            facts = [
                f"key: `{entry.key}`, in {entry.unit.value}{limits}",
                f"evidence: {entry.evidence}; source: {entry.source}",
                f"seen by: {seen_by}",
            ]
            if entry.min_coverage:
                facts.append(f"shown where at least {entry.min_coverage:.0%} of the evidence is there")
            listed = "".join(f"- {fact}\n" for fact in facts)
            sections.append(f"### {entry.title}\n\n{entry.definition}\n\n{listed}")
    return "\n".join(sections)


if __name__ == "__main__":
    print(definitions_markdown(), end="")  # noqa: T201 - this is the program
