"""Requests to Google, with one retry policy and one translation of refusals into errors.

::

    429, rate limit, 5xx, broken off   retried (connectors.retry), then left to the next run
    quota or daily limit used up       left to the next run at once
    401, revoked, not permitted        authorise again
    404, 410                           GoneError, which the connector handles

Google's client library can retry, too, but it ignores Retry-After and does not look into a batch, so that is not used.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.client import HTTPException
from typing import Any, Self

from connectors.base import Context
from connectors.deadline import Deadline
from connectors.errors import (
    AuthorizationError,
    LimitExceededError,
    MalformedError,
    RateLimitError,
    UnavailableError,
)
from connectors.google.access import GoogleOptions, connect_command, load_access
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

SECONDS = 60  # timeout of a request
BATCH_PARTS = 50  # Google recommends no more; each part counts as a call
GMAIL_BATCHES = "https://gmail.googleapis.com/batch"
_PATHS = {"calendar": "calendar/v3/"}  # api_endpoint replaces host and path; the other services begin at the root
_RATE_LIMIT = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"})
_QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
_DISABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})

_REVOKED = "Google no longer accepts the permission that was given."
_EVERY_WEEK = "  If this happens every week, the consent screen is in testing mode: see docs/google.md."


class GoneError(UnavailableError):
    """The requested item does not exist (404), or no longer (410)."""


class RefusedError(UnavailableError):
    """Google does not accept the request (400), usually because of an old page or sync token."""


class GoogleClient:
    """A context manager that sends requests to Google in one owner's name, for one source.

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
        access = load_access(context, options, scopes, subject)
        self.account_id, self.account = access.account_id, access.account
        self.permission = access.permission
        self._deadline = Deadline()
        self._retrier = Retrier(self._deadline, pause, GOOGLE_MAX_ATTEMPTS)

        from google_auth_httplib2 import AuthorizedHttp

        from connectors.google.connection import WatchedHttp

        # At lower levels they log addresses and reasons.
        for name in ("googleapiclient", "google.auth", "google_auth_httplib2"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._http = AuthorizedHttp(access.credentials, http=WatchedHttp(self._deadline, SECONDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def api(self, name: str, version: str) -> Any:
        """Return one of Google's services, built from the description that the client library contains."""
        from googleapiclient.discovery import build

        client_options = {"api_endpoint": f"{self._endpoint}/{_PATHS.get(name, '')}"} if self._endpoint else None
        return build(
            name, version, http=self._http, static_discovery=True, cache_discovery=False, client_options=client_options
        )

    def execute(self, request: Any) -> dict[str, Any]:
        """Return the response to one request. Raises a :class:`~connectors.errors.ConnectorError`."""
        self._deadline.renew()
        response: dict[str, Any] = self._retrier.run(lambda: self._object(self._send(request.execute)))
        return response

    def execute_all(self, requests: Mapping[str, Any]) -> dict[str, dict[str, Any] | GoneError | RefusedError]:
        """Return the responses to many requests by name, or the error that no retry would change.

        They are sent in batches. Parts of a batch that fail are sent again with the next ones, after a pause, until a
        whole round gives nothing new. Raises :class:`RefusedError` if all of several requests are refused.
        """
        responses: dict[str, dict[str, Any] | GoneError | RefusedError] = {}
        waiting, failures = dict(requests), 0
        self._deadline.renew()
        while waiting:
            part = dict(list(waiting.items())[:BATCH_PARTS])
            received, failure = self._retrier.run(partial(self._batch, part))
            responses |= received
            waiting = {name: request for name, request in waiting.items() if name not in received}
            if received:
                self._deadline.renew()
            if failure is None:
                failures = 0
                continue
            failures = 0 if received else failures + 1  # rounds in a row that gave nothing
            self._retrier.wait(failure, max(failures, 1))
        refusals = [response for response in responses.values() if isinstance(response, RefusedError)]
        if len(refusals) == len(responses) > 1:
            raise refusals[0]
        return responses

    def _batch(
        self, requests: Mapping[str, Any]
    ) -> tuple[dict[str, dict[str, Any] | GoneError | RefusedError], RetryableError | None]:
        """Return the response or final error of each part, and the first failure that may pass."""
        from googleapiclient.http import BatchHttpRequest

        results: dict[str, tuple[Any, Any]] = {}

        def add_result(name: str, response: Any, error: Any) -> None:
            results[name] = response, error

        # The client library's batches ignore api_endpoint.
        address = f"{self._endpoint}/batch/gmail/v1" if self._endpoint else GMAIL_BATCHES
        batch = BatchHttpRequest(callback=add_result, batch_uri=address)
        for name, request in requests.items():
            batch.add(request, request_id=name)
        self._send(batch.execute)
        received: dict[str, dict[str, Any] | GoneError | RefusedError] = {}
        failure = None
        for name, (response, error) in results.items():
            try:
                received[name] = self._part(response, error)
            except RetryableError as retryable:
                failure = failure or retryable
        return received, failure

    def _part(self, response: Any, error: Any) -> dict[str, Any] | GoneError | RefusedError:
        if error is None:
            return self._object(response)
        problem = self._refusal(error)
        if isinstance(problem, (GoneError, RefusedError)):
            return problem
        raise problem

    def _object(self, response: Any) -> dict[str, Any]:
        if not isinstance(response, dict):
            problem = MalformedError(self._source, "Google's response cannot be read.", "The next run tries again.")
            raise RetryableError(problem)
        return response

    def _send(self, execute: Callable[[], Any]) -> Any:
        """Send a request, and translate what Google's client library raises into our errors."""
        from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
        from googleapiclient.errors import Error, HttpError
        from httplib2 import HttpLib2Error

        from connectors.google.connection import UnencryptedError

        try:
            return execute()
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
            HTTPException,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:
            # A response that is cut off, junk, or a batch with other parts than requested.
            problem = self._broken_off(error)
        except UnencryptedError:
            found = "the connection would not be encrypted."
            problem = UnavailableError(self._source, found, "Use addresses that begin with https.")
        # Without its cause: the client library repeats addresses and responses in its messages.
        raise problem from None

    def _refusal(self, error: Any) -> Exception:
        status, reasons = int(error.resp.status), _reasons(error.content)
        if reasons & _QUOTA:
            return self._rate_limited("Google's quota for today is used up.")
        if status == 429 or (status == 403 and reasons & _RATE_LIMIT):
            wait = retry_after(error.resp)
            return RetryableError(self._rate_limited("Google asks us to stop for now (too many requests).", wait), wait)
        if status >= 500:
            problem = UnavailableError(self._source, f"Google answered HTTP {status}.", "The next run tries again.")
            return RetryableError(problem, retry_after(error.resp)) if status in RETRYABLE_STATUSES else problem
        # No retry would change the rest.
        if status in {404, 410}:
            return GoneError(self._source, f"Google has no such item (HTTP {status}).", "Check the source's options.")
        if reasons & _DISABLED:
            return UnavailableError(
                self._source,
                "the service is not enabled in the practice's Google project.",
                'Enable it in Google\'s console, under "APIs & Services".',
            )
        if status in {401, 403}:
            return self._revoked(f"Google does not allow us to read this (HTTP {status}).")
        return RefusedError(self._source, f"Google does not accept the request (HTTP {status}).", "Please report it.")

    def _rate_limited(self, found: str, wait: float | None = None) -> RateLimitError:
        remedy = (
            "What was read is kept; the next run goes on from there. Daily quotas are reset at midnight in California."
        )
        return RateLimitError(self._source, found, remedy, long_wait(wait))

    def _broken_off(self, error: Exception) -> RetryableError:
        problem = connection_error(self._source, "Google", error)
        if not isinstance(problem, LimitExceededError):  # its advice to check name and port is wrong for Google
            remedy = "Check whether this machine is online. The next run tries again."
            problem = UnavailableError(self._source, problem.found, remedy)
        return RetryableError(problem)

    def _revoked(self, found: str = _REVOKED, remedy: str = "") -> AuthorizationError:
        return AuthorizationError(self._source, found, f"Run: {connect_command(self._owner)}{remedy}")


def _reasons(content: object) -> frozenset[str]:
    """Return the reasons in an error response. Google's services put them in different places."""
    try:
        error = json.loads(content)["error"]  # type: ignore[arg-type]
        objects = [error, *error.get("errors", ()), *error.get("details", ())]
        reasons = [item.get(name) for item in objects for name in ("reason", "status")]
    except (ValueError, TypeError, LookupError, AttributeError):
        return frozenset()
    return frozenset(reason for reason in reasons if isinstance(reason, str))
