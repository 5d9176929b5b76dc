"""What a network did to us, in words that say what to look at. Nothing that the other side said is passed on."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from socket import gaierror

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


def failure(who: str, error: BaseException | None = None) -> tuple[str, str]:
    """What was found where no whole answer came from ``who``, and what to check.

    The libraries that ask wrap what happened, and repeat addresses in their own words: only the kinds of the errors
    that led to ``error`` are looked at.
    """
    for cause in _causes(error):
        for kind, found, check in _FAILURES:
            if isinstance(cause, kind) and not isinstance(cause, _CUT_OFF):
                return found.format(who=who), check
    return f"{who} gave no whole answer.", "Check its name, its port and the network."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; a chain never leads back to itself."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
