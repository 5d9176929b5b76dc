"""Pages for when a page cannot be shown: what that means and what to do, and no detail of ours."""

from __future__ import annotations

from flask import Flask, current_app
from werkzeug.exceptions import HTTPException, NotFound, SecurityError

from monitor.access import Reader
from monitor.dashboard import request
from monitor.dashboard.layout import page_for
from monitor.errors import AccessLogError, EvenhoursError

SENTENCES = {
    400: ("That did not arrive as it was sent", "Go back, load the page again and repeat what you did."),
    401: (
        "You are not signed in",
        (
            "Open the link that evenhours serve printed and press its button. It works once; for a new one, run the "
            "command again."
        ),
    ),
    403: ("This page is closed", "Nobody has said yet who may open it."),
    404: ("There is no such page here", "The address may have a slip in it, or the page is somebody else’s."),
    405: ("This address cannot be opened like that", "Go back and use the buttons of the page."),
    413: ("That was too much at once", "Go back, load the page again and repeat what you did."),
    500: (
        "This page could not be made",
        "The fault is in the program, not in anything you did. Where evenhours serve runs it says more.",
    ),
    503: (
        "The practice’s database cannot be used just now",
        "Nothing was changed. Try again in a minute. Whoever looks after the computer can run: evenhours doctor",
    ),
}
UNNOTED = (
    "This look cannot be written down",
    (
        "The practice’s disk is full, or cannot be written. Until it can be, nothing opens here that is about other "
        "people. Whoever looks after the computer can run: evenhours doctor"
    ),
)
FOREIGN_HOST = "Evenhours answers only under this computer's own names, 127.0.0.1 and localhost.\n"

Answer = tuple[str, int]


def init_app(app: Flask) -> None:
    """Answer every fault with a page of its own."""
    app.register_error_handler(SecurityError, _foreign_host)
    app.register_error_handler(HTTPException, _fault)
    app.register_error_handler(EvenhoursError, _store_fault)
    app.register_error_handler(AccessLogError, _unnoted)


def _foreign_host(_error: Exception) -> tuple[str, int, dict[str, str]]:
    # No page: whoever uses another name for us is told nothing but that.
    return FOREIGN_HOST, 400, {"Content-Type": "text/plain; charset=utf-8"}


def _fault(error: HTTPException) -> HTTPException | Answer:
    if error.code is None or error.code < 400:
        return error  # a redirection
    return _told(error.code, _view_said(error))


def _store_fault(error: EvenhoursError) -> Answer:
    current_app.logger.error("%s", error)
    return _told(503)


def _unnoted(error: AccessLogError) -> Answer:
    current_app.logger.error("%s", error)
    title, sentence = UNNOTED
    return page_for(request.reader(), "layout/message.html", title=title, sentence=sentence), 503


def _view_said(error: HTTPException) -> str | None:
    # The description of a page that is missing may be ours; those of others never are.
    own = isinstance(error, NotFound) and error.description != type(error).description
    return error.description if own else None


def _told(code: int, sentence: str | None = None) -> Answer:
    if code >= 500:
        request.discard_messages()
    title, usual = SENTENCES.get(code, SENTENCES[400 if code < 500 else 500])
    reads = "You are not signed in" if code < 500 else "Who is reading cannot be said just now"
    reader = _reader() if code < 500 else None
    return page_for(reader, "layout/message.html", reads=reads, title=title, sentence=sentence or usual), code


def _reader() -> Reader | None:
    """Return who is reading, as far as the store can tell."""
    try:
        return request.reader()
    except EvenhoursError:
        return None
