"""Mailboxes at Google, made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from connectors.google.access import MAIL
from tests.connectors.fake_google.world import GoogleWorld
from tests.connectors.worlds.letters import LASTING, PAGE
from tests.connectors.worlds.world import ADDRESSES, ANA, CANARY, Behaviour, client, moment


class Mailboxes(GoogleWorld):
    """A mailbox for each clinician: clients write, and every second letter is the owner's answer to the one before."""

    kind: ClassVar[str] = "gmail"
    scopes: ClassVar[Sequence[str]] = (MAIL,)
    declines: ClassVar[Mapping[Behaviour, str]] = {
        **LASTING,
        Behaviour.SHRUNK: "messages stay when the mailbox is emptied",
    }
    planted: ClassVar[Sequence[str]] = ("snippet", "Subject", "Received", "Comments", "display names", "body")

    def begin(self, address: str) -> None:
        self.google.mailbox(address).page = PAGE

    def put(self, *numbers: int, owner: str = ANA) -> None:
        mailbox = self.google.mailbox(ADDRESSES[owner])
        for number in numbers:
            own, other = f"{CANARY} <{ADDRESSES[owner]}>", f'"{CANARY}, Dr" <{client(number // 2)}>'
            answers = f"<{number - 1}.{CANARY}@post.example>" if number % 2 else ""
            name = mailbox.put(
                moment(number),
                *((own, other) if number % 2 else (other, own)),
                labels=("SENT",) if number % 2 else ("INBOX", "UNREAD"),
                id=f"{number:x}",
                Message_ID=f"<{number}.{CANARY}@post.example>",
                In_Reply_To=answers,
                Subject=CANARY,
                Received=CANARY,
                Comments=CANARY,
            )
            mailbox.messages[name] |= {"snippet": CANARY}

    def change(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def spoil(self, number: int, owner: str = ANA) -> None:
        raise NotImplementedError

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        for number in numbers:
            self.google.mailbox(ADDRESSES[owner]).delete(f"{number:x}")

    def forget(self, owner: str = ANA) -> None:
        self.google.mailbox(ADDRESSES[owner]).forget_history()


WORLDS = (Mailboxes,)
