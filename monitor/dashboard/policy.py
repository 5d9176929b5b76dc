"""Access control of the views: a view is closed unless it declares which roles may open it.

Without a web session every page answers 401. A page of another role answers 404, as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import flask
from flask import Flask, Response, abort, current_app

from monitor.access import Role
from monitor.dashboard import request

View = TypeVar("View", bound=Callable[..., object])
_ROLES = "allowed_roles"


def allow(*roles: Role) -> Callable[[View], View]:
    """Return a decorator that declares who may open a view.

    It goes below the route decorator, so that the function that Flask registers carries the declaration.
    """

    def declare(view: View) -> View:
        setattr(view, _ROLES, frozenset(roles))
        return view

    return declare


def allowed(view: object) -> frozenset[Role]:
    """Return the roles that may open a view; none without a declaration."""
    roles: frozenset[Role] = getattr(view, _ROLES, frozenset())
    return roles


def init_app(app: Flask) -> None:
    """Check the reader's role before each request, and compute what a request has changed after it."""
    app.before_request(_check_role)
    app.after_request(_compute_changes)


def _compute_changes(response: Response) -> Response:
    """Compute a clinician's numbers after they have sent a form, so that every page shows the same state."""
    if flask.request.method == "POST" and request.is_clinician():
        request.readiness()
    return response


def _check_role() -> None:
    if flask.request.endpoint is None:
        return  # no such page: Flask answers 404 or 405
    roles = allowed(current_app.view_functions[flask.request.endpoint])
    if not roles:
        abort(403)  # a view that was added without a declaration
    if Role.ANYBODY in roles:
        return
    if request.require_reader().role not in roles:
        abort(404)  # not 403, which would tell that the page exists
    if roles == {Role.DIRECTOR}:
        request.record_access()  # only the director opens it, so it shows other people's data
    if flask.request.method == "GET" and request.is_clinician():
        request.readiness()  # computes what a failed night or a changed configuration left out of date
