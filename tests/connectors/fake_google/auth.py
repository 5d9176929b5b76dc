"""A fake of Google's OAuth: consent with PKCE, tokens, refreshing, revoking, and service accounts."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.connectors.fake_google.discovery import ErrorResponse


@dataclass
class Grant:
    """A token's account and scopes."""

    account: str
    scopes: frozenset[str]
    refresh: str = ""
    expired: bool = False


@dataclass
class FakeAuth:
    """Consents and tokens. The next person leaves ``unticked`` scopes out, or refuses all with ``refused``."""

    numbers: dict[str, str] = field(default_factory=dict)  # an account's number by its address
    tokens: dict[str, Grant] = field(default_factory=dict)
    refreshes: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, tuple[Grant, str, str]] = field(default_factory=dict)
    keys: dict[str, tuple[Any, frozenset[str]]] = field(
        default_factory=dict
    )  # service account -> key, delegated scopes
    unticked: set[str] = field(default_factory=set)
    refused: bool = False
    testing_mode: bool = False  # the consent screen is not published: what is given ends in a week
    chooses: str = ""  # the account that the next person signs in with
    consent_requests: list[dict[str, str]] = field(default_factory=list)

    def number(self, account: str) -> str:
        """Google's number of an account."""
        return self.numbers.setdefault(account, str(1000 + len(self.numbers)))

    def allow(self, account: str, *scopes: str) -> dict[str, Any]:
        """Return a permission as it is stored after consent."""
        refresh = f"1//refresh-{len(self.refreshes)}"
        self.refreshes[refresh] = Grant(account, frozenset(scopes), refresh)
        return {
            "refresh_token": refresh,
            "client_id": "evenhours.apps.example",
            "client_secret": "installed-apps-keep-none",
            "token_uri": "https://oauth2.googleapis.com/token",
            "scopes": list(scopes),
            "account_id": self.number(account),
            "given_at": f"2026-01-01T09:{len(self.refreshes):02}:00+00:00",
        }

    def revoke(self, account: str) -> None:
        """Revoke the person's permission: none of their tokens is valid any more."""
        for store in (self.tokens, self.refreshes):
            for name in [name for name, grant in store.items() if grant.account == account]:
                del store[name]

    def expire(self) -> None:
        """Let every access token be too old."""
        for grant in self.tokens.values():
            grant.expired = True

    def grant(self, authorization: str) -> Grant:
        """Return the grant of the request's token."""
        token = self.tokens.get(authorization.removeprefix("Bearer "))
        if token is None or token.expired:
            raise ErrorResponse(401, "authError: Invalid Credentials")
        return token

    # What the addresses answer

    def consent_page(self, query: dict[str, str]) -> str:
        """Decide as the person would, and return the address to which the browser is redirected."""
        self.consent_requests.append(query)
        redirect_uri, state = query["redirect_uri"], {"state": query.get("state", "")}
        if self.refused:
            return f"{redirect_uri}?{urlencode({'error': 'access_denied', **state})}"
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        scopes = frozenset(query["scope"].split()) - self.unticked
        code = f"4/code-{len(self.codes)}"
        offline = query.get("access_type") == "offline"
        grant = Grant(self.chooses, scopes, f"1//refresh-{len(self.refreshes)}" if offline else "")
        self.codes[code] = grant, query["code_challenge"], redirect_uri
        return f"{redirect_uri}?{urlencode({'code': code, 'scope': ' '.join(sorted(scopes)), **state})}"

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """``/token``."""
        kind = form.get("grant_type", "")
        if kind == "authorization_code":
            return self._by_code(form)
        if kind == "refresh_token":
            grant = self.refreshes.get(form["refresh_token"])
            if grant is None:
                raise ErrorResponse(400, "invalid_grant")
            return self._token_response(grant)
        if kind == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self._by_signature(form["assertion"])
        raise ErrorResponse(400, "unsupported_grant_type")

    def _by_code(self, form: dict[str, str]) -> dict[str, Any]:
        grant, challenge, redirect_uri = self.codes.pop(form["code"], (None, "", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if grant is None or proof != challenge or form["redirect_uri"] != redirect_uri:
            raise ErrorResponse(400, "invalid_grant")
        if grant.refresh:
            self.refreshes[grant.refresh] = grant
        response = self._token_response(grant) | ({"refresh_token": grant.refresh} if grant.refresh else {})
        if self.testing_mode:
            response["refresh_token_expires_in"] = 604_799
        if "openid" in grant.scopes:
            response["id_token"] = _unsigned({"sub": self.number(grant.account), "aud": form.get("client_id", "")})
        return response

    def _by_signature(self, assertion: str) -> dict[str, Any]:
        from google.auth import jwt

        issuer = json.loads(_decoded(assertion.split(".")[1]))["iss"]
        if issuer not in self.keys:
            raise ErrorResponse(400, "invalid_client")
        certificate, delegated = self.keys[issuer]
        claims = jwt.decode(assertion, certs=certificate, clock_skew_in_seconds=600)  # type: ignore[no-untyped-call]
        scopes = frozenset(claims["scope"].split())
        if not scopes <= delegated:
            raise ErrorResponse(401, "unauthorized_client")
        return self._token_response(Grant(claims["sub"], scopes))

    def _token_response(self, grant: Grant) -> dict[str, Any]:
        token = f"ya29.{len(self.tokens)}"
        self.tokens[token] = Grant(grant.account, grant.scopes)
        scope = " ".join(sorted(grant.scopes))
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer", "scope": scope}


def _unsigned(claims: dict[str, str]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
