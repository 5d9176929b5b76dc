"""Reports with invented numbers and hostile names for the pages for one therapist alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from monitor.analysis.questionnaires import Questionnaire, QuestionnaireScale, Scoring
from monitor.analysis.terms import Term, TermFormat
from monitor.dashboard.me.agenda import Agenda, AgendaItem
from monitor.dashboard.me.agreements import AgreementReport, AgreementsReport, FieldGroup, MessageThread
from monitor.dashboard.me.check_in import CheckInReport, CompletedQuestionnaire, QuestionnaireForm
from monitor.dashboard.me.client_index import Choice, ClientEntry, TermEntry, TermField
from monitor.dashboard.me.clients import ClientGroup, ClientKey, ClientReport, ClientsReport, SamePersonQuestion
from monitor.dashboard.me.data import OwnCaseload, OwnSlots
from monitor.dashboard.me.patterns import LedgerEntry, NoticeEntry, NoticeGroup, PatternsReport
from reports.models import AnswerChoice, Card, TextTable
from tests.reports.samples import FIRST, PERIOD, PRACTICE, comparison

CONTACTS = ("Morag, supervisor",)


def questionnaire(key: str, items: int, *, open_from: date | None = None) -> QuestionnaireForm:
    return QuestionnaireForm(
        Questionnaire(
            key=key,
            title=key.title(),
            about="About how it is.",
            lowest=1,
            highest=5,
            end_labels=("never", "very often"),
            reversed_items=frozenset(),
            scoring=Scoring.SUM,
            scales=(QuestionnaireScale("all", "All", tuple(range(1, items + 1))),),
            min_days_apart=30,
            source="Somebody and others, 2010",
            address="sheet.example" if items > 1 else "",
        ),
        reading="Three sums of 10 to 50.",
        open_from=open_from,
    )


def check_in() -> CheckInReport:
    completed = CompletedQuestionnaire(
        "thirty", "Thirty", date(2026, 3, 2), ("Burnout 21, low", "Compassion satisfaction 41, moderate")
    )
    return CheckInReport(
        headline="How do you feel, beside what was counted?",
        comparison=comparison(),
        completed=(completed,),
        forms=(
            questionnaire("thirty", 30, open_from=date(2026, 4, 1)),
            questionnaire("one", 1),
            questionnaire("sixteen", 16),
        ),
        contacts=CONTACTS,
        assumed_hours=True,
    )


def first_check_in() -> CheckInReport:
    """Return the page before anything was answered."""
    return CheckInReport(
        "How do you feel?", None, (), (questionnaire("thirty", 30), questionnaire("one", 1)), (), assumed_hours=True
    )


HOSTILE = "<script>alert('x')</script> & \"Zoë\""


def notice(
    number: int, *, answered: str | None = None, text: str = "For six weeks your replies ran 1.8 times."
) -> NoticeEntry:
    table = TextTable(("Sent", "To"), (("Tue 21:40", "Tuesdays, 15:00 · K7Q2"),))
    answers = (AnswerChoice("planned", "This was planned"), AnswerChoice("noted", "Thanks, noted"))
    card = Card(number, "Replies after hours", text, table, "let the rest wait.", answers, answered, weeks=table)
    return NoticeEntry(
        card=card,
        week=FIRST,
        change="1.8 times your usual (1.3 to 2.4)",
        weeks="6 October to 16 November 2025",
        is_open=answered is None,
        answered_on=FIRST if answered else None,
    )


def patterns() -> PatternsReport:
    return PatternsReport(
        headline="You can still answer one note, if you like",
        open_notices=(notice(7, text=HOSTILE),),
        groups=(NoticeGroup("Replies after hours", (notice(6, answered="Thanks, noted"), notice(5))),),
        quiet_families=("Sessions running over", "One client"),
        clients=TextTable(("Client", "Sessions"), ((HOSTILE, "4, agreed 2"),)),
        ledger=(LedgerEntry(3, FIRST, "A gift", "Tuesdays, 15:00 · K7Q2"), LedgerEntry(2, FIRST, "Touch", "")),
        exceptions="2 exceptions in the last year: 1 in the ledger, 1 by an answer to a note.",
        ledger_kinds=(Choice("gift", "A gift"), Choice("touch", "Touch")),
        client_choices=(Choice("4", HOSTILE),),
        agenda=Agenda("in the last eight weeks", (AgendaItem(HOSTILE, ("A gift, 3 March",)),)),
        assumed_hours=True,
        today=FIRST,
    )


def own_caseload() -> OwnCaseload:
    return OwnCaseload(
        PERIOD, replace(PRACTICE[-1], name=HOSTILE), compared=True, slots=OwnSlots(2, 1, 1, FIRST, is_old=True),
        complete_through=None,
    )  # fmt: skip


def entry() -> ClientEntry:
    return ClientEntry(4, HOSTILE, (FIRST, FIRST + timedelta(days=7)), ("Weight band 3", "2 codes joined"))


def clients() -> ClientsReport:
    question = SamePersonQuestion(4, 9, ("Tuesdays, 15:00 · K7Q2", "M4ZP"), "Both write in 2 threads of yours.")
    groups = (
        ClientGroup("Seen in the last 90 days", "", (entry(),), omitted=3),
        ClientGroup("Only in messages", "Somebody who writes.", (entry(),), messages_only=True),
    )
    return ClientsReport("Who is behind a code?", (question,), groups)


FORMS = (
    TermField(
        Term("standing", TermFormat.CHOICE, "Who this is"),
        (Choice("client", "A client", is_selected=True),),
        "client",
    ),
    TermField(Term("frequency", TermFormat.NUMBER, "Sessions a week", low=0.05, high=7), (), "0.5"),
    TermField(
        Term("channels", TermFormat.WORDS, "Channels"),
        (Choice("email", "Email", is_selected=True), Choice("sms", "Text")),
        "email",
    ),
    TermField(Term("contact_hours", TermFormat.HOURS, "Hours"), (), "09:00-18:00"),
    TermField(Term("review_on", TermFormat.DATE, "Review"), (), "2026-01-01"),
    TermField(Term("fees", TermFormat.AGREED, "Fees"), (Choice("agreed", "Agreed", is_selected=True),), "agreed"),
    TermField(Term("emergency", TermFormat.YES_NO, "Emergency"), (Choice("yes", "Yes"), Choice("no", "No")), ""),
)
HISTORY = (TermEntry(4, "fees", "Fees: Agreed", FIRST, 20_402), TermEntry(4, "standing", HOSTILE, None, 0))


def client() -> ClientReport:
    keys = (ClientKey(4, "K7Q2"), ClientKey(9, "M4ZP"))
    return ClientReport(entry(), FORMS, keys, (Choice("5", HOSTILE),), HISTORY, FIRST)


def agreements() -> AgreementsReport:
    return AgreementsReport("What did I agree with this client?", (entry(),), (entry(),))


def agreement() -> AgreementReport:
    return AgreementReport(
        entry=entry(),
        groups=(FieldGroup("Sessions", "What holds.", FORMS),),
        threads=(
            MessageThread(-7, "3 March", HOSTILE, is_emergency=True),
            MessageThread(8, "2 March", "2 messages", False),
        ),
        history=HISTORY,
        due="the agreement since today",
        since="2025-11-10",
    )
