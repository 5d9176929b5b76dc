"""The pages shown when a page cannot be: what happened and what to do, without internal details."""

from __future__ import annotations

from contextlib import suppress

from flask import Flask, current_app
from werkzeug.exceptions import HTTPException, NotFound, SecurityError

from monitor.dashboard import request
from monitor.dashboard.layout import page_for
from monitor.errors import AccessLogError, EvenhoursError

ERRORS = {
    400: ("This form could not be accepted", "Go back, reload the page and try again."),
    401: (
        "You are not signed in",
        (
            "Open the link that evenhours serve printed and press its button. It works once; for a new one, run the "
            "command again."
        ),
    ),
    403: ("This page is closed", "Nobody has been given access to it yet."),
    404: ("There is no such page here", "The address may contain a typing error, or the page is somebody else’s."),
    405: ("This address cannot be opened directly", "Go back and use the buttons on the page."),
    413: ("This form is too large", "Go back, reload the page and try again."),
    500: (
        "This page could not be shown",
        "The error is in Evenhours, not in anything you did. The terminal in which evenhours serve runs shows more.",
    ),
    503: (
        "The practice’s database cannot be used at the moment",
        "Nothing was changed. Try again in a minute. Whoever looks after the computer can run: evenhours doctor",
    ),
}
"""The title and the sentence of each page, by HTTP status."""
ACCESS_NOT_RECORDED = (
    "This page cannot be opened at the moment",
    (
        "It is about other people, so opening it has to be recorded, and the practice’s disk is full or read-only. "
        "Whoever looks after the computer can run: evenhours doctor"
    ),
)
UNKNOWN_HOST = "Evenhours answers only under this computer's own names, 127.0.0.1 and localhost.\n"

PageAndStatus = tuple[str, int]


def init_app(app: Flask) -> None:
    """Let an application answer every error with a page."""
    app.register_error_handler(SecurityError, _unknown_host)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(EvenhoursError, _store_error)
    app.register_error_handler(AccessLogError, _access_not_recorded)


def _unknown_host(_error: Exception) -> tuple[str, int, dict[str, str]]:
    # Plain text and no page: another host name may mean that a foreign site is asking (DNS rebinding).
    return UNKNOWN_HOST, 400, {"Content-Type": "text/plain; charset=utf-8"}


def _http_error(error: HTTPException) -> HTTPException | PageAndStatus:
    if error.code is None or error.code < 400:
        return error  # a redirect
    # A view's own sentence, from `abort(404, ...)`, is shown; Werkzeug's descriptions never are.
    is_own = isinstance(error, NotFound) and error.description != type(error).description
    return _error_page(error.code, error.description if is_own else None)


def _store_error(error: EvenhoursError) -> PageAndStatus:
    current_app.logger.error("%s", error)
    return _error_page(503)


def _access_not_recorded(error: AccessLogError) -> PageAndStatus:
    current_app.logger.error("%s", error)
    title, sentence = ACCESS_NOT_RECORDED
    return page_for(request.reader(), "layout/message.html", title=title, sentence=sentence), 503


def _error_page(code: int, sentence: str | None = None) -> PageAndStatus:
    reader = None
    if code >= 500:
        request.discard_messages()  # they report what this error has undone
        # Looking up the reader needs the store, which may be what has failed.
        reader_text = "It is not known at the moment who is reading"
    else:
        reader_text = "You are not signed in"
        with suppress(EvenhoursError):
            reader = request.reader()
    title, default_sentence = ERRORS.get(code, ERRORS[400 if code < 500 else 500])
    page = page_for(
        reader, "layout/message.html", reader_text=reader_text, title=title, sentence=sentence or default_sentence
    )
    return page, code
