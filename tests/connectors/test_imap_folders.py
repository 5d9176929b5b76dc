"""Roles of mail folders, in whatever language they are named."""

from __future__ import annotations

import pytest

from connectors.imap.folders import Folder, FolderRole, decode_name, folders_to_read, role_of


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
def test_names_in_modified_utf_7_are_decoded(spelled: str, name: str) -> None:
    assert decode_name(spelled) == name


@pytest.mark.parametrize(
    ("name", "flags", "role"),
    [
        ("INBOX", "", FolderRole.RECEIVED),
        ("Clients", "\\HasNoChildren", FolderRole.RECEIVED),
        ("[Gmail]/Gesendet", "\\HasNoChildren \\Sent", FolderRole.SENT),
        ("Anything", "\\SENT", FolderRole.SENT),
        ("Sent Items", "", FolderRole.SENT),
        ("INBOX/Sent", "\\HasNoChildren", FolderRole.SENT),
        ("Gesendete Elemente", "", FolderRole.SENT),
        ("&AMk-l&AOk-ments envoy&AOk-s", "", FolderRole.SENT),
        ("E&AwE-le&AwE-ments envoye&AwE-s", "", FolderRole.SENT),  # the same letters, composed otherwise
        ("&kAFP4W4IMH8-", "", FolderRole.SENT),
        ("[Gmail]/All Mail", "\\All", FolderRole.ALL),
        ("Entw&APw-rfe", "", FolderRole.IGNORED),
        ("INBOX/Junk E-Mail", "", FolderRole.IGNORED),
        ("Whatever", "\\Trash", FolderRole.IGNORED),
        ("[Gmail]/Starred", "\\Flagged", FolderRole.IGNORED),
        ("[Gmail]", "\\HasChildren \\Noselect", FolderRole.IGNORED),
        ("Sent", "\\Trash", FolderRole.IGNORED),  # a mark counts before the name
    ],
)
def test_role_by_flags_and_names(name: str, flags: str, role: FolderRole) -> None:
    assert role_of(name, flags.split(), "/") is role


def folder(name: str, role: FolderRole) -> Folder:
    return Folder(name, role, "1", 1, 0)


def test_inbox_and_sent_mail_come_first() -> None:
    others = [
        folder("Archive", FolderRole.RECEIVED),
        folder("Sent", FolderRole.SENT),
        folder("Junk", FolderRole.IGNORED),
    ]
    inbox = folder("INBOX", FolderRole.RECEIVED)
    assert [item.name for item in folders_to_read([*others, inbox])] == ["INBOX", "Sent", "Archive"]


def test_all_mail_is_read_instead_of_the_folders_that_it_shows() -> None:
    folders = [
        folder("INBOX", FolderRole.RECEIVED),
        folder("All Mail", FolderRole.ALL),
        folder("Sent", FolderRole.SENT),
    ]
    assert [item.name for item in folders_to_read(folders)] == ["Sent", "All Mail"]
