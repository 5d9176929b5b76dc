"""``evenhours referral``: ranks the clinicians who could take the next referral, for the director."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import click

from monitor.cli import streams
from monitor.cli.context import CliContext, pass_context
from monitor.errors import UsageError


@click.command()
@click.option("--skill", "skills", multiple=True, help="A skill that the clinician has to list; repeat it for several.")
@click.option("--language", help="The language of the therapy.")
@click.option("--modality", help='How they meet, such as "video".')
@click.option(
    "--weight", type=click.FloatRange(0.25, 5), default=1.0, show_default=True, help="The weighted sessions a week."
)
@click.option("--trauma", is_flag=True, help="The work will be trauma-focused.")
@click.option("--time", type=click.Choice(["day", "evening"]), help="When the client can come; evening is from 17:00.")
@click.option("--count", type=click.IntRange(1, 20), default=1, show_default=True, help="The number of such referrals.")
@click.option("--assign", "taker", metavar="KEY", help="Record that this clinician takes it.")
@pass_context
def referral(  # noqa: PLR0913
    context: CliContext,
    *,
    skills: tuple[str, ...],
    language: str | None,
    modality: str | None,
    weight: float,
    time: str | None,
    count: int,
    taker: str | None,
    trauma: bool,
) -> None:
    """Rank who could take the next referral, with reasons: for the director."""
    from monitor.analysis.referral import Referral, TimeOfDay
    from monitor.fairness_report.referral import referral_report
    from monitor.store.referrals import assign_referral
    from reports import referral as renderer

    preferences = [clinician.referral_preferences for clinician in context.config.clinicians]
    request = Referral(
        weight=weight,
        skills=frozenset(_spelling("skills", word, (listed.skills for listed in preferences)) for word in skills),
        language=language and _spelling("languages", language, (listed.languages for listed in preferences)),
        modality=modality and _spelling("modality", modality, (listed.modality for listed in preferences)),
        trauma=trauma,
        time=TimeOfDay(time) if time else None,
    )
    if taker is None:
        report = referral_report(context.config, context.store, request, now=context.now, count=count)
        context.print_result(renderer.text(report).rstrip("\n"), **asdict(report))
        return

    # An assigned referral counts with its weight until the next block, and uses an open slot.
    clinician = context.clinician(taker)
    streams.ignore_output_errors()  # a closed pipe must not roll the assignment back
    with context.store.write() as connection:
        for _ in range(count):
            assign_referral(connection, clinician.key, request, now=int(context.now.timestamp()))
    number, pronoun = ("one referral", "It counts") if count == 1 else (f"{count} referrals", "They count")
    context.print_result(
        f"Recorded {number} of weight {weight:g} for {clinician.name}. {pronoun} from now on.",
        assigned=clinician.key,
        weight=weight,
        count=count,
    )


def _spelling(option: str, word: str, by_person: Iterable[frozenset[str]]) -> str:
    """Return the word as a clinician spells it. Raises UsageError if nobody lists it."""
    from monitor.config.reader import suggestion_for

    spellings = {spelling.lower(): spelling for spelling in sorted(frozenset[str]().union(*by_person))}
    if word.lower() not in spellings:
        hint = suggestion_for(word, list(spellings.values())) or f'; add {option} = ["{word}"] to a [[clinician]]'
        raise UsageError(f'Nobody lists "{word}" among {option}{hint}.')
    return spellings[word.lower()]
