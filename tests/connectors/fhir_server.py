"""A small FHIR server with a settable clock; a test chooses whether it sorts, pages and filters.

It speaks the few searches that record systems are request for; the peer that others wrote is in ``tests/peers``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.peers.reply_server import ReceivedRequest, Reply, ReplyServer, reply_server

Resource = dict[str, Any]
_PEOPLE: dict[str, Callable[[Resource], list[Any]]] = {
    "actor": lambda matches: [resource["actor"] for resource in matches.get("participant", [])],
    "participant": lambda matches: [resource["individual"] for resource in matches.get("participant", [])],
    "sender": lambda matches: [matches.get("sender", {})],
    "recipient": lambda matches: matches.get("recipient", []),
}


@dataclass
class FhirServer:
    """A FHIR server in memory. ``now`` is the time of the next change, ``page`` the size of its pages."""

    url: str = ""
    now: datetime = datetime(2026, 6, 1, 12, tzinfo=UTC)
    page: int = 1_000
    links: bool = True
    sorts: bool = True
    selects: bool = False
    resources: dict[str, Resource] = field(default_factory=dict)
    received: list[ReceivedRequest] = field(default_factory=list)
    refuses: Callable[[ReceivedRequest], Reply | None] = lambda _: None

    def put(self, kind: str, id_: str, /, **elements: object) -> None:
        """Store a resource a second later than the one before."""
        self.now += timedelta(seconds=1)
        meta = {"lastUpdated": self.now.isoformat(), "versionId": str(self.now.timestamp())}
        self.resources[f"{kind}/{id_}"] = {"resourceType": kind, "id": id_, "meta": meta, **elements}

    def delete(self, kind: str, identifier: str) -> None:
        """Delete a resource without reporting it."""
        del self.resources[f"{kind}/{identifier}"]

    def answer(self, request: ReceivedRequest) -> Reply:
        self.received.append(request)
        refused = self.refuses(request)
        if refused:
            return refused
        parts = urlsplit(request.path)
        query = parse_qsl(parts.query)
        kind = parts.path.rpartition("/")[2]
        matches = [
            resource
            for resource in self.resources.values()
            if resource["resourceType"] == kind and _fits(resource, query)
        ]
        if self.sorts:
            matches.sort(key=_changed)
        parameters = dict(query)
        offset, size = int(parameters.get("_offset", 0)), min(self.page, int(parameters.get("_count", 1_000)))
        page = matches[offset : offset + size]
        if self.selects:
            selected = {"resourceType", *parameters["_elements"].split(",")}
            page = [{name: value for name, value in resource.items() if name in selected} for resource in page]
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(matches)}
        bundle["entry"] = [{"resource": resource, "search": {"mode": "match"}} for resource in page]
        if self.links and offset + size < len(matches):
            here = request.path.partition("&_offset")[0]
            bundle["link"] = [{"relation": "next", "url": f"{here}&_offset={offset + size}"}]
        return Reply(body=json.dumps(bundle).encode())


@contextmanager
def fhir_server(**habits: Any) -> Iterator[FhirServer]:
    """Run an empty server with these settings."""
    with reply_server() as running:
        server = FhirServer(url=f"{running.url}fhir", **habits)
        _attach(running, server)
        yield server


def _attach(running: ReplyServer, server: FhirServer) -> None:
    running.answer = server.answer


def _fits(resource: Resource, query: list[tuple[str, str]]) -> bool:
    return all(
        _holds(resource, name, value) for name, value in query if not name.startswith("_") or name == "_lastUpdated"
    )


def _holds(resource: Resource, name: str, value: str) -> bool:
    if name == "_lastUpdated":
        return _changed(resource) >= datetime.fromisoformat(value.removeprefix("ge"))
    if name == "date":
        return _is_near(resource, value[:2], datetime.fromisoformat(value[2:]))
    if name == "identifier":
        return value in {f"{resource['system']}|{resource['value']}" for resource in resource.get("identifier", [])}
    return bool({resource.get("reference") for resource in _PEOPLE[name](resource)} & set(value.split(",")))


def _is_near(resource: Resource, comparison: str, limit: datetime) -> bool:
    span = resource.get("period", resource)
    text = span.get("start" if comparison == "le" or "period" not in resource else "end", span.get("start"))
    instant = datetime.fromisoformat(text) if text else None
    if instant and instant.tzinfo is None:  # a day alone
        instant = instant.replace(tzinfo=UTC)
    return instant is not None and (instant >= limit if comparison == "ge" else instant <= limit)


def _changed(resource: Resource) -> datetime:
    return datetime.fromisoformat(resource["meta"]["lastUpdated"])
