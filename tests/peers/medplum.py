"""Medplum's FHIR server, with its data in memory; each test uses a practice of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.peers.process import free_port, serving

SERVER = Path(__file__).parent / "fhir" / "server.mjs"


@dataclass(frozen=True)
class Medplum:
    """A running server."""

    port: int
    numbers: Iterator[int] = field(default_factory=count)

    def practice(self) -> Practice:
        """Return a practice that no other test has used."""
        return Practice(f"http://127.0.0.1:{self.port}/practice{next(self.numbers)}")


@dataclass(frozen=True)
class Practice:
    """The base address of one practice's server."""

    url: str

    def create(self, kind: str, **elements: object) -> str:
        """Store a resource; returns the reference that the server gave it."""
        made = self._ask("POST", kind, {"resourceType": kind, **elements})
        return f"{kind}/{made['id']}"

    def change(self, reference: str, **elements: object) -> None:
        """Change some elements of a resource."""
        self._ask("PUT", reference, self._ask("GET", reference) | elements)

    def delete(self, reference: str) -> None:
        """Delete a resource."""
        self._ask("DELETE", reference)

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/{path}", data, method=method)) as answer:
            content: dict[str, Any] = json.load(answer)
        return content


@contextmanager
def medplum(packages: Path, folder: Path) -> Iterator[Medplum]:
    """Run a server from the packages in that folder."""
    port = free_port()
    with serving(["node", str(SERVER), str(port), str(packages)], port, folder / "medplum.log"):
        yield Medplum(port)
