"""Writer of simulated mail as an mbox file or a Maildir, with threads, subjects and text (RFC 5322).

Subjects, names and bodies are realistic: connectors must not store them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.demo.days import SimulatedDays
from monitor.demo.messages import DemoMessage
from monitor.demo.practice import ZONE

_SUBJECTS = ("Thursday", "Re-arranging next week", "A difficult night", "Invoice", "Form for my GP", "Café instead?")
_BODIES = (
    "Could we move to another day next week?\nFrom Monday on I am back in town.\n",
    "Thank you for the session. The hearing is on the 14th, and I have not slept much.\n",
    "I read what you sent. It helped.\n\nFrom what I remember it began when my brother moved out.\n",
    "I may be ten minutes late today, the train stands at Reading.\n",
)
# In an mbox, a line of the text that begins with "From " has to be quoted.
_FROM = re.compile(r"^>*From ", re.MULTILINE)
_MACHINE = {
    "": (),
    "away": ("Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"),
    "list": ("List-Id: Therapy digest <digest.therapy-digest.example>", "Precedence: bulk"),
    "notice": ("Auto-Submitted: auto-generated",),
}


def write_mbox(days: SimulatedDays, messages: list[DemoMessage], path: Path) -> None:
    """Write all messages into one file, quoted by the rule of mboxrd."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for message in messages:
            head, body = _format_message(days, message)
            sender = days.person.address if message.outgoing else message.to_or_from
            received = datetime.fromtimestamp(message.sent_at, UTC)
            body = _FROM.sub(r">\g<0>", body)
            file.write(f"From {sender} {received:%a %b %d %H:%M:%S %Y}\n{head}\n{body}\n")


def write_maildir(days: SimulatedDays, messages: list[DemoMessage], folder: Path) -> None:
    """Write one file for each message: incoming ones under ``cur``, outgoing ones under ``.Sent/cur``."""
    for box in (folder, folder / ".Sent"):
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
    for message in messages:
        box = folder / ".Sent" if message.outgoing else folder
        head, body = _format_message(days, message)
        name = f"{message.sent_at}.M{message.number:06}P1.harbour:2,S"
        (box / "cur" / name).write_text(f"{head}\n{body}", encoding="utf-8")


def _format_message(days: SimulatedDays, message: DemoMessage) -> tuple[str, str]:
    """Return the header block of a message, with line ends, and its body."""
    owner = f"{days.person.name} <{days.person.address}>"
    other = f"{message.name} <{message.to_or_from}>" if message.name else message.to_or_from
    zone = days.zone if message.outgoing else ZoneInfo(ZONE)
    thread = [message]  # the message itself and what it answers, the first message last
    while thread[-1].parent is not None:
        thread.append(thread[-1].parent)
    ids = [_message_id(days, earlier) for earlier in reversed(thread)]
    references = [f"In-Reply-To: {ids[-2]}", "References: " + "\n ".join(ids[:-1])] if message.parent else []
    subject = ("Re: " if message.parent else "") + _SUBJECTS[thread[-1].number % len(_SUBJECTS)]
    lines = [
        f"From: {owner if message.outgoing else other}",
        f"To: {other if message.outgoing else owner}",
        f"Date: {format_datetime(datetime.fromtimestamp(message.sent_at, zone))}",
        f"Message-ID: {ids[-1]}",
        *references,
        *_MACHINE[message.automatic],
        f"Subject: {subject if subject.isascii() else Header(subject, 'utf-8').encode()}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
    ]
    return "\n".join(lines), _BODIES[message.number % len(_BODIES)]


def _message_id(days: SimulatedDays, message: DemoMessage) -> str:
    domain = "harbour.example" if message.outgoing else message.to_or_from.rpartition("@")[2]
    return f"<{message.number:06}.{message.sent_at:x}.{days.person.key}@{domain}>"
