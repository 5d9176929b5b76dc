"""Cursors: unchanged after being dumped and parsed, and new if the text is anything else."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.caldav.cursor import CaldavCursor, StoredObject
from connectors.cursor import Cursor, canonical_text
from connectors.fhir.reading import FhirCursor
from connectors.google.calendar import GoogleCalendarCursor
from connectors.google.gmail import GmailCursor
from connectors.google.meet import MeetCursor
from connectors.ics.source import IcsCursor
from connectors.imap.source import FolderPosition, ImapCursor
from connectors.mail.maildir import MaildirCursor
from connectors.mail.mbox import MboxCursor, MboxPosition
from connectors.microsoft.cursor import MicrosoftCursor
from connectors.sms_xml.source import SmsXmlCursor

words = st.text(max_size=8)
numbers = st.integers(-(2**63), 2**63)
seconds = st.integers(0, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()))
instants = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
short_tuples = st.lists(numbers, max_size=3).map(tuple)
skipped = st.one_of(st.none(), numbers)


def mapping_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(words, values, max_size=3)


@st.composite
def caldav(draw: st.DrawFn) -> CaldavCursor:
    stored = st.builds(StoredObject, words, mapping_of(numbers), st.booleans())
    objects = draw(mapping_of(mapping_of(stored)))
    states = {name: draw(words) for name in objects}
    return CaldavCursor(draw(words), draw(numbers), draw(numbers), draw(seconds), states, objects)


def mail_cursor(kind: type[Any], **fields_: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    from connectors.base import Skipped

    return st.builds(kind, words, skipped=st.builds(Skipped, skipped, skipped), **fields_)


CURSORS: dict[type[Cursor], st.SearchStrategy[Any]] = {
    Cursor: st.builds(Cursor, words),
    CaldavCursor: caldav(),
    FhirCursor: st.builds(FhirCursor, words, instants, instants, instants, mapping_of(instants)),
    GmailCursor: mail_cursor(
        GmailCursor, account=words, permission=words, history=numbers.map(abs).map(str), news=words, page=words,
        listed=st.booleans(), newest=numbers,
    ),
    GoogleCalendarCursor: st.builds(GoogleCalendarCursor, words, words, numbers, numbers),
    IcsCursor: st.builds(IcsCursor, words, words, numbers, numbers, words, words),
    ImapCursor: mail_cursor(
        ImapCursor,
        folders=mapping_of(st.builds(FolderPosition, words, numbers, numbers, numbers, short_tuples, short_tuples)),
    ),
    MaildirCursor: mail_cursor(MaildirCursor, read=st.frozensets(words, max_size=4)),
    MboxCursor: mail_cursor(
        MboxCursor, files=mapping_of(st.builds(MboxPosition, numbers, words, numbers, words, numbers, numbers))
    ),
    MeetCursor: st.builds(MeetCursor, words, numbers, seconds),
    MicrosoftCursor: mail_cursor(
        MicrosoftCursor, start=instants, content=words, meetings=mapping_of(instants), folders=mapping_of(words)
    ),
    SmsXmlCursor: st.builds(SmsXmlCursor, words, mapping_of(numbers)),
}  # fmt: skip
kinds = pytest.mark.parametrize("kind", CURSORS, ids=lambda kind: kind.__name__)
cursors = st.sampled_from(list(CURSORS.values())).flatmap(lambda cursors: cursors)


@given(cursors)
def test_dumped_cursor_is_parsed_and_no_longer_new(cursor: Cursor) -> None:
    parsed = type(cursor).parse(cursor.dump(), cursor.settings)
    assert parsed == cursor
    assert (cursor.is_new, parsed.is_new) == (True, False)
    assert replace(parsed, settings=parsed.settings).dump() == cursor.dump()


@given(cursors, words)
def test_other_settings_or_another_version_give_a_new_cursor(cursor: Cursor, settings: str) -> None:
    kind = type(cursor)
    assert kind.parse(cursor.dump(), settings + "x" + cursor.settings) == kind(settings + "x" + cursor.settings)
    next_version = json.dumps(json.loads(cursor.dump()) | {"version": kind.version + 1})
    parsed = kind.parse(next_version, cursor.settings)
    assert (parsed, parsed.is_new) == (kind(cursor.settings), True)


@kinds
@pytest.mark.parametrize(
    "text", [None, "", "junk", "\0", "{}", "[]", "null", "3", '"version"', "[" * 100_000, "1" * 5_000, '{"version":1}']
)
def test_garbage_gives_a_new_cursor(kind: type[Cursor], text: str | None) -> None:
    parsed = kind.parse(text, "s")
    assert (parsed, parsed.is_new) == (kind("s"), True)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.floats(), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


@given(cursors, st.data())
def test_text_with_one_change_is_parsed_or_gives_a_new_cursor(cursor: Cursor, data: st.DataObject) -> None:
    """Never an error, never a value of a type that the field does not have."""
    kind, values = type(cursor), json.loads(cursor.dump())
    name = data.draw(st.sampled_from(sorted(values)))
    changed = json.dumps(values | {name: data.draw(anything)})
    parsed = kind.parse(changed, cursor.settings)
    assert parsed.is_new or {type(getattr(parsed, member.name)) for member in fields(parsed)} == {
        type(getattr(cursor, member.name)) for member in fields(cursor)
    }
    assert parsed.is_new or kind.parse(parsed.dump(), cursor.settings) == parsed


@given(cursors, st.sampled_from(["missing", "added"]))
def test_missing_or_additional_field_gives_a_new_cursor(cursor: Cursor, change: str) -> None:
    values = json.loads(cursor.dump())
    values = values | {"other": 1} if change == "added" else dict(list(values.items())[1:])
    assert type(cursor).parse(json.dumps(values), cursor.settings).is_new


def test_true_is_not_a_number() -> None:
    text = SmsXmlCursor("s", {"a": 1}).dump()
    assert SmsXmlCursor.parse(text.replace('"a":1', '"a":true'), "s").is_new


def test_canonical_text_of_settings() -> None:
    assert canonical_text(frozenset("cab")) == "['a','b','c']"
    assert canonical_text({"b": 1, "a": None}) == "[['a',None],['b',1]]"
    assert canonical_text(re.compile("x" * 300)) != canonical_text(re.compile("x" * 301))
    assert canonical_text(re.compile("x")) != canonical_text(re.compile("x", re.IGNORECASE))
    with pytest.raises(TypeError):
        canonical_text(str.lower)
