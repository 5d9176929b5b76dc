"""One conversation with a mail server, in which nothing is changed and no body is asked for.

The standard library signs in, lists and searches. Header blocks, where the time goes, are read from its connection as
they arrive, and the next ones are asked for before these are used, so that the server works meanwhile.
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
from connectors.imap.connection import connected
from connectors.imap.folders import Folder, Role, role_of
from connectors.imap.messages import WANTED, Row, row_from, usual_rows
from connectors.network import connection_error, is_limit_exceeded, is_loopback

_AHEAD = 2  # questions on their way at a time
_MOST_FOUND = 5_000_000
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\r?\n?$")
_LISTED = re.compile(rb'\((?P<marks>[^)]*)\) (?:"\\?(?P<delimiter>.)"|NIL) (?P<name>.+)', re.DOTALL)
_STATUS = re.compile(rb"(?P<name>.+) \((?P<values>[^()]*)\)\s*", re.DOTALL)
_COUNT = re.compile(rb"(MESSAGES|UIDNEXT|UIDVALIDITY|HIGHESTMODSEQ) ([^\s()]{1,200})", re.IGNORECASE)
_NUMBER = re.compile(rb"\d{1,20}")
_LONGEST_VALIDITY = 200
_NOT_OURS = re.compile(rb"\[(NOPERM|NONEXISTENT|CANNOT)\]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FOUND = re.compile(rb"\bALL ([\d:,]+)")
_REFUSAL = re.compile(r"\[([A-Z]+)[\] ]")
_LATER = frozenset(("LIMIT", "OVERQUOTA", "INUSE", "THROTTLED"))
_NOT_NOW = frozenset(("UNAVAILABLE", "SERVERBUG", "CONTACTADMIN"))
_KEY = frozenset(("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "NOPERM"))
_ROW = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Account:
    """Where to sign in and as whom. ``tls`` is "tls", "starttls" or "none"; a ``token`` goes in a password's place."""

    source: str
    host: str
    port: int
    tls: str
    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class BrokenOffError(Exception):
    """The connection ended within an answer; the server may only have stumbled over one message."""


