"""Values of client terms: words of a list, numbers and dates."""

from __future__ import annotations

import pytest

from monitor.analysis.terms import EXCEPTIONS, LEDGER, TERMS, Term, TermFormat, choices_of, normalise_value


@pytest.mark.parametrize(
    ("term", "text", "value"),
    [
        ("standing", " Discharged ", "discharged"),
        ("band", "2", "2"),
        ("frequency", "0,5", "0.5"),
        ("session_minutes", "50.0", "50"),
        ("trauma", "YES", "yes"),
        ("channels", "sms, email", "email,sms"),
        ("channels", "pigeon", "pigeon"),
        ("contact_days", "fri,mon", "mon,fri"),
        ("contact_hours", "9:00 - 18:00", "09:00-18:00"),
        ("modified_until", "2026-09-01", "2026-09-01"),
        ("fees", "agreed", "agreed"),
    ],
)
def test_a_value_has_one_spelling(term: str, text: str, value: str) -> None:
    assert normalise_value(term, text, own_words=["pigeon"]) == value
    assert normalise_value(term, value, own_words=["pigeon"]) == value


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("standing", "Jane Zebra", "one of client, not_a_client, discharged, handed_over"),
        ("band", "ten zebras", "a number from 1 to 9"),
        ("band", "nan", "a number from 1 to 9"),
        ("frequency", "8", "a number from 0.05 to 7"),
        ("channels", "zebra", "some of email, sms, phone, video, portal, chat, letter"),
        ("channels", "", "some of email"),
        ("contact_days", "zebra", "some of mon"),
        ("contact_hours", "25:00 zebra", 'hours, like "09:00-18:00"'),
        ("review_on", "zebra", "a date like 2026-03-02"),
        ("fees", "zebra", "one of agreed"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(term: str, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=r"^has to be ") as refused:
        normalise_value(term, text)
    assert expected in str(refused.value)
    assert "zebra" not in str(refused.value).lower()


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_a_term_declares_its_format(term: Term) -> None:
    assert term.title[0].isupper()
    assert bool(choices_of(term)) == (term.format not in {TermFormat.NUMBER, TermFormat.DATE, TermFormat.HOURS})
    assert (term.low < term.high) == (term.format is TermFormat.NUMBER)
    assert all(normalise_value(term.name, choice) == choice for choice in choices_of(term))


def test_exceptions_are_kinds_of_entry() -> None:
    assert set(LEDGER) > EXCEPTIONS
