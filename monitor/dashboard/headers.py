"""Headers of every answer. The browser shall load nothing from elsewhere, run nothing and keep nothing."""

from __future__ import annotations

from flask import Flask, Response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


def init_app(app: Flask) -> None:
    """Put the headers on everything; a view that allows keeping a copy has said so itself."""
    app.after_request(_with_headers)


def answer(status: int, text: str) -> Response:
    """Return a plain answer with the headers, for what no page answers."""
    return Response(text, status, HEADERS, content_type="text/plain; charset=utf-8")


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
