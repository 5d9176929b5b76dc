"""Style sheets and fonts, served under an address that changes with their content, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from mimetypes import guess_type

from flask import Blueprint, Response, abort

from monitor.access import Role
from monitor.dashboard.policy import allow
from reports import shell

blueprint = Blueprint("assets", __name__)
A_YEAR = 365 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Assets:
    """The content of every file by its name, and the version that they share."""

    files: dict[str, bytes]
    version: str

    def address(self, name: str) -> str:
        """Return the path at which a file is served."""
        return f"/static/{self.version}/{name}"


@cache
def assets() -> Assets:
    """Return the files of the reports and those that only the pages need."""
    pages_static = resources.files("monitor.dashboard.layout") / "static"
    files = dict(sorted([*_read_files(shell.static()), *_read_files(pages_static)]))
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)  # the zero byte keeps name and content apart
    return Assets(files, digest.hexdigest()[:12])


def _read_files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read_files(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


@blueprint.get("/static/<version>/<path:name>")
@allow(Role.ANYBODY)
def asset(version: str, name: str) -> Response:
    """Return one file of this version."""
    # Only names in the dictionary are served, so no path can lead out of the two folders.
    if version != assets().version or name not in assets().files:
        abort(404)
    content_type = guess_type(name)[0] or "application/octet-stream"
    response = Response(assets().files[name], mimetype=content_type)
    response.cache_control.public = True
    response.cache_control.max_age = A_YEAR
    response.cache_control.immutable = True
    return response
