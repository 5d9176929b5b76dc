"""Message stamps become episodes and replies.

The pairing is one pass over arrays sorted by conversation and time; no message is looked at twice.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from connectors.records import CounterpartKind
from monitor.analysis.calendar import WorkCalendar
from monitor.analysis.intervals import seconds_inside
from monitor.analysis.sessions import HELD

EPISODE_SECONDS = 15 * 60  # outgoing messages this close are one episode (design choice)
ANSWER_SECONDS = 7 * 86_400  # what is not answered by then is unanswered, and censored there


def episodes_from(messages: pd.DataFrame) -> pd.DataFrame:
    """Outgoing episodes of one clinician: counterpart, its kind, channel, sent_at, last_at, messages and emergency.

    Messages to one person at most 15 minutes after the one before are one episode; automatic replies are none. Kind and
    channel are those of the first; of several at one moment, of one to a client.
    The returned index is the episode's number; ``messages`` keeps how many it holds, ``emergency`` whether the threads
    of all of them were marked so.

    ::

        sent       x x     x            x
        episodes  |-------|            |-|      gaps of up to 15 minutes
    """
    sent = messages[(messages["outgoing"] & ~messages["automatic"]).to_numpy()]
    who, at = sent["counterpart"].to_numpy(dtype=np.int64), sent["sent_at"].to_numpy(dtype=np.int64)
    emergency = sent["emergency"].to_numpy(dtype=bool)
    no_client = (sent["counterpart_kind"] != CounterpartKind.CLIENT).to_numpy()
    order = np.lexsort((no_client, at, who))
    who, at = who[order], at[order]
    fresh = np.append(True, (who[1:] != who[:-1]) | (at[1:] - at[:-1] > EPISODE_SECONDS))[: len(at)]
    first = np.flatnonzero(fresh)
    after = np.append(first[1:], len(at))[: len(first)]
    opening = sent.iloc[order[first]]
    return pd.DataFrame(
        {
            "counterpart": who[first],
            "counterpart_kind": opening["counterpart_kind"].to_numpy(),
            "sent_at": at[first],
            "last_at": at[after - 1],
            "messages": after - first,
            "channel": opening["channel"].to_numpy(),
            "emergency": np.logical_and.reduceat(emergency[order], first) if len(first) else np.zeros(0, dtype=bool),
        },
        index=pd.RangeIndex(len(first), name="episode"),
    )


def replies_from(messages: pd.DataFrame, episodes: pd.DataFrame, sessions: pd.DataFrame, *, as_of: int) -> pd.DataFrame:
    """One row per inbound run of a client, by conversation and time.

    Incoming messages until the next outgoing one of the same conversation (same client, and same thread where the
    source has threads) are one run; the first outgoing message within 7 days answers it, and so does the start of a
    held session with that client, in whichever thread. Latency counts from the run's first message.

    ::

        in    i i       i           i
        out       o                          session
        runs  |---|     |-----------|--------|

    Returned: client, emergency (whether its thread was marked so), inbound_at, reply_at (NaN where unanswered),
    by_session, episode (-1 where no message answered) and waited_seconds, which for an unanswered run ends at 7 days or
    at ``as_of``.
    """
    chat = messages[~messages["automatic"] & (messages["counterpart_kind"] == CounterpartKind.CLIENT)]
    conversation = chat.groupby(["counterpart", "thread"], sort=True).ngroup()
    chat = chat.assign(conversation=conversation).sort_values(["conversation", "sent_at", "outgoing"], kind="stable")
    held = sessions[(sessions["status"] == HELD) & (sessions["client"] >= 0)]
    sent_at, outgoing = chat["sent_at"].to_numpy(), chat["outgoing"].to_numpy()
    client, talk = chat["counterpart"].to_numpy(), chat["conversation"].to_numpy()
    seen_before, next_session = _sessions_around(client, sent_at, held)
    opens = ~outgoing & ~_continues(talk, outgoing, seen_before)
    answer_at, answer = _next_outgoing(talk, sent_at, outgoing)
    return _runs(chat[opens], answer_at[opens], answer[opens], next_session[opens], chat, episodes, as_of)


def _sessions_around(
    client: NDArray[np.int64], sent_at: NDArray[np.int64], held: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each message: a number that changes with every session of its client, and that client's next session."""
    starts = held["actual_start"].fillna(held["booked_start"]).to_numpy(dtype=np.int64)
    begun = np.sort(pack_keys(held["client"].to_numpy(), starts))
    index = np.searchsorted(begun, pack_keys(client, sent_at), side="left")
    following = np.append(begun, np.iinfo(np.int64).max)[index]
    theirs = following < pack_keys(client + 1, 0)
    return index, np.where(theirs, (following - pack_keys(client, 0)).astype(float), np.inf)


