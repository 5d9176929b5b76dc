"""A mailbox in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.mail import pages
from tests.connectors.worlds.letters import LASTING, PAGE, PLANTED, letter
from tests.connectors.worlds.server import JUNK
from tests.connectors.worlds.world import ANA, CANARY, OF_A_FILE, Behaviour, Trouble, moment


class Mailbox:
    """A file to which a mail program appends."""

    kind: ClassVar[str] = "mbox"
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType({**OF_A_FILE, **LASTING})
    planted: ClassVar[Sequence[str]] = PLANTED

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(pages, "PAGE_MESSAGES", PAGE)
        self.path = folder / "letters.mbox"
        self.numbers: list[int] = []
        self._write()

    def options(self) -> str:
        return f'path = "{self.path}"'

    def put(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        self.numbers += numbers
        self._write()

    def change(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        self.numbers = [number for number in self.numbers if number not in numbers]
        self._write()

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        del times, owner
        text = self._text()
        self.path.write_bytes({Trouble.TRUNCATED: text[: len(text) // 2], Trouble.JUNK: JUNK}[how])

    def mend(self) -> None:
        self._write()

    def close(self) -> None:
        """Nothing was started."""

    def _write(self) -> None:
        self.path.write_bytes(self._text())

    def _text(self) -> bytes:
        marked = (f"From {CANARY} {moment(number):%a %b %d %H:%M:%S %Y}\n{letter(number)}\n" for number in self.numbers)
        return "".join(marked).encode()


WORLDS = (Mailbox,)
