"""Errors of connectors, one class for each remedy.

Every error names the source and says in a sentence each what was found and what to do. None repeats a value read from
the source: titles, addresses and cell contents never reach a log.
"""

from __future__ import annotations

from datetime import timedelta


class ConnectorError(Exception):
    """A source could not be read. Stored rows and the cursor are unchanged."""

    def __init__(self, source: str, found: str, remedy: str) -> None:
        super().__init__(source, found, remedy)
        self.source = source
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.source}: {self.found} {self.remedy}"


class AuthorizationError(ConnectorError):
    """The source no longer accepts the credentials: somebody has to authorise it again."""


class RateLimitError(ConnectorError):
    """The source limits requests; the cursor is kept and the next run goes on from it.

    ``wait`` is for how long, if the source says so.
    """

    def __init__(self, source: str, found: str, remedy: str, wait: timedelta | None = None) -> None:
        request = f" It asks us to wait {_duration_text(wait)}." if wait else ""
        super().__init__(source, f"{found}{request}", remedy)
        self.wait = wait


def _duration_text(wait: timedelta) -> str:
    minutes = max(1, round(wait.total_seconds() / 60))
    if minutes >= 120:
        return f"about {round(minutes / 60)} hours"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


class UnavailableError(ConnectorError):
    """The file or server cannot be reached or read."""


class LimitExceededError(UnavailableError):
    """The server exceeded the limit of time or size: it is not asked again in this run."""


class MalformedError(ConnectorError):
    """The data does not fit the source kind: it is cut off, in another format, or has unknown columns."""


class ShrunkSourceError(ConnectorError):
    """The source contains far less than before: it is refused until somebody confirms it."""

    def __init__(self, source: str, before: int, after: int, what: str = "entries") -> None:
        super().__init__(
            source,
            f"it had {before} {what} and now has {after}.",
            f"Nothing was removed. If that is right, run: evenhours ingest --source {source} --accept-shrink",
        )
        self.before = before
        self.after = after


class UnusableError(ValueError):
    """An item of a source that cannot become a record. The message is the reason and repeats nothing of the item."""
