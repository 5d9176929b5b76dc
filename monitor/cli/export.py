"""``evenhours export``: the documented tables as CSV or JSON lines on standard output."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date

import click

from monitor.cli.context import DAY, CliContext, pass_context
from monitor.errors import UsageError
from monitor.exports import COLUMNS, export_rows


@click.command()
@click.argument("table", type=click.Choice(list(COLUMNS)))
@click.option("--clinician", metavar="KEY", help="Only this clinician (default: everybody).")
@click.option("--from", "first", type=DAY, help="First local day.")
@click.option("--to", "last", type=DAY, help="Last local day, included.")
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@pass_context
def export(
    context: CliContext, table: str, clinician: str | None, first: date | None, last: date | None, format_: str
) -> None:
    """Print one table: all rows that touch the given days."""
    if first and last and last < first:
        raise UsageError(f"--to {last} is before --from {first}.")
    people = [context.clinician(clinician)] if clinician else context.config.clinicians
    rows = (  # a generator, so that only one clinician at a time is in memory
        row
        for person in people
        for row in export_rows(table, context.config, context.store, person, first=first, last=last, now=context.now)
    )
    columns = COLUMNS[table]
    if format_ == "jsonl" or context.as_json:
        for row in rows:  # in the order of the documented columns
            sys.stdout.write(json.dumps({column: row[column] for column in columns}, ensure_ascii=False) + "\n")
    else:
        writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: _without_formula(cell) for column, cell in row.items()} for row in rows)


def _without_formula(cell: object) -> object:
    """Return the cell, marked as text if a spreadsheet would read it as a formula."""
    # The characters with which spreadsheets let a formula begin (OWASP, CSV injection).
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
