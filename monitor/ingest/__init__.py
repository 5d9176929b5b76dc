"""Each source from its cursor into the store; a page is a transaction.

::

    source ─fetch(cursor)→ Batch ─policy→ Page ─answer whole?→ ─┬─ events, evidence, messages
                                                                ├─ rejected records    one transaction a page
                                                                ├─ dirty marks
                                                                └─ cursor

A source that fails keeps its rows and its cursor and never stops another. Where each owner has an account of their own,
each account is read, and fails, on its own. Servers are waited for side by side, files read one after the other; one
thread alone writes. Nothing here knows what a source is.
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
from monitor.ingest.readers import Arrival, Readers
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
from monitor.store.sources import SourceRow

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
    """What became of one source, or of one owner's ``account`` of it.

    Rows changed, records kept aside, what stopped it, if anything did, the owners of whom messages came but none was
    ever known to be sent by them, and the seconds from its beginning to its end.
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
        """What to call it: "diary", or "mail of ana"."""
        return f"{self.source} of {self.account}" if self.account else self.source


ProgressCallback = Callable[[str, Batch], None]
"""Is told what each page came from, as :attr:`SourceOutcome.name` says it, once the page is stored."""


def ingest(
    config: Config,
    store: Store,
    names: Pseudonyms,
    request: IngestRequest,
    *,
    now: datetime,
    progress: ProgressCallback | None = None,
) -> Iterator[SourceOutcome]:
    """Read every requested source; yields an outcome as each, or each account of it, is done, in their order.

    Raises:
        UsageError: The request names a source that the configuration does not have, or days that end before they begin.
            Nothing was read.
        StoreError: The database could not be written. The current page is not stored, all earlier ones are.
    """
    chosen = source_accounts(config, names, request, now=now)
    readings = [_Reading(store, account, now, progress or _silent, request) for account in chosen]
    apart = [reading for reading in readings if reading.is_remote]
    if len(apart) < 2:
        apart = []
    with ExitStack() as open_, Readers([(reading, reading.pages) for reading in apart]) as readers:
        for reading in readings:
            open_.callback(reading.close)
        for reading in readings:
            if reading in apart:
                while not reading.is_over:
                    whose, arrival = readers.next()
                    whose.take(arrival)
            else:
                reading.read_through()
            yield reading.outcome


def exit_code(outcomes: Sequence[SourceOutcome]) -> int:
    """The exit code of a run: 0 all read, 4 somebody must re-authorise, 3 some failed, 1 every source failed.

    A source that asked us to stop for tonight was read in part.
    """
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    if any(isinstance(problem, AuthorizationError) for problem in problems):
        return EXIT_AUTHORISE
    if not problems:
        return EXIT_OK
    partly = len(problems) < len(outcomes) or any(isinstance(problem, RateLimitError) for problem in problems)
    return EXIT_PARTLY if partly else EXIT_ERROR


def _silent(_source: str, _batch: Batch) -> None:
    """No progress is shown."""


class _Reading:
    """One account, from its cursor to its end, and what became of it. Pages may come from another thread."""

    def __init__(
        self, store: Store, account: SourceAccount, now: datetime, progress: ProgressCallback, request: IngestRequest
    ) -> None:
        self._store, self._account, self._progress = store, account, progress
        self._now = int(now.timestamp())
        self.outcome = SourceOutcome(account.source.name, account.source.kind, account=account.owner)
        self.is_over = False
        self._begun = 0.0
        self._own_mail = OwnerRecognition(
            account.context, sent_by_address=source_kind(account.source.kind).sent_by_address
        )
        self._row = self._stored()
        context, policy = account.context, account.policy
        begins_again = (
            request.full or self._row.policy != policy.settings or self._row.skipped.has_any_in(context.window)
        )
        self._cursor = None if begins_again else self._row.cursor
        self._some_days = request.first is not None or request.last is not None
        self._anew = self._cursor is None
        self._answer, self._told = BufferedResult(store.path.parent), SnapshotSummary()

    def _stored(self) -> SourceRow:
        source, people = self._account.source, [owner.key for owner in self._account.context.owners]
        with self._store.write() as connection:
            sources.retire_other_accounts(connection, source.name, source.accounts)
            return sources.source_row(connection, source.name, source.kind, people, self._account.owner)

    @property
    def is_remote(self) -> bool:
        """Whether a server is waited for."""
        source = self._account.source
        return source_kind(source.kind).is_remote(source.options)

    def read_through(self) -> None:
        """Read it here and now."""
        try:
            for page in self.pages():
                self.take(page)
        except ConnectorError as problem:
            self.take(problem)
        else:
            self.take(None)

    def take(self, arrival: Arrival) -> None:
        """Store a page, or note how the reading ended. What comes after its end is left."""
        if self.is_over:
            return
        if isinstance(arrival, Page):
            try:
                self._save(arrival)
            except ConnectorError as problem:
                self._end(problem)
        elif arrival is None or isinstance(arrival, ConnectorError):
            self._end(arrival)
        else:
            raise arrival

    def _save(self, page: Page) -> None:
        """Hold a page until its answer has come to its end, and then store all of them."""
        self._answer.add(page)
        if page.batch.replaces:
            self._told.add(page)
        if page.batch.has_more:
            return
        answer, told, anew = self._answer, self._told, self._anew or self._answer.anew
        self._answer, self._told, self._anew = BufferedResult(self._store.path.parent), SnapshotSummary(), False
        with closing(answer):
            for row, stored, invalidation in save_result(
                self._store, self._row, answer, told, self._account.policy, self._now, anew=anew
            ):
                self._row = row
                batch = stored.batch
                self._own_mail.note(batch.records)
                rows, rejected = self.outcome.rows + invalidation.rows, self.outcome.rejected + len(batch.rejected)
                self.outcome = replace(self.outcome, rows=rows, rejected=rejected)
                self._progress(self.outcome.name, batch)

    def close(self) -> None:
        """Leave an answer that has not come to its end."""
        self._answer.close()

    def _end(self, problem: ConnectorError | None) -> None:
        with self._store.write() as connection:
            if problem:
                sources.save_failure(connection, self._row, str(problem), self._now)
            else:
                window = self._account.context.window
                sources.save_success(connection, self._row, window, self._now, some_days=self._some_days)
            sources.save_recognised(connection, self._row, self._own_mail.recognised())
        unrecognised = self._own_mail.unrecognised(self._store, self._row.id)
        seconds = monotonic() - self._begun if self._begun else 0.0
        self.outcome = replace(self.outcome, problem=problem, unrecognised=unrecognised, seconds=seconds)
        self.is_over = True

    def pages(self) -> Iterator[Page]:
        """What is kept of the connector's batches; what it does against its contract is its own error."""
        source, context, policy = self._account.source, self._account.context, self._account.policy
        skipped = Skipped() if self._cursor is None else self._row.skipped
        self._begun = monotonic()
        try:
            for batch in source_kind(source.kind).make(source.options, context).fetch(self._cursor):
                if self.is_over:
                    return
                page = policy.page(batch, Skipped() if batch.restarts else skipped)
                skipped = page.skipped
                yield page
        except ConnectorError:
            raise
        except Exception as error:
            # The error's own words stay out: they may repeat what was read.
            found = f"its reader broke off ({type(error).__name__})."
            remedy = "This is a fault of ours: please report it. evenhours -v ingest shows where it arose."
            raise ConnectorError(source.name, found, remedy) from error
