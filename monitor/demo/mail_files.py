"""A clinician's letters as an mbox file or a Maildir: header, a few lines of text, and who answered what (RFC 5322).

Subjects, names and bodies are there as in life: nothing that reads these files may keep them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.demo.days import Days
from monitor.demo.letters import Letter
from monitor.demo.practice import ZONE

_SUBJECTS = ("Thursday", "Re-arranging next week", "A difficult night", "Invoice", "Form for my GP", "Café instead?")
_BODIES = (
    "Could we move to another day next week?\nFrom Monday on I am back in town.\n",
    "Thank you for the session. The hearing is on the 14th, and I have not slept much.\n",
    "I read what you sent. It helped.\n\nFrom what I remember it began when my brother moved out.\n",
    "I may be ten minutes late today, the train stands at Reading.\n",
)
_FROM = re.compile(r"^>*From ", re.MULTILINE)
_MACHINE = {
    "": (),
    "away": ("Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"),
    "list": ("List-Id: Therapy digest <digest.therapy-digest.example>", "Precedence: bulk"),
    "notice": ("Auto-Submitted: auto-generated",),
}


def write_mbox(days: Days, letters: list[Letter], path: Path) -> None:
    """All letters in one file, quoted as mboxrd has it."""
    post = _Post(days)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for letter in letters:
            head, body = post.message(letter)
            sender = days.person.address if letter.outgoing else letter.to_or_from
            received = datetime.fromtimestamp(letter.sent_at, UTC)
            file.write(f"From {sender} {received:%a %b %d %H:%M:%S %Y}\n{head}\n{_quoted(body)}\n")


def write_maildir(days: Days, letters: list[Letter], folder: Path) -> None:
    """One file a letter: what came in under ``cur``, what went out under ``.Sent/cur``."""
    post = _Post(days)
    for box in (folder, folder / ".Sent"):
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
    for letter in letters:
        box = folder / ".Sent" if letter.outgoing else folder
        head, body = post.message(letter)
        name = f"{letter.sent_at}.M{letter.number:06}P1.harbour:2,S"
        (box / "cur" / name).write_text(f"{head}\n{body}", encoding="utf-8")


def _quoted(body: str) -> str:
    return _FROM.sub(r">\g<0>", body)


class _Post:
    """Writes one clinician's letters out."""

    def __init__(self, days: Days) -> None:
        self.days, self.london = days, ZoneInfo(ZONE)
        self.me = f"{days.person.name} <{days.person.address}>"

    def message(self, letter: Letter) -> tuple[str, str]:
        """Header block, each line ended, and body."""
        other = f"{letter.name} <{letter.to_or_from}>" if letter.name else letter.to_or_from
        zone = self.days.zone if letter.outgoing else self.london
        lines = [
            f"From: {self.me if letter.outgoing else other}",
            f"To: {other if letter.outgoing else self.me}",
            f"Date: {format_datetime(datetime.fromtimestamp(letter.sent_at, zone))}",
            f"Message-ID: {self._name(letter)}",
            *self._thread(letter),
            *_MACHINE[letter.automatic],
            f"Subject: {_subject(letter)}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "",
        ]
        return "\n".join(lines), _BODIES[letter.number % len(_BODIES)]

    def _name(self, letter: Letter) -> str:
        domain = "harbour.example" if letter.outgoing else letter.to_or_from.rpartition("@")[2]
        return f"<{letter.number:06}.{letter.sent_at:x}.{self.days.person.key}@{domain}>"

    def _thread(self, letter: Letter) -> list[str]:
        """In-Reply-To and the folded References of a reply."""
        if letter.parent is None:
            return []
        names = [self._name(earlier) for earlier in reversed(list(_earlier(letter)))]
        return [f"In-Reply-To: {names[-1]}", "References: " + "\n ".join(names)]


def _earlier(letter: Letter) -> Iterator[Letter]:
    while letter.parent is not None:
        letter = letter.parent
        yield letter


def _subject(letter: Letter) -> str:
    """The thread's subject, encoded where it is not ASCII."""
    first = list(_earlier(letter))[-1] if letter.parent else letter
    subject = ("Re: " if letter.parent else "") + _SUBJECTS[first.number % len(_SUBJECTS)]
    return subject if subject.isascii() else Header(subject, "utf-8").encode()
