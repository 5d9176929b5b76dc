"""What a folder is for, in whatever language it was named."""

from __future__ import annotations

import pytest

from connectors.imap.folders import Folder, Role, readable, role_of, wanted


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("INBOX", "INBOX"),
        ("Entw&APw-rfe", "Entwürfe"),
        ("&AMk-l&AOk-ments envoy&AOk-s", "Éléments envoyés"),
        ("&kAFP4W4IMH8-", "送信済み"),
        ("Tom &- Jerry", "Tom & Jerry"),
        ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),  # the standard's own example
        ("&broken", "&broken"),
        ("&A-", "&A-"),
    ],
)
def test_names_in_modified_utf_7_are_read(spelled: str, name: str) -> None:
    assert readable(spelled) == name


@pytest.mark.parametrize(
    ("name", "marks", "role"),
    [
        ("INBOX", "", Role.RECEIVED),
        ("Clients", "\\HasNoChildren", Role.RECEIVED),
        ("[Gmail]/Gesendet", "\\HasNoChildren \\Sent", Role.SENT),
        ("Anything", "\\SENT", Role.SENT),
        ("Sent Items", "", Role.SENT),
        ("INBOX/Sent", "\\HasNoChildren", Role.SENT),
        ("Gesendete Elemente", "", Role.SENT),
        ("&AMk-l&AOk-ments envoy&AOk-s", "", Role.SENT),
        ("E&AwE-le&AwE-ments envoye&AwE-s", "", Role.SENT),  # the same letters, composed otherwise
        ("&kAFP4W4IMH8-", "", Role.SENT),
        ("[Gmail]/All Mail", "\\All", Role.ALL),
        ("Entw&APw-rfe", "", Role.LEFT_OUT),
        ("INBOX/Junk E-Mail", "", Role.LEFT_OUT),
        ("Whatever", "\\Trash", Role.LEFT_OUT),
        ("[Gmail]/Starred", "\\Flagged", Role.LEFT_OUT),
        ("[Gmail]", "\\HasChildren \\Noselect", Role.LEFT_OUT),
        ("Sent", "\\Trash", Role.LEFT_OUT),  # a mark counts before the name
    ],
)
def test_marks_and_names_say_what_a_folder_is_for(name: str, marks: str, role: Role) -> None:
    assert role_of(name, marks.split(), "/") is role


def folder(name: str, role: Role) -> Folder:
    return Folder(name, role, "1", 1, 0)


def test_inbox_and_sent_mail_come_first() -> None:
    found = [folder("Archive", Role.RECEIVED), folder("Sent", Role.SENT), folder("Junk", Role.LEFT_OUT)]
    inbox = folder("INBOX", Role.RECEIVED)
    assert [one.name for one in wanted([*found, inbox])] == ["INBOX", "Sent", "Archive"]


def test_all_mail_is_read_instead_of_the_folders_that_it_shows() -> None:
    found = [folder("INBOX", Role.RECEIVED), folder("All Mail", Role.ALL), folder("Sent", Role.SENT)]
    assert [one.name for one in wanted(found)] == ["Sent", "All Mail"]
