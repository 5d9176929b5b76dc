"""Closed unless a view says who may open it.

What is not yours answers 404, as if it were not there; without having signed in every page answers 401.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import flask
from flask import Flask, Response, abort, current_app

from monitor.access import Role
from monitor.dashboard import request

View = TypeVar("View", bound=Callable[..., object])
_POLICY = "allowed_roles"


def allow(*roles: Role) -> Callable[[View], View]:
    """Declare who may open a view. It goes below the route, so that what is routed carries it."""

    def declare(view: View) -> View:
        setattr(view, _POLICY, frozenset(roles))
        return view

    return declare


def allowed(view: object) -> frozenset[Role]:
    """Return who may open a view: nobody, unless it says so."""
    roles: frozenset[Role] = getattr(view, _POLICY, frozenset())
    return roles


def init_app(app: Flask) -> None:
    """Let nobody past who is not allowed to, and let nobody see numbers of before what they just wrote."""
    app.before_request(_stop_others)
    app.after_request(_compute_what_was_written)


def _compute_what_was_written(response: Response) -> Response:
    """Compute a clinician's numbers after a write of theirs, so that every page shows one state."""
    if flask.request.method == "POST" and request.is_clinician():
        request.readiness()
    return response


def _stop_others() -> None:
    if flask.request.endpoint is None:
        return  # there is no such page, and that is what will be said
    roles = allowed(current_app.view_functions[flask.request.endpoint])
    if not roles:
        abort(403)
    if Role.ANYBODY in roles:
        return
    if request.require_reader().role not in roles:
        abort(404)
    if roles == {Role.DIRECTOR}:
        request.record_access()  # what only the director sees is others' data
    if flask.request.method == "GET" and request.is_clinician():
        request.readiness()  # a night that failed, or a configuration that changed, is made good here
