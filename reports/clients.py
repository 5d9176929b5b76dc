"""The pages about clients, for their clinician alone: who is behind a code, and what was agreed with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports import wording

if TYPE_CHECKING:
    from datetime import date

    from reports.private import AgreementReport, AgreementsReport, ClientReport, ClientsReport

PRIVACY = (
    "Private to you. No name is stored: a client is known by the usual slot and a short code, and nobody else’s pages "
    "show either."
)


def clients_html(report: ClientsReport, *, csrf_token: str, clients: str, agreements: str) -> str:
    """The body of the list of clients, for a frame of the caller's. Its forms are posted below ``clients``."""
    return _drawn("clients.html", report, csrf_token, clients, agreements)


def client_html(report: ClientReport, *, csrf_token: str, clients: str, agreements: str) -> str:
    """The body of one client's page."""
    return _drawn("client.html", report, csrf_token, clients, agreements)


def agreements_html(report: AgreementsReport, *, csrf_token: str, clients: str, agreements: str) -> str:
    """The body of the list of agreements."""
    return _drawn("agreements.html", report, csrf_token, clients, agreements)


def agreement_html(report: AgreementReport, *, csrf_token: str, clients: str, agreements: str) -> str:
    """The body of one client's agreement. Its forms are posted below ``agreements``."""
    return _drawn("agreement.html", report, csrf_token, clients, agreements)


def _drawn(template: str, report: object, csrf_token: str, clients: str, agreements: str) -> str:
    from reports.shell import fragment

    values: dict[str, Any] = {
        "report": report,
        "privacy": PRIVACY,
        "clients": clients,
        "agreements": agreements,
        "csrf_token": csrf_token,
        "day": _short_day,
        "full_date": wording.full_date,
    }
    return fragment(template, **values)


def _short_day(day: date) -> str:
    """A day that stands in a row of days and does not break: "9 Nov"."""
    return f"{day.day}\u00a0{wording.MONTHS[day.month - 1][:3]}"
