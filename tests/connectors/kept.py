"""What ingest keeps of a batch, for tests that compare what two readings leave in a store."""

from __future__ import annotations

from dataclasses import replace

from connectors.base import Batch, Skipped, Window
from monitor.ingest.policy import Policy


def kept(batch: Batch, window: Window) -> Batch:
    """Return the batch with the records that are stored of it; what it tells and is not kept is among the removed."""
    owners = frozenset(record.clinician for record in batch.records)
    page = Policy("source", owners, window).page(batch, Skipped())
    return replace(page.batch, removed=(*batch.removed, *(uid_key for _, uid_key in page.dropped)))
