"""Secrets by reference, and the practice's key file.

The configuration contains *where* a secret is (``env:NAME``, ``file:PATH``, ``command:…``), never the secret. Without
the key file, pseudonyms could be resolved by trying all addresses, so a key file that others can read is refused.
No error of this module contains a secret or the output of a command.
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
from connectors.private import create_file, is_disk_full, write_error_reason
from connectors.pseudonyms import KEY_BYTES
from monitor.errors import KeyFileError, SecretError

COMMAND_SECONDS = 30  # a password manager may ask for a touch, but a nightly run must not hang
_SECRET_BYTES = 65_536  # more is not a secret but a wrong path
_REFERENCE = re.compile(r"(env|file|command):\s*(\S.*)")
_SECRET_WORD = re.compile(r"key|token|secret|passw|auth|sig", re.IGNORECASE)
# A path segment of letters and digits that is long, or a UUID.
_LONG_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])(\w{24,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_RANDOM = re.compile(r"(?=[\w-]{12,}$)(?:.*?(?:[A-Za-z]\d|\d[A-Za-z])){3}.*")  # letters and digits change often
_SECRET_LINKS = re.compile(
    r"/private-|/public-calendars/[^/]|/apps/calendar/(p|embed)/[^/]|/s/\w{8}|/published/\d+/[^/]|/feed/ks\w{8}",
    re.IGNORECASE,
)  # of Google, Nextcloud, iCloud and TeamUp: the part that follows is the key


def is_reference(text: str) -> bool:
    """Return whether a text is a reference to a secret instead of a secret."""
    return _REFERENCE.fullmatch(text) is not None


def is_private_url(text: str) -> bool:
    """Return whether the URL alone gives access to the data: a secret feed, credentials, a token."""
    parts = urlsplit(text)
    query = parse_qsl(parts.query, True)
    if "@" in parts.netloc or any(_SECRET_WORD.search(name) for name, _ in query):
        return True
    path = unquote(parts.path)
    # The fragment, too: some servers put the token there.
    words = (*re.split(r"[/.]", path), *(value for _, value in query), parts.fragment)
    return (
        _SECRET_LINKS.search(path) is not None
        or any(map(_LONG_RANDOM.fullmatch, path.split("/")))
        or any(map(_RANDOM.fullmatch, words))
    )


def read_secret(reference: str, folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return the secret at ``env:NAME``, ``file:PATH`` (relative to ``folder``) or ``command:…``.

    Trailing line ends are removed. A command runs in ``folder`` without a shell and without input, for half a minute
    at most. Raises :class:`~monitor.errors.SecretError`.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SecretError("Write where the secret is kept (env:NAME, file:PATH or command:…), not the secret itself.")
    scheme, place = match.groups()
    if scheme == "env":
        subject, secret = f"The environment variable {place}", environ.get(place, "")
    elif scheme == "file":
        subject, secret = f"The file {place}", _secret_in(folder, place)
    else:
        subject, secret = "The output of the secret's command", _secret_printed_by(place, folder)
    if not secret.strip():
        raise SecretError(f"{subject} is empty. Put the secret there, or refer to another place.")
    return secret.rstrip("\r\n")


def secret_reader(source: str, folder: Path) -> Callable[[str], str]:
    """Return ``read_secret`` for one source, raising errors of that source."""

    def read(reference: str) -> str:
        try:
            return read_secret(reference, folder)
        except SecretError as error:
            raise UnavailableError(source, "its secret cannot be read.", str(error)) from error

    return read


def create_key(path: Path) -> None:
    """Create a practice key: 32 random bytes in hex, readable by its owner alone. Never replaces a file."""
    try:
        create_file(path, token_hex(KEY_BYTES) + "\n")
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists already. Keep it: without it the stored pseudonyms cannot be matched to anybody again."
        ) from error
    except OSError as error:
        problem = f"{path} cannot be written: {write_error_reason(path.parent, error)}."
        remedy = " Nothing was left behind. Make room and run the command again." if is_disk_full(error) else ""
        raise KeyFileError(f"{problem}{remedy}") from error


def read_key(path: Path) -> bytes:
    """Return the practice key, 32 bytes. Raises :class:`~monitor.errors.KeyFileError` unless the file is private."""
    try:
        text = _private_text(path, follow=False, owners={os.geteuid()})
    except FileNotFoundError as error:
        remedy = (
            "Restore it from your copy. For a new practice, run: evenhours init. If it is lost for good, rename the "
            "database, then run: evenhours init, and: evenhours nightly, which reads again what the sources still have."
        )
        raise KeyFileError(f"No key file at {path}. {remedy}") from error
    except (OSError, _NotPrivateError) as error:
        raise KeyFileError(f"The key file {path} {_reason(error)}") from error
    if not re.fullmatch(rf"[0-9a-fA-F]{{{KEY_BYTES * 2}}}", text.strip()):
        raise KeyFileError(
            f"The key file {path} is damaged: it has to contain {KEY_BYTES * 2} hexadecimal digits. "
            "Restore it from your copy."
        )
    return bytes.fromhex(text.strip())


class _NotPrivateError(Exception):
    """A path that is not a regular file, or a file of another user or open to others. The text continues its name."""


def _private_text(path: Path, *, follow: bool, owners: set[int]) -> str:
    if not follow and path.is_symlink():
        raise _NotPrivateError("is a symbolic link. Put the file itself there.")
    # Without O_NONBLOCK a named pipe would block for ever. The checks use the open file, which cannot be swapped.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _NotPrivateError("is not a regular file.")
        if status.st_uid not in owners:  # only its owner or root can change that
            owner = _user_name(status.st_uid)
            raise _NotPrivateError(
                f"belongs to {owner}. Run Evenhours as {owner}, or ask whoever administers this computer to give you "
                "the file."
            )
        if status.st_mode & 0o077:
            raise _NotPrivateError(f"can be read by others. Run: chmod 600 {shlex.quote(str(path))}")
        return os.read(descriptor, _SECRET_BYTES).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _user_name(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user {number}"


def _secret_in(folder: Path, place: str) -> str:
    # A service manager passes credentials as files owned by root, often through symbolic links.
    try:
        return _private_text(folder / Path(place).expanduser(), follow=True, owners={os.geteuid(), 0})
    except RuntimeError as error:
        raise SecretError(f"The secret's file {place} is in a home folder that does not exist.") from error
    except (OSError, _NotPrivateError) as error:
        raise SecretError(f"The secret's file {folder / place} {_reason(error)}") from error


def _secret_printed_by(command: str, folder: Path) -> str:
    try:
        words = shlex.split(command)
        completed = subprocess.run(  # noqa: S603 (the command comes from the practice's own configuration)
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:  # `from None`: the exception contains the output
        raise SecretError(f"The secret's command took more than {COMMAND_SECONDS} seconds.") from None
    except subprocess.CalledProcessError as error:
        raise SecretError(f"The secret's command failed with exit code {error.returncode}. Try it by hand.") from None
    except (OSError, ValueError) as error:
        raise SecretError("The secret's command cannot be run. Try it by hand.") from error
    return completed.stdout.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    return f"cannot be read: {(error.strerror or 'unknown').lower()}." if isinstance(error, OSError) else str(error)
