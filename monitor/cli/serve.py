"""``evenhours serve``: the pages on this machine, with one-time links to sign in."""

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
    """The port is in use, or this user must not open it."""


@click.command()
@click.option("--as", "subjects", multiple=True, metavar="KEY|director", help="Who gets a link; repeat it for several.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", type=click.IntRange(0, 65535), default=8137, show_default=True, help="0 takes any free one.")
@pass_context
def serve(context: CliContext, subjects: tuple[str, ...], host: str, port: int) -> None:
    """Serve the pages on this machine, with a sign-in link that works once."""
    serve_pages(context, subjects, port=port, host=host)


def serve_pages(
    context: CliContext, subjects: Sequence[str], *, port: int, host: str = "127.0.0.1", lasts: int = 15
) -> None:
    """Serve until Ctrl+C. Prints the address and one link for each subject, valid for ``lasts`` minutes.

    Raises:
        UsageError: a key is unknown, no subject is given, or ``host`` is not loopback.
        PortError: the port is in use.
        StoreError, KeyFileError: there is no usable database or key.
    """
    from monitor.config.tables import DIRECTOR
    from monitor.dashboard.app import create_app

    streams.ignore_output_errors()  # `serve | head -1` must not end the server
    keys = [clinician.key for clinician in context.config.clinicians]
    if not subjects and len(keys) != 1:
        raise UsageError(f"Choose who gets a link: --as {' | '.join([*keys, DIRECTOR])}")
    subjects = [DIRECTOR if name == DIRECTOR else context.clinician(name).key for name in subjects or keys]
    store = context.store  # open from now on, in case the disk fills
    app = create_app(context.config, lambda: datetime.now(UTC))
    listening = _bind(host, port)
    address = f"http://{host}:{listening.getsockname()[1]}{app.config['APPLICATION_ROOT']}"
    links = _Links(context, store, address, subjects, lasts)
    context.print_result(f"Evenhours is on {links.url} — press Ctrl+C to stop.")
    with suppress(SystemExit):  # SIGTERM is how a service is ended
        links.print_links()
        if sys.stdin and sys.stdin.isatty() and not context.as_json:
            context.print_result("Press Enter for new links.")
            signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # reading in the background would stop the process
            Thread(target=links.print_on_enter, daemon=True).start()
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queued request is normal
        _server(app, listening).run()
    store.empty_log()


def _server(app: WSGIApplication, listening: socket.socket) -> BaseWSGIServer:
    """Return the server. Its own error responses, such as to too large a request, have the pages' headers, too."""
    from waitress.channel import HTTPChannel
    from waitress.server import create_server
    from waitress.task import ErrorTask

    from monitor.dashboard.app import HEADERS

    class ErrorResponse(ErrorTask):
        def execute(self) -> None:
            self.response_headers = [*self.response_headers, *HEADERS.items()]
            super().execute()

    class Channel(HTTPChannel):
        error_task_class = ErrorResponse

    served = create_server(app, sockets=[listening], threads=THREADS, ident=None, max_request_body_size=LARGEST_REQUEST)
    server = cast("BaseWSGIServer", served)  # with one socket it is a BaseWSGIServer
    server.channel_class = Channel
    return server


@dataclass(frozen=True, slots=True)
class _Links:
    """One-time links to the pages at ``url`` for some subjects, valid for ``lasts`` minutes."""

    context: CliContext
    store: Store
    url: str
    subjects: Sequence[str]
    lasts: int

    def print_links(self) -> None:
        """Create new links and print them."""
        from monitor.dashboard.web_session import SIGN_IN
        from monitor.store.signin import create_link

        now = int(datetime.now(UTC).timestamp())
        with self.store.write() as connection:
            tokens = {subject: create_link(connection, subject, now, self.lasts * 60) for subject in self.subjects}
        links = {subject: f"{self.url}{SIGN_IN}/{token}" for subject, token in tokens.items()}
        if self.context.as_json:
            self.context.print_result("", url=self.url, links=links)
            return
        for subject, link in links.items():
            self.context.print_result(f"{subject}: {link}  (works once, for {self.lasts} minutes)")
        if len(links) > 1:
            self.context.print_result("To use two links at once, open one of them in a private window.")

    def print_on_enter(self) -> None:
        """Print new links whenever somebody presses Enter."""
        with suppress(OSError):  # the terminal was closed
            for _ in sys.stdin:
                self.print_links()


def _bind(host: str, port: int) -> socket.socket:
    """Return a bound socket; it accepts requests once the server runs."""
    if host not in LOOPBACK:
        raise UsageError("Without accounts the pages are served to this machine only, on 127.0.0.1. Leave out --host.")
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"Port {port} is in use, perhaps by another Evenhours. Stop that one, or use any free port"
        else:
            problem = f"Port {port} cannot be used: {(error.strerror or 'unknown').lower()}. Use any free port"
        raise PortError(f"{problem}: --port 0") from error
