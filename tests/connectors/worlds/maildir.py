"""A simulated Maildir on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.mail import pages
from tests.connectors.worlds.letters import LASTING, PAGE, PLANTED, letter
from tests.connectors.worlds.world import ANA, CANARY, OF_A_FILE, Behaviour, Trouble


class Maildir:
    """A folder with one file for each message."""

    kind: ClassVar[str] = "maildir"
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            **OF_A_FILE,
            **LASTING,
            Behaviour.TRUNCATED: "each message is a file; many missing files are a shrunk source",
            Behaviour.JUNK: "a file that is not a message has no date and is rejected",
        }
    )
    planted: ClassVar[Sequence[str]] = PLANTED

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(pages, "PAGE_MESSAGES", PAGE)
        self.folder = folder / CANARY
        for name in ("cur", "new", "tmp"):
            (self.folder / name).mkdir(parents=True)

    def options(self) -> str:
        return f'path = "{self.folder}"'

    def put(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            self._file(number).write_text(letter(number), encoding="utf-8")

    def change(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            self._file(number).unlink()

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        raise NotImplementedError

    def mend(self) -> None:
        """Do nothing: a folder has no trouble."""

    def close(self) -> None:
        """Do nothing: no server runs."""

    def _file(self, number: int) -> Path:
        return self.folder / "cur" / f"{number:03}.{CANARY}:2,S"


WORLDS = (Maildir,)
