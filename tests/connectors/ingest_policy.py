"""Ingest's policy applied to one batch, for tests that compare the stored rows of two runs."""

from __future__ import annotations

from dataclasses import replace

from connectors.base import Batch, Skipped, Window
from monitor.ingest.policy import Policy


def apply_policy(batch: Batch, window: Window) -> Batch:
    """Return the batch with the records that are stored; records that the policy drops are among the removed."""
    owners = frozenset(record.clinician for record in batch.records)
    page = Policy("source", owners, window).page(batch, Skipped())
    return replace(page.batch, removed=(*batch.removed, *(uid_key for _, uid_key in page.dropped)))
