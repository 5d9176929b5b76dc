"""Episodes and replies from message stamps.

Messages and replies are paired in one pass over arrays that are sorted by thread and time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CounterpartKind
from monitor.analysis.calendar import WorkCalendar
from monitor.analysis.columns import next_of_client, pack_keys
from monitor.analysis.intervals import seconds_inside
from monitor.analysis.sessions import HELD

EPISODE_SECONDS = 15 * 60  # outgoing messages at most this far apart are one episode (design choice)
ANSWER_SECONDS = 7 * 86_400  # a run that was not answered by then is unanswered, and censored there


def episodes_from(messages: pd.DataFrame) -> pd.DataFrame:
    """Return the outgoing episodes of one clinician, indexed by number.

    Messages to one counterpart, each at most 15 minutes after the one before, are one episode; automatic replies are
    left out. Columns: counterpart, counterpart_kind, channel, sent_at, last_at, messages (how many there are) and
    emergency (whether the threads of all of them were marked so). Kind and channel are those of the first message; of
    several at one instant, of one to a client.

    ::

        sent       x x     x            x
        episodes  |-------|            |-|      gaps of up to 15 minutes
    """
    sent = messages[(messages["outgoing"] & ~messages["automatic"]).to_numpy()]
    counterpart, sent_at = sent["counterpart"].to_numpy(dtype=np.int64), sent["sent_at"].to_numpy(dtype=np.int64)
    emergency = sent["emergency"].to_numpy(dtype=bool)
    not_client = (sent["counterpart_kind"] != CounterpartKind.CLIENT).to_numpy()
    # The last key counts first: by counterpart, then by time; at one instant a message to a client comes first.
    order = np.lexsort((not_client, sent_at, counterpart))
    counterpart, sent_at = counterpart[order], sent_at[order]
    other = counterpart[1:] != counterpart[:-1]
    is_first = np.append(True, other | (sent_at[1:] - sent_at[:-1] > EPISODE_SECONDS))[: len(sent_at)]
    first = np.flatnonzero(is_first)
    after = np.append(first[1:], len(sent_at))[: len(first)]
    opening = sent.iloc[order[first]]
    return pd.DataFrame(
        {
            "counterpart": counterpart[first],
            "counterpart_kind": opening["counterpart_kind"].to_numpy(),
            "sent_at": sent_at[first],
            "last_at": sent_at[after - 1],
            "messages": after - first,
            "channel": opening["channel"].to_numpy(),
            # reduceat fails on empty input.
            "emergency": np.logical_and.reduceat(emergency[order], first) if len(first) else np.zeros(0, dtype=bool),
        },
        index=pd.RangeIndex(len(first), name="episode"),
    )


def replies_from(messages: pd.DataFrame, episodes: pd.DataFrame, sessions: pd.DataFrame, *, as_of: int) -> pd.DataFrame:
    """Return one row for each inbound run of a client, by thread and time.

    Incoming messages up to the next outgoing one of the same thread are one run (where a source has no threads, all
    messages with a client are one thread). The first outgoing message within 7 days answers the run, and so does the
    start of a held session with that client, in whichever thread. The wait counts from the run's first message.

    ::

        in    i i       i           i
        out       o                          session
        runs  |---|     |-----------|--------|

    Columns: client, emergency (whether its thread was marked so), inbound_at, reply_at (NaN where unanswered),
    by_session, episode (-1 where no message answered) and waited_seconds, which for an unanswered run ends at 7 days or
    at ``as_of``.
    """
    chat = messages[~messages["automatic"] & (messages["counterpart_kind"] == CounterpartKind.CLIENT)]
    thread_number = chat.groupby(["counterpart", "thread"], sort=True).ngroup()
    chat = chat.assign(thread_number=thread_number)
    # At one instant the incoming message sorts first, so that the outgoing one answers it.
    chat = chat.sort_values(["thread_number", "sent_at", "outgoing"], kind="stable")
    sent_at, outgoing = chat["sent_at"].to_numpy(), chat["outgoing"].to_numpy()
    client, thread = chat["counterpart"].to_numpy(), chat["thread_number"].to_numpy()
    held = sessions[(sessions["status"] == HELD) & (sessions["client"] >= 0)]
    began = held["actual_start"].fillna(held["booked_start"])
    sessions_before, next_session = next_of_client(held["client"], began, client, sent_at)

    # A run goes on while nothing was sent in its thread. A session also answers: a message after it opens a new run.
    continues = (thread[1:] == thread[:-1]) & ~outgoing[:-1] & (sessions_before[1:] == sessions_before[:-1])
    opens = ~outgoing & ~np.append(False, continues)[: len(thread)]
    answer_at, answer_row = (column[opens] for column in _next_outgoing(thread, sent_at, outgoing))
    inbound, next_session = sent_at[opens], next_session[opens]
    reply_at, last_moment = np.minimum(answer_at, next_session), np.minimum(inbound + ANSWER_SECONDS, as_of)
    # What has not happened at as_of does not count as an answer yet.
    answered = reply_at <= last_moment
    # A message at the very start of a session counts as the answer, hence <.
    by_session = answered & (next_session < answer_at)

    episode = np.full(len(inbound), -1)
    by_message = answered & ~by_session
    begun = pack_keys(episodes["counterpart"], episodes["sent_at"])
    answers = answer_row[by_message]
    index = np.searchsorted(begun, pack_keys(client[answers], sent_at[answers]), side="right") - 1
    episode[by_message] = episodes.index.to_numpy()[index]
    return pd.DataFrame(
        {
            "client": client[opens],
            "emergency": chat["emergency"].to_numpy()[opens],
            "inbound_at": inbound,
            "reply_at": np.where(answered, reply_at, np.nan),
            "by_session": by_session,
            "episode": episode,
            "waited_seconds": np.where(answered, reply_at, last_moment) - inbound,
        }
    )


def _next_outgoing(
    thread: NDArray[np.int64], sent_at: NDArray[np.int64], outgoing: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return when the next message of the same thread went out (infinity if never), and its position (or -1)."""
    if not outgoing.any():
        return np.full(len(thread), np.inf), np.full(len(thread), -1)
    outgoing_rows = np.flatnonzero(outgoing)
    index = np.searchsorted(outgoing_rows, np.arange(len(thread)), side="right")
    row = outgoing_rows[np.minimum(index, len(outgoing_rows) - 1)]
    exists = (index < len(outgoing_rows)) & (thread[row] == thread)
    return np.where(exists, sent_at[row].astype(float), np.inf), np.where(exists, row, -1)


def working_seconds(replies: pd.DataFrame, calendar: WorkCalendar) -> NDArray[np.int64]:
    """Return the part of each wait in the clinician's working time (agreed hours without breaks and leave)."""
    inbound = replies["inbound_at"].to_numpy(dtype=np.int64)
    return seconds_inside(calendar.agreed, inbound, inbound + replies["waited_seconds"].to_numpy(dtype=np.int64))


def median_wait(minutes: NDArray[np.float64], answered: NDArray[np.bool_]) -> float:
    """Return the median wait, unanswered runs censored where they end (Kaplan and Meier 1958); NaN if not reached.

    ``minutes`` is the wait of each run, ``answered`` whether it ended with an answer.
    """
    # Of equal waits the answered ones come first, as Kaplan and Meier have it.
    order = np.lexsort((~answered, minutes))
    at_risk = np.arange(len(order), 0, -1)
    surviving = np.cumprod(1 - answered[order] / at_risk)
    # The product of fractions can miss one half by a rounding error.
    reached = np.flatnonzero(surviving <= 0.5 + 1e-12)
    return float(minutes[order][reached[0]]) if len(reached) else float("nan")
