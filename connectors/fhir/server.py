"""Searches a FHIR server page by page, whatever it makes of pages.

A server should sort as it is asked to, name the next page, and send only the elements that were asked for. Some name no
next page: then the search goes on from the last change that was seen. What is sent beyond the asked-for elements is
left out by whoever reads the resources.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from connectors.errors import MalformedError
from connectors.http import HttpClient, origin_of, resolve_url

Resource = Mapping[str, Any]
Query = tuple[tuple[str, str], ...]
COUNT = 200
_MOST_AT_ONCE = 10_000
_ACCEPT = {"Accept": "application/fhir+json"}


class FhirClient:
    """One server's base address and what it is asked with.

    ``total`` is how many resources fit the last search, where the server says so.
    """

    def __init__(self, source: str, base: str, client: HttpClient) -> None:
        self._source = source
        self._base = base.rstrip("/") + "/"
        self._client = client
        self.total: int | None = None

    def search(self, kind: str, query: Query) -> Iterator[tuple[Resource, ...]]:
        """Pages of the resources that fit, oldest change first, each resource once.

        Raises a :class:`~connectors.errors.ConnectorError`.
        """
        seen: set[tuple[str, str]] = set()
        self.total = None
        count, wanted = COUNT, query
        while True:
            newest, news, is_whole = "", 0, True
            for resources, is_whole in self._pages(kind, wanted, count):
                fresh = [resource for resource in resources if _version(resource) not in seen]
                seen.update(map(_version, fresh))
                news += len(fresh)
                changes = [newest, *map(last_updated, resources)]
                if not is_whole and changes != sorted(changes):
                    raise self._malformed("neither sorts what it has nor names a next page.")
                newest = max(changes)
                yield tuple(fresh)
            if is_whole:
                return
            if not news:  # all on this page changed at one time: only a larger one shows what is behind it
                count *= 10
            if not newest or count > _MOST_AT_ONCE:
                raise self._malformed("gives a part of what it has, and no way to the rest.")
            wanted = (*(pair for pair in query if pair[0] != "_lastUpdated"), ("_lastUpdated", f"ge{newest}"))

    def _pages(self, kind: str, query: Query, count: int) -> Iterator[tuple[list[Resource], bool]]:
        """The resources of each page, and whether everything has been given by then if nothing more comes."""
        url = f"{self._base}{kind}?{urlencode([*query, ('_sort', '_lastUpdated'), ('_count', str(count))])}"
        asked: set[str] = set()
        while True:
            asked.add(url)
            bundle = self._bundle(url)
            resources, total = _matches(bundle, kind), bundle.get("total")
            if self.total is None and isinstance(total, int):
                self.total = total
            target = _next(bundle)
            is_short = len(resources) < count and not (isinstance(total, int) and total > len(resources))
            yield resources, bool(target) or len(asked) > 1 or is_short
            if not target:
                return
            url = self._next_of(url, target)
            if url in asked:
                raise self._malformed("sends us round in circles.")

    def _next_of(self, url: str, target: str) -> str:
        """The next page's address, which may be of no other server: a password would go there."""
        following = resolve_url(url, target)
        if origin_of(following) != origin_of(url):
            raise self._malformed("names a next page that lies on another server.")
        return following

    def _bundle(self, url: str) -> Resource:
        answer = self._client.get(url, _ACCEPT)
        try:
            bundle = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._malformed("gives an answer that is no JSON.") from None
        if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
            raise self._malformed("gives an answer that is no FHIR bundle.")
        return bundle

    def _malformed(self, found: str) -> MalformedError:
        return MalformedError(
            self._source, f"the server {found}", "Check that the address is the base of a FHIR R4 server."
        )


def last_updated(resource: Resource) -> str:
    """When the server last changed the resource, as it says it, in UTC and comparable; empty where it does not."""
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, Mapping) else None
    try:
        return fhir_time(datetime.fromisoformat(text)) if isinstance(text, str) else ""
    except (ValueError, OverflowError):
        return ""


def fhir_time(instant: datetime) -> str:
    """An aware instant as a server understands it, to the millisecond below."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _matches(bundle: Resource, kind: str) -> list[Resource]:
    """The resources that were searched for; what else a server puts beside them is left out."""
    entries = bundle.get("entry")
    found = []
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if isinstance(resource, Mapping) and resource.get("resourceType") == kind:
            found.append(resource)
    return found


def _version(resource: Resource) -> tuple[str, str]:
    return str(resource.get("id")), last_updated(resource)


def _next(bundle: Resource) -> str:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, Mapping) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""