class Conversation:
    """A connection that is signed in. Close it; after a :class:`BrokenOffError` it is of no more use."""

    def __init__(self, account: Account, deadline: Deadline) -> None:
        self._source, self._deadline = account.source, deadline
        self._number = 0
        self._waiting: deque[tuple[bytes, frozenset[int]]] = deque()
        if account.tls == "none" and not is_loopback(account.host):
            found = "the connection would not be encrypted, with the password and all mail."
            raise UnavailableError(self._source, found, 'Write tls = "tls" or tls = "starttls".')
        with self._translated():
            self._client = connected(account.host, account.port, account.tls, deadline)
        try:
            with self._translated(signing_in=True):
                self._sign_in(account)
            with self._translated():
                self._able = frozenset(self._client.capability()[1][0].upper().split())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Sign out; where answers are still on their way, hang up."""
        with suppress(IMAP4.error, OSError, ValueError):
            if not self._waiting:
                self._client.logout()
        with suppress(OSError):
            self._client.shutdown()

    def _sign_in(self, account: Account) -> None:
        name, client = account.username, self._client
        if account.token:
            opening = f"user={name}\1auth=Bearer {account.token}\1\1".encode()
            client.authenticate("XOAUTH2", lambda challenge: b"" if challenge else opening)
        elif "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{name}\0{account.password}".encode())
        else:
            client.login(name, account.password)

    @contextmanager
    def _translated(self, *, signing_in: bool = False) -> Iterator[None]:
        """Turn what a server and a network may do to us into an error that says what to do, and nothing they said."""
        try:
            yield
        except IMAP4.abort as error:
            raise unreachable(self._source, error) from None
        except IMAP4.error as error:
            raise refusal(self._source, str(error), signing_in=signing_in) from None
        except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise unreachable(self._source, error) from None

    # What there is

    def folders(self) -> list[Folder]:
        """Every folder with its counts: in one question, where the server can tell them so.

        What a server keeps back is asked for once more, folder by folder; what it still does not tell is 0. A folder
        that is not ours to read is left out.
        """
        counts = "MESSAGES UIDNEXT UIDVALIDITY" + (" HIGHESTMODSEQ" if b"CONDSTORE" in self._able else "")
        with self._translated():
            self._client.renew()
            if b"LIST-STATUS" in self._able:
                special = "SPECIAL-USE " if b"SPECIAL-USE" in self._able else ""
                _require(self._client.xatom("LIST", '""', '"*"', "RETURN", f"({special}STATUS ({counts}))"))
            else:
                _require(self._client.xatom("LIST", '""', '"*"'))
            listed, status = list(self._listed()), dict(self._told())
            for name, role in listed:
                if role is not Role.LEFT_OUT and name not in status:
                    status |= self._status(name, counts)
        return [_folder(name, role, status[name]) for name, role in listed if name in status]

    def _status(self, name: str, counts: str) -> dict[str, dict[bytes, bytes]]:
        """One folder's counts, as far as the server tells them; nothing where it says that it is not ours to read."""
        kind, said = self._client.xatom("STATUS", _quoted(name), f"({counts})")
        told = [found for _, found in self._told()]
        if kind != "OK" and _NOT_OURS.match(said[-1] or b""):
            return {}
        return {name: told[-1] if told else {}}

    def _listed(self) -> Iterator[tuple[str, Role]]:
        for line in self._lines("LIST"):
            if (match := _LISTED.fullmatch(line)) and not _CONTROL.search(name := _unquoted(match["name"])):
                marks = match["marks"].decode("ascii", "replace").split()
                yield name, role_of(name, marks, (match["delimiter"] or b"").decode("ascii", "replace"))

    def _told(self) -> Iterator[tuple[str, dict[bytes, bytes]]]:
        for line in self._lines("STATUS"):
            if match := _STATUS.fullmatch(line):
                counts = {name.upper(): value for name, value in _COUNT.findall(match["values"])}
                yield _unquoted(match["name"]), counts

    def _lines(self, kind: str) -> Iterator[bytes]:
        """The answers of a kind, each in one piece."""
        pending = b""
        for part in self._client.response(kind)[1]:
            if isinstance(part, tuple):
                pending += _LITERAL.sub(b"", part[0]) + _quoted_bytes(part[1])
            elif part is not None:
                yield pending + part
                pending = b""

    # What is in it

    def examine(self, folder: Folder) -> None:
        """Open a folder for reading alone. Raises UnavailableError where it was numbered anew meanwhile."""
        with self._translated():
            self._client.renew()
            _require(self._client.select(_quoted(folder.name), readonly=True))
            validity = self._client.response("UIDVALIDITY")[1][-1]
        if _validity(validity or b"") != folder.validity:
            raise unreachable(self._source)

    def found(self, criteria: str) -> list[int]:
        """The numbers of the messages that meet these criteria (RFC 3501, 6.4.4), lowest first."""
        with self._translated():
            self._client.renew()
            if b"ESEARCH" in self._able:
                _require(self._client.uid("SEARCH", "RETURN (ALL)", criteria))
                told = self._client.response("ESEARCH")[1]
                match = _FOUND.search(told[-1] or b"") if told else None
                return sorted(_numbers(match[1])) if match else []
            lines = _require(self._client.uid("SEARCH", criteria))
        return sorted(int(number) for line in lines if line for number in line.split())

    def rows(self, parts: Iterable[Collection[int]]) -> Iterator[list[Row]]:
        """The messages of each part of a folder's numbers, as far as they are still there. No two parts overlap.

        Raises :class:`BrokenOffError` where the connection ends before all of a part has come.
        """
        left, came = iter(parts), list[Row]()
        try:
            for part in islice(left, _AHEAD):
                self._ask(part)
            while self._waiting:
                self._client.renew()
                self._deadline.renew()
                tag, numbers = self._waiting[0]
                self._answer(tag, came)
                self._waiting.popleft()
                for part in islice(left, 1):
                    self._ask(part)
                yield [row for row in came if row.uid in numbers]
                # a server may answer the next question before it says that it has done with this one
                came = [row for row in came if row.uid not in numbers]
        except (IMAP4.abort, OSError, ValueError) as error:
            if is_limit_exceeded(error):
                raise unreachable(self._source, error) from None
            raise BrokenOffError from error

    def _ask(self, numbers: Collection[int]) -> None:
        self._number += 1
        tag = b"rows-%d " % self._number
        wanted = f"({'X-GM-THRID ' if b'X-GM-EXT-1' in self._able else ''}{WANTED})"
        self._client.send(b"%bUID FETCH %b %b\r\n" % (tag, spelled(numbers).encode(), wanted.encode()))
        self._waiting.append((tag, frozenset(numbers)))

    def _answer(self, tag: bytes, came: list[Row]) -> None:
        """Take the rows before the line with this tag: all that has come at once, the others one by one."""
        client = self._client
        while True:
            rows, size = usual_rows(client.peek())
            client.read(size)
            came += rows
            line, literal = self._one()
            if line.startswith(tag):
                break
            if _ROW.match(line) and (row := row_from(line, literal)):
                came.append(row)
        if not line[len(tag) :].upper().startswith(b"OK"):
            raise refusal(self._source, line.decode("ascii", "replace"))

    def _one(self) -> tuple[bytes, bytes | None]:
        """One answer in one piece, without its literal; and its literal, the last if it has several."""
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


