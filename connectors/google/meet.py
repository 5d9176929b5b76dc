"""Google Meet: the actual start and end of a session, from the time that people were together in the call.

::

    clinician      |=========|   |==================|       joined, dropped out, came back
    a client            |=====================|
    session             |----------------------|           from the first shared instant to the last

If nobody came, the evidence is one instant, the middle of the clinician's wait. A call with colleagues only gives none.
There is one record for each outside participant, so two clients one after the other in a room that was never closed are
two sessions. The session is found by the meeting's code and time, or by the calendar entry if Google knows it.

Conference records are each clinician's own; the domain's report is an administrator's. A call may appear days after its
end, so every run goes back two days before the last call that it has read; the same call gives the same record.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.cursor import Cursor, fingerprint
from connectors.errors import AuthorizationError, MalformedError
from connectors.google.access import GoogleOptions, connect_command, problems, scopes_of, stored_account_ids
from connectors.google.conferences import Conferences
from connectors.google.report import REPORT_PARAMETERS, CallReport
from connectors.google.service import GoogleClient
from connectors.retry import Pause

LATE = timedelta(hours=48)  # Google may list a call this long after its end
RECORDED_FOR, REPORTED_FOR = timedelta(days=30), timedelta(days=180)  # then Google deletes them


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetOptions(GoogleOptions):
    """The options of Google Meet."""

    reports_admin: str | None = field(
        default=None,
        metadata={
            "help": "With a service account: the administrator in whose name the domain's report of calls is read."
        },
    )


@dataclass(frozen=True, slots=True)
class MeetCursor(Cursor):
    """The end of the last call that was read, and the start of the window (both epoch seconds; ``seen`` 0: none).

    ::

        calls    x   x  x |  read  x | x     x
                    since ^    seen ^ ^ end of the window

    ``seen`` is never after the end of the window: later calls were skipped, and are read once the window includes them.
    """

    version: ClassVar[int] = 2
    since: int = 0
    seen: int = 0

    def check(self) -> None:
        """Raise ValueError, OverflowError or OSError for an invalid instant."""
        datetime.fromtimestamp(self.seen, UTC)

    def begin(self, start: datetime) -> datetime:
        """Return the instant from which on calls are requested."""
        return max(start, datetime.fromtimestamp(self.seen, UTC) - LATE) if self.seen else start

    def following(self, start: datetime) -> MeetCursor:
        """Return the cursor of a reading that begins at :meth:`begin`.

        If that is the window's start, days before it are not read, and ``since`` moves to it.
        """
        since = int(start.timestamp()) if self.begin(start) == start else self.since
        return MeetCursor(self.settings, since, self.seen)

    def reached(self, latest: datetime | None, end: datetime) -> MeetCursor:
        """Return the cursor once a call that ended at ``latest`` is stored, for a window that ends at ``end``."""
        seen = int(min(latest, end).timestamp()) if latest else 0
        return MeetCursor(self.settings, self.since, max(self.seen, seen))


class GoogleMeet:
    """A reader of the actual times of one clinician's calls."""

    def __init__(self, options: MeetOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of evidence from calls that ended since the cursor less two days.

        The pages are newest first, so only the last one moves the cursor.
        """
        context, window, admin = self._context, self._context.window, self._options.reports_admin
        scopes, start = scopes_of(SOURCE_KIND.name, self._options), int(window.start.timestamp())
        with (
            GoogleClient(context, self._options, scopes, subject=admin, pause=self._pause) as google,
            self._translate_errors(),
        ):
            inside = (context.classifier.domains, context.classifier.staff, context.classifier.management)
            account = google.account_id or google.account
            settings = fingerprint(context.pseudonyms, self._options, context.owners, inside, account)
            last = MeetCursor.parse(cursor, settings)
            if is_first := last.is_new or last.since > start:
                last = MeetCursor(settings, start)
            reached = last.following(window.start)
            begin = last.begin(window.start)
            newest, done, available = begin, 0, REPORTED_FOR if admin else RECORDED_FOR
            if admin:
                pages = CallReport(google, context).ended_since(begin)
            elif google.account_id:
                colleagues = stored_account_ids(context, self._options)
                pages = Conferences(google, colleagues, window.end).ended_since(begin)
            else:
                found = "the permission does not include the account's number."
                remedy = f"Run: {connect_command(context.owners[0].key)}"
                raise AuthorizationError(context.source, found, remedy)
            for page in pages:
                reached = reached.reached(max(page.ends, default=None), window.end)
                newest = max((newest, *page.ends))
                # Progress is counted in seconds from the newest call back to the beginning.
                total = max(int(min(newest - begin, available).total_seconds()), 1)
                oldest = begin if page.is_last else min(page.ends, default=newest)
                done = min(max(done, int((newest - oldest).total_seconds())), total)
                yield Batch(
                    (reached if page.is_last else last).dump(),
                    tuple(evidence for call in page.calls for evidence in call.evidence(context)),
                    restarts=is_first,
                    rejected=page.rejected,
                    done=total if page.is_last else done,
                    total=total,
                )
                is_first = False

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise MalformedError where Google's response is not in the documented form."""
        try:
            yield
        except (ValueError, KeyError, TypeError):
            # Without its cause, which may repeat what was read.
            found = "Google's list of calls cannot be read."
            raise MalformedError(self._context.source, found, "The next run tries again.") from None


def _problems(options: MeetOptions) -> list[str]:
    found = problems(options)
    if options.reports_admin and not options.service_account:
        found.append("reports_admin: needs a service_account; without one each clinician's own meetings are read")
    if options.service_account and not options.reports_admin:
        found.append("reports_admin: missing; a service account reads the domain's report in an administrator's name")
    return found


SOURCE_KIND = SourceKind(
    name="google_meet",
    options=MeetOptions,
    make=GoogleMeet,
    title="Google Meet",
    kept_fields=(
        "conferenceRecords (name, startTime, endTime, space)", "participants (name, signedinUser.user)",
        "participantSessions (startTime, endTime)", "spaces (meetingCode)",
        f"call_ended (time, uniqueQualifier, actor.key, {', '.join(sorted(REPORT_PARAMETERS))})",
    ),
    other_fields="never requested; from the domain's report, whose lines arrive complete, dropped while parsing",
    record_types=lambda _: frozenset({RecordType.TIMES}),
    check=_problems,
    per_owner=True,
)  # fmt: skip
