"""Public holidays by country and subdivision; the package that knows them loads only where they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date


def days_off(country: str, subdivision: str | None, years: Iterable[int]) -> Collection[date]:
    """Return the public holidays of a country, and those of a subdivision where one is given."""
    import holidays

    return holidays.country_holidays(country, subdiv=subdivision, years=years).keys()


def subdivisions(country: str) -> tuple[str, ...]:
    """Return the codes of the parts of a country that may have holidays of their own.

    Raises:
        KeyError: No holidays of that country are known.
    """
    import holidays

    try:
        return tuple(holidays.country_holidays(country).subdivisions)
    except NotImplementedError as error:
        raise KeyError(country) from error


def lacking(country: str, year: int) -> dict[str, int]:
    """Return by subdivision how many holidays of a year and the next differ from those of the whole country."""
    years = (year, year + 1)
    of_country = set(days_off(country, None, years))
    differing = {part: len(of_country ^ set(days_off(country, part, years))) for part in subdivisions(country)}
    return {part: number for part, number in differing.items() if number}
