"""Asking Google: one client, one back-off, one translation of refusals.

::

    429, rate limit, 5xx, broken off   again (connectors.retry); then another night
    quota or daily limit used up       another night, at once
    401, revoked, not permitted        authorise again
    404, 410                           told to the connector, which knows what it means

Google's client has retries of its own; they ignore Retry-After and never look into a batch, so none are used.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from connectors.base import Context
from connectors.deadline import Deadline
from connectors.errors import (
    AuthorizationError,
    ConnectorError,
    LimitExceededError,
    MalformedError,
    RateLimitError,
    UnavailableError,
)
from connectors.google.access import connect_command, load_access
from connectors.google.options import GoogleOptions
from connectors.network import connection_error
from connectors.retry import (
    GOOGLE_MAX_ATTEMPTS,
    RETRYABLE_STATUSES,
    Pause,
    Retrier,
    RetryableError,
    long_wait,
    retry_after,
)

SECONDS = 60  # for one answer
BATCH_PARTS = 50  # more than that is not recommended; each counts as a call of its own
GMAIL_BATCHES = "https://gmail.googleapis.com/batch"
_PLACES = {"calendar": "calendar/v3/"}  # the others begin at the root
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"})
_USED_UP = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
_SWITCHED_OFF = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_JUNK = (ValueError, LookupError, TypeError, AttributeError)  # what the client raises at answers that are none

_TAKEN_BACK = "Google no longer accepts the permission that was given."
_EVERY_WEEK = "  If that is every week, the consent screen is in testing mode: see docs/google.md."


class GoneError(UnavailableError):
    """What was asked for is not there (404), or not any more (410)."""


class RefusedError(UnavailableError):
    """The request itself is not accepted (400): a page or sync token from another time, as a rule."""


class GoogleClient:
    """Asks Google in one owner's name, on behalf of one source, until the block ends.

    ``pause`` sleeps for some seconds; a test may count instead.
    """

    def __init__(
        self,
        context: Context,
        options: GoogleOptions,
        scopes: Sequence[str],
        *,
        subject: str | None = None,
        pause: Pause | None = None,
    ) -> None:
        self._source = context.source
        self._owner = context.owners[0].key if context.owners else ""
        self._endpoint = options.api_endpoint.rstrip("/") if options.api_endpoint else None
        found = load_access(context, options, scopes, subject)
        self.account_id, self.account = found.account_id, found.account
        self.permission = found.permission
        self._deadline = Deadline()
        self._retrier = Retrier(self._deadline, pause, GOOGLE_MAX_ATTEMPTS)
        self._http = _http(found.credentials, self._deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def api(self, name: str, version: str) -> Any:
        """One of Google's services, from the description that its client ships."""
        from googleapiclient.discovery import build

        places = {"api_endpoint": f"{self._endpoint}/{_PLACES.get(name, '')}"} if self._endpoint else None
        return build(
            name, version, http=self._http, static_discovery=True, cache_discovery=False, client_options=places
        )

    def execute(self, request: Any) -> dict[str, Any]:
        """The answer to one request. Raises a :class:`~connectors.errors.ConnectorError` where there is none."""
        self._deadline.renew()
        answer: dict[str, Any] = self._retrier.run(lambda: self._answer(request))
        return answer

    def execute_all(self, requests: Mapping[str, Any]) -> dict[str, dict[str, Any] | GoneError | RefusedError]:
        """The answers to many requests under their names, or why a part has none that waiting would bring.

        They are sent in batches. A part that fails alone is asked again with those behind it, after a pause, until a
        whole round brings nothing. Raises :class:`RefusedError` where none of several is accepted.
        """
        answers: dict[str, dict[str, Any] | GoneError | RefusedError] = {}
        waiting, round_ = dict(requests), 0
        self._deadline.renew()
        while waiting:
            part = dict(list(waiting.items())[:BATCH_PARTS])
            found, failed = self._retrier.run(partial(self._batch, part))
            answers |= found
            waiting = {name: request for name, request in waiting.items() if name not in found}
            if found:
                self._deadline.renew()
            if failed is None:
                round_ = 0
                continue
            round_ = 0 if found else round_ + 1
            self._retrier.wait(failed, max(round_, 1))
        refusals = [answer for answer in answers.values() if isinstance(answer, RefusedError)]
        if len(refusals) == len(answers) > 1:
            raise refusals[0]
        return answers

    def _answer(self, request: Any) -> dict[str, Any]:
        return self._object(self._translated(request.execute))

    def _batch(
        self, requests: Mapping[str, Any]
    ) -> tuple[dict[str, dict[str, Any] | GoneError | RefusedError], RetryableError | None]:
        """What came of each part, and the first reason why one has to be asked again."""
        from googleapiclient.http import BatchHttpRequest

        told: dict[str, tuple[Any, Any]] = {}

        def keep(name: str, answer: Any, refusal: Any) -> None:
            told[name] = answer, refusal

        # the client's own batches know nothing of api_endpoint
        address = f"{self._endpoint}/batch/gmail/v1" if self._endpoint else GMAIL_BATCHES
        batch = BatchHttpRequest(callback=keep, batch_uri=address)
        for name, request in requests.items():
            batch.add(request, request_id=name)
        self._translated(batch.execute)
        found: dict[str, dict[str, Any] | GoneError | RefusedError] = {}
        failed = None
        for name, (answer, refusal) in told.items():
            try:
                found[name] = self._part(answer, refusal)
            except RetryableError as again:
                failed = failed or again
        return found, failed

    def _part(self, answer: Any, refusal: Any) -> dict[str, Any] | GoneError | RefusedError:
        if refusal is None:
            return self._object(answer)
        problem = self._refusal(refusal)
        if isinstance(problem, (GoneError, RefusedError)):
            return problem
        raise problem

    def _object(self, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict):
            problem = MalformedError(self._source, "what Google answers makes no sense.", "The next run tries again.")
            raise RetryableError(problem)
        return answer

    def _translated(self, ask: Callable[[], Any]) -> Any:
        """Ask, and turn whatever Google's client raises into one of our errors or a reason to try again."""
        from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
        from googleapiclient.errors import Error, HttpError
        from httplib2 import HttpLib2Error

        from connectors.google.connection import UnencryptedError

        try:
            return ask()
        except HttpError as error:
            problem: Exception = self._refusal(error)
        except RefreshError as error:
            problem = self._broken_off(error) if error.retryable else self._revoked(remedy=_EVERY_WEEK)
        except TransportError as error:
            problem = self._broken_off(error)
        except GoogleAuthError:
            problem = self._revoked()
        except (
            Error,
            HttpLib2Error,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            _http_error(),
        ) as error:
            # cut off, junk, or a batch whose parts are not what was asked for
            problem = self._broken_off(error)
        except UnencryptedError:
            found = "the connection would not be encrypted."
            problem = UnavailableError(self._source, found, "Write addresses that begin with https.")
        # without its cause: the client repeats addresses and answers in its messages
        raise problem from None

    def _refusal(self, error: Any) -> Exception:
        status, reasons = int(error.resp.status), _reasons(error.content)
        if reasons & _USED_UP:
            return self._another_night("Google's quota for today is used up.")
        if status == 429 or (status == 403 and reasons & _TOO_FAST):
            wait = retry_after(error.resp)
            return RetryableError(
                self._another_night("Google asks us to stop for now (too many requests).", wait), wait
            )
        if status >= 500:
            problem = UnavailableError(self._source, f"Google answered HTTP {status}.", "The next run tries again.")
            return RetryableError(problem, retry_after(error.resp)) if status in RETRYABLE_STATUSES else problem
        return self._final(status, reasons)

    def _final(self, status: int, reasons: frozenset[str]) -> ConnectorError:
        """A refusal that no waiting mends."""
        if status in {404, 410}:
            return GoneError(
                self._source, f"there is nothing at Google under that name (HTTP {status}).", "Check its options."
            )
        if reasons & _SWITCHED_OFF:
            return UnavailableError(
                self._source,
                "the service is not switched on in the practice's Google project.",
                'Switch it on in Google\'s console, under "APIs & Services".',
            )
        if status in {401, 403}:
            return self._revoked(f"Google does not let us read this (HTTP {status}).")
        return RefusedError(self._source, f"Google does not accept the request (HTTP {status}).", "Please report it.")

    def _another_night(self, found: str, wait: float | None = None) -> RateLimitError:
        remedy = (
            "What was read is kept; the next run goes on from there. Daily quotas begin anew at midnight in California."
        )
        return RateLimitError(self._source, found, remedy, long_wait(wait))

    def _broken_off(self, error: Exception) -> RetryableError:
        problem = connection_error(self._source, "Google", error)
        if not isinstance(problem, LimitExceededError):  # there is no name or port of Google's to check
            remedy = "Check whether this machine is online. The next run tries again."
            problem = UnavailableError(self._source, problem.found, remedy)
        return RetryableError(problem)

    def _revoked(self, found: str = _TAKEN_BACK, remedy: str = "") -> AuthorizationError:
        return AuthorizationError(self._source, found, f"Run: {connect_command(self._owner)}{remedy}")


def _http(credentials: Any, deadline: Deadline) -> Any:
    from google_auth_httplib2 import AuthorizedHttp

    from connectors.google.connection import WatchedHttp

    # below this they write addresses and reasons, and what we say of a refusal is enough
    for name in ("googleapiclient", "google.auth", "google_auth_httplib2"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return AuthorizedHttp(credentials, http=WatchedHttp(deadline, SECONDS))


def _http_error() -> type[Exception]:
    from http.client import HTTPException

    return HTTPException


def _reasons(content: object) -> frozenset[str]:
    """The words by which an answer says why it refuses, wherever they stand."""
    try:
        error = json.loads(content)["error"]  # type: ignore[arg-type]
        places = [error, *error.get("errors", ()), *error.get("details", ())]
        words = [place.get(name) for place in places for name in ("reason", "status")]
    except (ValueError, TypeError, LookupError, AttributeError):
        return frozenset()
    return frozenset(word for word in words if isinstance(word, str))
