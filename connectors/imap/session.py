"""One session with a mail server, in which nothing is changed and no body is requested.

The standard library signs in, lists and searches. Header blocks, which take most of the time, are read from its
connection as they arrive, and the next ones are requested before these are used, so that the server works meanwhile.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from imaplib import IMAP4
from itertools import groupby, islice
from typing import Any

from connectors.deadline import Deadline
from connectors.errors import AuthorizationError, ConnectorError, RateLimitError, UnavailableError
from connectors.imap.connection import open_connection
from connectors.imap.folders import Folder, FolderRole, role_of
from connectors.imap.messages import FETCH_ITEMS, FetchedMessage, parse_message, parse_standard
from connectors.network import connection_error, is_limit_exceeded, is_loopback

_MOST_PENDING = 2  # FETCH commands on their way at a time
_MOST_UIDS = 5_000_000
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\r?\n?$")
_LIST = re.compile(rb'\((?P<flags>[^)]*)\) (?:"\\?(?P<delimiter>.)"|NIL) (?P<name>.+)', re.DOTALL)
_STATUS = re.compile(rb"(?P<name>.+) \((?P<values>[^()]*)\)\s*", re.DOTALL)
_COUNT = re.compile(rb"(MESSAGES|UIDNEXT|UIDVALIDITY|HIGHESTMODSEQ) ([^\s()]{1,200})", re.IGNORECASE)
_NUMBER = re.compile(rb"\d{1,20}")
_LONGEST_VALIDITY = 200
_NO_PERMISSION = re.compile(rb"\[(NOPERM|NONEXISTENT|CANNOT)\]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESEARCH_ALL = re.compile(rb"\bALL ([\d:,]+)")
_RESPONSE_CODE = re.compile(r"\[([A-Z]+)[\] ]")
_LIMIT_CODES = frozenset(("LIMIT", "OVERQUOTA", "INUSE", "THROTTLED"))
_TEMPORARY_CODES = frozenset(("UNAVAILABLE", "SERVERBUG", "CONTACTADMIN"))
_AUTHORIZATION_CODES = frozenset(("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "NOPERM"))
_FETCH = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """A server and the account to sign in with.

    ``tls`` is "tls", "starttls" or "none"; a ``token`` is used instead of a password.
    """

    source: str
    host: str
    port: int
    tls: str
    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class ConnectionBrokenError(Exception):
    """The connection ended in the middle of a response; a single message may have been the cause."""


class ImapSession:
    """A signed-in connection. Close it; after a :class:`ConnectionBrokenError` it cannot be used any more."""

    def __init__(self, account: ImapAccount, deadline: Deadline) -> None:
        self._source, self._deadline = account.source, deadline
        self._commands = 0
        self._pending: deque[tuple[bytes, frozenset[int]]] = deque()
        if account.tls == "none" and not is_loopback(account.host):
            found = "the connection would not be encrypted, with the password and all mail."
            raise UnavailableError(self._source, found, 'Write tls = "tls" or tls = "starttls".')
        with self._translated():
            self._client = open_connection(account.host, account.port, account.tls, deadline)
        try:
            with self._translated(signing_in=True):
                self._sign_in(account)
            with self._translated():
                self._capabilities = frozenset(self._client.capability()[1][0].upper().split())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Sign out; if responses are still pending, just close the connection."""
        with suppress(IMAP4.error, OSError, ValueError):
            if not self._pending:
                self._client.logout()
        with suppress(OSError):
            self._client.shutdown()

    def _sign_in(self, account: ImapAccount) -> None:
        name, client = account.username, self._client
        if account.token:
            initial = f"user={name}\1auth=Bearer {account.token}\1\1".encode()
            # A challenge after the first means failure; an empty answer lets the server say so.
            client.authenticate("XOAUTH2", lambda challenge: b"" if challenge else initial)
        # The standard library's login is limited to ASCII, so PLAIN is preferred.
        elif "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{name}\0{account.password}".encode())
        else:
            client.login(name, account.password)

    @contextmanager
    def _translated(self, *, signing_in: bool = False) -> Iterator[None]:
        """Turn any failure of the server or the network into a connector error, without the server's own text."""
        try:
            yield
        except IMAP4.abort as error:
            raise unreachable_error(self._source, error) from None
        except IMAP4.error as error:
            raise refusal_error(self._source, str(error), signing_in=signing_in) from None
        # The standard library raises any of these for a response that it does not expect.
        except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise unreachable_error(self._source, error) from None

    # Folders

    def folders(self) -> list[Folder]:
        """Return every folder with its counts, by one command if the server supports that.

        Counts that are missing are requested once more, folder by folder; one that is still missing is 0. A folder that
        we may not read is left out.
        """
        items = "MESSAGES UIDNEXT UIDVALIDITY" + (" HIGHESTMODSEQ" if b"CONDSTORE" in self._capabilities else "")
        with self._translated():
            self._client.renew()
            # RFC 5819: the counts of all folders by one command.
            if b"LIST-STATUS" in self._capabilities:
                special = "SPECIAL-USE " if b"SPECIAL-USE" in self._capabilities else ""
                _require_ok(self._client.xatom("LIST", '""', '"*"', "RETURN", f"({special}STATUS ({items}))"))
            else:
                _require_ok(self._client.xatom("LIST", '""', '"*"'))
            roles, counts = list(self._parse_list()), dict(self._parse_status())
            for name, role in roles:
                if role is FolderRole.IGNORED or name in counts:
                    continue
                kind, data = self._client.xatom("STATUS", _quote(name), f"({items})")
                values = [values for _, values in self._parse_status()]
                # Shared folders of others are often listed although they may not be opened.
                if kind == "OK" or not _NO_PERMISSION.match(data[-1] or b""):
                    counts[name] = values[-1] if values else {}
        return [_folder(name, role, counts[name]) for name, role in roles if name in counts]

    def _parse_list(self) -> Iterator[tuple[str, FolderRole]]:
        for line in self._untagged("LIST"):
            if (match := _LIST.fullmatch(line)) and not _CONTROL.search(name := _unquote(match["name"])):
                flags = match["flags"].decode("ascii", "replace").split()
                yield name, role_of(name, flags, (match["delimiter"] or b"").decode("ascii", "replace"))

    def _parse_status(self) -> Iterator[tuple[str, dict[bytes, bytes]]]:
        for line in self._untagged("STATUS"):
            if match := _STATUS.fullmatch(line):
                counts = {name.upper(): value for name, value in _COUNT.findall(match["values"])}
                yield _unquote(match["name"]), counts

    def _untagged(self, kind: str) -> Iterator[bytes]:
        """Yield the untagged responses of a kind, each in one piece, with literals as quoted strings."""
        pending = b""
        for part in self._client.response(kind)[1]:
            if isinstance(part, tuple):
                pending += _LITERAL.sub(b"", part[0]) + _quote_bytes(part[1])
            elif part is not None:
                yield pending + part
                pending = b""

    # Messages

    def examine(self, folder: Folder) -> None:
        """Open a folder for reading only. Raises UnavailableError if its UIDs have been renumbered meanwhile."""
        with self._translated():
            self._client.renew()
            _require_ok(self._client.select(_quote(folder.name), readonly=True))
            validity = self._client.response("UIDVALIDITY")[1][-1]
        if _validity(validity or b"") != folder.validity:
            raise unreachable_error(self._source)

    def search(self, criteria: str) -> list[int]:
        """Return the UIDs of the messages that meet the criteria (RFC 3501, 6.4.4), lowest first."""
        with self._translated():
            self._client.renew()
            if b"ESEARCH" in self._capabilities:
                _require_ok(self._client.uid("SEARCH", "RETURN (ALL)", criteria))
                data = self._client.response("ESEARCH")[1]
                match = _ESEARCH_ALL.search(data[-1] or b"") if data else None
                return sorted(_parse_uid_set(match[1])) if match else []
            lines = _require_ok(self._client.uid("SEARCH", criteria))
        return sorted(int(uid) for line in lines if line for uid in line.split())

    def fetch(self, chunks: Iterable[Collection[int]]) -> Iterator[list[FetchedMessage]]:
        """Yield the messages of each chunk of UIDs, as far as they still exist. No two chunks may overlap.

        Raises :class:`ConnectionBrokenError` if the connection ends before a whole chunk has arrived.
        """
        remaining, received = iter(chunks), list[FetchedMessage]()
        try:
            for chunk in islice(remaining, _MOST_PENDING):
                self._send_fetch(chunk)
            while self._pending:
                self._client.renew()
                self._deadline.renew()
                tag, uids = self._pending[0]
                self._receive(tag, received)
                self._pending.popleft()
                for chunk in islice(remaining, 1):
                    self._send_fetch(chunk)
                yield [message for message in received if message.uid in uids]
                # A server may send messages of the next command before it completes this one.
                received = [message for message in received if message.uid not in uids]
        except (IMAP4.abort, OSError, ValueError) as error:
            if is_limit_exceeded(error):
                raise unreachable_error(self._source, error) from None
            raise ConnectionBrokenError from error

    def _send_fetch(self, uids: Collection[int]) -> None:
        self._commands += 1
        tag = b"rows-%d " % self._commands
        items = f"({'X-GM-THRID ' if b'X-GM-EXT-1' in self._capabilities else ''}{FETCH_ITEMS})"
        self._client.send(b"%bUID FETCH %b %b\r\n" % (tag, uid_set(uids).encode(), items.encode()))
        self._pending.append((tag, frozenset(uids)))

    def _receive(self, tag: bytes, received: list[FetchedMessage]) -> None:
        """Append the messages before the line with this tag: all that are buffered at once, others one by one."""
        client = self._client
        while True:
            messages, size = parse_standard(client.peek())
            client.read(size)
            received += messages
            line, literal = self._read_response()
            if line.startswith(tag):
                break
            if _FETCH.match(line) and (message := parse_message(line, literal)):
                received.append(message)
        if not line[len(tag) :].upper().startswith(b"OK"):
            raise refusal_error(self._source, line.decode("ascii", "replace"))

    def _read_response(self) -> tuple[bytes, bytes | None]:
        """Return one response in one piece without its literals, and its last literal."""
        client, literal = self._client, None
        line = client.readline()
        while match := _LITERAL.search(line):
            literal = client.read(int(match[1]))
            if len(literal) < int(match[1]):
                raise IMAP4.abort
            line = line[: match.start()] + client.readline()
        if not line or line.upper().startswith(b"* BYE"):
            raise IMAP4.abort
        return line, literal


