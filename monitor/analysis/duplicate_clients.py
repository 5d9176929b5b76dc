"""Which two keys might be one person: proposals from times and threads alone, which the clinician takes up or not.

A calendar names a client in one way and a mailbox in another, and a parent or partner may write instead. Nothing is
joined by itself: a wrong join would put one client's messages to another's sessions.
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

BEFORE, AFTER = 24 * 3600, 3 * 3600  # around a session; our own choice
LEAST_MESSAGES = 4
LEAST_SHARE = 0.6  # of the messages lie around the sessions
ABOVE_CHANCE = 2.0  # times what messages at any time would show
AHEAD = 1.25  # times the share with anybody else's sessions: colleagues of one weekday look alike
NOBODY = -1
MOST_IN_THREAD = 3  # more are a group, not a family


class DuplicateReason(StrEnum):
    """Why two keys might be one person."""

    THREAD = "they write in one thread"
    SESSIONS = "one writes around the other's sessions"


@dataclass(frozen=True, slots=True)
class DuplicateClient:
    """Two clients who might be one person: ``seen`` threads, or ``seen`` of ``of`` messages around sessions."""

    first: int
    second: int
    reason: DuplicateReason
    matches: int
    total: int


def find_duplicate_clients(
    held: pd.DataFrame, messages: pd.DataFrame, *, apart: Collection[frozenset[int]] = ()
) -> list[DuplicateClient]:
    """Every pair worth asking about, threads first; each client of the second kind is proposed once.

    ``held`` has client, began_at and ended_at, ``messages`` counterpart, counterpart_kind, thread and sent_at, keys
    that are known to be one person joined already. ``apart`` are pairs of whom the clinician said that they are two.
    """
    theirs = messages[messages["counterpart_kind"] == CounterpartKind.CLIENT]
    found = [*_in_threads(theirs), *_around_sessions(held, theirs)]
    said = set(apart)
    return [proposal for proposal in found if frozenset((proposal.first, proposal.second)) not in said]


def _in_threads(messages: pd.DataFrame) -> Iterator[DuplicateClient]:
    """Pairs who share threads, the most threads first."""
    pairs = messages.loc[messages["thread"] != 0, ["thread", "counterpart"]].drop_duplicates()
    shared: dict[tuple[int, int], int] = {}
    for _, people in pairs.groupby("thread")["counterpart"]:
        if 2 <= len(people) <= MOST_IN_THREAD:
            for pair in combinations(sorted(people.tolist()), 2):
                shared[pair] = shared.get(pair, 0) + 1
    for (one, other), threads in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        yield DuplicateClient(int(one), int(other), DuplicateReason.THREAD, threads, threads)


def _around_sessions(held: pd.DataFrame, messages: pd.DataFrame) -> Iterator[DuplicateClient]:
    """Who only writes, with whoever is only met and around whose sessions most of it is written."""
    writes = set(messages["counterpart"].tolist())
    met = sorted(set(held["client"].tolist()) - writes - {NOBODY})
    around = {who: _windows(held[held["client"] == who]) for who in met}
    for who in sorted(writes - set(held["client"].tolist())):
        sent = messages.loc[messages["counterpart"] == who, "sent_at"].to_numpy(dtype=np.int64)
        best = _closest(sent, around) if len(sent) >= LEAST_MESSAGES else None
        if best is not None:
            yield DuplicateClient(best[0], int(who), DuplicateReason.SESSIONS, best[1], len(sent))


def _windows(held: pd.DataFrame) -> NDArray[np.int64]:
    """From a day before each session to three hours after it.

    ::

        sessions            |--|                 |--|
        windows  |-------------------|  |-------------------|
    """
    begins, ends = held["effective_start"].to_numpy(dtype=np.int64), held["effective_end"].to_numpy(dtype=np.int64)
    return spans(np.column_stack((begins - BEFORE, ends + AFTER)))


def _closest(sent: NDArray[np.int64], around: dict[int, NDArray[np.int64]]) -> tuple[int, int] | None:
    """The one client around whose sessions the messages lie, and how many do; ``None`` unless it stands out."""
    first, last = int(sent.min()), int(sent.max()) + 1
    counts = sorted(((_inside(sent, windows), who) for who, windows in around.items()), reverse=True)
    if not counts:
        return None
    (most, who), *rest = counts
    share, by_chance = most / len(sent), _seconds(around[who], first, last) / (last - first)
    second = rest[0][0] if rest else 0
    stands_out = share >= max(LEAST_SHARE, ABOVE_CHANCE * by_chance) and most >= AHEAD * second
    return (who, most) if stands_out else None


def _inside(sent: NDArray[np.int64], windows: NDArray[np.int64]) -> int:
    return int(seconds_inside(windows, sent, sent + 1).sum())


def _seconds(windows: NDArray[np.int64], first: int, last: int) -> int:
    return int(seconds_inside(windows, np.array([first]), np.array([last]))[0])
