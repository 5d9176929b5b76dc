"""All of a person's notices and lines as of one night: found anew, with what was answered before in mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.notices.answers import left_out, settled
from monitor.notices.clients import contacts_with
from monitor.notices.crossing import crossed
from monitor.notices.finding import find
from monitor.store.notices import NoticeRow

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames


def notices_of(frames: Frames, measured: pd.DataFrame, stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """What is to be told of a person: notices and lines by week.

    ``measured`` is every weekly number before anything is left out, ``stored`` are the notices of the last night with
    their answers. What was answered keeps the client's key under which it was.
    """
    known = of_persons(frames, stored)
    found = find(measured, frames.weeks, contacts_with(frames), left_out(known), known)
    found = settled([*found, *crossed(measured, frames, known)], known)
    said_of = {one.natural_key: row.client for one, row in zip(known, stored, strict=True) if row.answer is not None}
    return [replace(row, client=said_of.get(row.natural_key, row.client)) for row in found]


def of_persons(frames: Frames, stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """The stored notices with the person in the place of each client's key: keys may have been joined since."""
    person = dict(zip(frames.clients["client"], frames.clients["person"], strict=True))
    return [replace(row, client=int(person.get(row.client, row.client))) for row in stored]
