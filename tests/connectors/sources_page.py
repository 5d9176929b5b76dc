"""docs/sources.md, written from the registry and the made-up worlds: ``python -m tests.connectors.sources_page``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

from connectors.base import SourceKind
from connectors.registry import KINDS, source_kind
from tests.connectors.worlds.world import Behaviour, World, worlds

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
_INTRODUCTION = """\
# Sources

Every kind of `[[source]]`, its options, what is read of it, and what it does on a bad day. This page is written from
the program and its tests: `python -m tests.connectors.sources_page > docs/sources.md`.

All kinds share `name`, `kind`, `clinician` or `clinicians`, `window` and `busy_only`, which config.example.toml
explains. What these say, and `longest_session_hours`, holds for every kind alike, also for those that others add.

A source that is read whole takes back what it no longer tells of what is to come, and of the past as far as it still
reaches: to the earliest single entry that it shows. What lies before that, the source has forgotten; here it stays.
Where a source gives all its entries new identifiers at each export, they are recognised by their times, kinds and
clients.

A server has five minutes for each answer, longer only while the answer comes steadily, and two hours of waiting in a
run; then its error says how slowly it answers, and the other sources are read. Nothing is asked for in the open but on
this machine itself: not by `http://`, not by IMAP without TLS, not where a server sends us on to. A pipe, a device or a
socket is refused unopened wherever a file or a folder of files is to be; among a Maildir's messages it is passed over.
No address of a source, which may be a key in itself, is written into an error, a log or a record.
"""
_TABLE = """\
## What each source does

Each kind is tried in a made-up world of its own, through the ordinary ingest into a real database
(`tests/connectors/test_conformance.py`). ✓: tried and found so. A number: it means nothing there; the reason is below.
"""
_OWN_MAIL = """\
## Whose message it is

A message of `mbox`, `maildir`, `imap`, `gmail` or `microsoft` counts as sent by its owner where its sender is one of
their `addresses`, or where it lies among the sent ones (the folder of `imap`, Gmail's label, Microsoft's Sent Items),
whatever address it bears. Nothing else makes it so: neither the name with which somebody signs in to an account nor
the address that a provider has for it counts as the owner's before it stands among their `addresses`. Those decide for
every source alike, also for who is a colleague. `csv`, `sms_xml` and `fhir` say themselves which way a message went.

Of a source from which not one message of the owner was ever known to be sent, automatic ones left out, replies and
evenings are not known. A run that read something of it says so, and for mail it names the address that stands in most
of what was read, which most likely is the one that is missing. Messages that bear a known address of an owner, or that
a machine wrote, say nothing about that and are left out; where two addresses stand in equally many, or one in few,
none is named. The addresses are counted in memory while a source is read. The one is printed to standard error by
`ingest`, by `nightly` where that is a terminal, and by `inspect` for `mbox`, `maildir` and `sms_xml` (a number, from
the lists of group and multimedia messages); never with `--json`. It is stored nowhere, and `doctor`, which opens no
mail, does not name it.
"""


def sources_markdown() -> str:
    """All of docs/sources.md."""
    sections = (_section(source_kind(name)) for name in KINDS)
    return "\n".join([_INTRODUCTION, *sections, _OWN_MAIL, _TABLE, *_behaviours()])


def _section(kind: SourceKind) -> str:
    whose = (
        "Each clinician's account is read on its own."
        if kind.per_owner
        else "One source, for one clinician or several."
    )
    kept = ", ".join(kind.kept_fields)
    options = "".join(f"| `{name}` | {default} | {_cell(told)} |\n" for name, default, told in _options(kind.options))
    return (
        f"## {kind.name}\n\n{kind.title}. {whose}\n\n| option | default | |\n|---|---|---|\n{options}\n"
        f"Read: {kept}. Everything else: {kind.other_fields}.\n"
    )


def _options(shape: Any, lead: str = "") -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(shape)
    for option in fields(shape):
        if not option.init:
            continue
        if is_dataclass(hints[option.name]):
            yield from _options(hints[option.name], f"{lead}{option.name}.")
        else:
            yield f"{lead}{option.name}", _default(option), str(option.metadata.get("help", ""))


def _default(option: Field[Any]) -> str:
    default = option.default_factory() if option.default_factory is not MISSING else option.default
    if default is MISSING:
        return "needed"
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    shown = default.value if isinstance(default, Enum) else default
    return f"`{shown}`" if str(shown) else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _behaviours() -> Iterator[str]:
    made = [world for name in KINDS for world in worlds(name)]
    reasons: list[str] = []
    yield f"| | {' | '.join(map(_heading, made))} |\n|---|{'---|' * len(made)}"
    for behaviour in Behaviour:
        marks = [_mark(world, behaviour, reasons) for world in made]
        yield f"| {behaviour.value} | {' | '.join(marks)} |"
    yield ""
    yield from (f"{number}. {reason[0].upper()}{reason[1:]}." for number, reason in enumerate(reasons, 1))
    yield ""


def _heading(world: type[World]) -> str:
    return f"{world.kind}, {world.title}" if world.title else world.kind


def _mark(world: type[World], behaviour: Behaviour, reasons: list[str]) -> str:
    """A tick, or the number of the reason why it means nothing here."""
    if behaviour not in world.declines:
        return "✓"
    reason = world.declines[behaviour]
    if reason not in reasons:
        reasons.append(reason)
    return str(reasons.index(reason) + 1)


def names(shape: Any) -> Sequence[str]:
    """The paths of all options."""
    return [name for name, _, _ in _options(shape)]


if __name__ == "__main__":
    print(sources_markdown(), end="")  # noqa: T201 - this is the program
