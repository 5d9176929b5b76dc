"""A mail server that says what a test tells it to: refusals, junk, answers that break off."""

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
    """A running server: ``answers`` by the command's name, each made of the line that came; ``asked`` is all of it.

    ``user`` is who signed in last, ``sign_in`` what is said to that, ``byte`` what it drips.
    """

    port: int
    answers: dict[str, Callable[[str], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    greeting: bytes = GREETING
    user: str = ""
    byte: bytes = b"y"
    sign_in: Callable[[], bytes] = lambda: b"OK in"

    def meet(self, response: str) -> bytes:
        """What is said to somebody's name and password."""
        said = b64decode(response).decode()
        self.user = said.split("\0")[1] if said.startswith("\0") else said
        return self.sign_in()

    def say(self, command: str, answer: Answer) -> None:
        """Answer every such command so."""
        self.answers[command] = lambda _: answer

    def reply(self, line: str) -> bytes | None:
        """All that goes out for one line."""
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
    """A server on a free port with one folder; until told otherwise its messages are all alike."""

    over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(script.greeting)
            for received in self.rfile:
                line = received.decode("utf-8", "replace").strip("\r\n")
                script.asked.append(line)
                answer = script.reply(line) or HANG_UP
                self.wfile.write(answer.removesuffix(HANG_UP).removesuffix(DRIP))
                if answer.endswith(DRIP):
                    drip(self.wfile, script.byte, over)
                if answer.endswith(HANG_UP):
                    return
                if " AUTHENTICATE " in line and answer.startswith(b"+"):
                    script.asked.append(self.rfile.readline().decode().strip())
                    self.wfile.write(line.partition(" ")[0].encode() + b" " + script.meet(script.asked[-1]) + b"\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up is no news."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        script = Script(listening.server_address[1])
        counts = f"MESSAGES {messages} UIDNEXT {messages + 1} UIDVALIDITY 7 HIGHESTMODSEQ 1"
        script.say("CAPABILITY", f"* CAPABILITY {CAPABLE}\r\n".encode())
        script.say("LIST", f'* LIST () "/" "{folder}"\r\n* STATUS "{folder}" ({counts})\r\n'.encode())
        script.say("EXAMINE", b"* OK [UIDVALIDITY 7] valid\r\n")
        script.say("SEARCH", f'* ESEARCH (TAG "x") UID ALL 1:{messages}\r\n'.encode())
        script.say("FETCH", b"".join(map(fetched, range(1, messages + 1))))
        script.say("AUTHENTICATE", b"+ \r\n")
        script.say("LOGOUT", b"* BYE\r\n")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            over.set()
            listening.shutdown()
            thread.join()


def fetched(number: int, block: bytes = b"", extra: bytes = b"") -> bytes:
    """How a server tells of one message."""
    block = block or b"From: <client@post.example>\r\nMessage-ID: <%d@post.example>\r\n\r\n" % number
    head = b'* %d FETCH (%bUID %d FLAGS () INTERNALDATE "01-Sep-2026 12:00:00 +0000"' % (number, extra, number)
    return b"%b BODY[HEADER.FIELDS (FROM)] {%d}\r\n%b)\r\n" % (head, len(block), block)
