"""Words for what a network did to us, and a look at who may read along on it.

Nothing that the other side said is passed on.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from socket import gaierror
from urllib.parse import urlsplit

from connectors.deadline import TooLargeError, TooSlowError
from connectors.errors import LimitExceededError, UnavailableError

_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_FAILURES: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "{who}'s certificate cannot be trusted.",
        "Check its name, or let this machine trust whoever issued the certificate.",
    ),
    (ssl.SSLError, "{who} is not encrypted at this port as it should be.", "Check the port, and how it is encrypted."),
    (gaierror, "{who} was not found: its name leads nowhere.", "Check its name, and whether this machine is online."),
    (
        ConnectionRefusedError,
        "{who} takes no connections at this port.",
        "Check its name and port, and whether it is running.",
    ),
    (TimeoutError, "{who} did not answer in time.", "Check its name and port, and whether this machine is online."),
)


def is_loopback(host: str | None) -> bool:
    """Return ``True`` for this machine itself: what goes there passes nobody."""
    try:
        return host is not None and (host.lower() == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def is_unencrypted(url: str) -> bool:
    """Return ``True`` where others on the way could read along: anywhere without https, except on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    if "\\" in url:  # of which libraries make different hosts
        return True
    return parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))


def is_limit_exceeded(error: BaseException | None) -> bool:
    """Return ``True`` where a server took all the time or room it may: asking again would only take more."""
    return any(isinstance(cause, (TooSlowError, TooLargeError)) for cause in _causes(error))


def connection_error(
    source: str, who: str, error: BaseException | None, after: str = "The next run tries again."
) -> UnavailableError:
    """Return the error for ``who`` that is not there, hangs up, makes no sense or does not come to an end."""
    found, check = _failure(who, error)
    kind = LimitExceededError if is_limit_exceeded(error) else UnavailableError
    return kind(source, found, f"{check} {after}")


def _failure(who: str, error: BaseException | None) -> tuple[str, str]:
    """What was found where no whole answer came from ``who``, and what to check.

    The libraries that ask wrap what happened, and repeat addresses in their own words: only the kinds of the errors
    that led to ``error`` are looked at.
    """
    for cause in _causes(error):
        if isinstance(cause, TooSlowError):
            return f"{who} answers too slowly: {cause}.", "Ask whoever runs it why; nothing else had to wait for it."
        if isinstance(cause, TooLargeError):
            return f"{who} sends more than an answer can be.", "Check that the address is the right one."
        for kind, found, check in _FAILURES:
            if isinstance(cause, kind) and not isinstance(cause, _CUT_OFF):
                return found.format(who=who), check
    return f"{who} gave no whole answer.", "Check its name, its port and the network."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; a chain never leads back to itself."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
