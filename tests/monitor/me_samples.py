"""What the pages for one therapist alone must bear, with invented numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from monitor.dashboard.me.agenda import Agenda, AgendaItem
from monitor.dashboard.me.agreements import AgreementReport, AgreementsReport, FieldGroup, MessageThread
from monitor.dashboard.me.check_in import CheckInReport, CompletedQuestionnaire, QuestionnaireForm
from monitor.dashboard.me.client_index import Choice, ClientEntry, TermEntry, TermField
from monitor.dashboard.me.clients import ClientGroup, ClientKey, ClientReport, ClientsReport, SamePersonSuggestion
from monitor.dashboard.me.data import OwnCaseload, OwnSlots
from monitor.dashboard.me.patterns import LedgerEntry, Note, NoteGroup, PatternsReport
from reports.models import AnswerChoice, Card, TextTable
from tests.reports.samples import FIRST, PERIOD, PRACTICE, beside

CONTACTS = ("Morag, supervisor",)


def sheet(key: str, items: int, *, open_from: date | None = None) -> QuestionnaireForm:
    return QuestionnaireForm(
        key=key,
        title=key.title(),
        about="About how it is.",
        items=tuple(range(1, items + 1)),
        lowest=1,
        highest=5,
        ends=("never", "very often"),
        reading="Three sums of 10 to 50.",
        source="Somebody and others, 2010",
        address="sheet.example" if items > 1 else "",
        open_from=open_from,
    )


def check_in() -> CheckInReport:
    answered = CompletedQuestionnaire(
        "thirty", "Thirty", date(2026, 3, 2), ("Burnout 21, low", "Compassion satisfaction 41, moderate")
    )
    return CheckInReport(
        headline="How do you feel, beside what was counted?",
        beside=beside(),
        answered=(answered,),
        sheets=(sheet("thirty", 30, open_from=date(2026, 4, 1)), sheet("one", 1), sheet("sixteen", 16)),
        contacts=CONTACTS,
        assumed_hours=True,
    )


def first_check_in() -> CheckInReport:
    """Nothing was answered yet."""
    return CheckInReport("How do you feel?", None, (), (sheet("thirty", 30), sheet("one", 1)), (), assumed_hours=True)


HOSTILE = "<script>alert('x')</script> & \"Zoë\""


def note(number: int, *, answered: str | None = None, text: str = "For six weeks your replies ran 1.8 times.") -> Note:
    table = TextTable(("Sent", "To"), (("Tue 21:40", "Tuesdays, 15:00 · K7Q2"),))
    answers = (AnswerChoice("planned", "This was planned"), AnswerChoice("noted", "Thanks, noted"))
    card = Card(number, "Replies after hours", text, table, "let the rest wait.", answers, answered, weeks=table)
    return Note(
        card=card,
        week=FIRST,
        moved="1.8 times your usual (1.3 to 2.4)",
        weeks="6 October to 16 November 2025",
        open=answered is None,
        answered_on=FIRST if answered else None,
    )


def patterns() -> PatternsReport:
    return PatternsReport(
        headline="One note waits for a word from you, if you like",
        waiting=(note(7, text=HOSTILE),),
        groups=(NoteGroup("Replies after hours", (note(6, answered="Thanks, noted"), note(5))),),
        quiet=("Sessions running over", "More contact with one client"),
        clients=TextTable(("Client", "Sessions"), ((HOSTILE, "4, agreed 2"),)),
        ledger=(LedgerEntry(3, FIRST, "A gift", "Tuesdays, 15:00 · K7Q2"), LedgerEntry(2, FIRST, "Touch", "")),
        exceptions="2 exceptions in the last year: 1 in the ledger, 1 by an answer to a note.",
        kinds=(Choice("gift", "A gift"), Choice("touch", "Touch")),
        people=(Choice("4", HOSTILE),),
        agenda=Agenda("of the last eight weeks", (AgendaItem(HOSTILE, ("A gift, 3 March",)),)),
        assumed_hours=True,
        today=FIRST,
    )


def own_caseload() -> OwnCaseload:
    return OwnCaseload(
        PERIOD, replace(PRACTICE[-1], name=HOSTILE), compared=True, slots=OwnSlots(2, 1, 1, FIRST, asks=True),
        complete_through=None,
    )  # fmt: skip


def line() -> ClientEntry:
    return ClientEntry(4, HOSTILE, (FIRST, FIRST + timedelta(days=7)), ("Weight band 3", "2 codes joined"))


def clients() -> ClientsReport:
    maybe = SamePersonSuggestion(4, 9, ("Tuesdays, 15:00 · K7Q2", "M4ZP"), "Both write in 2 threads of yours.")
    groups = (
        ClientGroup("Seen in the last 90 days", "", (line(),), more=3),
        ClientGroup("Only in messages", "Somebody who writes.", (line(),), only_write=True),
    )
    return ClientsReport("Who is behind a code?", (maybe,), groups)


FORMS = (
    TermField("standing", "Who this is", "choice", (Choice("client", "A client", chosen=True),), "client", 0, 0),
    TermField("frequency", "Sessions a week", "number", (), "0.5", 0.05, 7),
    TermField(
        "channels", "Channels", "words", (Choice("email", "Email", chosen=True), Choice("sms", "Text")), "email", 0, 0
    ),
    TermField("contact_hours", "Hours", "hours", (), "09:00-18:00", 0, 0),
    TermField("review_on", "Review", "date", (), "2026-01-01", 0, 0),
    TermField("fees", "Fees", "agreed", (Choice("agreed", "Agreed", chosen=True),), "agreed", 0, 0),
    TermField("emergency", "Emergency", "yes_no", (Choice("yes", "Yes"), Choice("no", "No")), "", 0, 0),
)
SAID = (TermEntry(4, "fees", "Fees: Agreed", FIRST, 20_402), TermEntry(4, "standing", HOSTILE, None, 0))


def client() -> ClientReport:
    keys = (ClientKey(4, "K7Q2"), ClientKey(9, "M4ZP"))
    return ClientReport(line(), FORMS, keys, (Choice("5", HOSTILE),), SAID, FIRST)


def agreements() -> AgreementsReport:
    return AgreementsReport("What did I agree with this client?", (line(),), (line(),))


def agreement() -> AgreementReport:
    return AgreementReport(
        line=line(),
        groups=(FieldGroup("Sessions", "What holds.", FORMS),),
        conversations=(
            MessageThread(-7, "3 March", HOSTILE, emergency=True),
            MessageThread(8, "2 March", "2 messages", False),
        ),
        said=SAID,
        due="the agreement since today",
        since="2025-11-10",
    )
