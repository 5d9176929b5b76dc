"""Messages as mailboxes contain them, for the simulated mail sources."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime
from types import MappingProxyType

from tests.connectors.worlds.world import ADDRESSES, ANA, CANARY, Behaviour, client, moment

PAGE = 4  # letters
LASTING: Mapping[Behaviour, str] = MappingProxyType(
    {
        Behaviour.CHANGED: "a message does not change",
        Behaviour.RESOLVED: "a message does not change",
        **dict.fromkeys(
            (Behaviour.DELETED, Behaviour.FORGETS), "a message that was deleted was still written, so it stays"
        ),
    }
)
"""What means nothing to mail."""
PLANTED = (
    "Subject", "Comments", "Keywords", "Organization", "User-Agent", "Received", "X-Originating-IP", "Thread-Topic",
    "List-Unsubscribe", "DKIM-Signature", "display names", "body", "attachments",
)  # fmt: skip


def letter(number: int, owner: str = ANA) -> str:
    """Return message ``number``: clients write, and every second message is the owner's answer to the one before."""
    own_address, client_address = ADDRESSES[owner], client(number // 2)
    sender, recipient = (own_address, client_address) if number % 2 else (client_address, own_address)
    reply_header = f"In-Reply-To: <{number - 1}.{CANARY}@post.example>\n" if number % 2 else ""
    return f"""\
Received: from {CANARY}.example by mx.two.example; {format_datetime(moment(number))}
From: "{CANARY}, Dr" <{sender}>
To: {CANARY} <{recipient}>
Subject: About {CANARY}
Date: {format_datetime(moment(number))}
Message-ID: <{number}.{CANARY}@post.example>
{reply_header}Comments: {CANARY}
Keywords: {CANARY}
Organization: {CANARY} Ltd
User-Agent: {CANARY}/1.0
X-Originating-IP: {CANARY}
Thread-Topic: {CANARY}
List-Unsubscribe: <mailto:{CANARY}@post.example>
DKIM-Signature: v=1; d={CANARY}
Content-Type: multipart/mixed; boundary="{CANARY}"

--{CANARY}
Content-Type: text/plain

Dear {CANARY},
--{CANARY}
Content-Type: application/pdf; name="{CANARY}.pdf"

{CANARY}
--{CANARY}--
"""