def refusal_error(source: str, answer: str, *, signing_in: bool = False) -> ConnectorError:
    """Return the error for a NO or BAD, by its response code (RFC 5530), else by the command."""
    match = _RESPONSE_CODE.search(answer)
    code = match[1] if match else ""
    if code in _LIMIT_CODES:
        return RateLimitError(source, "the mail server asks us to stop for now.", "The next run tries again.")
    if code == "PRIVACYREQUIRED":
        found = "the mail server accepts a password over an encrypted connection only."
        return UnavailableError(source, found, 'Write tls = "tls" or tls = "starttls".')
    if code in _TEMPORARY_CODES or not (signing_in or code in _AUTHORIZATION_CODES):
        return UnavailableError(source, "the mail server refuses the request.", "The next run tries again.")
    return AuthorizationError(
        source,
        "the mail server does not accept the name and password.",
        "Make a new password there (some servers want an app password), store it where the configuration looks for it, "
        f"then run: evenhours ingest --source {source}",
    )


def unreachable_error(source: str, error: Exception | None = None) -> UnavailableError:
    """Return the error for a server that cannot be reached, closes the connection, or sends nonsense or no end."""
    return connection_error(source, "the mail server", error, "The next run goes on from here.")


def _require_ok(response: tuple[str, list[Any]]) -> list[Any]:
    """Return the data of a response that is OK. Raises IMAP4.error for any other."""
    kind, data = response
    if kind != "OK":
        raise IMAP4.error(str(data[-1]))
    return data


