"""TRUST, row 31: all that a director's account and commands reach, read every morning, gives no week and no day away.

A practice lives with joins, leaves, leave and corrections. The attacker knows every definition in this repository,
reads everything each morning and asks made-up referral questions. ``EVENHOURS_ROW_31=1`` (``make attack``) lives the
whole 52 weeks with a look every day and 1,000 questions; the suite a part of it.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.analysis.calendar import day_number
from monitor.analysis.referral import OpenSlots, Referral, TimeOfDay
from monitor.fairness_report.blocks import employed
from monitor.fairness_report.referral import referral_report
from monitor.fairness_report.report import fairness_report, is_leaving
from monitor.roster import Clinician, ReferralPreferences
from monitor.store import referrals
from reports import fairness
from tests.monitor.block_practice import BLOCK, BlockPractice, clinician, leave, practice, session
from tests.monitor.dashboard_pages import DashboardPages

Floats = NDArray[np.float64]
WHOLE = "EVENHOURS_ROW_31" in os.environ
WEEKS, PEOPLE, QUESTIONS = (52, 12, 1000) if WHOLE else (20, 7, 100)
LOOKS = range(7) if WHOLE else (0, 3)  # days of a week on which the attacker reads
HISTORY = 12
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
START = BLOCK - WEEK * 52
SKILLS = ("CBT", "EMDR", "couples")
CLIENTS = 16


@dataclass
class World:
    """What truly happened: sessions by person and week, days of absence, weekends on which somebody worked."""

    made: BlockPractice
    chance: random.Random
    held: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))
    away: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))
    off: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    weekends: int = 0
    corrections: int = 0

    def here(self, who: Clinician, week: date) -> bool:
        return (who.starts is None or who.starts <= week) and (who.ends is None or week < who.ends)

    def book(self, who: Clinician, week: date) -> None:
        """Book a week a month ahead; now and then leave is entered, the sessions in it taken out or left standing."""
        if not self.here(who, week):
            return
        if week not in self.off[who.key] and self.chance.random() < 0.18:
            days = self.chance.choice((3, 5, 10, 10, 14, 21))
            self.off[who.key] |= {week + DAY * n for n in range(days)}
            self.made.add_events(who.key, [leave(who.key, week, week + DAY * days)])
        for client in range(CLIENTS):
            day = week + DAY * (client % 5)
            if day not in self.off[who.key] or self.chance.random() < 0.3:
                self.made.add_events(who.key, [session(who.key, day, 9 + client // 5, f"C{client}")])

    def live(self, who: Clinician, week: date) -> None:
        """Live a week: some do not come, a weekend is worked, and what was missed is put right when it is over."""
        if not self.here(who, week):
            return
        for client in range(CLIENTS):
            day = week + DAY * (client % 5)
            if day in self.off[who.key]:
                continue
            if self.chance.random() < 0.25:
                self.made.remove(who.key, f"{who.key}-C{client}-{day}")
                self.corrections += 1
            else:
                self.held[who.key, week] += 1
        if self.chance.random() < 0.15 and week + DAY * 5 not in self.off[who.key]:
            self.made.add_events(who.key, [session(who.key, week + DAY * 5, 10, "C0")])
            self.held[who.key, week] += 1
            self.weekends += 1
        self.away[who.key, week] = sum(week + DAY * n in self.off[who.key] for n in range(5))


@dataclass
class Attacker:
    """Whoever has the director's account: keeps all that it was ever shown."""

    loads: dict[tuple[str, date], float] = field(default_factory=dict)
    totals: dict[date, int] = field(default_factory=dict)
    clients: dict[tuple[str, date], float] = field(default_factory=dict)
    ftes: dict[tuple[str, date], float] = field(default_factory=dict)
    seen: dict[tuple[date, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: dict[tuple[date, Referral], set[str]] = field(default_factory=lambda: defaultdict(set))
    mornings: int = 0
    questions: int = 0

    def comes(self, made: BlockPractice, pages: DashboardPages, chance: random.Random) -> None:
        """Read everything, and ask some questions, two of them every time."""
        if block := self.look(made, pages):
            asked = [question(chance) for _ in range(max(1, QUESTIONS // (WEEKS * len(LOOKS))))]
            for referral in (Referral(weight=0.25), Referral(weight=1.0), *asked):
                self.ask(made, block, referral)
                self.questions += 1

    def look(self, made: BlockPractice, pages: DashboardPages) -> date | None:
        """Read the page, its CSV and the report; what is not the clinicians' own open slots has to stand still."""
        self.mornings += 1
        report = fairness_report(made.config, made.store, now=made.now)
        block = report.period.first
        if block is None:
            return None
        pages.clock.now = made.now
        director = pages.signed_in("director")
        page, table = (director.get(path).text for path in ("/practice/", "/practice/caseload.csv"))
        told = "\n".join([page, table, fairness.text(report)])
        told = re.sub(r"(?s)csrf_token.*?>|Complete through.*?\.|Nothing new has arrived.*?\.", "", told)
        told = re.sub(r"The block of [^.]* is over and waits[^.]*\.|The next\s+block is that[^.]*\.[^.]*\.", "", told)
        # Whoever begins, leaves, or comes to within twelve weeks of it, is shown so from that day on.
        today = made.now.date()
        number = day_number(today)
        roster = [one.key for one in employed(made.config.clinicians, number, number)]
        leaving = [one.key for one in made.config.clinicians if is_leaving(one, today)]
        self.seen[block, f"{roster} {leaving}"].add(" ".join(told.split()))
        if report.sessions_held is not None:
            self.totals[block] = report.sessions_held
        for row in report.rows:
            self.ftes[row.key, block] = row.fte
            if row.active_clients is not None:
                self.clients[row.key, block] = row.active_clients
        return block

    def ask(self, made: BlockPractice, block: date, referral: Referral) -> None:
        report = referral_report(made.config, made.store, referral, now=made.now)
        by_name = {one.name: one.key for one in made.config.clinicians}
        for row in report.rows:
            if row.load_after is not None:  # by the weight asked for, the last block's load by itself
                fte = self.ftes.get((by_name[row.name], block), 1.0)
                self.loads[by_name[row.name], block] = row.load_after * fte - referral.weight
        # Whoever joins or leaves moves with the days of their contract, which the director knows.
        settled = {one.name for one in made.config.clinicians if one.starts is None and one.ends is None}
        answer = [
            (row.name, row.load_after, row.last_intake, row.assigned, "" if row.place else row.reason)
            for row in sorted(report.rows, key=lambda row: row.name)
            if row.name in settled
        ]
        self.answers[block, referral].add(json.dumps(answer, default=str))


def question(chance: random.Random) -> Referral:
    return Referral(
        weight=chance.choice((0.25, 0.5, 1.0, 1.25, 1.5, 2.0)),
        skills=frozenset(chance.sample(SKILLS, chance.choice((0, 0, 1)))),
        trauma=chance.random() < 0.3,
        time=chance.choice((None, *TimeOfDay)),
    )


def lived(folder: Path) -> tuple[World, Attacker, list[Clinician]]:
    chance, asks = random.Random(31), random.Random(32)  # apart, so that other questions do not make another world
    people = [
        replace(
            clinician(f"p{number:02}"),
            referral_preferences=ReferralPreferences(skills=frozenset(chance.sample(SKILLS, 2))),
        )
        for number in range(PEOPLE)
    ]
    people[1] = replace(people[1], starts=START + WEEK * (WEEKS // 3))
    people[2] = replace(people[2], ends=START + WEEK * (2 * WEEKS // 3) + DAY * 5)
    attacker = Attacker()
    with practice(folder, people) as made:
        world = World(made, chance)
        first = START - WEEK * HISTORY
        made.now = made.now.replace(year=first.year, month=first.month, day=first.day)
        for number in range(4):
            for who in people:
                world.book(who, first + WEEK * number)
        with DashboardPages(made.config) as pages:
            for number in range(HISTORY + WEEKS):
                week = first + WEEK * number
                made.now = made.now.replace(year=week.year, month=week.month, day=week.day)
                for who in people:
                    if number:
                        world.live(who, week - WEEK)
                    world.book(who, week + WEEK * 4)
                for day in LOOKS if number >= HISTORY else (0,):
                    made.night(week + DAY * day)
                    if number >= HISTORY:
                        attacker.comes(made, pages, asks)
                    else:
                        set_slots(made, asks)
        return world, attacker, people


def set_slots(made: BlockPractice, chance: random.Random) -> None:
    """Everybody sets open slots, which the director may see: once, before the first look."""
    with made.store.write() as connection:
        if referrals.open_slots(connection):
            return
        for who in made.config.clinicians:
            slots = chance.choice((1, 2, 3))
            said = OpenSlots(slots, chance.choice((0, 1, 2)), 1)
            referrals.set_open_slots(connection, who.key, said, entered_at=int(made.now.timestamp()))


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Attacker, list[Clinician]]:
    return lived(tmp_path_factory.mktemp("row31"))


def say(words: str) -> None:
    sys.stdout.write(f"row 31: {words}\n")


def test_between_two_blocks_nothing_moves_whatever_happens(life: tuple[World, Attacker, list[Clinician]]) -> None:
    """No leave that was entered, no weekend, no correction is in what is shown or answered before the next block."""
    world, attacker, _ = life
    asked = sum(len(answers) for answers in attacker.answers.values())
    say(
        f"{attacker.mornings} mornings, {attacker.questions} questions; {world.corrections} corrections, "
        f"{sum(map(bool, world.away.values()))} person-weeks with leave, {world.weekends} weekends worked"
    )
    assert world.corrections > 100
    assert world.weekends > 10
    assert len({block for block, _ in attacker.seen}) >= WEEKS // 4
    assert asked == len(attacker.answers)
    assert {len(pages) for pages in attacker.seen.values()} == {1}


def weekly_weights() -> Floats:
    """How a block's load is made of weekly counts: the mean of four trailing means of eight weeks."""
    return np.convolve(np.full(4, 1 / 4), np.full(8, 1 / 8))  # the eleven weeks up to the block's end


def recovered(rows: list[Floats], known: list[float], prior: Floats, ridge: float) -> Floats:
    """The weekly counts that fit what is known, nearest to what is expected of each week."""
    matrix = np.array(rows)
    off = np.array(known) - matrix @ prior
    gram = matrix @ matrix.T + ridge * np.eye(len(rows))
    return np.asarray(prior + matrix.T @ np.linalg.solve(gram, off))


def test_no_weekly_count_is_recovered_better_than_its_blocks_mean(
    life: tuple[World, Attacker, list[Clinician]],
) -> None:
    world, attacker, people = life
    blocks = sorted(block for block in attacker.totals if block >= START)
    first = blocks[0] - WEEK * 8
    weeks = [first + WEEK * n for n in range((blocks[-1] - first).days // 7 + 4)]
    keys = [who.key for who in people if who.starts is None and who.ends is None]
    truth = np.array([[world.held.get((key, week), 0) for week in weeks] for key in keys], dtype=float)
    prior = np.array(
        [[np.mean([attacker.loads[key, b] for b in blocks if (key, b) in attacker.loads])] * len(weeks) for key in keys]
    )
    place = {(key, week): i * len(weeks) + j for i, key in enumerate(keys) for j, week in enumerate(weeks)}
    rows, known = [], []
    for (key, block), load in attacker.loads.items():
        if key in keys and block in blocks:
            row = np.zeros(len(place))
            for back, weight in enumerate(weekly_weights()):
                row[place[key, block + WEEK * (3 - back)]] = weight
            rows.append(row)
            known.append(load)
    others = [who.key for who in people if who.key not in keys]
    for block in blocks:
        row = np.zeros(len(place))
        for key in keys:
            for n in range(4):
                row[place[key, block + WEEK * n]] = 1
        rows.append(row)
        known.append(attacker.totals[block] - 4 * sum(attacker.loads.get((key, block), 0.0) for key in others))
    inside = np.array([week >= blocks[0] for week in weeks])
    of_block = np.array(
        [
            [truth[i, j - (j - 8) % 4 : j - (j - 8) % 4 + 4].mean() if inside[j] else 0 for j in range(len(weeks))]
            for i in range(len(keys))
        ]
    )
    mean_error = np.sqrt(((of_block - truth)[:, inside] ** 2).mean(axis=1))
    totals = [number for number, row in enumerate(rows) if np.count_nonzero(row) > 11]
    guesses = [prior]
    for chosen in (range(len(rows)), totals):
        for ridge in (1e-6, 1e-3, 1e-2, 0.1, 1.0, 10.0):
            guess = recovered([rows[n] for n in chosen], [known[n] for n in chosen], prior.ravel(), ridge)
            guesses.append(guess.reshape(truth.shape).clip(0, prior.max() * 1.5))
    squares = np.array([((guess - truth)[:, inside] ** 2).mean(axis=1) for guess in guesses])
    # Of all ways to guess, the one that does best for everybody else: for nobody can the attacker know their own.
    way = (squares.sum(axis=1, keepdims=True) - squares).argmin(axis=0)
    best = np.sqrt(squares[way, range(len(keys))])
    for key, ours, theirs in zip(keys, mean_error, best, strict=True):
        say(f"{key}: weekly counts off by {theirs:.2f} sessions on average, by the block's mean {ours:.2f}")
    assert (best >= mean_error).all()


def test_the_same_attack_reads_rolling_sums(life: tuple[World, Attacker, list[Clinician]]) -> None:
    """So the attack is one: sums of eight weeks, read week by week, give the weekly counts away."""
    world, _, people = life
    weeks = [START + WEEK * n for n in range(-8, WEEKS - 4)]
    truth = np.array([world.held.get((people[0].key, week), 0) for week in weeks], dtype=float)
    rows = [np.array([float(at - 8 < j <= at) for j in range(len(weeks))]) for at in range(len(weeks))]
    guess = recovered(rows, [float(row @ truth) for row in rows], np.full(len(weeks), truth.mean()), 1e-9)
    found = int((np.abs(guess - truth) < 0.5).sum())
    say(f"control: rolling sums of eight weeks give back {found} of {len(weeks)} weekly counts")
    assert found == len(weeks)


def test_days_of_absence_are_known_no_better_than_three_either_way(
    life: tuple[World, Attacker, list[Clinician]],
) -> None:
    """A linear attacker who is even told the truth about everybody else: what is left over is more than three days."""
    world, attacker, people = life
    keys = [who.key for who in people if who.starts is None and who.ends is None]
    blocks = sorted(block for block in attacker.totals if block >= START)
    features, days = [], []
    for before, block in pairwise(blocks):
        asks = sum(attacker.loads.get((who.key, block), 0.0) for who in people)
        short = 4 * asks - attacker.totals[block]
        for key in keys:
            load = attacker.loads.get((key, block), np.nan)
            change = load - attacker.loads.get((key, before), np.nan)
            fewer = attacker.clients.get((key, block), np.nan) - attacker.clients.get((key, before), np.nan)
            features.append([1.0, short, load, change, fewer, short / len(keys)])
            days.append(float(sum(world.away.get((key, block + WEEK * n), 0) for n in range(4))))
    x, y = np.nan_to_num(np.array(features)), np.array(days)
    # What is left of each when all the others are learned from: the residual over what the fit leaves it free.
    hat = x @ np.linalg.pinv(x)
    left = (y - hat @ y) / np.maximum(1 - np.diag(hat), 1e-9)
    error = float(np.sqrt((left**2).mean()))
    absent = y >= 3
    say(
        f"days of absence in a block: {y.std():.1f} from person to person, {error:.1f} left with all that is seen, "
        f"{np.sqrt((left[absent] ** 2).mean()):.1f} where somebody was away"
    )
    assert absent.sum() >= 5
    assert error >= 3 or error >= 0.9 * y.std()
    assert np.sqrt((left[absent] ** 2).mean()) >= 3
