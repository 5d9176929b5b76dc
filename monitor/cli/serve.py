"""``evenhours serve``: the pages on this machine alone, and one-time links to sign in with."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING, cast

import click

from monitor.cli import streams
from monitor.cli.context import CliContext, pass_context
from monitor.errors import EvenhoursError, UsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from waitress.server import BaseWSGIServer

    from monitor.store.database import Store

LOOPBACK = ("127.0.0.1", "localhost")
THREADS = 4
LARGEST_REQUEST = 64 * 1024  # bytes


class PortError(EvenhoursError):
    """The port is taken, or not ours to take."""


@click.command()
@click.option("--as", "subjects", multiple=True, metavar="KEY|director", help="Who gets a link; repeat it for several.")
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine itself.")
@click.option("--port", type=click.IntRange(0, 65535), default=8137, show_default=True, help="0 takes any free one.")
@pass_context
def serve(context: CliContext, subjects: tuple[str, ...], host: str, port: int) -> None:
    """Show the pages in this machine's browser, signed in by a link that works once."""
    serve_pages(context, subjects, port=port, host=host)


def serve_pages(
    context: CliContext, subjects: Sequence[str], *, port: int, host: str = "127.0.0.1", lasts: int = 15
) -> None:
    """Serve until Ctrl+C. Prints the address and one link for each subject, good for ``lasts`` minutes.

    Raises:
        UsageError: nobody has that key, it is not said who is to read, or other machines could reach ``host``.
        PortError: the port is taken.
        StoreError, KeyFileError: there is no database or no key yet, or it cannot be used.
    """
    from monitor.dashboard.app import create_app

    streams.work_goes_on()  # of the links, too, the first line may be all that somebody wants
    named, store = (
        _subjects(context, subjects),
        context.store,
    )  # held open, so that a full disk has room for all it needs
    app = create_app(context.config, lambda: datetime.now(UTC))
    listening = _listening(host, port)
    address = f"http://{host}:{listening.getsockname()[1]}{app.config['APPLICATION_ROOT']}"
    links = _Links(context, store, address, named, lasts)
    context.print_result(f"Evenhours is on {links.url} — press Ctrl+C to stop.")
    with suppress(SystemExit):  # SIGTERM is how a service is ended
        links.print_links()
        if sys.stdin and sys.stdin.isatty() and not context.as_json:
            context.print_result("Press Enter for new links.")
            signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background nobody presses Enter
            Thread(target=links.print_on_enter, daemon=True).start()
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a page that waits its turn is no news
        _server(app, listening).run()
    store.empty_log()


def _server(app: WSGIApplication, listening: socket.socket) -> BaseWSGIServer:
    """Return the server, whose own answers (to what is no request, or too large) carry the headers of every page."""
    from waitress.channel import HTTPChannel
    from waitress.server import create_server
    from waitress.task import ErrorTask

    from monitor.dashboard.headers import HEADERS

    class PlainAnswer(ErrorTask):
        def execute(self) -> None:
            self.response_headers = [*self.response_headers, *HEADERS.items()]
            super().execute()

    class Channel(HTTPChannel):
        error_task_class = PlainAnswer

    served = create_server(app, sockets=[listening], threads=THREADS, ident=None, max_request_body_size=LARGEST_REQUEST)
    server = cast("BaseWSGIServer", served)  # of one socket
    server.channel_class = Channel
    return server


@dataclass(frozen=True, slots=True)
class _Links:
    """One-time links to the pages at ``url`` for some readers, good for ``lasts`` minutes."""

    context: CliContext
    store: Store
    url: str
    subjects: Sequence[str]
    lasts: int

    def print_links(self) -> None:
        """Make new links and print them."""
        from monitor.dashboard.web_session import SIGN_IN

        links = {subject: f"{self.url}{SIGN_IN}/{token}" for subject, token in self._tokens().items()}
        if self.context.as_json:
            self.context.print_result("", url=self.url, links=links)
            return
        for subject, link in links.items():
            self.context.print_result(f"{subject}: {link}  (works once, for {self.lasts} minutes)")
        if len(links) > 1:
            self.context.print_result("To see both sides at once, open one of them in a private window.")

    def print_on_enter(self) -> None:
        """Print new links whenever somebody presses Enter."""
        with suppress(OSError):  # the terminal is somebody else's now
            for _ in sys.stdin:
                self.print_links()

    def _tokens(self) -> dict[str, str]:
        from monitor.store.signin import create_link

        now = int(datetime.now(UTC).timestamp())
        with self.store.write() as connection:
            return {subject: create_link(connection, subject, now, self.lasts * 60) for subject in self.subjects}


def _subjects(context: CliContext, wished: Sequence[str]) -> list[str]:
    """Who gets a link: those wished for, or the only clinician there is."""
    from monitor.access import DIRECTOR

    people = [person.key for person in context.config.clinicians]
    if not wished and len(people) != 1:
        raise UsageError(f"Say who is to read: --as {' | '.join([*people, DIRECTOR])}")
    return [DIRECTOR if name == DIRECTOR else context.clinician(name).key for name in wished or people]


def _listening(host: str, port: int) -> socket.socket:
    """The socket, bound; it answers once the server runs."""
    if host not in LOOPBACK:
        raise UsageError(
            "Until there are accounts the pages are served to this machine alone, on 127.0.0.1. Leave --host out."
        )
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise PortError(_unusable(port, error)) from error


def _unusable(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use, perhaps by Evenhours itself. Stop that one, or take any free one: --port 0"
    return f"Port {port} cannot be used: {(error.strerror or 'unknown').lower()}. Take any free one: --port 0"
