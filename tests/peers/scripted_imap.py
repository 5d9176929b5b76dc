"""A mail server whose answers a test scripts: refusals, nonsense, answers that break off."""

from __future__ import annotations

import socketserver
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.peers.dripping import drip

GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2] ready\r\n"
CAPABLE = "IMAP4rev1 AUTH=PLAIN ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE"

Answer = bytes | None
"""What goes out before the tagged OK, or with a ``{tag}`` of its own instead of it.

Where it ends with :data:`HANG_UP`, or is None, the server hangs up; where it ends with :data:`DRIP`, it says one more
byte every now and then, without end.
"""
HANG_UP = b"{hang up}"
DRIP = b"{drip}"


@dataclass
class Script:
    """A running server: ``answers`` by command, each a function of the received line; ``received`` are all lines.

    ``user`` is who signed in last, ``sign_in`` makes the answer to that, ``byte`` is the byte it drips.
    """

    port: int
    answers: dict[str, Callable[[str], Answer]] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    greeting: bytes = GREETING
    user: str = ""
    byte: bytes = b"y"
    sign_in: Callable[[], bytes] = lambda: b"OK in"

    def sign_in_as(self, response: str) -> bytes:
        """Return the answer to somebody's name and password."""
        credentials = b64decode(response).decode()
        self.user = credentials.split("\0")[1] if credentials.startswith("\0") else credentials
        return self.sign_in()

    def set_answer(self, command: str, answer: Answer) -> None:
        """Give this answer to every such command."""
        self.answers[command] = lambda _: answer

    def reply(self, line: str) -> bytes | None:
        """Return everything that is sent for one line."""
        tag, _, rest = line.partition(" ")
        name = rest.removeprefix("UID ").partition(" ")[0].upper()
        answer = self.answers[name](rest) if name in self.answers else b""
        if answer is None or answer.startswith(b"+") or answer.endswith((HANG_UP, DRIP)):
            return answer
        if b"{tag}" in answer:
            return answer.replace(b"{tag}", tag.encode())
        return answer + f"{tag} OK done\r\n".encode()


@contextmanager
def scripted_imap(folder: str = "INBOX", messages: int = 1) -> Iterator[Script]:
    """Run a server on a free port with one folder; unless a test changes that, its messages are all alike."""

    stopped = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(script.greeting)
            for raw in self.rfile:
                line = raw.decode("utf-8", "replace").strip("\r\n")
                script.received.append(line)
                answer = script.reply(line) or HANG_UP
                self.wfile.write(answer.removesuffix(HANG_UP).removesuffix(DRIP))
                if answer.endswith(DRIP):
                    drip(self.wfile, script.byte, stopped)
                if answer.endswith(HANG_UP):
                    return
                if " AUTHENTICATE " in line and answer.startswith(b"+"):
                    script.received.append(self.rfile.readline().decode().strip())
                    self.wfile.write(
                        line.partition(" ")[0].encode() + b" " + script.sign_in_as(script.received[-1]) + b"\r\n"
                    )

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore a client that hung up."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        script = Script(listening.server_address[1])
        counts = f"MESSAGES {messages} UIDNEXT {messages + 1} UIDVALIDITY 7 HIGHESTMODSEQ 1"
        script.set_answer("CAPABILITY", f"* CAPABILITY {CAPABLE}\r\n".encode())
        script.set_answer("LIST", f'* LIST () "/" "{folder}"\r\n* STATUS "{folder}" ({counts})\r\n'.encode())
        script.set_answer("EXAMINE", b"* OK [UIDVALIDITY 7] valid\r\n")
        script.set_answer("SEARCH", f'* ESEARCH (TAG "x") UID ALL 1:{messages}\r\n'.encode())
        script.set_answer("FETCH", b"".join(map(fetch_response, range(1, messages + 1))))
        script.set_answer("AUTHENTICATE", b"+ \r\n")
        script.set_answer("LOGOUT", b"* BYE\r\n")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            stopped.set()
            listening.shutdown()
            thread.join()


def fetch_response(number: int, block: bytes = b"", extra: bytes = b"") -> bytes:
    """Return a server's FETCH response for one message."""
    block = block or b"From: <client@post.example>\r\nMessage-ID: <%d@post.example>\r\n\r\n" % number
    head = b'* %d FETCH (%bUID %d FLAGS () INTERNALDATE "01-Sep-2026 12:00:00 +0000"' % (number, extra, number)
    return b"%b BODY[HEADER.FIELDS (FROM)] {%d}\r\n%b)\r\n" % (head, len(block), block)
