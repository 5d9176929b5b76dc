"""The dated terms of clients, looked up for whole columns at once, and the persons behind client keys."""

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
    """The persons behind joined client keys: ``keys`` sorted, ``persons`` one number for each.

    A key that is not listed is a person of its own.
    """

    keys: NDArray[np.int64]
    persons: NDArray[np.int64]

    def of(self, keys: ArrayLike) -> NDArray[np.int64]:
        """Return the person behind each key."""
        key = np.asarray(keys, dtype=np.int64)
        if not len(self.keys):
            return key
        # A key above all listed ones would point behind the end; the comparison below rejects it.
        index = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[index] == key, self.persons[index], key)


def persons_from(table: pd.DataFrame) -> Persons:
    """Return the persons of a table with client (a key) and person."""
    ordered = table.sort_values("client")
    return Persons(ordered["client"].to_numpy(dtype=np.int64), ordered["person"].to_numpy(dtype=np.int64))


@dataclass(frozen=True, slots=True)
class _DatedTerms:
    """One term of all clients: sorted (client, day) numbers, and the value from each of them on."""

    since: NDArray[np.int64]
    value: NDArray[np.object_]


_NO_TERMS = _DatedTerms(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))


@dataclass(frozen=True, slots=True)
class Agreements:
    """The dated terms of one clinician's clients."""

    terms: Mapping[str, _DatedTerms]

    def texts(self, term: str, clients: ArrayLike, days: ArrayLike) -> NDArray[np.object_]:
        """Return the value of a term for each client on each day, as text; ``None`` where it has none.

        ::

            entered     weekly          fortnightly
            days      x   |      x          |     x
            result  None      weekly          fortnightly
        """
        return self.lookup(term, clients, days, lambda text: text, object)

    def numbers(self, term: str, clients: ArrayLike, days: ArrayLike) -> NDArray[np.float64]:
        """Return the same as a number, a date as its day number; NaN where there is no value."""
        return self.lookup(term, clients, days, _number_of, np.float64)

    def holds(self, term: str, clients: ArrayLike, days: ArrayLike, *values: str) -> NDArray[np.bool_]:
        """Return whether the term has one of ``values`` (by default "yes" or "agreed") on each day."""
        accepted = values or ("yes", "agreed")
        return self.lookup(term, clients, days, lambda text: text in accepted, np.bool_)

    def lookup(
        self, term: str, clients: ArrayLike, days: ArrayLike, parse: Callable[[str | None], object], dtype: DTypeLike
    ) -> NDArray[Any]:
        """Return the parsed value of a term for each client on each day; every stored text is parsed once."""
        client, day = np.asarray(clients, dtype=np.int64), np.asarray(days, dtype=np.int64)
        dated = self.terms.get(term, _NO_TERMS)
        # side="right": a term holds from its own day on.
        index = np.searchsorted(dated.since, _pack_client_days(client, day), side="right")
        # Index 0 stands for no value. It is also right where the entry before is another client's.
        same_client = np.append(0, dated.since)[index] >= _pack_client_days(client, 0)
        parsed = np.array([parse(None), *map(parse, dated.value)], dtype=dtype)
        return np.asarray(parsed[np.where(same_client, index, 0)], dtype=dtype)

    def has(self, term: str) -> bool:
        """Return whether the term was ever entered for any client."""
        return term in self.terms

    def changes(self, term: str) -> pd.DataFrame:
        """Return all entries of a term: client, day and value (``None`` where the term ends), by client and day."""
        if not self.has(term):
            return pd.DataFrame({"client": [], "day": [], "value": []}).astype({"client": "int64", "day": "int64"})
        dated = self.terms[term]
        return pd.DataFrame({"client": dated.since // MANY_DAYS, "day": dated.since % MANY_DAYS, "value": dated.value})


def agreements_from(terms: pd.DataFrame, persons: Persons) -> Agreements:
    """Return the terms by person; ``terms`` has client, term, day, value and entered_at.

    Where two keys of one person have different values from the same day, the one entered last counts.
    """
    if terms.empty:
        return Agreements({})
    of_persons = terms.assign(client=persons.of(terms["client"]))
    ordered = of_persons.sort_values(["term", "client", "day", "entered_at"], kind="stable")
    # The persons replaced the keys above, so two keys of one person can have entries for the same day.
    last = ordered.drop_duplicates(["term", "client", "day"], keep="last")
    names, since = last["term"].to_numpy(), _pack_client_days(last["client"], last["day"])
    values = last["value"].to_numpy(dtype=object, copy=True)
    values[last["value"].isna()] = None  # pandas has made a NaN of it
    used = TERMS.keys() & set(names)
    return Agreements({term: _DatedTerms(since[names == term], values[names == term]) for term in used})


def _pack_client_days(clients: ArrayLike, days: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(np.asarray(clients, dtype=np.int64) * MANY_DAYS + np.asarray(days, dtype=np.int64))


def _number_of(text: str | None) -> float:
    if text is None:
        return float("nan")
    # Only dates contain two hyphens; the terms have no negative numbers.
    return float(day_number(date.fromisoformat(text))) if text.count("-") == 2 else float(text)


def terms_on_day(agreements: Agreements, persons: Persons, keys: NDArray[np.int64], day: int) -> pd.DataFrame:
    """Return one row a key: client, person, and the value of each term on ``day`` (``None`` where it has none)."""
    person = persons.of(keys)
    values = {term: pd.Series(agreements.texts(term, person, day), dtype=object) for term in TERMS}
    return pd.DataFrame({"client": keys, "person": person} | values)
