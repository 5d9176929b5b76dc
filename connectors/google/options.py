"""Options that all Google source kinds share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connectors.network import is_unencrypted


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleOptions:
    """The options of every Google source."""

    tokens: Path = field(
        default=Path("google-tokens"),
        metadata={"help": "The private folder of the clinicians' permissions."},
    )
    client: str | None = field(
        default=None,
        metadata={
            "help": "Where the practice's OAuth client is stored (the JSON file from Google's console), for "
            "`evenhours connect google`: file:PATH, env:NAME or command:…",
            "secret": True,
        },
    )
    service_account: str | None = field(
        default=None,
        metadata={
            "help": "Where a service account's key is stored, if a domain lets it read its people's accounts: "
            "file:PATH, env:NAME or command:…",
            "secret": True,
        },
    )
    api_endpoint: str | None = field(
        default=None, metadata={"help": "The address for all requests, instead of Google's own."}
    )


def problems(options: GoogleOptions) -> list[str]:
    """Return the problems that types alone cannot show."""
    if options.api_endpoint is None:
        return []
    parts = urlsplit(options.api_endpoint)
    if is_unencrypted(options.api_endpoint) or not parts.netloc or parts.query or parts.fragment:
        return ["api_endpoint: is not an address; write it like https://proxy.example"]
    return []
