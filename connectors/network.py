"""Errors for failed connections, and checks for unencrypted addresses.

No message repeats what the other side sent.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from socket import gaierror
from urllib.parse import urlsplit

from connectors.deadline import TooLargeError, TooSlowError
from connectors.errors import LimitExceededError, UnavailableError

# These are SSLErrors, but only say that the connection broke off, not that the encryption is wrong.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# In order: a certificate error is an SSLError, too.
_FAILURES: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "{peer}'s certificate cannot be trusted.",
        "Check its name, or let this machine trust whoever issued the certificate.",
    ),
    (
        ssl.SSLError,
        "{peer} does not use the expected encryption at this port.",
        "Check the port and the kind of encryption.",
    ),
    (gaierror, "{peer} was not found: unknown host name.", "Check its name, and whether this machine is online."),
    (
        ConnectionRefusedError,
        "{peer} refuses connections at this port.",
        "Check its name and port, and whether it is running.",
    ),
    (TimeoutError, "{peer} did not answer in time.", "Check its name and port, and whether this machine is online."),
)


def is_loopback(host: str | None) -> bool:
    """Return ``True`` for the name or an address of this machine itself."""
    try:
        return host is not None and (host.lower() == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def is_unencrypted(url: str) -> bool:
    """Return ``True`` if others on the network could read along: without https, except on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    if "\\" in url:  # libraries disagree about which part is the host
        return True
    return parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))


def at_endpoint(url: str, api_endpoint: str | None) -> str:
    """Return a service's address with the same path and query at the option ``api_endpoint``, if that is set."""
    if not api_endpoint:
        return url
    parts = urlsplit(url)
    return f"{api_endpoint.rstrip('/')}{parts.path}{'?' if parts.query else ''}{parts.query}"


def endpoint_problems(api_endpoint: str | None) -> list[str]:
    """Return the problem of the option ``api_endpoint``, if it has one: only an address can replace a service's own."""
    if api_endpoint is None:
        return []
    parts = urlsplit(api_endpoint)
    if is_unencrypted(api_endpoint) or not parts.netloc or parts.query or parts.fragment:
        return ["api_endpoint: is not an address; write it like https://proxy.example"]
    return []


def is_limit_exceeded(error: BaseException | None) -> bool:
    """Return ``True`` if a server exceeded its time or size limit: asking again would only take more."""
    return any(isinstance(cause, (TooSlowError, TooLargeError)) for cause in _causes(error))


def connection_error(
    source: str, peer: str, error: BaseException | None, after: str = "The next run tries again."
) -> UnavailableError:
    """Return the error for a ``peer`` ("the server") that cannot be reached, breaks off or exceeds a limit."""
    found, check = _failure(peer, error)
    kind = LimitExceededError if is_limit_exceeded(error) else UnavailableError
    return kind(source, found, f"{check} {after}")


def _failure(peer: str, error: BaseException | None) -> tuple[str, str]:
    """Return what happened where ``peer`` gave no complete response, and what to check.

    HTTP libraries wrap the original error and repeat addresses in their messages, so only the types in the chain of
    causes are used.
    """
    for cause in _causes(error):
        if isinstance(cause, TooSlowError):
            return (
                f"{peer} answers too slowly: {cause}.",
                "Ask whoever runs it why; no other source had to wait for it.",
            )
        if isinstance(cause, TooLargeError):
            return f"{peer} sends too much data.", "Check that the address is the right one."
        for kind, found, check in _FAILURES:
            if isinstance(cause, kind) and not isinstance(cause, _CUT_OFF):
                return found.format(peer=peer), check
    return f"{peer} gave no complete response.", "Check its name, its port and the network."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
