"""``evenhours correct``: stores the end of a session as its clinician states it."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from monitor.cli.context import CliContext, pass_context
from monitor.errors import UsageError

_CONFIRMED_AFTER = timedelta(hours=3)  # so long after the booked end, a correction may be a typing error


@click.command()
@click.argument("uid_key")
@click.argument("end", required=False)
@click.option("--clinician", metavar="KEY", help="The clinician, if several have this session.")
@click.option("--yes", is_flag=True, help="Confirm an end hours after the booked one.")
@click.option("--undo", is_flag=True, help="Remove the correction, so that the sources count again.")
@pass_context
def correct(
    context: CliContext, uid_key: str, end: str | None, clinician: str | None, *, yes: bool, undo: bool
) -> None:
    """Correct the end of a session: END is a local time (18:05) or date and time (2026-11-20T18:05)."""
    from monitor.analysis.clock import local_time
    from monitor.store.events import find_events
    from monitor.store.evidence import drop_correction, save_correction
    from reports.wording import day_and_month

    if undo == (end is not None):  # both or neither
        raise UsageError("Give the END of the session, or --undo to remove a correction.")
    with context.store.read() as connection:
        sessions = [event for event in find_events(connection, uid_key) if event.kind == "session"]
    if clinician is not None:
        sessions = [event for event in sessions if event.clinician == context.clinician(clinician).key]
    if not sessions:
        raise UsageError(f"No session has the uid_key {uid_key}. evenhours export sessions lists them.")
    if len(sessions) > 1:
        raise UsageError(f"Choose a clinician: --clinician {' | '.join(event.clinician for event in sessions)}")
    (session,) = sessions

    if end is None:
        with context.open_for_writing() as store, store.write() as connection:
            if not drop_correction(connection, session.clinician, uid_key):
                raise UsageError("That session has no correction.")
        context.print_result(
            f"Correction removed. {_computed(context, session.clinician)}", uid_key=uid_key, ended_at=None
        )
        return

    person = context.clinician(session.clinician)
    began, booked_end = (local_time(person, instant) for instant in (session.start, session.booked_end))
    booked = f"That session was booked for {day_and_month(began)} from {began:%H:%M} to {booked_end:%H:%M}"
    ended = _instant(end, began, booked_end)
    if not 0 <= ended.timestamp() - session.start <= context.config.practice.longest_session_hours * 3600:
        raise UsageError(f"{booked}; it cannot have ended at {end}.")
    if ended - booked_end > _CONFIRMED_AFTER and not yes:
        raise UsageError(f"{booked}. If it really ended at {ended:%H:%M} on {day_and_month(ended)}, add --yes.")
    with context.open_for_writing() as store, store.write() as connection:
        save_correction(connection, session.clinician, uid_key, int(ended.timestamp()), int(context.now.timestamp()))
    computed = _computed(context, session.clinician)
    text = f"Corrected: the session ended at {ended:%H:%M} on {day_and_month(ended)}. {computed}"
    context.print_result(text, uid_key=uid_key, ended_at=ended.isoformat())


def _computed(context: CliContext, key: str) -> str:
    """Compute a clinician's numbers after a change; return a sentence that says whether they are up to date."""
    from monitor.compute import bring_up_to_date

    ready = bring_up_to_date(context.config, context.store, context.clinician(key), now=context.now)
    if ready.is_current:
        return "The weekly numbers are up to date."
    return "The weekly numbers could not be computed; the previous ones stay. Run: evenhours doctor"


def _instant(text: str, began: datetime, booked_end: datetime) -> datetime:
    """Return the instant of ``text``: a time on the day of the booked end, or a date and time, local without an offset.

    A time before the session's beginning belongs to the next day.
    """
    try:
        if len(text) <= len("18:05:00"):  # a time without a date
            parsed = datetime.strptime(text, "%H:%M" if text.count(":") == 1 else "%H:%M:%S")
            instant = datetime.combine(booked_end.date(), parsed.time(), booked_end.tzinfo)
            # A session from 23:30 to 00:20 that is corrected to 00:05 ended on the next day.
            return instant if instant >= began else instant + timedelta(days=1)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'"{text}" is not a time; write it like 18:05 or 2026-11-20T18:05.') from None
    return instant if instant.tzinfo else instant.replace(tzinfo=booked_end.tzinfo)
