"""``evenhours referral``: who takes the next one, for the director."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from monitor.cli import streams
from monitor.cli.context import CliContext, pass_context
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.analysis.referral import Referral
    from monitor.roster import Clinician


@click.command()
@click.option("--skill", "skills", multiple=True, help="What the therapist has to list; repeat it for several.")
@click.option("--language", help="The language of the therapy.")
@click.option("--modality", help='How they meet, such as "video".')
@click.option(
    "--weight", type=click.FloatRange(0.25, 5), default=1.0, show_default=True, help="Weighted sessions a week."
)
@click.option("--trauma", is_flag=True, help="The work will be trauma-focused.")
@click.option("--time", type=click.Choice(["day", "evening"]), help="When the client can come; evening is from 17:00.")
@click.option("--count", type=click.IntRange(1, 20), default=1, show_default=True, help="Several such at once.")
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
    from reports import referral as drawn

    takes = [person.referral_preferences for person in context.config.clinicians]
    wanted = Referral(
        weight=weight,
        skills=frozenset(_listed("skills", word, (one.skills for one in takes)) for word in skills),
        language=language and _listed("languages", language, (one.languages for one in takes)),
        modality=modality and _listed("modality", modality, (one.modality for one in takes)),
        trauma=trauma,
        time=TimeOfDay(time) if time else None,
    )
    if taker is not None:
        _assign(context, context.clinician(taker), wanted, count)
        return
    told = referral_report(context.config, context.store, wanted, now=context.now, count=count)
    context.print_result(drawn.text(told).rstrip("\n"), **asdict(told))


def _assign(context: CliContext, person: Clinician, referral: Referral, count: int) -> None:
    """Record a referral: until the next block it counts with its weight, and takes one of the open slots."""
    from monitor.store import referrals

    streams.work_goes_on()
    with context.store.write() as connection:
        for _ in range(count):
            referrals.assign_referral(connection, person.key, referral, now=int(context.now.timestamp()))
    number = "One referral" if count == 1 else f"{count} referrals"
    context.print_result(
        f"{number} of weight {referral.weight:g} for {person.name}: counted from now on.",
        assigned=person.key,
        weight=referral.weight,
        count=count,
    )


def _listed(option: str, word: str, by_person: Iterable[frozenset[str]]) -> str:
    """The word as somebody lists it; one that nobody lists is a slip of the pen."""
    from monitor.config.reader import suggestion_for

    words = {known.lower(): known for known in sorted(frozenset[str]().union(*by_person))}
    if word.lower() not in words:
        hint = (
            suggestion_for(word, list(words.values()))
            or f'; write {option} = ["{word}"] below somebody\'s [[clinician]]'
        )
        raise UsageError(f'Nobody lists "{word}" among {option}{hint}.')
    return words[word.lower()]
