"""Keyed names: spelled as RFC 4648 spells them, the same for one key and words, unrelated for others."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from connectors.pseudonyms import Pseudonyms, _base32


@given(st.binary(min_size=8, max_size=8))
def test_names_are_spelled_in_base_32(digest: bytes) -> None:
    assert _base32(digest) == base64.b32encode(digest).decode().rstrip("=")


@given(st.text(), st.text())
def test_other_words_or_another_key_make_another_name(first: str, second: str) -> None:
    names, others = Pseudonyms(b"k" * 32), Pseudonyms(b"o" * 32)
    assert (names.entry(first) == names.entry(second)) is (first == second)
    assert names.entry(first) != others.entry(first)
    assert len(names.entry(first)) == 13
