"""What can go wrong between a source and us: one class a remedy.

Every error carries the source's name and says in one sentence what was found and what to do. None of them
repeats a value read from the source: titles, addresses and cell contents never reach a log.
"""

from __future__ import annotations

from datetime import timedelta


class ConnectorError(Exception):
    """A source could not be read. The rows already stored and the cursor stay as they were."""

    def __init__(self, source: str, found: str, remedy: str) -> None:
        super().__init__(source, found, remedy)
        self.source = source
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.source}: {self.found} {self.remedy}"


class AuthorizationError(ConnectorError):
    """The source no longer accepts our credentials: somebody has to authorise it again."""


class RateLimitError(ConnectorError):
    """The source asked us to stop for now; the cursor is kept and the next run goes on from it.

    ``wait`` is for how long, where the source says so.
    """

    def __init__(self, source: str, found: str, remedy: str, wait: timedelta | None = None) -> None:
        asked = f" It asks to be left alone for {_spoken(wait)}." if wait else ""
        super().__init__(source, f"{found}{asked}", remedy)
        self.wait = wait


def _spoken(wait: timedelta) -> str:
    minutes = max(1, round(wait.total_seconds() / 60))
    if minutes >= 120:
        return f"about {round(minutes / 60)} hours"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


class UnavailableError(ConnectorError):
    """The file or server cannot be reached or read."""


class LimitExceededError(UnavailableError):
    """The server took all the time or room that an answer may take: it is not asked again tonight."""


class MalformedError(ConnectorError):
    """What came is not what the source's kind promises: cut off, another format, unknown columns."""


class ShrunkSourceError(ConnectorError):
    """The source holds far less than it did: refused, not believed, until somebody confirms it."""

    def __init__(self, source: str, held: int, holds: int, what: str = "entries") -> None:
        super().__init__(
            source,
            f"it held {held} {what} and now holds {holds}.",
            f"Nothing was removed. If that is right, run: evenhours ingest --source {source} --accept-shrink",
        )
        self.held = held
        self.holds = holds


class UnusableError(ValueError):
    """An item of a source that cannot become a record. The message is the reason and repeats nothing of the item."""
