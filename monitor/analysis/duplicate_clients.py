"""Finds client keys that may belong to one person, from times and threads alone; the clinician decides.

A calendar and a mailbox name a client in different ways, and a parent or partner may write instead. Nothing is joined
automatically: a wrong join would add one client's messages to another's sessions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd

from connectors.records import CounterpartKind
from monitor.analysis.columns import arrays
from monitor.analysis.intervals import contains, seconds_inside, spans

BEFORE_SECONDS, AFTER_SECONDS = 24 * 3600, 3 * 3600  # the window around a session (design choice)
MIN_MESSAGES = 4
MIN_SHARE = 0.6  # of the messages in the windows
CHANCE_FACTOR = 2.0  # the share must be this many times what messages at random times would give
RUNNER_UP_FACTOR = 1.25  # and this many times the next client's: clients of one weekday look alike
NOBODY = -1
MAX_IN_THREAD = 3  # more correspondents are a group, not a family


class DuplicateReason(StrEnum):
    """The reasons for which two keys may be one person."""

    THREAD = "they write in one thread"
    SESSIONS = "one writes around the other's sessions"


@dataclass(frozen=True, slots=True)
class DuplicateClient:
    """Two clients who may be one person: they share ``matches`` threads, or ``matches`` of ``total`` messages fit.

    A message fits if it was sent around a session of the other client.
    """

    first: int
    second: int
    reason: DuplicateReason
    matches: int
    total: int


def find_duplicate_clients(
    held: pd.DataFrame, messages: pd.DataFrame, *, apart: Collection[frozenset[int]] = ()
) -> list[DuplicateClient]:
    """Return every pair to ask the clinician about, threads first; a client who only writes is in at most one.

    ``held`` has client, effective_start and effective_end, ``messages`` counterpart, counterpart_kind, thread and
    sent_at, keys that are known to be one person joined already. ``apart`` are pairs that the clinician has said are
    two persons.
    """
    from_clients = messages[messages["counterpart_kind"] == CounterpartKind.CLIENT]
    pairs = [*_sharing_threads(from_clients), *_around_sessions(held, from_clients)]
    separate = set(apart)
    return [pair for pair in pairs if frozenset((pair.first, pair.second)) not in separate]


def _sharing_threads(messages: pd.DataFrame) -> Iterator[DuplicateClient]:
    """Yield the pairs that share threads, those with the most threads first."""
    pairs = messages.loc[messages["thread"] != 0, ["thread", "counterpart"]].drop_duplicates()
    shared: dict[tuple[int, int], int] = {}
    for _, clients in pairs.groupby("thread")["counterpart"]:
        if 2 <= len(clients) <= MAX_IN_THREAD:
            for pair in combinations(sorted(clients.tolist()), 2):
                shared[pair] = shared.get(pair, 0) + 1
    for (first, second), threads in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        yield DuplicateClient(int(first), int(second), DuplicateReason.THREAD, threads, threads)


def _around_sessions(held: pd.DataFrame, messages: pd.DataFrame) -> Iterator[DuplicateClient]:
    """Yield each client who only writes with the client who has only sessions, around which most messages were sent.

    A window is the time from a day before a session to three hours after it. The client has to stand out: from chance,
    which is the share of the correspondence's own span that lies in windows, and from the next client.

    ::

        sessions            |--|                 |--|
        windows  |-------------------|  |-------------------|
    """
    writing, with_sessions = set(messages["counterpart"].tolist()), set(held["client"].tolist())
    windows = {}
    # Somebody with both sessions and messages needs no second key.
    for client in sorted(with_sessions - writing - {NOBODY}):
        begins, ends = arrays(held, "effective_start", "effective_end", rows=(held["client"] == client).to_numpy())
        windows[client] = spans(np.column_stack((begins - BEFORE_SECONDS, ends + AFTER_SECONDS)))
    for client in sorted(writing - with_sessions if windows else ()):
        sent_at = messages.loc[messages["counterpart"] == client, "sent_at"].to_numpy(dtype=np.int64)
        if len(sent_at) < MIN_MESSAGES:
            continue
        counts = [(int(contains(times, sent_at).sum()), other) for other, times in windows.items()]
        (most, best), *others = sorted(counts, reverse=True)
        next_most = others[0][0] if others else 0
        first, last = int(sent_at.min()), int(sent_at.max()) + 1
        by_chance = float(seconds_inside(windows[best], first, last)) / (last - first)
        share = most / len(sent_at)
        if share >= max(MIN_SHARE, CHANCE_FACTOR * by_chance) and most >= RUNNER_UP_FACTOR * next_most:
            yield DuplicateClient(best, int(client), DuplicateReason.SESSIONS, most, len(sent_at))
