"""Where secrets are, and the practice's key file.

The configuration says *where* a secret is (``env:NAME``, ``file:PATH``, ``command:…``), never what it is. The key file
is what keeps the database's names from being found by trying them all, so it is private to its owner or refused.
No error of this module carries a secret, nor what a command printed.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qsl, unquote, urlsplit

from connectors.errors import UnavailableError
from connectors.private import create_file, is_full, why_unwritten
from connectors.pseudonyms import KEY_BYTES
from monitor.errors import KeyFileError, SecretError

COMMAND_SECONDS = 30
_SECRET_BYTES = 65_536
_REFERENCE = re.compile(r"(env|file|command):\s*(\S.*)")
_SECRET_WORD = re.compile(r"key|token|secret|passw|auth|sig", re.IGNORECASE)
_LONG_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])(\w{24,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_RANDOM = re.compile(r"(?=[\w-]{12,}$)(?:.*?(?:[A-Za-z]\d|\d[A-Za-z])){3}.*")  # letters and digits change often
_LINKS = re.compile(
    r"/private-|/public-calendars/[^/]|/apps/calendar/(p|embed)/[^/]|/s/\w{8}|/published/\d+/[^/]|/feed/ks\w{8}",
    re.IGNORECASE,
)  # Google, Nextcloud, iCloud, TeamUp: what follows is the key


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is instead of being one."""
    return _REFERENCE.fullmatch(text) is not None


def is_private_url(text: str) -> bool:
    """Whether knowing the address is enough to read what lies there: a secret feed, a log-in, a token."""
    parts = urlsplit(text)
    query = parse_qsl(parts.query, True)
    if "@" in parts.netloc or any(_SECRET_WORD.search(name) for name, _ in query):
        return True
    path = unquote(parts.path)
    words = (*re.split(r"[/.]", path), *(value for _, value in query), parts.fragment)
    return (
        _LINKS.search(path) is not None
        or any(map(_LONG_RANDOM.fullmatch, path.split("/")))
        or any(map(_RANDOM.fullmatch, words))
    )


def read_secret(reference: str, folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The secret that ``env:NAME``, ``file:PATH`` (relative to ``folder``) or ``command:…`` stands for.

    Line ends behind it are taken off. A command is run in ``folder`` without a shell and without input, for
    half a minute at most. Raises :class:`~monitor.errors.SecretError`.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise SecretError("A secret is given as env:NAME, file:PATH or command:…, not as itself.")
    scheme, place = found.groups()
    if scheme == "env":
        secret = environ.get(place, "")
    elif scheme == "file":
        secret = _secret_in(folder, place)
    else:
        secret = _secret_printed_by(place, folder)
    if not secret.strip():
        raise SecretError(f"{_described(scheme, place)} holds no secret. Put it there, or name another place.")
    return secret.rstrip("\r\n")


def secret_reader(source: str, folder: Path) -> Callable[[str], str]:
    """``read_secret`` as a connector is given it: what goes wrong is an error of its source."""

    def read(reference: str) -> str:
        try:
            return read_secret(reference, folder)
        except SecretError as error:
            raise UnavailableError(source, "its secret cannot be read.", str(error)) from error

    return read


def create_key(path: Path) -> None:
    """Write a new practice key: 32 random bytes in hex, readable by its owner alone. Never replaces a file."""
    try:
        create_file(path, token_hex(KEY_BYTES) + "\n")
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists already. Keep it: without it the stored names mean nothing.") from error
    except OSError as error:
        found = f"{path} cannot be written: {why_unwritten(path.parent, error)}."
        remedy = " Nothing was left behind. Make room and run the command again." if is_full(error) else ""
        raise KeyFileError(f"{found}{remedy}") from error


def read_key(path: Path) -> bytes:
    """The practice key: 32 bytes. Raises :class:`~monitor.errors.KeyFileError` unless the file is ours alone."""
    try:
        text = _private_text(path, follow=False, owners={os.geteuid()})
    except FileNotFoundError as error:
        remedy = (
            "Put it back from where you keep it. Where a practice begins, evenhours init makes one. If it is lost for "
            "good, rename the database and run: evenhours init, then evenhours nightly, which reads again what the "
            "sources still hold."
        )
        raise KeyFileError(f"There is no key file at {path}. {remedy}") from error
    except (OSError, _NotPrivateError) as error:
        raise KeyFileError(f"The key file {path} {_reason(error)}") from error
    if not re.fullmatch(rf"[0-9a-fA-F]{{{KEY_BYTES * 2}}}", text.strip()):
        remedy = "Put the right one back from where you keep it."
        raise KeyFileError(
            f"The key file {path} is damaged: it has to hold {KEY_BYTES * 2} hexadecimal digits. {remedy}"
        )
    return bytes.fromhex(text.strip())


class _NotPrivateError(Exception):
    """A file that is not a file, not ours, or not ours alone; the text goes on from its name."""


def _private_text(path: Path, *, follow: bool, owners: set[int]) -> str:
    if not follow and path.is_symlink():
        raise _NotPrivateError("is a link. Put the file itself there.")
    # Without O_NONBLOCK a named pipe would hold us for ever; what was opened is what is then looked at.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        _refuse_unless_private(os.fstat(descriptor), path, owners)
        return os.read(descriptor, _SECRET_BYTES).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _refuse_unless_private(status: os.stat_result, path: Path, owners: set[int]) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _NotPrivateError("is not a file.")
    if status.st_uid not in owners:
        raise _NotPrivateError(f"belongs to {_user_name(status.st_uid)}. {_as_its_owner(status.st_uid)}")
    if status.st_mode & 0o077:
        raise _NotPrivateError(f"can be read by others. Run: chmod 600 {shlex.quote(str(path))}")


def _user_name(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user {number}"


def _as_its_owner(number: int) -> str:
    """Return what whoever is not a file's owner can do: only its owner, or root, could give it away."""
    return f"Run Evenhours as {_user_name(number)}, or ask whoever administers this computer to give you the file."


def _secret_in(folder: Path, place: str) -> str:
    # A service manager hands credentials over as files of root's, often through links.
    try:
        return _private_text(folder / Path(place).expanduser(), follow=True, owners={os.geteuid(), 0})
    except RuntimeError as error:
        raise SecretError(f"The secret's file {place} begins with a home folder that does not exist.") from error
    except (OSError, _NotPrivateError) as error:
        raise SecretError(f"The secret's file {folder / place} {_reason(error)}") from error


def _secret_printed_by(command: str, folder: Path) -> str:
    try:
        words = shlex.split(command)
        done = subprocess.run(  # noqa: S603 (the practice's own configuration names it)
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:  # it holds what was printed, so it goes no further
        raise SecretError(f"The secret's command took more than {COMMAND_SECONDS} seconds.") from None
    except subprocess.CalledProcessError as error:
        raise SecretError(f"The secret's command failed with exit code {error.returncode}. Try it by hand.") from None
    except (OSError, ValueError) as error:
        raise SecretError("The secret's command cannot be run. Try it by hand.") from error
    return done.stdout.decode("utf-8", "replace")


def _described(scheme: str, place: str) -> str:
    return {"env": f"The environment variable {place}", "file": f"The file {place}"}.get(scheme, "The secret's command")


def _reason(error: Exception) -> str:
    return f"cannot be read: {(error.strerror or 'unknown').lower()}." if isinstance(error, OSError) else str(error)
