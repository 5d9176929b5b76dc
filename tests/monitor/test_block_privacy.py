"""Everything that a director's account and commands can read, every morning, reveals no week and no day of anybody.

A practice lives with joins, leaves, leave and corrections. The attacker knows every definition in this repository,
reads everything each morning and asks made-up referral questions. ``EVENHOURS_FULL_ATTACK=1`` (``make attack``) lives
the whole 52 weeks with a reading every day and 1,000 questions; the suite a part of it.
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
FULL_ATTACK = "EVENHOURS_FULL_ATTACK" in os.environ
WEEKS, PEOPLE, QUESTIONS = (52, 12, 1000) if FULL_ATTACK else (20, 7, 100)
READING_DAYS = range(7) if FULL_ATTACK else (0, 3)  # days of a week on which the attacker reads
HISTORY = 12
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
START = BLOCK - WEEK * 52
SKILLS = ("CBT", "EMDR", "couples")
CLIENTS = 16


@dataclass
class World:
    """The true course of a simulated practice: sessions by person and week, days of absence, weekends with work."""

    practice: BlockPractice
    rng: random.Random
    held: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))
    away: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))
    off: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    weekends: int = 0
    corrections: int = 0

    def is_employed(self, clinician: Clinician, week: date) -> bool:
        return (clinician.starts is None or clinician.starts <= week) and (
            clinician.ends is None or week < clinician.ends
        )

    def book(self, clinician: Clinician, week: date) -> None:
        """Book a week a month ahead; now and then enter leave, with the sessions in it removed or not."""
        if not self.is_employed(clinician, week):
            return
        if week not in self.off[clinician.key] and self.rng.random() < 0.18:
            days = self.rng.choice((3, 5, 10, 10, 14, 21))
            self.off[clinician.key] |= {week + DAY * n for n in range(days)}
            self.practice.add_events(clinician.key, [leave(clinician.key, week, week + DAY * days)])
        for client in range(CLIENTS):
            day = week + DAY * (client % 5)
            if day not in self.off[clinician.key] or self.rng.random() < 0.3:
                self.practice.add_events(clinician.key, [session(clinician.key, day, 9 + client // 5, f"C{client}")])

    def live(self, clinician: Clinician, week: date) -> None:
        """Let a week pass: some clients do not come, a weekend is worked, and the calendar is corrected afterwards."""
        if not self.is_employed(clinician, week):
            return
        for client in range(CLIENTS):
            day = week + DAY * (client % 5)
            if day in self.off[clinician.key]:
                continue
            if self.rng.random() < 0.25:
                self.practice.remove(clinician.key, f"{clinician.key}-C{client}-{day}")
                self.corrections += 1
            else:
                self.held[clinician.key, week] += 1
        if self.rng.random() < 0.15 and week + DAY * 5 not in self.off[clinician.key]:
            self.practice.add_events(clinician.key, [session(clinician.key, week + DAY * 5, 10, "C0")])
            self.held[clinician.key, week] += 1
            self.weekends += 1
        self.away[clinician.key, week] = sum(week + DAY * n in self.off[clinician.key] for n in range(5))


@dataclass
class Attacker:
    """The holder of the director's account, who collects everything that was ever shown."""

    loads: dict[tuple[str, date], float] = field(default_factory=dict)
    totals: dict[date, int] = field(default_factory=dict)
    clients: dict[tuple[str, date], float] = field(default_factory=dict)
    ftes: dict[tuple[str, date], float] = field(default_factory=dict)
    seen: dict[tuple[date, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: dict[tuple[date, Referral], set[str]] = field(default_factory=lambda: defaultdict(set))
    mornings: int = 0
    questions: int = 0

    def read_and_ask(self, practice: BlockPractice, pages: DashboardPages, rng: random.Random) -> None:
        """Read everything and ask some questions, two of them each time."""
        if block := self.look(practice, pages):
            random_referrals = [question(rng) for _ in range(max(1, QUESTIONS // (WEEKS * len(READING_DAYS))))]
            for referral in (Referral(weight=0.25), Referral(weight=1.0), *random_referrals):
                self.ask(practice, block, referral)
                self.questions += 1

    def look(self, simulated: BlockPractice, pages: DashboardPages) -> date | None:
        """Read the page, its CSV and the report; all but the clinicians' own open slots stands still within a block."""
        self.mornings += 1
        report = fairness_report(simulated.config, simulated.store, now=simulated.now)
        block = report.period.first
        if block is None:
            return None
        pages.clock.now = simulated.now
        director = pages.signed_in("director")
        page, table = (director.get(path).text for path in ("/practice/", "/practice/caseload.csv"))
        content = "\n".join([page, table, fairness.text(report)])
        content = re.sub(r"(?s)csrf_token.*?>|Complete through.*?\.|Nothing new has arrived.*?\.", "", content)
        content = re.sub(
            r"The block of [^.]* is over and waits[^.]*\.[^.]*\.|The next\s+block is [^.]*\.[^.]*\.", "", content
        )
        # Whoever begins, leaves, or comes to within twelve weeks of it, is shown so from that day on.
        today = simulated.now.date()
        number = day_number(today)
        roster = [person.key for person in employed(simulated.config.clinicians, number, number)]
        leaving = [person.key for person in simulated.config.clinicians if is_leaving(person, today)]
        self.seen[block, f"{roster} {leaving}"].add(" ".join(content.split()))
        if report.sessions_held is not None:
            self.totals[block] = report.sessions_held
        for row in report.rows:
            self.ftes[row.key, block] = row.fte
            if row.active_clients is not None:
                self.clients[row.key, block] = row.active_clients
        return block

    def ask(self, practice: BlockPractice, block: date, referral: Referral) -> None:
        report = referral_report(practice.config, practice.store, referral, now=practice.now)
        by_name = {person.name: person.key for person in practice.config.clinicians}
        for row in report.rows:
            if row.load_after is not None:  # by the weight asked for, the last block's load by itself
                fte = self.ftes.get((by_name[row.name], block), 1.0)
                self.loads[by_name[row.name], block] = row.load_after * fte - referral.weight
        # Whoever joins or leaves moves with the days of their contract, which the director knows.
        settled = {
            person.name for person in practice.config.clinicians if person.starts is None and person.ends is None
        }
        answer = [
            (row.name, row.load_after, row.last_intake, row.assigned, "" if row.place else row.reason)
            for row in sorted(report.rows, key=lambda row: row.name)
            if row.name in settled
        ]
        self.answers[block, referral].add(json.dumps(answer, default=str))


def question(rng: random.Random) -> Referral:
    return Referral(
        weight=rng.choice((0.25, 0.5, 1.0, 1.25, 1.5, 2.0)),
        skills=frozenset(rng.sample(SKILLS, rng.choice((0, 0, 1)))),
        trauma=rng.random() < 0.3,
        time=rng.choice((None, *TimeOfDay)),
    )


def simulate(folder: Path) -> tuple[World, Attacker, list[Clinician]]:
    rng, question_rng = (
        random.Random(31),
        random.Random(32),
    )  # separate, so that the questions do not change the practice
    people = [
        replace(
            clinician(f"p{number:02}"),
            referral_preferences=ReferralPreferences(skills=frozenset(rng.sample(SKILLS, 2))),
        )
        for number in range(PEOPLE)
    ]
    people[1] = replace(people[1], starts=START + WEEK * (WEEKS // 3))
    people[2] = replace(people[2], ends=START + WEEK * (2 * WEEKS // 3) + DAY * 5)
    attacker = Attacker()
    with practice(folder, people) as simulated:
        world = World(simulated, rng)
        first = START - WEEK * HISTORY
        simulated.now = simulated.now.replace(year=first.year, month=first.month, day=first.day)
        for number in range(4):
            for person in people:
                world.book(person, first + WEEK * number)
        with DashboardPages(simulated.config) as pages:
            for number in range(HISTORY + WEEKS):
                week = first + WEEK * number
                simulated.now = simulated.now.replace(year=week.year, month=week.month, day=week.day)
                for person in people:
                    if number:
                        world.live(person, week - WEEK)
                    world.book(person, week + WEEK * 4)
                for day in READING_DAYS if number >= HISTORY else (0,):
                    simulated.night(week + DAY * day)
                    if number >= HISTORY:
                        attacker.read_and_ask(simulated, pages, question_rng)
                    else:
                        set_slots(simulated, question_rng)
        return world, attacker, people


def set_slots(practice: BlockPractice, rng: random.Random) -> None:
    """Set everybody's open slots, which the director may see: once, before the first reading."""
    with practice.store.write() as connection:
        if referrals.open_slots(connection):
            return
        for clinician in practice.config.clinicians:
            slots = rng.choice((1, 2, 3))
            slots_set = OpenSlots(slots, rng.choice((0, 1, 2)), 1)
            referrals.set_open_slots(connection, clinician.key, slots_set, entered_at=int(practice.now.timestamp()))


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Attacker, list[Clinician]]:
    return simulate(tmp_path_factory.mktemp("attack"))


def print_result(words: str) -> None:
    sys.stdout.write(f"director attack: {words}\n")


def test_between_two_blocks_nothing_moves_whatever_happens(life: tuple[World, Attacker, list[Clinician]]) -> None:
    """No leave, weekend or correction changes a page or an answer before the next block."""
    world, attacker, _ = life
    answer_count = sum(len(answers) for answers in attacker.answers.values())
    print_result(
        f"{attacker.mornings} mornings, {attacker.questions} questions; {world.corrections} corrections, "
        f"{sum(map(bool, world.away.values()))} person-weeks with leave, {world.weekends} weekends worked"
    )
    assert world.corrections > 100
    assert world.weekends > 10
    assert len({block for block, _ in attacker.seen}) >= WEEKS // 4
    assert answer_count == len(attacker.answers)
    assert {len(pages) for pages in attacker.seen.values()} == {1}


def weekly_weights() -> Floats:
    """Return the weights of weekly counts in a block's load: the mean of four trailing means of eight weeks."""
    return np.convolve(np.full(4, 1 / 4), np.full(8, 1 / 8))  # the eleven weeks up to the block's end


def estimate_weekly_counts(rows: list[Floats], totals: list[float], prior: Floats, ridge: float) -> Floats:
    """Return the weekly counts that fit the known totals and lie nearest to what is expected of each week."""
    matrix = np.array(rows)
    residual = np.array(totals) - matrix @ prior
    gram = matrix @ matrix.T + ridge * np.eye(len(rows))
    return np.asarray(prior + matrix.T @ np.linalg.solve(gram, residual))


def test_no_weekly_count_is_recovered_better_than_its_blocks_mean(
    life: tuple[World, Attacker, list[Clinician]],
) -> None:
    world, attacker, people = life
    blocks = sorted(block for block in attacker.totals if block >= START)
    first = blocks[0] - WEEK * 8
    weeks = [first + WEEK * offset for offset in range((blocks[-1] - first).days // 7 + 4)]
    keys = [clinician.key for clinician in people if clinician.starts is None and clinician.ends is None]
    truth = np.array([[world.held.get((key, week), 0) for week in weeks] for key in keys], dtype=float)
    prior = np.array(
        [
            [np.mean([attacker.loads[key, block_] for block_ in blocks if (key, block_) in attacker.loads])]
            * len(weeks)
            for key in keys
        ]
    )
    place = {
        (key, week): person * len(weeks) + week_index
        for person, key in enumerate(keys)
        for week_index, week in enumerate(weeks)
    }
    rows, known_totals = [], []
    for (key, block), load in attacker.loads.items():
        if key in keys and block in blocks:
            row = np.zeros(len(place))
            for back, weight in enumerate(weekly_weights()):
                row[place[key, block + WEEK * (3 - back)]] = weight
            rows.append(row)
            known_totals.append(load)
    other_keys = [clinician.key for clinician in people if clinician.key not in keys]
    for block in blocks:
        row = np.zeros(len(place))
        for key in keys:
            for offset in range(4):
                row[place[key, block + WEEK * offset]] = 1
        rows.append(row)
        known_totals.append(
            attacker.totals[block] - 4 * sum(attacker.loads.get((key, block), 0.0) for key in other_keys)
        )
    inside = np.array([week >= blocks[0] for week in weeks])
    of_block = np.array(
        [
            [
                truth[person, week_index - (week_index - 8) % 4 : week_index - (week_index - 8) % 4 + 4].mean()
                if inside[week_index]
                else 0
                for week_index in range(len(weeks))
            ]
            for person in range(len(keys))
        ]
    )
    mean_error = np.sqrt(((of_block - truth)[:, inside] ** 2).mean(axis=1))
    totals = [number for number, row in enumerate(rows) if np.count_nonzero(row) > 11]
    guesses = [prior]
    for chosen in (range(len(rows)), totals):
        for ridge in (1e-6, 1e-3, 1e-2, 0.1, 1.0, 10.0):
            guess = estimate_weekly_counts(
                [rows[offset] for offset in chosen], [known_totals[offset] for offset in chosen], prior.ravel(), ridge
            )
            guesses.append(guess.reshape(truth.shape).clip(0, prior.max() * 1.5))
    squares = np.array([((guess - truth)[:, inside] ** 2).mean(axis=1) for guess in guesses])
    # Of all ways to guess, the one that does best for everybody else: for nobody can the attacker know their own.
    best_method = (squares.sum(axis=1, keepdims=True) - squares).argmin(axis=0)
    best = np.sqrt(squares[best_method, range(len(keys))])
    for key, ours, theirs in zip(keys, mean_error, best, strict=True):
        print_result(f"{key}: weekly counts off by {theirs:.2f} sessions on average, by the block's mean {ours:.2f}")
    assert (best >= mean_error).all()


def test_the_same_attack_reads_rolling_sums(life: tuple[World, Attacker, list[Clinician]]) -> None:
    """Control: given sums of eight weeks, read week by week, the attack does recover the weekly counts."""
    world, _, people = life
    weeks = [START + WEEK * n for n in range(-8, WEEKS - 4)]
    truth = np.array([world.held.get((people[0].key, week), 0) for week in weeks], dtype=float)
    rows = [
        np.array([float(end - 8 < week_index <= end) for week_index in range(len(weeks))]) for end in range(len(weeks))
    ]
    guess = estimate_weekly_counts(rows, [float(row @ truth) for row in rows], np.full(len(weeks), truth.mean()), 1e-9)
    recovered = int((np.abs(guess - truth) < 0.5).sum())
    print_result(f"control: rolling sums of eight weeks give back {recovered} of {len(weeks)} weekly counts")
    assert recovered == len(weeks)


def test_days_of_absence_are_known_no_better_than_three_either_way(
    life: tuple[World, Attacker, list[Clinician]],
) -> None:
    """A linear attacker who even knows the truth about everybody else stays more than three days off."""
    world, attacker, people = life
    keys = [clinician.key for clinician in people if clinician.starts is None and clinician.ends is None]
    blocks = sorted(block for block in attacker.totals if block >= START)
    features, days = [], []
    for before, block in pairwise(blocks):
        asks = sum(attacker.loads.get((clinician.key, block), 0.0) for clinician in people)
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
    print_result(
        f"days of absence in a block: {y.std():.1f} from person to person, {error:.1f} left with all that is seen, "
        f"{np.sqrt((left[absent] ** 2).mean()):.1f} where somebody was away"
    )
    assert absent.sum() >= 5
    assert error >= 3 or error >= 0.9 * y.std()
    assert np.sqrt((left[absent] ** 2).mean()) >= 3
