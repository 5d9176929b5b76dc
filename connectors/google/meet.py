"""Google Meet: when a session really began and ended, by who was there at the same time.

::

    clinician      |=========|   |==================|       joined, dropped out, came back
    a client            |=====================|
    face time           |====|   |============|             begins with the first of it and ends with the last

Where nobody came, the middle of the clinician's wait is told; a call with colleagues alone tells nothing. Two clients
one after the other in a room that was never closed are two: there is one record for each person from outside. Which
session it was is found by the meeting's code and the time, or by the entry's name where Google knows it.

The meetings' own record is each clinician's; a domain's report is an administrator's. A call may be told days after
its end, so every run goes back two days before the last one that it knows; the same call is the same record.
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
from connectors.google.access import connect_command, scopes_of, stored_account_ids
from connectors.google.calls import CallPage
from connectors.google.conferences import Conferences
from connectors.google.options import GoogleOptions, problems
from connectors.google.report import REPORT_PARAMETERS, CallReport
from connectors.google.service import GoogleClient
from connectors.retry import Pause

LATE = timedelta(hours=48)
RECORDED_FOR, REPORTED_FOR = timedelta(days=30), timedelta(days=180)  # Google forgets what is older


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
    """The end of the last call that was told (epoch seconds; 0: none), and since when calls were read.

    ::

        calls    x   x  x |  read  x | x     x
                    since ^    seen ^ ^ the window's end

    ``seen`` never lies after the end of the window: what came later was left out, and is read once it is wanted.
    """

    version: ClassVar[int] = 2
    since: int = 0
    seen: int = 0

    def check(self) -> None:
        """Raise ValueError, OverflowError or OSError for an instant that is none."""
        datetime.fromtimestamp(self.seen, UTC)

    def begin(self, start: datetime) -> datetime:
        """The instant from which on calls are asked for."""
        return max(start, datetime.fromtimestamp(self.seen, UTC) - LATE) if self.seen else start

    def following(self, start: datetime) -> MeetCursor:
        """The cursor of a reading that begins at :meth:`begin`; from a later start on, days before it are not read."""
        since = int(start.timestamp()) if self.begin(start) == start else self.since
        return MeetCursor(self.settings, since, self.seen)

    def reached(self, latest: datetime | None, end: datetime) -> MeetCursor:
        """The cursor once a call that ended at ``latest`` is stored, of a window that ends at ``end``."""
        seen = int(min(latest, end).timestamp()) if latest else 0
        return MeetCursor(self.settings, self.since, max(self.seen, seen))


class GoogleMeet:
    """Reads the true times of one clinician's calls."""

    def __init__(self, options: MeetOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Pages of true times of calls that ended since the cursor less two days; the last page moves the cursor."""
        window, admin = self._context.window, self._options.reports_admin
        scopes, start = scopes_of(SOURCE_KIND.name, self._options), int(window.start.timestamp())
        with (
            GoogleClient(self._context, self._options, scopes, subject=admin, pause=self._pause) as google,
            self._sense(),
        ):
            settings = self._settings(google.account_id or google.account)
            known = MeetCursor.parse(cursor, settings)
            if is_first := known.is_new or known.since > start:
                known = MeetCursor(settings, start)
            reached = known.following(window.start)
            begin = known.begin(window.start)
            newest, done, kept = begin, 0, REPORTED_FOR if admin else RECORDED_FOR
            for page in (
                CallReport(google, self._context).ended_since(begin) if admin else self._recorded(google, begin)
            ):
                reached = reached.reached(max(page.ends, default=None), window.end)
                newest = max((newest, *page.ends))
                total = max(int(min(newest - begin, kept).total_seconds()), 1)
                oldest = begin if page.is_last else min(page.ends, default=newest)
                done = min(max(done, int((newest - oldest).total_seconds())), total)
                yield Batch(
                    (reached if page.is_last else known).dump(),
                    tuple(found for call in page.calls for found in call.evidence(self._context)),
                    restarts=is_first,
                    rejected=page.rejected,
                    done=total if page.is_last else done,
                    total=total,
                )
                is_first = False

    def _settings(self, account: str) -> str:
        told = self._context
        inside = (told.classifier.domains, told.classifier.staff, told.classifier.management)
        return fingerprint(told.pseudonyms, self._options, told.owners, inside, account)

    def _recorded(self, google: GoogleClient, since: datetime) -> Iterator[CallPage]:
        if not google.account_id:
            found = "the permission does not say under which number Google knows the account."
            remedy = f"Run: {connect_command(self._context.owners[0].key)}"
            raise AuthorizationError(self._context.source, found, remedy)
        colleagues, until = stored_account_ids(self._context, self._options), self._context.window.end
        yield from Conferences(google, colleagues, until).ended_since(since)

    @contextmanager
    def _sense(self) -> Iterator[None]:
        """Say so where what Google answers is not what its own description promises."""
        try:
            yield
        except (ValueError, KeyError, TypeError):
            # without its cause: it may repeat what was read
            found = "what Google tells of calls makes no sense."
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
