"""The base of all Google worlds: two accounts, their permissions, and failures on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from connectors.private import write_private
from tests.connectors.fake_google.auth import Grant
from tests.connectors.fake_google.server import run_fake_google
from tests.connectors.worlds.world import ADDRESSES, Behaviour, Trouble

_STATUS = {
    Trouble.LIMITED: 429, Trouble.LIMITED_SILENTLY: 429, Trouble.FAILING: 503, Trouble.RESET: 0,
    Trouble.TRUNCATED: -1, Trouble.JUNK: -2,
}  # fmt: skip
ALWAYS = 10_000


class GoogleWorld:
    """A fake Google on this machine, with an account for each clinician."""

    kind: ClassVar[str]
    title: ClassVar[str] = ""
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType({})
    planted: ClassVar[Sequence[str]] = ()
    scopes: ClassVar[Sequence[str]] = ()

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del patch
        self._tokens = folder / "google-tokens"
        self._open = ExitStack()
        self.google = self._open.enter_context(run_fake_google())
        self._taken: dict[str, Grant] = {}
        for owner, address in ADDRESSES.items():
            self.grant_access(owner, address)
            self.begin(address)

    def grant_access(self, owner: str, address: str) -> None:
        """Store the owner's permission."""
        write_private(self._tokens, f"{owner}.json", self.google.auth.allow(address, *self.scopes))

    def begin(self, address: str) -> None:
        """Prepare an empty account."""

    def account(self, owner: str) -> str:
        """Return the account in whose name the owner's data is requested."""
        return ADDRESSES[owner]

    def options(self) -> str:
        return f'api_endpoint = "{self.google.url}"\ntokens = "{self._tokens}"'

    def trouble(self, how: Trouble, times: int | None = None, owner: str = "ana") -> None:
        address = self.account(owner)
        if how is Trouble.REVOKED:
            auth = self.google.auth
            self._taken |= {name: grant for name, grant in auth.refreshes.items() if grant.account == address}
            auth.revoke(address)
            return
        waits = ("3600" if times is None else "1") if how is Trouble.LIMITED else ""
        reason = "rateLimitExceeded" if _STATUS[how] == 429 else "backendError"
        self.google.fail(_STATUS[how], reason, times=times or ALWAYS, retry_after=waits, account=address)

    def mend(self) -> None:
        self.google.failures.clear()
        self.google.auth.refreshes |= self._taken
        self._taken = {}

    def close(self) -> None:
        self._open.close()
