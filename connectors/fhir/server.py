"""A client for FHIR servers that searches page by page, also on servers that do not support paging.

A server should sort as requested, link to the next page, and send only the requested elements. Some send no link: then
the search goes on from the last change that was seen. Elements that were not requested are ignored when the resources
are read.
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
COUNT = 200  # resources on a page
_MAX_COUNT = 10_000
_ACCEPT = {"Accept": "application/fhir+json"}


class FhirClient:
    """A client for the server at a base address.

    ``total`` is the number of matches of the last search, if the server returns it.
    """

    def __init__(self, source: str, base: str, client: HttpClient) -> None:
        self._source = source
        self._base = base.rstrip("/") + "/"
        self._client = client
        self.total: int | None = None

    def search(self, kind: str, query: Query) -> Iterator[tuple[Resource, ...]]:
        """Yield pages of the matching resources, oldest change first, each version of a resource once.

        Raises a :class:`~connectors.errors.ConnectorError`.
        """
        seen: set[tuple[str, str]] = set()
        self.total = None
        count, current_query = COUNT, query
        while True:
            newest, new_count, is_complete = "", 0, True
            for resources, is_complete in self._pages(kind, current_query, count):
                new = [resource for resource in resources if _version(resource) not in seen]
                seen.update(map(_version, new))
                new_count += len(new)
                changes = [newest, *map(last_updated, resources)]
                if not is_complete and changes != sorted(changes):
                    raise self._malformed("neither sorts its results nor links to a next page.")
                newest = max(changes)
                yield tuple(new)
            if is_complete:
                return
            # If the whole page changed at one instant, only a larger page contains what comes after it.
            if not new_count:
                count *= 10
            if not newest or count > _MAX_COUNT:
                raise self._malformed("returns only a part of its results, and no link to the rest.")
            # ge and not gt: other resources may have the same time; those seen before are skipped.
            current_query = (*(pair for pair in query if pair[0] != "_lastUpdated"), ("_lastUpdated", f"ge{newest}"))

    def _pages(self, kind: str, query: Query, count: int) -> Iterator[tuple[list[Resource], bool]]:
        """Yield each page's resources, and whether the search is complete if this is the last page.

        Without a link to a next page, a full first page may be only a part of the results.
        """
        url = f"{self._base}{kind}?{urlencode([*query, ('_sort', '_lastUpdated'), ('_count', str(count))])}"
        requested: set[str] = set()
        while True:
            requested.add(url)
            bundle = self._bundle(url)
            resources, total = _matches(bundle, kind), bundle.get("total")
            if self.total is None and isinstance(total, int):
                self.total = total
            target = _next_link(bundle)
            is_short = len(resources) < count and not (isinstance(total, int) and total > len(resources))
            # A server that has linked to a page before supports paging, so a page without a link is the last one.
            yield resources, bool(target) or len(requested) > 1 or is_short
            if not target:
                return
            next_url = resolve_url(url, target)
            # The password would be sent to another server, too.
            if origin_of(next_url) != origin_of(url):
                raise self._malformed("links to a next page on another server.")
            url = next_url
            if url in requested:
                raise self._malformed("repeats the same page.")

    def _bundle(self, url: str) -> Resource:
        response = self._client.get(url, _ACCEPT)
        try:
            bundle = json.loads(response.body)
        except (ValueError, RecursionError):
            raise self._malformed("sends a response that is not JSON.") from None
        if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
            raise self._malformed("sends a response that is not a FHIR bundle.")
        return bundle

    def _malformed(self, found: str) -> MalformedError:
        return MalformedError(
            self._source, f"the server {found}", "Check that the address is the base of a FHIR R4 server."
        )


def last_updated(resource: Resource) -> str:
    """Return the server's time of the resource's last change, in UTC and sortable; empty if it has none."""
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, Mapping) else None
    try:
        return fhir_time(datetime.fromisoformat(text)) if isinstance(text, str) else ""
    except (ValueError, OverflowError):
        return ""


def fhir_time(instant: datetime) -> str:
    """Return an aware instant as FHIR text, truncated to the millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _matches(bundle: Resource, kind: str) -> list[Resource]:
    """Return the resources of the kind that was searched for; a server may include others."""
    entries = bundle.get("entry")
    matches = []
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if isinstance(resource, Mapping) and resource.get("resourceType") == kind:
            matches.append(resource)
    return matches


def _version(resource: Resource) -> tuple[str, str]:
    return str(resource.get("id")), last_updated(resource)


def _next_link(bundle: Resource) -> str:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, Mapping) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""
