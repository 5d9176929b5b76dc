"""Roles of mail folders, by the flags that a server gives them (RFC 6154), else by their names.

Names are written in modified UTF-7 (RFC 3501, 5.1.3) and in the language of the person who set the account up.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from unicodedata import normalize


class FolderRole(Enum):
    """The role of a folder. ``ALL`` shows the messages of all others; an ``IGNORED`` one is not read."""

    RECEIVED = "received"
    SENT = "sent"
    ALL = "all"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as the server lists it: its name as the server writes it, the number of messages, the next UID.

    ``validity`` changes when the messages get new UIDs. It should be a number; other words are kept as they are.
    """

    name: str
    role: FolderRole
    validity: str
    next_uid: int
    messages: int
    modseq: int = 0

    @property
    def has_status(self) -> bool:
        """True if the server reports enough to find new messages."""
        return bool(self.validity) and self.next_uid > 0


_BY_FLAG = {
    "\\sent": FolderRole.SENT,
    "\\all": FolderRole.ALL,
    **dict.fromkeys(("\\drafts", "\\junk", "\\trash", "\\noselect", "\\nonexistent"), FolderRole.IGNORED),
    **dict.fromkeys(("\\flagged", "\\important"), FolderRole.IGNORED),  # their messages are in other folders, too
}
_SENT_NAMES = (
    "sent", "sent items", "sent messages", "sent mail", "sent-mail", "gesendet", "gesendete elemente",
    "gesendete objekte", "gesendete nachrichten", "envoyés", "éléments envoyés", "messages envoyés", "enviados",
    "elementos enviados", "mensajes enviados", "itens enviados", "mensagens enviadas", "inviati", "posta inviata",
    "elementi inviati", "verzonden", "verzonden items", "verzonden berichten", "wysłane", "elementy wysłane", "skickat",
    "skickade objekt", "sendt", "sendte elementer", "sendt post", "lähetetyt", "odeslané", "odeslaná pošta",
    "отправленные", "надіслані", "gönderilmiş öğeler", "送信済み", "送信済みアイテム", "已发送", "已发送邮件",
)  # fmt: skip
_IGNORED_NAMES = (
    "drafts", "draft", "entwürfe", "brouillons", "borradores", "rascunhos", "bozze", "concepten", "kladder", "utkast",
    "luonnokset", "koncepty", "szkice", "wersje robocze", "черновики", "чернетки", "taslaklar", "下書き", "草稿",
    "templates", "vorlagen", "modèles", "outbox", "postausgang",
    "trash", "bin", "deleted", "deleted items", "deleted messages", "papierkorb", "gelöschte elemente",
    "gelöschte objekte", "corbeille", "éléments supprimés", "papelera", "elementos eliminados", "lixeira",
    "itens excluídos", "cestino", "posta eliminata", "prullenbak", "verwijderde items", "kosz", "elementy usunięte",
    "papperskorgen", "papirkurv", "roskakori", "koš", "корзина", "кошик", "ゴミ箱", "已删除", "已删除邮件",
    "junk", "junk mail", "junk e-mail", "junk email", "spam", "bulk mail", "spamverdacht", "courrier indésirable",
    "indésirables", "correo no deseado", "lixo eletrônico", "posta indesiderata", "ongewenste e-mail",
    "wiadomości-śmieci", "skräppost", "uønsket post", "roskaposti", "спам", "нежелательная почта", "迷惑メール",
    "垃圾邮件",
)  # fmt: skip
_BY_NAME = dict.fromkeys(_SENT_NAMES, FolderRole.SENT) | dict.fromkeys(_IGNORED_NAMES, FolderRole.IGNORED)
_ENCODED = re.compile(r"&([^-]*)-")


def role_of(name: str, flags: Iterable[str], delimiter: str) -> FolderRole:
    """Return the role of a folder: by its flags, else by the last part of its name."""
    roles = {_BY_FLAG[flag.lower()] for flag in flags if flag.lower() in _BY_FLAG}
    # A folder may have several flags; one that is not to be read counts before all others.
    for role in (FolderRole.IGNORED, FolderRole.SENT, FolderRole.ALL):
        if role in roles:
            return role
    decoded = decode_name(name)
    last = decoded.rpartition(delimiter)[2] if delimiter else decoded
    # A letter with an accent may be written as one character or as two; NFC makes them equal.
    return _BY_NAME.get(normalize("NFC", last).strip().lower(), FolderRole.RECEIVED)


def folders_to_read(folders: Iterable[Folder]) -> list[Folder]:
    """Return the folders to read, INBOX first, then those for sent mail.

    If one folder shows all mail (Gmail's), it is read instead of the others. Folders for sent mail are read as well,
    because only they show that a message was sent.
    """
    selected = [folder for folder in folders if folder.role is not FolderRole.IGNORED]
    if any(folder.role is FolderRole.ALL for folder in selected):
        selected = [folder for folder in selected if folder.role in {FolderRole.ALL, FolderRole.SENT}]
    return sorted(
        selected, key=lambda folder: (folder.name.upper() != "INBOX", folder.role is not FolderRole.SENT, folder.name)
    )


def decode_name(name: str) -> str:
    """Return a folder's name decoded from modified UTF-7; unchanged if it is not valid."""
    try:
        return _ENCODED.sub(lambda match: _decode_part(match[1]), name)
    except (Base64Error, UnicodeDecodeError):
        return name


def _decode_part(encoded: str) -> str:
    if not encoded:
        return "&"
    padded = encoded.replace(",", "/") + "=" * (-len(encoded) % 4)
    return a2b_base64(padded.encode("ascii")).decode("utf-16-be")
