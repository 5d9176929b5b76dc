"""Public holidays by country and subdivision. The package `holidays` is slow to import, so it loads when needed."""

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
        KeyError: No holidays of that country are known to the package.
    """
    import holidays

    try:
        return tuple(holidays.country_holidays(country).subdivisions)
    except NotImplementedError as error:
        raise KeyError(country) from error


def missing_by_subdivision(country: str, year: int) -> dict[str, int]:
    """Return by subdivision how many holidays of a year and the next differ from those of the whole country."""
    years = (year, year + 1)  # next year, too, which calendars reach into
    national = set(days_off(country, None, years))
    numbers = {part: len(national ^ set(days_off(country, part, years))) for part in subdivisions(country)}
    return {part: number for part, number in numbers.items() if number}
