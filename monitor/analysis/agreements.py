"""What held of a client on a day: keys joined to persons, and dated terms looked up for whole columns at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, DTypeLike, NDArray

from monitor.analysis.calendar import day_number
from monitor.analysis.terms import TERMS

MANY_DAYS = 1 << 20  # more than any day number, so that (client, day) is one sortable number


@dataclass(frozen=True, slots=True)
class Persons:
    """Which keys are one person: ``keys`` sorted, ``persons`` the number that stands for each. Others are their own."""

    keys: NDArray[np.int64]
    persons: NDArray[np.int64]

    def of(self, keys: ArrayLike) -> NDArray[np.int64]:
        """The person behind each key."""
        wanted = np.asarray(keys, dtype=np.int64)
        if not len(self.keys):
            return wanted
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[place] == wanted, self.persons[place], wanted)


def persons_from(joined: pd.DataFrame) -> Persons:
    """Who is one person; ``joined`` has client (a key) and person."""
    ordered = joined.sort_values("client")
    return Persons(ordered["client"].to_numpy(dtype=np.int64), ordered["person"].to_numpy(dtype=np.int64))


@dataclass(frozen=True, slots=True)
class _DatedTerms:
    """One term of everybody: when something was said of whom, as sorted (client, day) numbers, and what."""

    since: NDArray[np.int64]
    what: NDArray[np.object_]


_NOTHING = _DatedTerms(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))


@dataclass(frozen=True, slots=True)
class Agreements:
    """The dated terms of one clinician's clients."""

    terms: Mapping[str, _DatedTerms]

    def texts(self, term: str, clients: ArrayLike, days: ArrayLike) -> NDArray[np.object_]:
        """What holds of each client on each day, as it is written; ``None`` where nothing was said.

        ::

            said       weekly          fortnightly
            days     x   |      x          |     x
            holds  None      weekly          fortnightly
        """
        return self.lookup(term, clients, days, lambda text: text, object)

    def numbers(self, term: str, clients: ArrayLike, days: ArrayLike) -> NDArray[np.float64]:
        """As :meth:`texts`, a number or a date as a number (of its day), NaN where nothing was said."""
        return self.lookup(term, clients, days, _number_of, np.float64)

    def holds(self, term: str, clients: ArrayLike, days: ArrayLike, *values: str) -> NDArray[np.bool_]:
        """Whether one of ``values`` holds; without any, whether yes or agreed does."""
        wanted = values or ("yes", "agreed")
        return self.lookup(term, clients, days, lambda text: text in wanted, np.bool_)

    def lookup(
        self, term: str, clients: ArrayLike, days: ArrayLike, meaning: Callable[[str | None], object], kind: DTypeLike
    ) -> NDArray[Any]:
        """As :meth:`texts`, what each text means (one of ``kind``); every text is looked at once."""
        who, when = np.asarray(clients, dtype=np.int64), np.asarray(days, dtype=np.int64)
        said = self.terms.get(term, _NOTHING)
        place = np.searchsorted(said.since, _packed(who, when), side="right")
        theirs = np.append(0, said.since)[place] >= _packed(who, 0)
        each = np.array([meaning(None), *map(meaning, said.what)], dtype=kind)
        return np.asarray(each[np.where(theirs, place, 0)], dtype=kind)

    def has(self, term: str) -> bool:
        """Whether anything was ever said of anybody."""
        return term in self.terms

    def changes(self, term: str) -> pd.DataFrame:
        """All that was said: client, day and value (``None`` where nothing holds any more), by client and day."""
        if not self.has(term):
            return pd.DataFrame({"client": [], "day": [], "value": []}).astype({"client": "int64", "day": "int64"})
        said = self.terms[term]
        return pd.DataFrame({"client": said.since // MANY_DAYS, "day": said.since % MANY_DAYS, "value": said.what})


def agreements_from(terms: pd.DataFrame, persons: Persons) -> Agreements:
    """The terms as they hold of persons; ``terms`` has client, term, day, value and entered_at.

    Of two keys of one person told differently on one day, what was said last counts.
    """
    if terms.empty:
        return Agreements({})
    of_persons = terms.assign(client=persons.of(terms["client"]))
    ordered = of_persons.sort_values(["term", "client", "day", "entered_at"], kind="stable")
    last = ordered.drop_duplicates(["term", "client", "day"], keep="last")
    return Agreements(
        {
            str(term): _DatedTerms(_packed(part["client"], part["day"]), _texts(part["value"]))
            for term, part in last.groupby("term")
            if term in TERMS
        }
    )


def _texts(values: pd.Series) -> NDArray[np.object_]:
    """What was said; pandas makes a NaN of what is ``None``."""
    texts: NDArray[np.object_] = values.to_numpy(dtype=object, copy=True)
    texts[values.isna()] = None
    return texts


def _packed(clients: ArrayLike, days: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(np.asarray(clients, dtype=np.int64) * MANY_DAYS + np.asarray(days, dtype=np.int64))


def _number_of(text: str | None) -> float:
    if text is None:
        return float("nan")
    return float(day_number(date.fromisoformat(text))) if text.count("-") == 2 else float(text)


def terms_on_day(agreements: Agreements, persons: Persons, keys: NDArray[np.int64], day: int) -> pd.DataFrame:
    """One row a key: client, person, and per term what holds on ``day`` (``None`` where nothing was said)."""
    people = persons.of(keys)
    held = {term: pd.Series(agreements.texts(term, people, day), dtype=object) for term in TERMS}
    return pd.DataFrame({"client": keys, "person": people} | held)
