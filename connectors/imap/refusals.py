"""What a mail server's refusal means for whoever runs us. Nothing of its words is passed on."""

from __future__ import annotations

import re

from connectors.errors import AuthorizationError, ConnectorError, RateLimitError, UnavailableError, UsedUpError
from connectors.network import failure, used_up

_CODE = re.compile(r"\[([A-Z]+)[\] ]")
_LATER = frozenset(("LIMIT", "OVERQUOTA", "INUSE", "THROTTLED"))
_NOT_NOW = frozenset(("UNAVAILABLE", "SERVERBUG", "CONTACTADMIN"))
_KEY = frozenset(("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "NOPERM"))


def refusal(source: str, answer: str, *, signing_in: bool = False) -> ConnectorError:
    """The error for a NO or BAD: by its response code (RFC 5530), else by what was asked."""
    match = _CODE.search(answer)
    code = match[1] if match else ""
    if code in _LATER:
        return RateLimitError(source, "the mail server asks us to stop for now.", "The next run tries again.")
    if code == "PRIVACYREQUIRED":
        return UnavailableError(
            source, "the mail server takes no password in the open.", 'Write tls = "tls" or tls = "starttls".'
        )
    if code in _NOT_NOW or not (signing_in or code in _KEY):
        return UnavailableError(source, "the mail server refuses what it was asked.", "The next run tries again.")
    return AuthorizationError(
        source,
        "the mail server does not accept the name and password.",
        "Make a new password there (some want one for programs alone), store it where the configuration looks for it, "
        f"then run: evenhours ingest --source {source}",
    )


def unreachable(source: str, error: Exception | None = None) -> UnavailableError:
    """The error for a server that is not there, hangs up, makes no sense or does not come to an end."""
    found, check = failure("the mail server", error)
    kind = UsedUpError if used_up(error) else UnavailableError
    return kind(source, found, f"{check} The next run goes on from here.")
