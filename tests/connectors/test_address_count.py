"""The owner's most likely address, counted in memory while a mailbox is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.address_count import MAX_ADDRESSES, AddressCount, LikelyAddress
from connectors.base import Owner
from connectors.mail.headers import Headers
from connectors.mail.stamps import StampBuilder
from tests.connectors.mailboxes import ANA, BEN, letter, practice

NOW = datetime(2026, 9, 1, tzinfo=UTC)
NOBODY = Owner("ana", ZoneInfo("Europe/Paris"))


def counted(*blocks: bytes, owners: tuple[Owner, ...] = (NOBODY,), sent: bool = False) -> AddressCount:
    """Return the count after these messages have become stamps."""
    context = practice(Path(), *owners)
    builder = StampBuilder(context)
    for block in blocks:
        headers = Headers.from_block(block)
        builder.stamps(headers, NOW, builder.participants(headers, filed_as_sent=sent))
    return context.address_count


def test_the_address_in_most_messages_is_the_likely_one_on_whichever_side_it_stands() -> None:
    received = [letter(number, To="anna@post.example") for number in range(4)]
    sent = [letter(number, From="anna@post.example", To=f"client{number}@post.example") for number in range(10, 13)]
    copied = [letter(20, To="client3@post.example", Cc="Anna <ANNA@post.example>")]
    assert counted(*received, *sent, *copied).most_likely() == LikelyAddress("anna@post.example", 8, 8)


def test_a_message_that_is_read_often_counts_each_time() -> None:
    assert counted(
        *[letter(7, To="anna@post.example")] * 5, letter(1, To="anna@post.example")
    ).most_likely() == LikelyAddress("anna@post.example", 6, 6)


def test_a_message_with_a_known_address_is_not_counted() -> None:
    configured = [letter(number) for number in range(20)]
    sent = [letter(number, From="anna@post.example", To=f"client{number}@post.example") for number in range(30, 35)]
    assert counted(*configured, owners=(ANA,)).messages == 0
    assert counted(*configured, *sent, owners=(ANA,)).most_likely() == LikelyAddress("anna@post.example", 5, 5)
    assert counted(*configured, *sent, owners=(BEN, ANA)).most_likely() == LikelyAddress("anna@post.example", 5, 5)


def test_automatic_and_list_mail_is_not_counted() -> None:
    assert counted(*[letter(1, List_Id="<list.post.example>", To="list@post.example")] * 9).messages == 0


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [letter(1, To="anna@post.example"), letter(2, To="anna@post.example")],  # too few
        [letter(7 * number, To="anna@post.example") for number in range(9)],  # always the same two
        [letter(number, To=f"a{number % 3}@post.example") for number in range(9)],  # none in most of them
    ],
)
def test_no_address_is_named_that_may_be_a_correspondents(blocks: list[bytes]) -> None:
    assert counted(*blocks).most_likely() is None


def test_of_two_equally_frequent_addresses_the_practices_is_likely() -> None:
    blocks = [letter(7 * number, To="anna@harbour.example") for number in range(9)]
    inside = counted(*blocks).most_likely(lambda address: address.endswith("@harbour.example"))
    assert inside == LikelyAddress("anna@harbour.example", 9, 9)
    assert counted(*blocks).most_likely(lambda _: True) is None


def test_a_correspondent_in_a_few_of_many_is_not_named() -> None:
    blocks = [letter(7 * number, To="") for number in range(5)]
    assert counted(*blocks).most_likely() is not None
    assert counted(*blocks).most_likely(of=60) is None


def test_an_address_field_that_nobody_needs_is_no_fault_if_it_cannot_be_read() -> None:
    builder, headers = StampBuilder(practice(Path(), NOBODY)), Headers.from_block(letter(1, To='"<broken'))
    assert len(builder.stamps(headers, NOW)) == 1
    assert headers.unreadable == frozenset()


def test_a_stopped_count_has_no_addresses() -> None:
    count = AddressCount()
    for _ in range(5):
        count.add(("anna@post.example",))
    count.stop()
    count.add(("anna@post.example",))
    assert (count.is_counting, count.messages, count.most_likely()) == (False, 0, None)


def test_however_many_addresses_there_are_few_are_remembered_and_the_likely_one_is_among_them() -> None:
    count = AddressCount()
    for number in range(MAX_ADDRESSES):
        count.add((f"one{number}@post.example", f"other{number}@post.example", "anna@post.example"))
    assert count.most_likely() == LikelyAddress("anna@post.example", MAX_ADDRESSES, MAX_ADDRESSES)
    assert len(count._counts) <= MAX_ADDRESSES


def test_an_address_that_is_too_long_to_be_one_is_not_remembered() -> None:
    count = counted(*[letter(number, To="a" * 300 + "@post.example") for number in range(5)])
    assert count.most_likely() is None


def test_a_context_does_not_show_it_and_two_contexts_do_not_share_it() -> None:
    context = practice(Path(), NOBODY)
    context.address_count.add(("anna@post.example",))
    assert "anna" not in repr(context)
    assert practice(Path(), NOBODY).address_count.messages == 0
    assert replace(context, address_count=AddressCount()) == context