def refusal(source: str, answer: str, *, signing_in: bool = False) -> ConnectorError:
    """The error for a NO or BAD: by its response code (RFC 5530), else by what was asked."""
    match = _REFUSAL.search(answer)
    code = match[1] if match else ""
    if code in _LATER:
        return RateLimitError(source, "the mail server asks us to stop for now.", "The next run tries again.")
    if code == "PRIVACYREQUIRED":
        return UnavailableError(
            source, "the mail server takes no password in the open.", 'Write tls = "tls" or tls = "starttls".'
        )
    if code in _NOT_NOW or not (signing_in or code in _KEY):
        return UnavailableError(source, "the mail server refuses what it was asked.", "The next run tries again.")
    return AuthorizationError(
        source,
        "the mail server does not accept the name and password.",
        "Make a new password there (some want one for programs alone), store it where the configuration looks for it, "
        f"then run: evenhours ingest --source {source}",
    )


def unreachable(source: str, error: Exception | None = None) -> UnavailableError:
    """The error for a server that is not there, hangs up, makes no sense or does not come to an end."""
    return connection_error(source, "the mail server", error, "The next run goes on from here.")


def _require(answer: tuple[str, list[Any]]) -> list[Any]:
    """The data of an answer that is OK."""
    kind, data = answer
    if kind != "OK":
        raise IMAP4.error(str(data[-1]))
    return data


def _folder(name: str, role: Role, counts: dict[bytes, bytes]) -> Folder:
    def number(count: bytes) -> int:
        told = counts.get(count, b"")
        return int(told) if _NUMBER.fullmatch(told) else 0

    validity = _validity(counts.get(b"UIDVALIDITY", b""))
    return Folder(name, role, validity, number(b"UIDNEXT"), number(b"MESSAGES"), number(b"HIGHESTMODSEQ"))


def _validity(told: bytes) -> str:
    """Return the word that a server has for its numbering; empty where it has none, or 0."""
    word = next(iter(told.split()), b"")[:_LONGEST_VALIDITY]
    return word.lstrip(b"0").decode("utf-8", "surrogateescape")


def _numbers(sets: bytes) -> Iterator[int]:
    """The numbers in ``1:3,7``."""
    total = 0
    for part in sets.split(b","):
        first, _, last = part.partition(b":")
        low, high = sorted((int(first), int(last or first)))
        total += high - low + 1
        if total > _MOST_FOUND:
            raise ValueError("more messages than a mailbox holds")
        yield from range(low, high + 1)


def spelled(numbers: Iterable[int]) -> str:
    """A set of numbers as a server is told it: ``1:3,7``."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    spans = ([number for _, number in run] for _, run in runs)
    return ",".join(str(span[0]) if len(span) == 1 else f"{span[0]}:{span[-1]}" for span in spans)


def _quoted_bytes(name: bytes) -> bytes:
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _quoted(name: str) -> Any:
    # bytes, because the standard library's text may be ASCII alone
    return _quoted_bytes(name.encode("utf-8", "surrogateescape"))


def _unquoted(name: bytes) -> str:
    if name.startswith(b'"'):
        name = re.sub(rb"\\(.)", rb"\1", name.strip()[1:-1])
    return name.decode("utf-8", "surrogateescape")