def pack_keys(who: ArrayLike, when: ArrayLike) -> NDArray[np.int64]:
    """One sortable number for (person, instant): instants fit into 34 bits until the year 2514."""
    return np.asarray((np.asarray(who, dtype=np.int64) << 34) + np.asarray(when, dtype=np.int64), dtype=np.int64)


def _continues(
    talk: NDArray[np.int64], outgoing: NDArray[np.bool_], seen_before: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether a message goes on an inbound run: same conversation, nothing sent and no session since the last one."""
    same = (talk[1:] == talk[:-1]) & ~outgoing[:-1] & (seen_before[1:] == seen_before[:-1])
    return np.concatenate((np.zeros(min(1, len(talk)), dtype=bool), same))


def _next_outgoing(
    talk: NDArray[np.int64], sent_at: NDArray[np.int64], outgoing: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """When the next message of the same conversation went out (inf if never), and its position."""
    if not outgoing.any():
        return np.full(len(talk), np.inf), np.full(len(talk), -1)
    places = np.flatnonzero(outgoing)
    index = np.searchsorted(places, np.arange(len(talk)), side="right")
    place = places[np.minimum(index, len(places) - 1)]
    there = (index < len(places)) & (talk[place] == talk)
    return np.where(there, sent_at[place].astype(float), np.inf), np.where(there, place, -1)


def _runs(
    runs: pd.DataFrame,
    answer_at: NDArray[np.float64],
    answer: NDArray[np.int64],
    next_session: NDArray[np.float64],
    chat: pd.DataFrame,
    episodes: pd.DataFrame,
    as_of: int,
) -> pd.DataFrame:
    inbound = runs["sent_at"].to_numpy(dtype=float)
    reply_at = np.minimum(answer_at, next_session)
    answered = reply_at <= np.minimum(inbound + ANSWER_SECONDS, as_of)
    by_session = answered & (next_session < answer_at)
    episode = _episode_of(chat, answer, episodes)
    waited = np.where(answered, reply_at, np.minimum(inbound + ANSWER_SECONDS, as_of)) - inbound
    return pd.DataFrame(
        {
            "client": runs["counterpart"].to_numpy(),
            "emergency": runs["emergency"].to_numpy(),
            "inbound_at": runs["sent_at"].to_numpy(),
            "reply_at": np.where(answered, reply_at, np.nan),
            "by_session": by_session,
            "episode": np.where(answered & ~by_session, episode, -1),
            "waited_seconds": waited,
        }
    )


def _episode_of(chat: pd.DataFrame, place: NDArray[np.int64], episodes: pd.DataFrame) -> NDArray[np.int64]:
    """The episode that holds the outgoing message at each place of the conversation order."""
    if episodes.empty or chat.empty:
        return np.full(len(place), -1)
    begun = pack_keys(episodes["counterpart"].to_numpy(), episodes["sent_at"].to_numpy())
    sent = pack_keys(chat["counterpart"].to_numpy(), chat["sent_at"].to_numpy())[place]
    return episodes.index.to_numpy()[np.searchsorted(begun, sent, side="right") - 1]


def working_seconds(replies: pd.DataFrame, calendar: WorkCalendar) -> NDArray[np.int64]:
    """How much of each wait lay in the clinician's own working time (agreed hours without breaks and leave)."""
    inbound = replies["inbound_at"].to_numpy(dtype=np.int64)
    return seconds_inside(calendar.agreed, inbound, inbound + replies["waited_seconds"].to_numpy(dtype=np.int64))


def median_wait(minutes: NDArray[np.float64], answered: NDArray[np.bool_]) -> float:
    """The median wait with unanswered runs censored where they end (Kaplan and Meier 1958); NaN if not reached.

    ``minutes`` is the wait of each run, ``answered`` whether it ended with an answer.
    """
    order = np.lexsort((~answered, minutes))
    at_risk = np.arange(len(order), 0, -1)
    surviving = np.cumprod(1 - answered[order] / at_risk)
    reached = np.flatnonzero(surviving <= 0.5 + 1e-12)
    return float(minutes[order][reached[0]]) if len(reached) else float("nan")
