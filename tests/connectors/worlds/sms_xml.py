"""A telephone's backup of its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.sms_xml import source
from tests.connectors.worlds.letters import LASTING, PAGE
from tests.connectors.worlds.server import JUNK
from tests.connectors.worlds.world import ANA, CANARY, NUMBER, OF_A_FILE, Behaviour, Trouble, moment

TEXT = (
    '<sms protocol="0" address="+44 {number} {person}" date="{date}" type="{kind}" subject="{canary}" '
    'body="Dear {canary}, &#55357;&#56832;" contact_name="{canary}" readable_date="{canary}" '
    'service_center="{canary}" />'
)


class Backup:
    """One file, which the app writes anew every night."""

    kind: ClassVar[str] = "sms_xml"
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {**OF_A_FILE, **LASTING, Behaviour.GOES_ON: "a backup that was cut off is read again from its beginning"}
    )
    planted: ClassVar[Sequence[str]] = ("body", "subject", "contact_name", "readable_date", "service_center")

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(source, "PAGE_MESSAGES", PAGE)
        self.path = folder / "sms.xml"
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
        texts = "\n".join(
            TEXT.format(
                number=NUMBER,
                person=number % 3,
                date=int(moment(number).timestamp()) * 1000,
                kind=1 + number % 2,
                canary=CANARY,
            )
            for number in sorted(self.numbers)
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<smses count="{len(self.numbers)}">\n{texts}\n</smses>'.encode()
        )


WORLDS = (Backup,)
