"""The oracle of the quarter: finds wrong statements on a day from the plan and the texts alone.

It uses no code of the product.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from benchmarks.quarter import phrases
from benchmarks.quarter.files import sessions_held
from benchmarks.quarter.plan import (
    BLOCK,
    DAY,
    INCOMPLETE,
    OVERDUE_NIGHTS,
    WEEK,
    Fault,
    Missing,
    Person,
    Plan,
    monday_of,
)


class Page(StrEnum):
    """The pages and reports that a therapist or the director sees."""

    ME = "/me/"
    PATTERNS = "/me/patterns"
    DATA = "/me/data"
    WEEKLY = "report weekly"
    EARLIER = "report weekly of an earlier week"
    PRACTICE = "/practice/"
    FAIRNESS = "report fairness"


class Rule(StrEnum):
    """The kinds of complaints."""

    ALL_CLEAR = "says that all is well"
    NUMBER = "shows a number that is not known"
    WRONG_NUMBER = "shows another number than there was"
    NOT_NAMED = "does not name what is missing"
    TICK = "ticks what is not well"
    EXIT = "wrong exit code"
    FALSE_ALARM = "raises a false alarm"
    NOT_LED = "does not lead with the week that ended"
    BROKEN = "does not answer"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A wrong or a missing statement. ``about`` is the person's key, or empty for the practice."""

    day: date
    about: str
    where: str
    rule: Rule
    why: str
    quote: str


@dataclass
class CommandResult:
    """The output and exit code of a command; ``code`` is ``None`` if it did not run."""

    code: int | None = None
    out: str = ""
    err: str = ""

    @property
    def text(self) -> str:
        """Both streams, one after the other."""
        return f"{self.out}\n{self.err}"


@dataclass
class Morning:
    """The outputs of one day: HTML of the pages, text of the reports, by person (empty for the practice)."""

    day: date
    texts: dict[tuple[str, Page], str] = field(default_factory=dict)
    broken: dict[tuple[str, Page], str] = field(default_factory=dict)
    night: CommandResult = field(default_factory=CommandResult)
    other_key: CommandResult | None = None
    rows_changed_under_other_key: int = 0
    doctor: CommandResult = field(default_factory=CommandResult)


