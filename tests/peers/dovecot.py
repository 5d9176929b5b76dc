"""Dovecot, a mail server, with mailboxes that tests write as files.

Every name that signs in with :data:`PASSWORD` has a mailbox, so each test takes a name of its own.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.peers.process import free_port, serving

PASSWORD = 'correct "horse" \\ staple'
_READER = "nobody"  # it refuses to read mail as root
_RECEIVED = datetime(2026, 9, 1, 12, tzinfo=UTC)
_CONFIGURATION = r"""
protocols = imap
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
disable_plaintext_auth = no
auth_failure_delay = 0 secs
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
    port = {secure_port}
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
    """A running server, on ``port`` also with STARTTLS; ``certificate`` is self-signed."""

    folder: Path
    port: int
    secure_port: int
    numbers: Iterator[int] = field(default_factory=count)

    def user(self) -> str:
        """Return a user name that no other test has taken."""
        return f"user{next(self.numbers)}"

    def deliver(
        self, user: str, messages: Iterable[bytes], folder: str = "", received_at: datetime = _RECEIVED, size: int = 0
    ) -> None:
        """Put messages into a folder ("" is the INBOX) in the order given; a wrong ``size`` breaks the connection."""
        path = self.folder_path(user, folder)
        for message in messages:
            size_field = f",S={size}" if size else ""
            file = path / "cur" / f"{1_790_000_000 + next(self.numbers)}.M1P1.host{size_field}:2,"
            file.write_bytes(message)
            os.utime(file, (received_at.timestamp(), received_at.timestamp()))
            shutil.chown(file, _READER, _group())

    def folder_path(self, user: str, folder: str = "") -> Path:
        """Return the folder's directory, created if needed; ``folder`` is written as on disk (modified UTF-7)."""
        root = self.folder / "mail" / user
        path = root / f".{folder.replace('/', '.')}" if folder else root
        for directory in (root, *(path / part for part in ("", "cur", "new", "tmp"))):
            directory.mkdir(exist_ok=True)
            shutil.chown(directory, _READER, _group())
        return path

    def renumber(self, user: str, folder: str = "") -> None:
        """Let the server give the folder's messages new UIDs (another UIDVALIDITY)."""
        path = self.folder_path(user, folder)
        validity = re.search(r" V(\d+) ", (path / "dovecot-uidlist").read_text(encoding="ascii"))
        assert validity is not None
        for index in path.glob("dovecot.index*"):
            index.unlink()
        (path / "dovecot-uidlist").write_text(f"3 V{int(validity[1]) + 1} N1 G{'ab' * 16}\n", encoding="ascii")

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def log(self) -> str:
        """The server's log so far."""
        return (self.folder / "dovecot.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def dovecot(log_lines: list[str] | None = None) -> Iterator[Dovecot]:
    """Run a server on a free port, in a folder that its user may enter; fill ``log_lines`` once it has stopped."""
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        folder, port, secure_port = Path(name), free_port(), free_port()
        folder.chmod(0o755)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", _READER, _group())
        (folder / "passwords").write_text(f"anybody:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        certify(folder)
        configuration = folder / "dovecot.conf"
        words = {"folder": folder, "port": port, "secure_port": secure_port, "user": _READER, "group": _group()}
        configuration.write_text(_CONFIGURATION.format(**words), encoding="utf-8")
        with serving(["dovecot", "-F", "-c", str(configuration)], port, folder / "output"):
            server = Dovecot(folder, port, secure_port)
            yield server
        if log_lines is not None:
            log_lines += server.log.splitlines()


def certify(folder: Path) -> None:
    """Write a self-signed certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    host = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(host, critical=False)
        .sign(key, SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _group() -> int:
    return pwd.getpwnam(_READER).pw_gid
