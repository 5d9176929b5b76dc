"""What is remembered of a source: the same after being written, and nothing where it is anything else."""

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
from connectors.imap.cursor import FolderPosition, ImapCursor
from connectors.mail.maildir import MaildirCursor
from connectors.mail.mbox import MboxCursor, MboxPosition
from connectors.microsoft.cursor import MicrosoftCursor
from connectors.sms_xml.source import SmsXmlCursor

words = st.text(max_size=8)
numbers = st.integers(-(2**63), 2**63)
seconds = st.integers(0, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()))
instants = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
several = st.lists(numbers, max_size=3).map(tuple)
skipped = st.one_of(st.none(), numbers)


def named(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(words, values, max_size=3)


@st.composite
def caldav(draw: st.DrawFn) -> CaldavCursor:
    stored = st.builds(StoredObject, words, named(numbers), st.booleans())
    objects = draw(named(named(stored)))
    states = {name: draw(words) for name in objects}
    return CaldavCursor(draw(words), draw(numbers), draw(numbers), draw(seconds), states, objects)


def of_mail(kind: type[Any], **own: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    from connectors.base import Skipped

    return st.builds(kind, words, skipped=st.builds(Skipped, skipped, skipped), **own)


CURSORS: dict[type[Cursor], st.SearchStrategy[Any]] = {
    Cursor: st.builds(Cursor, words),
    CaldavCursor: caldav(),
    FhirCursor: st.builds(FhirCursor, words, instants, instants, instants, named(instants)),
    GmailCursor: of_mail(
        GmailCursor, account=words, permission=words, history=numbers.map(abs).map(str), news=words, page=words,
        listed=st.booleans(), newest=numbers,
    ),
    GoogleCalendarCursor: st.builds(GoogleCalendarCursor, words, words, numbers, numbers),
    IcsCursor: st.builds(IcsCursor, words, words, numbers, numbers, words, words),
    ImapCursor: of_mail(
        ImapCursor, folders=named(st.builds(FolderPosition, words, numbers, numbers, numbers, several, several))
    ),
    MaildirCursor: of_mail(MaildirCursor, read=st.frozensets(words, max_size=4)),
    MboxCursor: of_mail(
        MboxCursor, files=named(st.builds(MboxPosition, numbers, words, numbers, words, numbers, numbers))
    ),
    MeetCursor: st.builds(MeetCursor, words, numbers, seconds),
    MicrosoftCursor: of_mail(
        MicrosoftCursor, start=instants, content=words, meetings=named(instants), folders=named(words)
    ),
    SmsXmlCursor: st.builds(SmsXmlCursor, words, named(numbers)),
}  # fmt: skip
kinds = pytest.mark.parametrize("kind", CURSORS, ids=lambda kind: kind.__name__)
a_cursor = st.sampled_from(list(CURSORS.values())).flatmap(lambda cursors: cursors)


@given(a_cursor)
def test_what_was_dumped_is_parsed_and_no_longer_new(cursor: Cursor) -> None:
    found = type(cursor).parse(cursor.dump(), cursor.settings)
    assert found == cursor
    assert (cursor.is_new, found.is_new) == (True, False)
    assert replace(found, settings=found.settings).dump() == cursor.dump()


@given(a_cursor, words)
def test_other_settings_and_another_version_are_the_beginning(cursor: Cursor, settings: str) -> None:
    kind = type(cursor)
    assert kind.parse(cursor.dump(), settings + "x" + cursor.settings) == kind(settings + "x" + cursor.settings)
    later = json.dumps(json.loads(cursor.dump()) | {"version": kind.version + 1})
    found = kind.parse(later, cursor.settings)
    assert (found, found.is_new) == (kind(cursor.settings), True)


@kinds
@pytest.mark.parametrize(
    "text", [None, "", "junk", "\0", "{}", "[]", "null", "3", '"version"', "[" * 100_000, "1" * 5_000, '{"version":1}']
)
def test_garbage_is_the_beginning(kind: type[Cursor], text: str | None) -> None:
    found = kind.parse(text, "s")
    assert (found, found.is_new) == (kind("s"), True)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.floats(), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


@given(a_cursor, st.data())
def test_what_was_changed_in_one_place_is_understood_or_the_beginning(cursor: Cursor, data: st.DataObject) -> None:
    """Never an error, never a value of a type that the field does not have."""
    kind, values = type(cursor), json.loads(cursor.dump())
    name = data.draw(st.sampled_from(sorted(values)))
    changed = json.dumps(values | {name: data.draw(anything)})
    found = kind.parse(changed, cursor.settings)
    assert found.is_new or {type(getattr(found, one.name)) for one in fields(found)} == {
        type(getattr(cursor, one.name)) for one in fields(cursor)
    }
    assert found.is_new or kind.parse(found.dump(), cursor.settings) == found


@given(a_cursor, st.sampled_from(["missing", "added"]))
def test_a_field_too_few_or_too_many_is_the_beginning(cursor: Cursor, what: str) -> None:
    values = json.loads(cursor.dump())
    values = values | {"other": 1} if what == "added" else dict(list(values.items())[1:])
    assert type(cursor).parse(json.dumps(values), cursor.settings).is_new


def test_true_is_no_number() -> None:
    text = SmsXmlCursor("s", {"a": 1}).dump()
    assert SmsXmlCursor.parse(text.replace('"a":1', '"a":true'), "s").is_new


def test_settings_have_one_spelling() -> None:
    assert canonical_text(frozenset("cab")) == "['a','b','c']"
    assert canonical_text({"b": 1, "a": None}) == "[['a',None],['b',1]]"
    assert canonical_text(re.compile("x" * 300)) != canonical_text(re.compile("x" * 301))
    assert canonical_text(re.compile("x")) != canonical_text(re.compile("x", re.IGNORECASE))
    with pytest.raises(TypeError):
        canonical_text(str.lower)
