"""HTTP headers of every response: load nothing from elsewhere, run no script, store no copy."""

from __future__ import annotations

from flask import Flask, Response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # an address can name a client or contain a link's token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",  # nothing readable stays on the disk after signing out
}


def init_app(app: Flask) -> None:
    """Add the headers to every response of an application. A header that a view has set itself stays."""
    app.after_request(_add_headers)


def plain_response(status: int, text: str) -> Response:
    """Return a plain-text response with the headers, for requests that do not reach the application."""
    return Response(text, status, HEADERS, content_type="text/plain; charset=utf-8")


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
