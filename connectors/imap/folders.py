"""What a mailbox's folders are for, by the marks a server gives them (RFC 6154), else by their names.

Names are spelled in modified UTF-7 (RFC 3501, 5.1.3) and in the language of whoever set the account up.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from unicodedata import normalize


class Role(Enum):
    """What a folder is read as. ``ALL`` holds everything that lies in the others; ``LEFT_OUT`` is no correspondence."""

    RECEIVED = "received"
    SENT = "sent"
    ALL = "all"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as the server tells of it: its name as it is spelled there, how many messages, the next number.

    ``validity`` changes when the messages are numbered anew. It should be a number; whatever it is stands for itself.
    """

    name: str
    role: Role
    validity: str
    next_uid: int
    messages: int
    modseq: int = 0

    @property
    def is_told(self) -> bool:
        """Whether the server says enough to know what is new."""
        return bool(self.validity) and self.next_uid > 0


_BY_MARK = {
    "\\sent": Role.SENT,
    "\\all": Role.ALL,
    **dict.fromkeys(("\\drafts", "\\junk", "\\trash", "\\noselect", "\\nonexistent"), Role.LEFT_OUT),
    **dict.fromkeys(("\\flagged", "\\important"), Role.LEFT_OUT),  # shown there, kept elsewhere
}
_SENT = (
    "sent", "sent items", "sent messages", "sent mail", "sent-mail", "gesendet", "gesendete elemente",
    "gesendete objekte", "gesendete nachrichten", "envoyés", "éléments envoyés", "messages envoyés", "enviados",
    "elementos enviados", "mensajes enviados", "itens enviados", "mensagens enviadas", "inviati", "posta inviata",
    "elementi inviati", "verzonden", "verzonden items", "verzonden berichten", "wysłane", "elementy wysłane", "skickat",
    "skickade objekt", "sendt", "sendte elementer", "sendt post", "lähetetyt", "odeslané", "odeslaná pošta",
    "отправленные", "надіслані", "gönderilmiş öğeler", "送信済み", "送信済みアイテム", "已发送", "已发送邮件",
)  # fmt: skip
_LEFT_OUT = (
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
_BY_NAME = dict.fromkeys(_SENT, Role.SENT) | dict.fromkeys(_LEFT_OUT, Role.LEFT_OUT)
_SHIFTED = re.compile(r"&([^-]*)-")


def role_of(name: str, marks: Iterable[str], delimiter: str) -> Role:
    """What a folder is for: what a mark says counts before what the last part of its name says."""
    marked = {_BY_MARK[mark.lower()] for mark in marks if mark.lower() in _BY_MARK}
    for role in (Role.LEFT_OUT, Role.SENT, Role.ALL):
        if role in marked:
            return role
    spelled = readable(name)
    last = spelled.rpartition(delimiter)[2] if delimiter else spelled
    return _BY_NAME.get(normalize("NFC", last).strip().lower(), Role.RECEIVED)


def wanted(folders: Iterable[Folder]) -> list[Folder]:
    """The folders to read, INBOX first, then what was sent.

    Where one folder shows all mail (Gmail's), it is read in the place of those whose messages lie in it too; what was
    sent is read beside it, because only its own folder says that it was.
    """
    found = [folder for folder in folders if folder.role is not Role.LEFT_OUT]
    if any(folder.role is Role.ALL for folder in found):
        found = [folder for folder in found if folder.role in {Role.ALL, Role.SENT}]
    return sorted(found, key=lambda folder: (folder.name.upper() != "INBOX", folder.role is not Role.SENT, folder.name))


def readable(name: str) -> str:
    """A folder's name in its own letters; as it is spelled where that is no modified UTF-7."""
    try:
        return _SHIFTED.sub(lambda match: _letters(match[1]), name)
    except (Base64Error, UnicodeDecodeError):
        return name


def _letters(shifted: str) -> str:
    if not shifted:
        return "&"
    padded = shifted.replace(",", "/") + "=" * (-len(shifted) % 4)
    return a2b_base64(padded.encode("ascii")).decode("utf-16-be")
