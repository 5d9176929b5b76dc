"""A simulated mail server: an account for each clinician, with received and sent messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.imap import source
from tests.connectors.worlds.letters import LASTING, PAGE, PLANTED, letter
from tests.connectors.worlds.world import ANA, BEN, CANARY, Behaviour, Trouble, moment
from tests.peers.scripted_imap import HANG_UP, Answer, scripted_imap

FOLDERS = ("INBOX", f"Sent/{CANARY}")
_FLAGS = {"INBOX": "", FOLDERS[1]: "\\Sent"}
_REFUSAL = {
    Trouble.REVOKED: f"NO [AUTHENTICATIONFAILED] {CANARY}",
    Trouble.LIMITED_SILENTLY: f"NO [LIMIT] {CANARY}",
    Trouble.FAILING: f"NO [UNAVAILABLE] {CANARY}",
}


class MailServer:
    """Numbers the messages of each folder in the order of arrival, and answers commands about them."""

    kind: ClassVar[str] = "imap"
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {**LASTING, Behaviour.LIMITED: "a mail server states no time to wait"}
    )
    planted: ClassVar[Sequence[str]] = (*PLANTED, "folder names")

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del folder
        patch.setattr(source, "PAGE", PAGE)
        patch.setenv("EVENHOURS_TEST_PASSWORD", CANARY)
        self._running = ExitStack()
        self.server = self._running.enter_context(scripted_imap())
        self.server.sign_in = self._sign_in
        self.server.answers |= {
            "LIST": self._list, "EXAMINE": self._examine, "SEARCH": self._search, "FETCH": self._fetch,
        }  # fmt: skip
        self._letters: dict[str, list[int]] = {ANA: [], BEN: []}  # in the order in which they came
        self._deleted: set[tuple[str, int]] = set()
        self._validity = {ANA: 1, BEN: 1}
        self._troubles: dict[str, tuple[Trouble, int | None]] = {}
        self._open = FOLDERS[0]

    def options(self) -> str:
        port = self.server.port
        return f'''host = "127.0.0.1"
port = {port}
tls = "none"
username = "{{key}}"
password = "env:EVENHOURS_TEST_PASSWORD"'''

    def put(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            self._letters[owner].append(number)
            self._deleted.discard((owner, number))

    def change(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        self._deleted |= {(owner, number) for number in numbers}

    def forget(self, owner: str = ANA) -> None:
        self._validity[owner] += 1

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        self._troubles[owner] = how, times

    def mend(self) -> None:
        self._troubles.clear()

    def close(self) -> None:
        self._running.close()

    def _meets(self, *troubles: Trouble) -> Trouble | None:
        """Return the present trouble of the signed-in account, if it is one of these."""
        owner = self.server.user
        how, times = self._troubles.get(owner, (None, None))
        if how not in troubles:
            return None
        if times == 1:
            del self._troubles[owner]
        return how

    def _sign_in(self) -> bytes:
        how = self._meets(*_REFUSAL)
        return (_REFUSAL[how] if how else "OK in").encode()

    def _list(self, _line: str) -> Answer:
        how = self._meets(Trouble.RESET, Trouble.JUNK)
        if how:
            return None if how is Trouble.RESET else f"<html>{CANARY}</html>\r\n".encode()
        return "".join(map(self._folder, FOLDERS)).encode()

    def _folder(self, name: str) -> str:
        letters, validity = self._letters_in(name), self._validity[self.server.user]
        count = sum((self.server.user, number) not in self._deleted for number in letters)
        counts = f"MESSAGES {count} UIDNEXT {len(letters) + 1} UIDVALIDITY {validity} HIGHESTMODSEQ {len(letters) + 1}"
        return f'* LIST ({_FLAGS[name]}) "/" "{name}"\r\n* STATUS "{name}" ({counts})\r\n'

    def _letters_in(self, name: str) -> list[int]:
        """Return the messages of a folder: every second one was sent. The first has the UID 1."""
        return [number for number in self._letters[self.server.user] if number % 2 == FOLDERS.index(name)]

    def _examine(self, line: str) -> Answer:
        self._open = line.split('"')[1]
        return f"* OK [UIDVALIDITY {self._validity[self.server.user]}] valid\r\n".encode()

    def _search(self, line: str) -> Answer:
        excluded = set(_numbers(line.rpartition(" ")[2])) if "NOT UID" in line else set()
        uids = [uid for uid in range(1, len(self._letters_in(self._open)) + 1) if uid not in excluded]
        return f'* ESEARCH (TAG "x") UID{" ALL " if uids else ""}{",".join(map(str, uids))}\r\n'.encode()

    def _fetch(self, line: str) -> Answer:
        letters, fields = self._letters_in(self._open), line.partition("FIELDS (")[2].partition(")")[0].split()
        rows = [
            self._row(uid, letters[uid - 1], fields)
            for uid in _numbers(line.split()[2])
            if (self.server.user, letters[uid - 1]) not in self._deleted
        ]
        answer = "".join(rows).encode()
        return answer[: len(answer) // 2] + HANG_UP if self._meets(Trouble.TRUNCATED) else answer

    def _row(self, uid: int, number: int, requested: Sequence[str]) -> str:
        fields = letter(number, self.server.user).partition("\n\n")[0].split("\n")
        block = "".join(f"{field}\r\n" for field in fields if field.partition(":")[0].upper() in requested) + "\r\n"
        received_at = moment(number).strftime("%d-%b-%Y %H:%M:%S +0000")
        head = f'* {uid} FETCH (UID {uid} FLAGS () INTERNALDATE "{received_at}" BODY[HEADER.FIELDS]'
        return f"{head} {{{len(block)}}}\r\n{block})\r\n"


def _numbers(text: str) -> list[int]:
    """Return the numbers in ``1:3,7``."""
    spans = (re.split(":", part) for part in text.split(","))
    return [number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)]


WORLDS = (MailServer,)