def plain_text(page: str) -> str:
    """Return the text of a page without tags and styles, with single spaces."""
    bare = re.sub(r"(?s)<(head|nav|style|script|svg|form)\b.*?</\1>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def lead_of(output: str) -> str:
    """Return the beginning of a page or a report: warnings, headline, and to when it is complete."""
    parts = re.findall(r'(?s)<(?:h1|p class="(?:warning|banner)[^"]*")[^>]*>(.*?)</', output)
    if not parts:
        headline = re.search(r"(?s)(?:^|\n\n)([^\n].*?)\n=+\n", output)
        parts = [headline[1] if headline else output[:200]]
    fresh = re.search(phrases.FRESH, plain_text(output), re.IGNORECASE)
    return " | ".join(map(plain_text, [*parts, *([fresh[0]] if fresh else [])]))


def without_tables(output: str) -> str:
    """Return the sentences of a page or a report, without the rows of its tables."""
    bare = re.sub(r"(?s)<table\b.*?</table>", " ", output)
    return "\n".join(line for line in bare.splitlines() if "<" in line or not re.search(r"\S {2,}\S", line))


def find_sentence(patterns: Iterable[str], text: str) -> str:
    """Return the sentence that matches one of the patterns; empty if none does."""
    for pattern in patterns:
        if match := re.search(pattern, text, re.IGNORECASE):
            begin = max(text.rfind(". ", 0, match.start()) + 2, match.start() - 120, 0)
            end = text.find(". ", match.end())
            return text[begin : end + 1 if 0 <= end < match.end() + 120 else match.end() + 60].strip()
    return ""


def earlier_week(day: date) -> date:
    """Return the Monday of a week that a feed of one month no longer contains."""
    return monday_of(day) - WEEK * 6


def find_complaints(plan: Plan, morning: Morning) -> list[Complaint]:
    """Return all complaints about a morning: wrong statements and missing ones."""
    return [*_people(plan, morning), *_practice(plan, morning), *_night(plan, morning), *_doctor(plan, morning)]


# -- the pages of each person ------------------------------------------------------------------------------------------


def _people(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    for (person_key, page), error in morning.broken.items():
        yield Complaint(morning.day, person_key, page, Rule.BROKEN, "no answer", error)
    for person in plan.staff(morning.day):
        for page in (Page.ME, Page.WEEKLY, Page.PATTERNS, Page.DATA):
            if output := morning.texts.get((person.key, page)):
                for rule, why, quote in _person(plan, morning.day, person, page, output):
                    yield Complaint(morning.day, person.key, page, rule, why, quote)
        if output := morning.texts.get((person.key, Page.EARLIER)):
            week = earlier_week(morning.day)
            missing = plan.missing(person, morning.day, week)
            for rule, why, quote in _numbers(missing, output, sessions_held(plan, person, week)):
                yield Complaint(morning.day, person.key, Page.EARLIER, rule, why, f"week of {week:%-d %B}: {quote}")


Violation = tuple[Rule, str, str]
"""The rule, the reason and the quote."""


def _person(plan: Plan, day: date, person: Person, page: Page, output: str) -> Iterator[Violation]:
    text, lead = plain_text(output), lead_of(output)
    missing = plan.missing(person, day)
    # An earlier, complete week may be shown instead; then that week's numbers are checked.
    week = _week_shown(text) or monday_of(day) - WEEK
    of_week = plan.missing(person, day, week)
    led_with_last = week == monday_of(day) - WEEK
    if page in {Page.ME, Page.WEEKLY}:
        yield from _all_clear(missing | of_week, of_week, text)
    else:
        yield from _all_clear(missing & INCOMPLETE, missing & INCOMPLETE, text)
    yield from _unnamed(missing, page, text, person, lead)
    if page in {Page.ME, Page.WEEKLY}:
        away = plan.is_away(person, week)
        if page is Page.WEEKLY and not away:
            yield from _numbers(of_week, output, sessions_held(plan, person, week))
        if not missing & INCOMPLETE and not led_with_last:
            yield Rule.NOT_LED, "the week that ended last is whole", lead
        if not missing and not away and not find_sentence(phrases.COMPLETE, text):
            yield Rule.NOT_LED, "the week is read to its end", find_sentence([r"complete through"], text) or lead
    if plan.is_well(person, day):
        if alarm := find_sentence(phrases.BANNER, text):
            yield Rule.FALSE_ALARM, "all is well", alarm
        elif match := re.search(phrases.BANNER_MARKUP, output):
            yield (
                Rule.FALSE_ALARM,
                "all is well",
                plain_text(output[match.start() : match.start() + 300].partition(">")[2]),
            )
    if page is Page.DATA:
        yield from _own_row(plan, day, person, output)


def _all_clear(today: frozenset[Missing], missing: frozenset[Missing], text: str) -> Iterator[Violation]:
    """Check reassuring sentences against what is ``missing`` from their week, or from anything ``today``."""
    unsure = today - {Missing.OVERDUE}
    why = ", ".join(sorted(unsure))
    unseen = missing - {Missing.OVERDUE, Missing.FEW_WEEKS, Missing.OPEN_CHANGE}
    no_days = {Missing.CALENDAR_UNREAD, Missing.NOT_COMPUTED, Missing.NO_CALENDAR, Missing.NO_DATA}
    for forbids, sentences in (
        (unsure, phrases.QUIET),
        (missing & (INCOMPLETE | {Missing.NO_DATA}), phrases.AS_USUAL),
        (unseen, phrases.NOTHING_OUTSIDE),
        (missing & no_days, phrases.PRAISE),
        (missing & INCOMPLETE, phrases.COMPLETE),
    ):
        for sentence in sentences if forbids else ():
            if quote := find_sentence([sentence], text):
                yield Rule.ALL_CLEAR, why, quote


def _unnamed(missing: frozenset[Missing], page: Page, text: str, person: Person, lead: str) -> Iterator[Violation]:
    """Check that what is missing is named: once for what was not read or computed, else each by itself."""
    stale = missing & (INCOMPLETE | {Missing.OVERDUE})
    of_sources = {kind for kind in (Missing.CALENDAR_UNREAD, Missing.MAIL_UNREAD) if kind in missing}
    everything = len(of_sources) == len(person.sources) or Missing.NOT_COMPUTED in missing or Missing.OVERDUE in stale
    if stale:
        accepted = [phrase for kind in stale for phrase in phrases.NAMES[kind]]
        accepted += phrases.NAMES[Missing.OVERDUE] if everything else ()
        if not find_sentence(accepted, text):
            yield Rule.NOT_NAMED, ", ".join(sorted(stale)), lead
    if page in {Page.ME, Page.WEEKLY}:
        for kind in sorted(missing - stale - {Missing.OPEN_CHANGE}):
            if not find_sentence(phrases.NAMES[kind], text):
                yield Rule.NOT_NAMED, kind, lead


def _numbers(missing: frozenset[Missing], report: str, held: int) -> Iterator[Violation]:
    for title, needs in phrases.MEASURES.items():
        match = re.search(rf"^{title}  +(?P<value>\S.*?)(?:  |$)", report, re.MULTILINE)
        value = match["value"].strip() if match else phrases.DASH[0]
        unknown = missing & {*needs, Missing.NOT_COMPUTED}
        if unknown and value not in phrases.DASH:
            yield Rule.NUMBER, ", ".join(sorted(unknown)), f"{title}  {value}"
        elif not unknown and title == phrases.HELD and value != str(held):
            yield Rule.WRONG_NUMBER, f"{held} sessions were held", f"{title}  {value}"


def _own_row(plan: Plan, day: date, person: Person, output: str) -> Iterator[Violation]:
    load = _cells(output).get(phrases.OWN_LOAD, [phrases.DASH[0]])[0]
    for rule, why, quote in _load(plan, day, person, load):
        yield rule, why, f"{phrases.OWN_LOAD}: {quote}"


# -- the director's pages ----------------------------------------------------------------------------------------------


def _load(plan: Plan, day: date, person: Person, load: str) -> Iterator[Violation]:
    """Check a load: the mean of the last two blocks, each as it was when published."""
    last = sorted(plan.published(day))[-2:]
    known_blocks = [block for block in last if plan.knows(person, block, day)]
    quote = f"{load or 'left out'} (blocks of {', '.join(f'{block:%-d %B}' for block in last) or 'none'})"
    if not known_blocks and load not in phrases.DASH:
        yield Rule.NUMBER, "no block knows it", quote
    if known_blocks and load in phrases.DASH:
        yield Rule.FALSE_ALARM, "a block knows it", quote


def _practice(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    day = morning.day
    published = plan.published(day)
    last = max(published, default=None)
    for page in (Page.PRACTICE, Page.FAIRNESS):
        if not (output := morning.texts.get(("", page))):
            continue
        text = plain_text(without_tables(output))
        rows = _cells(output) if page is Page.PRACTICE else _columns(output)
        period_end = _period_end(text)
        if last and period_end != last + BLOCK - DAY:
            why = f"the block to {last + BLOCK - DAY:%-d %B} is published"
            quote = f"to {period_end:%-d %B}" if period_end else lead_of(output)
            yield Complaint(day, "", page, Rule.NOT_LED, why, quote)
        for person in plan.staff(day):
            load = "".join(rows.get(person.name, [])[phrases.LOAD_COLUMN :][:1])
            for rule, why, quote in _load(plan, day, person, load):
                yield Complaint(day, person.key, page, rule, why, f"{person.name}: load {quote}")
        following = last + BLOCK if last else None
        waits = plan.waits_for(following, day) if following and day >= following + BLOCK else ()
        members = plan.staff(last + BLOCK - DAY) if last else ()  # without those who joined later
        unknown = [person for person in members if last and person.calendar and not plan.knows(person, last, day)]
        overdue = any(Missing.OVERDUE in plan.missing(person, day) for person in plan.staff(day))
        for person in (*waits, *unknown):
            named = [pattern.format(name=person.name) for pattern in phrases.BEHIND_NAMED]
            named += phrases.NAMED_FOR_ALL if overdue else ()
            if plan.data_from(person) <= day and not find_sentence(named, text):
                fresh = find_sentence([r"complete through"], text)
                yield Complaint(day, person.key, page, Rule.NOT_NAMED, "a block waits", fresh or lead_of(output))
        if not waits and not unknown and not overdue and (alarm := find_sentence(phrases.BANNER, text)):
            yield Complaint(day, "", page, Rule.FALSE_ALARM, "everybody is whole", alarm)


def _cells(output: str) -> dict[str, list[str]]:
    """Return the first row of each heading in a page's tables: heading → cells."""
    rows: dict[str, list[str]] = {}
    for row in re.findall(r"(?s)<tr[^>]*>(.*?)</tr>", output):
        cells = [plain_text(cell) for cell in re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row)]
        if cells:
            rows.setdefault(cells[0], cells[1:])
    return rows


def _columns(output: str) -> dict[str, list[str]]:
    """Return the first row of each heading in a plain-text table: heading → cells."""
    rows: dict[str, list[str]] = {}
    for line in output.splitlines():
        first, *rest = re.split(r" {2,}", line.strip())
        if rest:
            rows.setdefault(first, rest)
    return rows


# -- the night and the doctor ------------------------------------------------------------------------------------------


def _night(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    day, night, ran = morning.day, plan.night(morning.day), morning.night
    if ran.code is not None and ran.code not in night.exits:
        fits = " or ".join(map(str, sorted(night.exits)))
        rule = Rule.EXIT if ran.code == 0 else Rule.FALSE_ALARM
        yield Complaint(day, "", "nightly", rule, f"{fits} fits", f"exit {ran.code}: {_last_line(ran)}")
    for source in sorted(night.unread):
        if ran.code is not None and not night.killed and source not in ran.err:
            yield Complaint(day, "", "nightly", Rule.NOT_NAMED, f"{source} was not read", _last_line(ran))
    for key in sorted(night.failed):
        if not re.search(rf"\b{key}\b[^\n]*{phrases.NIGHT_NOT_COMPUTED[0]}", ran.err):
            yield Complaint(day, key, "nightly", Rule.NOT_NAMED, "not computed", _last_line(ran))
    if other := morning.other_key:
        if other.code in {0, 3} or other.code is None:
            yield Complaint(day, "", "nightly", Rule.EXIT, "another key", f"exit {other.code}: {_last_line(other)}")
        elif not find_sentence(phrases.REFUSED_KEY, other.text):
            yield Complaint(day, "", "nightly", Rule.NOT_NAMED, "another key", _last_line(other))
        if morning.rows_changed_under_other_key:
            quote = f"{morning.rows_changed_under_other_key} rows came or went; {_first_lines(other)}"
            yield Complaint(day, "", "nightly", Rule.WRONG_NUMBER, "another key changes no row", quote)


def _last_line(ran: CommandResult) -> str:
    lines = ran.text.split("\n")
    return next((line for line in reversed(lines) if line.strip()), "(nothing)")


def _first_lines(ran: CommandResult) -> str:
    return " / ".join(ran.out.splitlines()[:3])


def _doctor(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    if morning.doctor.code is None:
        return
    for about, rule, why, quote in _diagnosis(plan, morning.day, morning.doctor):
        yield Complaint(morning.day, about, "doctor", rule, why, quote)


PersonalViolation = tuple[str, Rule, str, str]
"""The person, the rule, the reason and the quote."""


def _diagnosis(plan: Plan, day: date, ran: CommandResult) -> Iterator[PersonalViolation]:
    lines = ran.out.splitlines()
    crosses = [_with_remedy(lines, n) for n, line in enumerate(lines) if line.startswith(phrases.CROSS)]
    hints = [line for line in lines if line.startswith(phrases.HINT)]
    ticks = [line for line in lines if line.startswith(phrases.TICK)]
    summary = f"exit {ran.code}, {len(crosses)} {phrases.CROSS} of {len(lines)} lines"
    due = list(_due_crosses(plan, day))
    for cross in due:
        if not any(find_sentence(cross.patterns, line) for line in crosses):
            yield cross.about, Rule.NOT_NAMED, cross.why, summary
        for line in ticks:
            if cross.is_source and find_sentence(cross.patterns, line):
                yield cross.about, Rule.TICK, cross.why, line
    if due and ran.code == 0:
        yield "", Rule.EXIT, "; ".join(cross.why for cross in due), summary
    if (ran.code == 0) == bool(crosses):
        yield "", Rule.EXIT, "exit code and crosses disagree", summary
    yield from _first_days(plan, day, [*crosses, *hints], ticks)
    if all(cross.about for cross in due):
        yield from _false_crosses(plan, day, crosses)


@dataclass(frozen=True, slots=True)
class DueCross:
    """An expected ✗ of doctor, with patterns for its line. ``about`` is empty if it concerns everybody."""

    about: str
    why: str
    patterns: tuple[str, ...]
    is_source: bool = False


def _due_crosses(plan: Plan, day: date) -> Iterator[DueCross]:
    night = plan.night(day)
    for source in sorted(night.unread):
        yield DueCross(source.partition("-")[0], f"{source} was not read", (re.escape(source),), is_source=True)
    for key in sorted(night.failed):
        yield DueCross(
            key, "numbers not computed", tuple(rf"\b{key}\b.*{says}" for says in phrases.DOCTOR_NOT_COMPUTED)
        )
    last = plan.last_night(day)
    if night.killed:
        yield DueCross("", "the night was killed", phrases.DOCTOR_KILLED)
    elif last is None or (day - last).days >= OVERDUE_NIGHTS:
        since = f"{last:%-d %B}" if last else "never"
        yield DueCross("", f"the last night ended on {since}", (phrases.DOCTOR_SILENT.format(day=since),))


def _first_days(plan: Plan, day: date, lines: list[str], ticks: list[str]) -> Iterator[PersonalViolation]:
    """Check that what was never there has a line of its own, without a ✓."""
    kinds = (Missing.NOT_RECOGNISED, Missing.ASSUMED_HOURS, Missing.NO_CALENDAR, Missing.NO_MAIL, Missing.NO_DATA)
    for person in plan.staff(day):
        for kind in (kind for kind in kinds if kind in plan.missing(person, day)):
            if kind is Missing.NO_DATA and not plan.has(Fault.NO_DATA, day, person.key):
                continue  # the first data has come; the week before it stays empty
            its_source = rf"\b{person.key}(-mail|-calendar)?\b"
            pattern = (
                its_source
                if kind is Missing.NO_DATA
                else f"(?s)(?=.*{its_source})(?=.*({'|'.join(phrases.NAMES[kind])}))"
            )
            if not any(re.search(pattern, line, re.IGNORECASE) for line in lines):
                ticked = [line for line in ticks if re.search(its_source, line)]
                rule = Rule.TICK if ticked and kind in {Missing.NOT_RECOGNISED, Missing.NO_DATA} else Rule.NOT_NAMED
                yield person.key, rule, kind, ticked[-1] if ticked else "no line of doctor says so"


def _false_crosses(plan: Plan, day: date, crosses: list[str]) -> Iterator[PersonalViolation]:
    """Yield a ✗ beside the name of a person for whom nothing is wrong."""
    for person in plan.staff(day):
        for line in crosses:
            if plan.is_well(person, day) and re.search(rf"\b{person.key}\b", line):
                yield person.key, Rule.FALSE_ALARM, "all is well", line


def _with_remedy(lines: list[str], number: int) -> str:
    """Return a line of doctor together with its remedy."""
    following = lines[number + 1 : number + 2]
    return " ".join([lines[number], *(line.strip() for line in following if "→" in line)])


# -- dates in words ----------------------------------------------------------------------------------------------------


def _week_shown(text: str) -> date | None:
    """Return the Monday of the week that a page shows."""
    match = re.search(phrases.WEEK_SHOWN, text)  # capital W: "The week of ..." is about other weeks
    return monday_of(_day(match["last"])) if match else None


def _period_end(text: str) -> date | None:
    match = re.search(phrases.PERIOD_END, text, re.IGNORECASE)
    return _day(match["last"]) if match else None


def _day(spelled: str) -> date:
    return datetime.strptime(spelled, "%d %B %Y").date()  # noqa: DTZ007 - a date alone


def is_quiet(outputs: Mapping[tuple[str, Page], str], person: str) -> bool:
    """Return whether a person's page states that nothing stood out."""
    return bool(find_sentence(phrases.QUIET, plain_text(outputs.get((person, Page.ME), ""))))
