"""A file that is exported again and again, the base of simulated file sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from tests.connectors.worlds.server import JUNK
from tests.connectors.worlds.world import ANA, OF_A_FILE, Behaviour, Trouble

MOVE = timedelta(minutes=15)


class FileWorld:
    """The base of file worlds: ``items``, each with its shift, written to ``file_name`` as ``content``."""

    file_name: ClassVar[str]
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = OF_A_FILE

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del patch
        self.path = folder / self.file_name
        self.items: dict[int, timedelta] = {}
        self.mend()

    def content(self) -> bytes:
        """Return the bytes of the whole file."""
        raise NotImplementedError

    def options(self) -> str:
        return f'path = "{self.path}"'

    def put(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        self.items |= dict.fromkeys(numbers, timedelta())
        self.mend()

    def change(self, number: int, owner: str = ANA) -> None:
        del owner
        self.items[number] = MOVE
        self.mend()

    def spoil(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            del self.items[number]
        self.mend()

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        del times, owner
        content = self.content()
        self.path.write_bytes({Trouble.TRUNCATED: content[: len(content) // 2], Trouble.JUNK: JUNK}[how])

    def mend(self) -> None:
        self.path.write_bytes(self.content())

    def close(self) -> None:
        """Do nothing: no server runs."""
