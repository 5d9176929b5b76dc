"""An emulator of Google's consent and mail by another project (npm ``emulate``), on loopback.

It knows no batches, no profile, no field masks and no scopes; what it says of consent, tokens, messages and history
is a second opinion beside our own fake.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

from tests.peers.process import free_port, serving

ACCOUNT = "ana@harbour.example"
CLIENT_ID = "evenhours.apps.example"
LOOPBACK = Path(__file__).parent / "google" / "loopback.cjs"
_CANARY = "Zebrafinch"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Return the redirect instead of following it."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator with one account that contains one message."""

    url: str

    @property
    def client(self) -> str:
        """An OAuth client's JSON as Google's console gives it."""
        content = {
            "client_id": CLIENT_ID,
            "client_secret": "installed apps keep none",
            "auth_uri": "https://accounts.google.com/o/oauth2/v2/auth",
            "token_uri": "https://oauth2.googleapis.com/oauth2/token",
        }
        return json.dumps({"installed": content})

    def consent(self, page: str) -> str:
        """Agree on a consent page and return the address to which the browser is redirected."""
        forms = urlopen(page).read().decode().split("<form")
        form = next(text for text in forms if ACCOUNT in text)
        fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
        answer = Request(f"{self.url}/o/oauth2/v2/auth/callback", urlencode(fields).encode())
        try:
            build_opener(_Stay).open(answer)
        except OSError as redirect:
            return str(redirect.headers["Location"])  # type: ignore[attr-defined]
        raise AssertionError("the page leads nowhere")

    def revoke(self, token: str) -> None:
        """Revoke a permission."""
        urlopen(Request(f"{self.url}/oauth2/revoke", urlencode({"token": token}).encode())).read()


@contextmanager
def emulate(packages: Path, folder: Path) -> Iterator[Emulator]:
    """Run an emulator from the packages in that folder."""
    port, seed = free_port(), folder / "seed.json"
    seed.write_text(json.dumps({"google": _seed()}))
    command = ["node", "--require", str(LOOPBACK), str(packages / "node_modules/emulate/dist/index.js")]
    with serving([*command, "--service", "google", "--port", str(port), "--seed", str(seed)], port, folder / "log"):
        yield Emulator(f"http://127.0.0.1:{port}")


def _seed() -> dict[str, object]:
    letter = {
        "id": "letter1", "thread_id": "18c5f3a2b1d0e9f7", "user_email": ACCOUNT, "from": "kim@elsewhere.example",
        "to": ACCOUNT, "subject": f"{_CANARY} subject", "body_text": f"{_CANARY} body", "snippet": _CANARY,
        "label_ids": ["INBOX", "UNREAD"], "date": "2026-03-02T10:00:00.000Z",
    }  # fmt: skip
    answer = letter | {
        "id": "letter2", "from": ACCOUNT, "to": "kim@elsewhere.example", "label_ids": ["SENT"],
        "date": "2026-03-02T21:00:00.000Z",
    }  # fmt: skip
    client = {
        "client_id": CLIENT_ID,
        "client_secret": "installed apps keep none",
        "redirect_uris": ["http://127.0.0.1:1"],
    }
    return {
        "users": [{"email": ACCOUNT, "name": "Ana"}],
        "oauth_clients": [client | {"name": "Evenhours"}],
        "messages": [letter, answer],
    }
