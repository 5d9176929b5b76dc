"""Reading the sources from their cursors into the store.

::

    source ─fetch(cursor)→ Batch ─policy→ Page ─result complete?→ ─┬─ events, evidence, messages
                                                                   ├─ rejected records    one transaction a page
                                                                   ├─ dirty marks
                                                                   └─ cursor

A source that fails keeps its records and its cursor and does not stop the others. If a source has an account for each
owner, each account is read, and fails, separately. Servers are read in parallel, files one after the other; only one
thread writes. No code here depends on the kind of source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic

from connectors.base import Batch, Skipped
from connectors.errors import AuthorizationError, ConnectorError, RateLimitError
from connectors.pseudonyms import Pseudonyms
from connectors.registry import source_kind
from monitor.config import Config
from monitor.errors import EXIT_AUTHORISE, EXIT_ERROR, EXIT_OK, EXIT_PARTLY
from monitor.ingest.pages import save_result
from monitor.ingest.policy import Page
from monitor.ingest.readers import ParallelReaders, ReadResult
from monitor.ingest.recognition import OwnerRecognition, UnrecognisedOwner
from monitor.ingest.request import (
    DAYS_AHEAD,
    DAYS_BACK,
    IngestRequest,
    SourceAccount,
    context_for,
    source_accounts,
    window_of,
)
from monitor.ingest.results import BufferedResult
from monitor.ingest.snapshots import SnapshotSummary
from monitor.store import sources
from monitor.store.database import Store

__all__ = [
    "DAYS_AHEAD",
    "DAYS_BACK",
    "IngestRequest",
    "ProgressCallback",
    "SourceOutcome",
    "UnrecognisedOwner",
    "context_for",
    "exit_code",
    "ingest",
    "window_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """The outcome of reading one source, or one owner's ``account`` of it.

    Attributes:
        source: The name of the source.
        kind: The kind of the source.
        rows: The number of rows that changed.
        rejected: The number of rejected records.
        problem: The error that stopped the reading.
        account: The key of the owner whose account was read, if each owner has one.
        unrecognised: The owners with messages of whom none is known to be sent by them.
        seconds: The time from the beginning to the end.
    """

    source: str
    kind: str
    rows: int = 0
    rejected: int = 0
    problem: ConnectorError | None = None
    account: str | None = None
    unrecognised: Mapping[str, UnrecognisedOwner] = field(default_factory=dict)
    seconds: float = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """The name to show, such as "diary" or "mail of ana"."""
        return f"{self.source} of {self.account}" if self.account else self.source


ProgressCallback = Callable[[str, Batch], None]
"""A function that is called after each page is stored, with the :attr:`SourceOutcome.name` and the batch."""


def ingest(
    config: Config,
    store: Store,
    pseudonyms: Pseudonyms,
    request: IngestRequest,
    *,
    now: datetime,
    progress: ProgressCallback | None = None,
) -> Iterator[SourceOutcome]:
    """Read the requested sources; yield the outcome of each, or of each account, in the order of the configuration.

    Raises:
        UsageError: The request names a source that the configuration does not have, or days that end before they begin.
            Nothing was read.
        StoreError: The database could not be written. The current page is not stored, all earlier ones are.
    """
    accounts = source_accounts(config, pseudonyms, request, now=now)
    readers = [_AccountIngest(store, account, now, progress, request) for account in accounts]
    parallel = [reader for reader in readers if reader.is_remote]
    if len(parallel) < 2:
        parallel = []
    jobs = [(reader, reader.pages) for reader in parallel]
    with ExitStack() as stack, ParallelReaders(jobs) as parallel_readers:
        for reader in readers:
            stack.callback(reader.close)
        for reader in readers:
            if reader in parallel:
                # Pages of other accounts may come first. They are stored at once, and their outcome is yielded later.
                while not reader.is_done:
                    sender, read_result = parallel_readers.next()
                    sender.accept(read_result)
            else:
                reader.read_all()
            yield reader.outcome


def exit_code(outcomes: Sequence[SourceOutcome]) -> int:
    """Return the exit code of a run: 0 all read, 4 a source needs re-authorising, 3 some failed, 1 all failed.

    A source that stopped at a rate limit counts as partly read.
    """
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    if any(isinstance(problem, AuthorizationError) for problem in problems):
        return EXIT_AUTHORISE
    if not problems:
        return EXIT_OK
    is_partly_read = len(problems) < len(outcomes) or any(isinstance(problem, RateLimitError) for problem in problems)
    return EXIT_PARTLY if is_partly_read else EXIT_ERROR


class _AccountIngest:
    """Reads one account from its cursor to its end and stores the pages, which may be read in another thread."""

    def __init__(
        self,
        store: Store,
        account: SourceAccount,
        now: datetime,
        progress: ProgressCallback | None,
        request: IngestRequest,
    ) -> None:
        self._store, self._account, self._progress = store, account, progress
        self._now = int(now.timestamp())
        source, context, policy = account.source, account.context, account.policy
        self.outcome = SourceOutcome(source.name, source.kind, account=account.owner)
        self.is_done = False
        self._began_at = 0.0
        self._recognition = OwnerRecognition(context, sent_by_address=source_kind(source.kind).sent_by_address)
        with store.write() as connection:
            sources.retire_other_accounts(connection, source.name, source.accounts)
            owners = [owner.key for owner in context.owners]
            self._row = sources.source_row(connection, source.name, source.kind, owners, account.owner)
        restarts = request.full or self._row.policy != policy.settings or self._row.skipped.has_any_in(context.window)
        self._cursor = None if restarts else self._row.cursor
        self._some_days = request.first is not None or request.last is not None
        self._restarts = self._cursor is None
        self._result, self._summary = BufferedResult(store.path.parent), SnapshotSummary()

    @property
    def is_remote(self) -> bool:
        """Return ``True`` if the account is on a server."""
        source = self._account.source
        return source_kind(source.kind).is_remote(source.options)

    def read_all(self) -> None:
        """Read and store the whole account in this thread."""
        try:
            for page in self.pages():
                self.accept(page)
        except ConnectorError as problem:
            self.accept(problem)
        else:
            self.accept(None)

    def accept(self, read_result: ReadResult) -> None:
        """Store a page, or the end of the reading. Whatever comes after the end is ignored."""
        if self.is_done:
            return
        if read_result is None or isinstance(read_result, ConnectorError):
            self._end(read_result)
            return
        if not isinstance(read_result, Page):
            raise read_result
        # Pages are buffered until their result is complete, then all pages of the result are stored.
        self._result.add(read_result)
        if read_result.batch.replaces:
            self._summary.add(read_result)
        if read_result.batch.has_more:
            return
        result, summary, restarts = self._result, self._summary, self._restarts or self._result.restarts
        self._result, self._summary = BufferedResult(self._store.path.parent), SnapshotSummary()
        self._restarts = False
        stored = save_result(
            self._store, self._row, result, summary, self._account.policy, self._now, restarts=restarts
        )
        try:
            with closing(result):
                for row, page, invalidation in stored:
                    self._row, batch = row, page.batch
                    self._recognition.count(batch.records)
                    rows, rejected = self.outcome.rows + invalidation.rows, self.outcome.rejected + len(batch.rejected)
                    self.outcome = replace(self.outcome, rows=rows, rejected=rejected)
                    if self._progress:
                        self._progress(self.outcome.name, batch)
        except ConnectorError as problem:
            self._end(problem)

    def close(self) -> None:
        """Discard a result that is not complete."""
        self._result.close()

    def _end(self, problem: ConnectorError | None) -> None:
        with self._store.write() as connection:
            if problem:
                sources.save_failure(connection, self._row, str(problem), self._now)
            else:
                window = self._account.context.window
                sources.save_success(connection, self._row, window, self._now, some_days=self._some_days)
            sources.save_recognised(connection, self._row, self._recognition.recognised())
        unrecognised = self._recognition.unrecognised(self._store, self._row.id)
        seconds = monotonic() - self._began_at if self._began_at else 0.0
        self.outcome = replace(self.outcome, problem=problem, unrecognised=unrecognised, seconds=seconds)
        self.is_done = True

    def pages(self) -> Iterator[Page]:
        """Yield the pages of the account. Any exception that a connector must not raise becomes a ConnectorError."""
        source, context, policy = self._account.source, self._account.context, self._account.policy
        skipped = Skipped() if self._cursor is None else self._row.skipped
        self._began_at = monotonic()
        try:
            for batch in source_kind(source.kind).make(source.options, context).fetch(self._cursor):
                if self.is_done:
                    return
                page = policy.page(batch, Skipped() if batch.restarts else skipped)
                skipped = page.skipped
                yield page
        except ConnectorError:
            raise
        except Exception as error:
            # The message of the exception is left out, since it may repeat content of the source.
            found = f"its reader broke off ({type(error).__name__})."
            remedy = "This is a bug in Evenhours: please report it. evenhours -v ingest shows where it arose."
            raise ConnectorError(source.name, found, remedy) from error
