"""The patterns of one therapist as a page: every note there was, one client at a time, the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import wording

if TYPE_CHECKING:
    from datetime import date

    from reports.private import PatternsReport

PRIVACY = (
    "Private to you: in Evenhours nobody else can open it. (Whoever administers the computer could.) "
    "Whatever you answer is passed on to nobody."
)
LITERATURE = (
    "Why look at this at all: the literature ties a large share of trauma-focused work, and little support around it, "
    "to compassion fatigue. The ties are weak (r = 0.16 to 0.26 over 38 studies: Hensel and others, Journal of "
    "Traumatic Stress 28, 2015), so nothing here can say how one person is."
)
ONE_CLIENT = (
    "Facts, not notes: sessions and messages of the last four weeks, beside what you agreed and what is usual with "
    "this client, extra sessions being those beyond the agreed number in their week; after hours, and channels that "
    "you did not agree on, over eight weeks; how long your last eight replies took in working time, and how many "
    "minutes past their time the last eight sessions ended, each with how that moves from one to the next."
)
LEDGER = "What no calendar shows, by kind and day. No words are kept, so that nothing here can name anybody."
AGENDA = (
    "What you wrote down, and what was noticed about one client, {}. It is a list for you to choose from: it is shown "
    "to nobody, and nothing is ticked off."
)


def html(report: PatternsReport, *, actions: str, csrf_token: str, until: tuple[date, date] | None = None) -> str:
    """The page's body, for a frame of the caller's.

    An answer is posted to ``actions/notices/NOTICE`` as ``answer`` (and ``until``, a date), taken back by a post to
    ``actions/notices/NOTICE/undo``; entries of the ledger are posted to ``actions/ledger`` and struck out by a post to
    ``actions/ledger/ENTRY/strike``. All carry ``csrf_token``. ``until`` are the first and the last day that an answer
    can name as the end of an exception.
    """
    from reports.shell import fragment

    return fragment(
        "patterns.html",
        report=report,
        lines={
            "privacy": PRIVACY,
            "literature": LITERATURE,
            "one_client": ONE_CLIENT,
            "ledger": LEDGER,
            "assumed": wording.ASSUMED_HOURS if report.assumed_hours else "",
            "agenda": AGENDA.format(report.agenda.since),
        },
        full_date=wording.full_date,
        quiet=wording.listed([title[0].lower() + title[1:] for title in report.quiet]),
        unknown=wording.listed([title[0].lower() + title[1:] for title in report.unknown]),
        actions=actions.rstrip("/"),
        days=until,
        csrf_token=csrf_token,
    )
