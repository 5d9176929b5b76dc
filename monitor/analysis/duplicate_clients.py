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
from numpy.typing import NDArray

from connectors.records import CounterpartKind
from monitor.analysis.intervals import seconds_inside, spans

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
    """Yield each client who only writes with the client who has only sessions, around which most messages were sent."""
    writing = set(messages["counterpart"].tolist())
    # Somebody with both sessions and messages needs no second key.
    only_sessions = sorted(set(held["client"].tolist()) - writing - {NOBODY})
    windows = {client: _session_windows(held[held["client"] == client]) for client in only_sessions}
    for client in sorted(writing - set(held["client"].tolist())):
        sent_at = messages.loc[messages["counterpart"] == client, "sent_at"].to_numpy(dtype=np.int64)
        best = _best_match(sent_at, windows) if len(sent_at) >= MIN_MESSAGES else None
        if best is not None:
            yield DuplicateClient(best[0], int(client), DuplicateReason.SESSIONS, best[1], len(sent_at))


def _session_windows(held: pd.DataFrame) -> NDArray[np.int64]:
    """Return the time from a day before each session to three hours after it.

    ::

        sessions            |--|                 |--|
        windows  |-------------------|  |-------------------|
    """
    begins, ends = held["effective_start"].to_numpy(dtype=np.int64), held["effective_end"].to_numpy(dtype=np.int64)
    return spans(np.column_stack((begins - BEFORE_SECONDS, ends + AFTER_SECONDS)))


def _best_match(sent_at: NDArray[np.int64], windows: dict[int, NDArray[np.int64]]) -> tuple[int, int] | None:
    """Return the client whose windows contain the most messages, and how many; ``None`` unless it stands out."""
    # Chance is the share of the correspondence's own span that lies in windows.
    first, last = int(sent_at.min()), int(sent_at.max()) + 1
    counts = sorted(((_count_inside(sent_at, spans_), client) for client, spans_ in windows.items()), reverse=True)
    if not counts:
        return None
    (most, client), *rest = counts
    share, by_chance = most / len(sent_at), _seconds_between(windows[client], first, last) / (last - first)
    runner_up = rest[0][0] if rest else 0
    stands_out = share >= max(MIN_SHARE, CHANCE_FACTOR * by_chance) and most >= RUNNER_UP_FACTOR * runner_up
    return (client, most) if stands_out else None


def _count_inside(sent_at: NDArray[np.int64], windows: NDArray[np.int64]) -> int:
    return int(seconds_inside(windows, sent_at, sent_at + 1).sum())


def _seconds_between(windows: NDArray[np.int64], first: int, last: int) -> int:
    return int(seconds_inside(windows, np.array([first]), np.array([last]))[0])
