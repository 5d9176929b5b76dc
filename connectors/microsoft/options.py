"""The configuration of a Microsoft account, and the permissions that its parts need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connectors.network import endpoint_problems

Part = Literal["calendar", "mail", "meetings"]

SCOPES: dict[Part, tuple[str, ...]] = {
    "calendar": ("Calendars.ReadBasic",),
    "mail": ("Mail.ReadBasic",),
    "meetings": ("Calendars.ReadBasic", "OnlineMeetings.Read", "OnlineMeetingArtifact.Read.All"),
}
"""The least permissions for each part. None of them allows reading the text of an entry or a message."""

SCOPE_DESCRIPTIONS: dict[str, str] = {
    "Calendars.ReadBasic": "when entries of the calendar are, and with whom",
    "Mail.ReadBasic": "when messages were sent, from whom to whom",
    "OnlineMeetings.Read": "which Teams meetings there are",
    "OnlineMeetingArtifact.Read.All": "who was in a Teams meeting from when to when",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrosoftOptions:
    """The options of a source of kind ``microsoft``."""

    client_id: str = field(metadata={"help": "The application's (client) ID, from the registration in Entra."})
    tenant: str = field(
        default="organizations",
        metadata={"help": "The directory's (tenant) ID or domain. Default: any work account."},
    )
    client_secret: str | None = field(
        default=None,
        metadata={
            "help": "Where the application's secret is stored, if the application may read all accounts. Without it "
            "each clinician signs in (evenhours connect microsoft).",
            "secret": True,
        },
    )
    read: tuple[Part, ...] = field(
        default=("calendar", "mail"),
        metadata={"help": 'The parts to read: "calendar", "mail", "meetings" (Teams attendance).'},
    )
    tokens: Path = field(
        default=Path("microsoft-tokens"),
        metadata={"help": "The private folder of the clinicians' permissions."},
    )
    channel: str = field(default="email", metadata={"help": "The name of this channel in exports and agreements."})
    api_endpoint: str | None = field(
        default=None,
        metadata={"help": "The address for all requests, sign-in included, instead of Microsoft's own."},
    )


def scopes_of(options: MicrosoftOptions) -> tuple[str, ...]:
    """Return the permissions that these options need."""
    return tuple(dict.fromkeys(scope for part in options.read for scope in SCOPES[part]))


def problems(options: MicrosoftOptions) -> list[str]:
    """Return the problems that types alone cannot show."""
    problems = []
    if not options.read:
        problems.append('read: at least one of "calendar", "mail" and "meetings"')
    if options.client_secret and options.tenant in {"organizations", "common", "consumers"}:
        problems.append("tenant: an application that reads in everybody's name needs its directory's own")
    return problems + endpoint_problems(options.api_endpoint)


def describe_scopes(scopes: Sequence[str]) -> str:
    """Return a sentence about what the permissions allow, for the person who gives them."""
    return "; ".join(SCOPE_DESCRIPTIONS.get(scope, scope) for scope in scopes)
