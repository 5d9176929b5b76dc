"""All of a person's notices and lines as of one night: found anew, with what was answered before in mind."""

from __future__ import annotations

from collections.abc import Sequence
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
    their answers.
    """
    found = find(measured, frames.weeks, contacts_with(frames), left_out(stored))
    return settled([*found, *crossed(measured, frames, stored)], stored)
