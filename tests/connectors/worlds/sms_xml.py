"""A simulated backup of a telephone's text messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.sms_xml import source
from tests.connectors.worlds.file import FileWorld
from tests.connectors.worlds.letters import LASTING, PAGE
from tests.connectors.worlds.world import CANARY, NUMBER, OF_A_FILE, Behaviour, moment

TEXT = (
    '<sms protocol="0" address="+44 {number} {person}" date="{date}" type="{kind}" subject="{canary}" '
    'body="Dear {canary}, &#55357;&#56832;" contact_name="{canary}" readable_date="{canary}" '
    'service_center="{canary}" />'
)


class Backup(FileWorld):
    """One file, which the app writes again every night."""

    kind: ClassVar[str] = "sms_xml"
    file_name: ClassVar[str] = "sms.xml"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {**OF_A_FILE, **LASTING, Behaviour.GOES_ON: "an interrupted backup is read again from its beginning"}
    )
    planted: ClassVar[Sequence[str]] = ("body", "subject", "contact_name", "readable_date", "service_center")

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(source, "PAGE_MESSAGES", PAGE)
        super().__init__(folder, patch)

    def content(self) -> bytes:
        texts = "\n".join(
            TEXT.format(
                number=NUMBER,
                person=number % 3,
                date=int(moment(number).timestamp()) * 1000,
                kind=1 + number % 2,
                canary=CANARY,
            )
            for number in sorted(self.items)
        )
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<smses count="{len(self.items)}">\n{texts}\n</smses>'.encode()


WORLDS = (Backup,)
