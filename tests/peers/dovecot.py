"""Dovecot, a mail server, with mailboxes that tests write as files.

Whoever signs in with :data:`PASSWORD` has a mailbox, so each test takes a name of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.peers.process import free_port, serving

PASSWORD = 'correct "horse" \\ staple'
_READER = "nobody"  # it refuses to read mail as root
_RECEIVED = datetime(2026, 9, 1, 12, tzinfo=UTC)
_CONFIGURATION = r"""
protocols = imap
ssl = no
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
mail_max_userip_connections = 100
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=anybody {folder}/passwords
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \Sent
  }}
  mailbox Drafts {{
    special_use = \Drafts
  }}
  mailbox Trash {{
    special_use = \Trash
  }}
  mailbox Junk {{
    special_use = \Junk
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server. ``log`` is complete once it has stopped."""

    folder: Path
    port: int
    numbers: Iterator[int] = field(default_factory=count)

    def user(self) -> str:
        """Somebody whom no test has taken yet."""
        return f"user{next(self.numbers)}"

    def deliver(
        self, user: str, messages: Iterable[bytes], folder: str = "", received_at: datetime = _RECEIVED, size: int = 0
    ) -> None:
        """Put messages into a folder ("" is the INBOX) in the order given; a wrong ``size`` breaks the connection."""
        place = self.place(user, folder)
        for message in messages:
            told = f",S={size}" if size else ""
            file = place / "cur" / f"{1_790_000_000 + next(self.numbers)}.M1P1.host{told}:2,"
            file.write_bytes(message)
            os.utime(file, (received_at.timestamp(), received_at.timestamp()))
            shutil.chown(file, _READER, _group())

    def place(self, user: str, folder: str = "") -> Path:
        """The folder's own directory, made on first sight; ``folder`` is spelled as on the disk (modified UTF-7)."""
        root = self.folder / "mail" / user
        place = root / f".{folder.replace('/', '.')}" if folder else root
        for directory in (root, *(place / part for part in ("", "cur", "new", "tmp"))):
            directory.mkdir(exist_ok=True)
            shutil.chown(directory, _READER, _group())
        return place

    def renumber(self, user: str, folder: str = "") -> None:
        """Let the server number the folder's messages anew (another UIDVALIDITY)."""
        for path in self.place(user, folder).glob("dovecot*"):
            path.unlink()
        for path in self.place(user).glob("dovecot*"):
            path.unlink()

    @property
    def log(self) -> str:
        return (self.folder / "dovecot.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """A server on a free port, in a folder that its reader may enter."""
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", _READER, _group())
        (folder / "passwords").write_text(f"anybody:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        configuration = folder / "dovecot.conf"
        words = {"folder": folder, "port": port, "user": _READER, "group": _group()}
        configuration.write_text(_CONFIGURATION.format(**words), encoding="utf-8")
        with serving(["dovecot", "-F", "-c", str(configuration)], port, folder / "output"):
            yield Dovecot(folder, port)


def _group() -> int:
    return pwd.getpwnam(_READER).pw_gid