def _folder(name: str, role: FolderRole, counts: dict[bytes, bytes]) -> Folder:
    def number(item: bytes) -> int:
        count = counts.get(item, b"")
        return int(count) if _NUMBER.fullmatch(count) else 0

    validity = _validity(counts.get(b"UIDVALIDITY", b""))
    return Folder(name, role, validity, number(b"UIDNEXT"), number(b"MESSAGES"), number(b"HIGHESTMODSEQ"))


def _validity(text: bytes) -> str:
    """Return the UIDVALIDITY as text; empty if it is missing or 0.

    It should be a number, but servers send other words, and an equal word is all that is needed.
    """
    word = next(iter(text.split()), b"")[:_LONGEST_VALIDITY]
    return word.lstrip(b"0").decode("utf-8", "surrogateescape")


def _parse_uid_set(text: bytes) -> Iterator[int]:
    """Yield the UIDs in ``1:3,7``. Raises ValueError for more than a mailbox can contain."""
    total = 0
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        # RFC 3501 allows 3:1 for 1:3.
        low, high = sorted((int(first), int(last or first)))
        total += high - low + 1
        if total > _MOST_UIDS:
            raise ValueError("more messages than a mailbox can contain")
        yield from range(low, high + 1)


def uid_set(uids: Iterable[int]) -> str:
    """Return UIDs as a command writes them: ``1:3,7``."""
    runs = groupby(enumerate(sorted(uids)), key=lambda pair: pair[1] - pair[0])
    spans = ([uid for _, uid in run] for _, run in runs)
    return ",".join(str(span[0]) if len(span) == 1 else f"{span[0]}:{span[-1]}" for span in spans)


def _quote_bytes(name: bytes) -> bytes:
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _quote(name: str) -> Any:
    # As bytes, because the standard library accepts only ASCII as text.
    return _quote_bytes(name.encode("utf-8", "surrogateescape"))


def _unquote(name: bytes) -> str:
    if name.startswith(b'"'):
        name = re.sub(rb"\\(.)", rb"\1", name.strip()[1:-1])
    return name.decode("utf-8", "surrogateescape")
