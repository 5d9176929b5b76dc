"""An account read to its end although its server may break off: a message it stumbles over is passed by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectors.imap.conversation import Account, BrokenOffError, Conversation
from connectors.imap.names import Folder
from connectors.imap.refusals import unreachable
from connectors.imap.rows import Row

MOST_BREAKS = 40


class Part(NamedTuple):
    """Some numbers of a folder and the messages that came of them; ``None`` where the server breaks off at the one."""

    numbers: Sequence[int]
    rows: list[Row] | None


class Reader:
    """Reads the folders of an account. Close it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._breaks = 0
        self._conversation = Conversation(account)
        self._open: Folder | None = None

    def close(self) -> None:
        """Sign out."""
        self._conversation.close()

    def folders(self) -> list[Folder]:
        """Every folder there is."""
        return self._conversation.folders()

    def found(self, folder: Folder, criteria: str) -> list[int]:
        """The numbers of the messages of a folder that meet the criteria, lowest first."""
        self._examine(folder)
        return self._conversation.found(criteria)

    def parts(self, folder: Folder, parts: Sequence[Sequence[int]]) -> Iterator[Part]:
        """The messages of the parts, in their order; a part over which the server breaks off comes in smaller ones."""
        self._examine(folder)
        done = 0
        while done < len(parts):
            try:
                for rows in self._conversation.rows(parts[done:]):
                    yield Part(parts[done], rows)
                    done += 1
            except BrokenOffError:
                self._begin_again(folder)
                yield from self._halved(folder, parts[done])
                done += 1

    def _halved(self, folder: Folder, numbers: Sequence[int]) -> Iterator[Part]:
        """The same numbers tried again, then half of them, until the one is found at which the server breaks off."""
        try:
            (rows,) = self._conversation.rows([numbers])
        except BrokenOffError:
            self._begin_again(folder)
            middle = len(numbers) // 2
            if not middle:
                yield Part(numbers, None)
                return
            yield from self._halved(folder, numbers[:middle])
            yield from self._halved(folder, numbers[middle:])
        else:
            yield Part(numbers, rows)

    def _begin_again(self, folder: Folder) -> None:
        self._breaks += 1
        self._conversation.close()
        if self._breaks > MOST_BREAKS:
            raise unreachable(self._account.source)
        self._open, self._conversation = None, Conversation(self._account)
        self._examine(folder)

    def _examine(self, folder: Folder) -> None:
        if self._open != folder:
            self._conversation.examine(folder)
            self._open = folder
