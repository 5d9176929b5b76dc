"""A simulated mailbox in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.mail import pages
from tests.connectors.worlds.file import FileWorld
from tests.connectors.worlds.letters import LASTING, PAGE, PLANTED, letter
from tests.connectors.worlds.world import CANARY, OF_A_FILE, Behaviour, moment


class Mailbox(FileWorld):
    """A file to which a mail program appends."""

    kind: ClassVar[str] = "mbox"
    file_name: ClassVar[str] = "letters.mbox"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType({**OF_A_FILE, **LASTING})
    planted: ClassVar[Sequence[str]] = PLANTED

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(pages, "PAGE_MESSAGES", PAGE)
        super().__init__(folder, patch)

    def content(self) -> bytes:
        messages = (f"From {CANARY} {moment(number):%a %b %d %H:%M:%S %Y}\n{letter(number)}\n" for number in self.items)
        return "".join(messages).encode()


WORLDS = (Mailbox,)
