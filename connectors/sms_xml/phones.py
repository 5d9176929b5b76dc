"""One spelling for one telephone number."""

from __future__ import annotations

from functools import lru_cache

from connectors.pseudonyms import canonical_address

_SHORT_CODE = 6  # digits; longer ones belong to people


@lru_cache(maxsize=65_536)
def canonical_number(text: str, country: str | None) -> str:
    """The number with its country's code (E.164) where ``country`` (ISO code) says how local ones are dialled.

    Without a country, and for words, short codes and what can be no number there, its digits as they are.
    """
    plain = canonical_address(text)
    if country is None or not plain.removeprefix("+").isdigit() or len(plain) <= _SHORT_CODE:
        return plain
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse

    try:
        number = parse(plain, country)
    except NumberParseException:
        return plain
    return str(format_number(number, PhoneNumberFormat.E164)) if is_possible_number(number) else plain


def is_machine(number: str) -> bool:
    """Whether nobody could be called there: a word in the place of a number, or a short code."""
    digits = number.removeprefix("+")
    return bool(number) and "@" not in number and (not digits.isdigit() or len(digits) <= _SHORT_CODE)
