"""The generator of docs/sources.md from the registry and the worlds: ``python -m tests.connectors.sources_page``."""

from __future__ import annotations

import json
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

This page lists the options of every source kind, the fields that it reads, and its tested behaviour. It is generated
from the program and its tests: `python -m tests.connectors.sources_page > docs/sources.md`. The terms are explained in
the [glossary](glossary.md).

All kinds also accept `name`, `kind`, `clinician` or `clinicians`, `window` and `busy_only`, which config.example.toml
explains. These options and `longest_session_hours` apply to every kind alike, also to kinds of other packages.

**Removed entries.** If a source is read whole, an entry that is missing is removed if it has yet to begin, or if it
lies inside the reach of the source. The reach goes back to the earliest single entry that the source contains. Older
entries stay stored. If a source gives all its entries new identifiers with each export, Evenhours recognises them by
their times, kinds and clients.

**Slow servers.** An answer may take five minutes, longer only while it arrives steadily. All answers of a server
together may take two hours of waiting in a run. After that the error states how slowly the server answers, and the
other sources are read.

**Security.** Nothing is requested unencrypted except on this machine: no `http://`, no IMAP without TLS, no redirect
to either. A pipe, a device or a socket in place of a file or a folder of files is refused without being opened; among
the messages of a Maildir it is skipped. The address of a source, which may be a secret, never appears in an error, a
log or a record.
"""
_TABLE = """\
## What each source does

Every kind is tested in a made-up world of its own, through the ordinary ingest into a real database
(`tests/connectors/test_conformance.py`). ✓: tested. A number: the behaviour has no meaning for this source; the
reasons are below.
"""
_OWN_MAIL = """\
## Which messages count as sent

A message of `mbox`, `maildir`, `imap`, `gmail` or `microsoft` counts as sent by its owner if its sender is one of the
owner's `addresses`. It also counts as sent if it is stored as sent mail (the folder of `imap`, Gmail's label,
Microsoft's Sent Items), whatever its sender. The name with which somebody signs in, or a provider's address for the
account, counts only if it is listed in `addresses`. The same addresses decide in every source who is a colleague.
`csv`, `sms_xml` and `fhir` state the direction of each message themselves.

If no message of a source is known to be sent by its owner, automatic ones ignored, replies and evenings are not known.
A run that read messages of such a source reports it. For mail it names the address that occurs in most of these
messages, which most likely is the missing one. Messages with a known address of an owner, and automatic messages, are
not counted. If two addresses occur equally often, or one only rarely, none is named.

The addresses are counted in memory while a source is read. `ingest` prints the one address to standard error; so do
`nightly` on a terminal, and `inspect` for `mbox`, `maildir` and `sms_xml` (a number, from the lists of group and
multimedia messages). It is never printed with `--json`, and stored nowhere. `doctor`, which opens no mail, does not
name it.
"""


def sources_markdown() -> str:
    """Return the whole of docs/sources.md."""
    sections = (_section(source_kind(name)) for name in KINDS)
    return "\n".join([_INTRODUCTION, *sections, _OWN_MAIL, _TABLE, *_behaviours()])


def _section(kind: SourceKind) -> str:
    accounts = (
        "Each clinician's account is read on its own."
        if kind.per_owner
        else "One source, for one clinician or several."
    )
    fields_read = ", ".join(kind.kept_fields)
    options = "".join(f"| `{name}` | {default} | {_cell(text)} |\n" for name, default, text in _options(kind.options))
    return (
        f"## {kind.name}\n\n{kind.title}. {accounts}\n\n| option | default | meaning |\n|---|---|---|\n{options}\n"
        f"Fields read: {fields_read}. Everything else: {kind.other_fields}.\n"
    )


def _options(shape: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the path, default and description of each option, nested ones included."""
    hints = get_type_hints(shape)
    for option in fields(shape):
        if not option.init:
            continue
        if is_dataclass(hints[option.name]):
            yield from _options(hints[option.name], f"{prefix}{option.name}.")
        else:
            yield f"{prefix}{option.name}", _default(option), str(option.metadata.get("help", ""))


def _default(option: Field[Any]) -> str:
    default = option.default_factory() if option.default_factory is not MISSING else option.default
    if default is MISSING:
        return "required"
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return f"`{json.dumps(default)}`"
    value = default.value if isinstance(default, Enum) else default
    return f"`{value}`" if str(value) else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _behaviours() -> Iterator[str]:
    columns = [world for name in KINDS for world in worlds(name)]
    reasons: list[str] = []
    yield f"| | {' | '.join(map(_heading, columns))} |\n|---|{'---|' * len(columns)}"
    for behaviour in Behaviour:
        marks = [_mark(world, behaviour, reasons) for world in columns]
        yield f"| {behaviour.value} | {' | '.join(marks)} |"
    yield ""
    yield from (f"{number}. {reason[0].upper()}{reason[1:]}." for number, reason in enumerate(reasons, 1))
    yield ""


def _heading(world: type[World]) -> str:
    return f"{world.kind}, {world.title}" if world.title else world.kind


def _mark(world: type[World], behaviour: Behaviour, reasons: list[str]) -> str:
    """Return a tick, or the number of the reason why the behaviour has no meaning for this world."""
    if behaviour not in world.declines:
        return "✓"
    reason = world.declines[behaviour]
    if reason not in reasons:
        reasons.append(reason)
    return str(reasons.index(reason) + 1)


def names(shape: Any) -> Sequence[str]:
    """Return the paths of all options."""
    return [name for name, _, _ in _options(shape)]


if __name__ == "__main__":
    print(sources_markdown(), end="")  # noqa: T201 - this is the program
