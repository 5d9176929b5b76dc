"""What may be said on a day, judged from the plan and the words alone; nothing here knows how the product works."""

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
    NOT_WHOLE,
    OVERDUE_NIGHTS,
    WEEK,
    Fault,
    Missing,
    Person,
    Plan,
    monday_of,
)


class Page(StrEnum):
    """Whatever reaches a therapist or the director."""

    ME = "/me/"
    PATTERNS = "/me/patterns"
    DATA = "/me/data"
    WEEKLY = "report weekly"
    EARLIER = "report weekly of an earlier week"
    PRACTICE = "/practice/"
    FAIRNESS = "report fairness"


class Rule(StrEnum):
    """What can be wrong with what was said."""

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
    """One thing that was said, or left unsaid, and must not be. ``about`` is the person, or empty for the practice."""

    day: date
    about: str
    where: str
    rule: Rule
    why: str
    quote: str


@dataclass
class Ran:
    """A command's output and exit code; ``code`` is ``None`` where it did not run."""

    code: int | None = None
    out: str = ""
    err: str = ""

    @property
    def text(self) -> str:
        """Both streams."""
        return f"{self.out}\n{self.err}"


@dataclass
class Morning:
    """All that was said on one day: HTML of the pages, text of the reports, by person (empty for the practice)."""

    day: date
    said: dict[tuple[str, Page], str] = field(default_factory=dict)
    broken: dict[tuple[str, Page], str] = field(default_factory=dict)
    night: Ran = field(default_factory=Ran)
    other_key: Ran | None = None
    rows_changed_under_other_key: int = 0
    doctor: Ran = field(default_factory=Ran)


def words(page: str) -> str:
    """The text of a page: no tags, no styles, one space where there were many."""
    bare = re.sub(r"(?s)<(head|nav|style|script|svg|form)\b.*?</\1>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def lead_of(said: str) -> str:
    """What a page or a report leads with: warnings, headline, up to when it is complete."""
    parts = re.findall(r'(?s)<(?:h1|p class="(?:warning|banner)[^"]*")[^>]*>(.*?)</', said)
    if not parts:
        headline = re.search(r"(?s)(?:^|\n\n)([^\n].*?)\n=+\n", said)
        parts = [headline[1] if headline else said[:200]]
    fresh = re.search(phrases.FRESH, words(said), re.IGNORECASE)
    return " | ".join(map(words, [*parts, *([fresh[0]] if fresh else [])]))


def without_tables(said: str) -> str:
    """The sentences of a page or a report, without the rows of its tables."""
    bare = re.sub(r"(?s)<table\b.*?</table>", " ", said)
    return "\n".join(line for line in bare.splitlines() if "<" in line or not re.search(r"\S {2,}\S", line))


def found(patterns: Iterable[str], text: str) -> str:
    """The sentence in which one of the patterns stands; empty without any."""
    for pattern in patterns:
        if match := re.search(pattern, text, re.IGNORECASE):
            begin = max(text.rfind(". ", 0, match.start()) + 2, match.start() - 120, 0)
            end = text.find(". ", match.end())
            return text[begin : end + 1 if 0 <= end < match.end() + 120 else match.end() + 60].strip()
    return ""


def earlier_week(day: date) -> date:
    """The Monday of a week that a feed of one month no longer reaches."""
    return monday_of(day) - WEEK * 6


def judged(plan: Plan, morning: Morning) -> list[Complaint]:
    """Everything that was said on a morning and must not be, or was left unsaid."""
    return [*_people(plan, morning), *_practice(plan, morning), *_night(plan, morning), *_doctor(plan, morning)]


# -- the pages of each person ------------------------------------------------------------------------------------------


def _people(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    for (who, page), error in morning.broken.items():
        yield Complaint(morning.day, who, page, Rule.BROKEN, "no answer", error)
    for person in plan.staff(morning.day):
        for page in (Page.ME, Page.WEEKLY, Page.PATTERNS, Page.DATA):
            if said := morning.said.get((person.key, page)):
                for rule, why, quote in _person(plan, morning.day, person, page, said):
                    yield Complaint(morning.day, person.key, page, rule, why, quote)
        if said := morning.said.get((person.key, Page.EARLIER)):
            week = earlier_week(morning.day)
            missing = plan.missing(person, morning.day, week)
            for rule, why, quote in _numbers(missing, said, sessions_held(plan, person, week)):
                yield Complaint(morning.day, person.key, Page.EARLIER, rule, why, f"week of {week:%-d %B}: {quote}")


Said = tuple[Rule, str, str]
"""The rule, why, and the words."""


def _person(plan: Plan, day: date, person: Person, page: Page, said: str) -> Iterator[Said]:
    text, lead = words(said), lead_of(said)
    missing = plan.missing(person, day)
    # A week before the one that is missing may be shown instead: then its own numbers are judged.
    shown = _week_shown(text) or monday_of(day) - WEEK
    of_week = plan.missing(person, day, shown)
    led_with_last = shown == monday_of(day) - WEEK
    if page in {Page.ME, Page.WEEKLY}:
        yield from _all_clear(missing | of_week, of_week, text)
    else:
        yield from _all_clear(missing & NOT_WHOLE, missing & NOT_WHOLE, text)
    yield from _unnamed(missing, page, text, person, lead)
    if page in {Page.ME, Page.WEEKLY}:
        away = plan.is_away(person, shown)
        if page is Page.WEEKLY and not away:
            yield from _numbers(of_week, said, sessions_held(plan, person, shown))
        if not missing & NOT_WHOLE and not led_with_last:
            yield Rule.NOT_LED, "the week that ended last is whole", lead
        if not missing and not away and not found(phrases.COMPLETE, text):
            yield Rule.NOT_LED, "the week is read to its end", found([r"complete through"], text) or lead
    if plan.is_well(person, day):
        if alarm := found(phrases.BANNER, text):
            yield Rule.FALSE_ALARM, "all is well", alarm
        elif match := re.search(phrases.BANNER_MARKUP, said):
            yield Rule.FALSE_ALARM, "all is well", words(said[match.start() : match.start() + 300].partition(">")[2])
    if page is Page.DATA:
        yield from _own_row(plan, day, person, said)


def _all_clear(today: frozenset[Missing], missing: frozenset[Missing], text: str) -> Iterator[Said]:
    """Judge sentences by what is ``missing`` of the week that they speak of; the quiet one by all that is ``today``."""
    unsure = today - {Missing.OVERDUE}
    why = ", ".join(sorted(unsure))
    unseen = missing - {Missing.OVERDUE, Missing.FEW_WEEKS, Missing.OPEN_CHANGE}
    no_days = {Missing.CALENDAR_UNREAD, Missing.NOT_COMPUTED, Missing.NO_CALENDAR, Missing.NO_DATA}
    for forbids, sentences in (
        (unsure, phrases.QUIET),
        (missing & (NOT_WHOLE | {Missing.NO_DATA}), phrases.AS_USUAL),
        (unseen, phrases.NOTHING_OUTSIDE),
        (missing & no_days, phrases.PRAISE),
        (missing & NOT_WHOLE, phrases.COMPLETE),
    ):
        for sentence in sentences if forbids else ():
            if quote := found([sentence], text):
                yield Rule.ALL_CLEAR, why, quote


def _unnamed(missing: frozenset[Missing], page: Page, text: str, person: Person, lead: str) -> Iterator[Said]:
    """One sentence is enough for what was neither read nor computed; what was never there is named by itself."""
    stale = missing & (NOT_WHOLE | {Missing.OVERDUE})
    of_sources = {kind for kind in (Missing.CALENDAR_UNREAD, Missing.MAIL_UNREAD) if kind in missing}
    everything = len(of_sources) == len(person.sources) or Missing.NOT_COMPUTED in missing or Missing.OVERDUE in stale
    if stale:
        accepted = [phrase for kind in stale for phrase in phrases.NAMES[kind]]
        accepted += phrases.NAMES[Missing.OVERDUE] if everything else ()
        if not found(accepted, text):
            yield Rule.NOT_NAMED, ", ".join(sorted(stale)), lead
    if page in {Page.ME, Page.WEEKLY}:
        for kind in sorted(missing - stale - {Missing.OPEN_CHANGE}):
            if not found(phrases.NAMES[kind], text):
                yield Rule.NOT_NAMED, kind, lead


def _numbers(missing: frozenset[Missing], report: str, held: int) -> Iterator[Said]:
    for title, needs in phrases.MEASURES.items():
        match = re.search(rf"^{title}  +(?P<value>\S.*?)(?:  |$)", report, re.MULTILINE)
        shown = match["value"].strip() if match else phrases.DASH[0]
        lacks = missing & {*needs, Missing.NOT_COMPUTED}
        if lacks and shown not in phrases.DASH:
            yield Rule.NUMBER, ", ".join(sorted(lacks)), f"{title}  {shown}"
        elif not lacks and title == phrases.HELD and shown != str(held):
            yield Rule.WRONG_NUMBER, f"{held} sessions were held", f"{title}  {shown}"


def _own_row(plan: Plan, day: date, person: Person, said: str) -> Iterator[Said]:
    load = _cells(said).get(phrases.OWN_LOAD, [phrases.DASH[0]])[0]
    for rule, why, quote in _load(plan, day, person, load):
        yield rule, why, f"{phrases.OWN_LOAD}: {quote}"


# -- the director's pages ----------------------------------------------------------------------------------------------


def _load(plan: Plan, day: date, person: Person, load: str) -> Iterator[Said]:
    """Judge a load: the mean of the last two blocks of four weeks, of each as it was known in its night."""
    last = sorted(plan.published(day))[-2:]
    known = [block for block in last if plan.knows(person, block, day)]
    quote = f"{load or 'left out'} (blocks of {', '.join(f'{block:%-d %B}' for block in last) or 'none'})"
    if not known and load not in phrases.DASH:
        yield Rule.NUMBER, "no block knows it", quote
    if known and load in phrases.DASH:
        yield Rule.FALSE_ALARM, "a block knows it", quote


def _practice(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    day = morning.day
    published = plan.published(day)
    last = max(published, default=None)
    for page in (Page.PRACTICE, Page.FAIRNESS):
        if not (said := morning.said.get(("", page))):
            continue
        text = words(without_tables(said))
        rows = _cells(said) if page is Page.PRACTICE else _columns(said)
        shown = _period_end(text)
        if last and shown != last + BLOCK - DAY:
            why = f"the block to {last + BLOCK - DAY:%-d %B} is published"
            yield Complaint(day, "", page, Rule.NOT_LED, why, f"to {shown:%-d %B}" if shown else lead_of(said))
        for person in plan.staff(day):
            load = "".join(rows.get(person.name, [])[phrases.LOAD_COLUMN :][:1])
            for rule, why, quote in _load(plan, day, person, load):
                yield Complaint(day, person.key, page, rule, why, f"{person.name}: load {quote}")
        following = last + BLOCK if last else None
        waits = plan.waits_for(following, day) if following and day >= following + BLOCK else ()
        there = plan.staff(last + BLOCK - DAY) if last else ()  # who joined later is not in the block at all
        unknown = [one for one in there if last and one.calendar and not plan.knows(one, last, day)]
        overdue = any(Missing.OVERDUE in plan.missing(one, day) for one in plan.staff(day))
        for person in (*waits, *unknown):
            named = [pattern.format(name=person.name) for pattern in phrases.BEHIND_NAMED]
            named += phrases.NAMED_FOR_ALL if overdue else ()
            if plan.data_from(person) <= day and not found(named, text):
                fresh = found([r"complete through"], text)
                yield Complaint(day, person.key, page, Rule.NOT_NAMED, "a block waits", fresh or lead_of(said))
        if not waits and not unknown and not overdue and (alarm := found(phrases.BANNER, text)):
            yield Complaint(day, "", page, Rule.FALSE_ALARM, "everybody is whole", alarm)


def _cells(said: str) -> dict[str, list[str]]:
    """The first row of each heading in a page's tables: heading → cells."""
    rows: dict[str, list[str]] = {}
    for row in re.findall(r"(?s)<tr[^>]*>(.*?)</tr>", said):
        cells = [words(cell) for cell in re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row)]
        if cells:
            rows.setdefault(cells[0], cells[1:])
    return rows


def _columns(said: str) -> dict[str, list[str]]:
    """The same of a table in plain text."""
    rows: dict[str, list[str]] = {}
    for line in said.splitlines():
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
    for who in sorted(night.failed):
        if not re.search(rf"\b{who}\b[^\n]*{phrases.NIGHT_NOT_COMPUTED[0]}", ran.err):
            yield Complaint(day, who, "nightly", Rule.NOT_NAMED, "not computed", _last_line(ran))
    if other := morning.other_key:
        if other.code in {0, 3} or other.code is None:
            yield Complaint(day, "", "nightly", Rule.EXIT, "another key", f"exit {other.code}: {_last_line(other)}")
        elif not found(phrases.REFUSED_KEY, other.text):
            yield Complaint(day, "", "nightly", Rule.NOT_NAMED, "another key", _last_line(other))
        if morning.rows_changed_under_other_key:
            quote = f"{morning.rows_changed_under_other_key} rows came or went; {_first_lines(other)}"
            yield Complaint(day, "", "nightly", Rule.WRONG_NUMBER, "another key changes no row", quote)


def _last_line(ran: Ran) -> str:
    lines = ran.text.split("\n")
    return next((line for line in reversed(lines) if line.strip()), "(nothing)")


def _first_lines(ran: Ran) -> str:
    return " / ".join(ran.out.splitlines()[:3])


def _doctor(plan: Plan, morning: Morning) -> Iterator[Complaint]:
    if morning.doctor.code is None:
        return
    for about, rule, why, quote in _diagnosis(plan, morning.day, morning.doctor):
        yield Complaint(morning.day, about, "doctor", rule, why, quote)


Found = tuple[str, Rule, str, str]
"""The person, the rule, why, and the words."""


def _diagnosis(plan: Plan, day: date, ran: Ran) -> Iterator[Found]:
    lines = ran.out.splitlines()
    crosses = [_with_remedy(lines, n) for n, line in enumerate(lines) if line.startswith(phrases.CROSS)]
    looks = [line for line in lines if line.startswith(phrases.LOOK)]
    ticks = [line for line in lines if line.startswith(phrases.TICK)]
    summary = f"exit {ran.code}, {len(crosses)} {phrases.CROSS} of {len(lines)} lines"
    owed = list(_owed(plan, day))
    for one in owed:
        if not any(found(one.patterns, line) for line in crosses):
            yield one.about, Rule.NOT_NAMED, one.why, summary
        for line in ticks:
            if one.is_source and found(one.patterns, line):
                yield one.about, Rule.TICK, one.why, line
    if owed and ran.code == 0:
        yield "", Rule.EXIT, "; ".join(one.why for one in owed), summary
    if (ran.code == 0) == bool(crosses):
        yield "", Rule.EXIT, "exit code and crosses disagree", summary
    yield from _first_days(plan, day, [*crosses, *looks], ticks)
    if all(one.about for one in owed):
        yield from _false_crosses(plan, day, crosses)


@dataclass(frozen=True, slots=True)
class Owed:
    """A cross that is due, with patterns one of which its line matches. ``about`` is empty where all are concerned."""

    about: str
    why: str
    patterns: tuple[str, ...]
    is_source: bool = False


def _owed(plan: Plan, day: date) -> Iterator[Owed]:
    night = plan.night(day)
    for source in sorted(night.unread):
        yield Owed(source.partition("-")[0], f"{source} was not read", (re.escape(source),), is_source=True)
    for who in sorted(night.failed):
        yield Owed(who, "numbers not computed", tuple(rf"\b{who}\b.*{says}" for says in phrases.DOCTOR_NOT_COMPUTED))
    last = plan.last_night(day)
    if night.killed:
        yield Owed("", "the night was killed", phrases.DOCTOR_KILLED)
    elif last is None or (day - last).days >= OVERDUE_NIGHTS:
        since = f"{last:%-d %B}" if last else "never"
        yield Owed("", f"the last night ended on {since}", (phrases.DOCTOR_SILENT.format(day=since),))


def _first_days(plan: Plan, day: date, said: list[str], ticks: list[str]) -> Iterator[Found]:
    """What never was there has a line of its own that is no tick."""
    kinds = (Missing.NOT_RECOGNISED, Missing.ASSUMED_HOURS, Missing.NO_CALENDAR, Missing.NO_MAIL, Missing.NO_DATA)
    for person in plan.staff(day):
        for kind in (kind for kind in kinds if kind in plan.missing(person, day)):
            if kind is Missing.NO_DATA and not plan.has(Fault.NO_DATA, day, person.key):
                continue  # the first data has come; the week before it stays empty
            its_source = rf"\b{person.key}(-mail|-calendar)?\b"
            wanted = (
                its_source
                if kind is Missing.NO_DATA
                else f"(?s)(?=.*{its_source})(?=.*({'|'.join(phrases.NAMES[kind])}))"
            )
            if not any(re.search(wanted, line, re.IGNORECASE) for line in said):
                ticked = [line for line in ticks if re.search(its_source, line)]
                rule = Rule.TICK if ticked and kind in {Missing.NOT_RECOGNISED, Missing.NO_DATA} else Rule.NOT_NAMED
                yield person.key, rule, kind, ticked[-1] if ticked else "no line of doctor says so"


def _false_crosses(plan: Plan, day: date, crosses: list[str]) -> Iterator[Found]:
    """A cross beside the name of somebody for whom all is well."""
    for person in plan.staff(day):
        for line in crosses:
            if plan.is_well(person, day) and re.search(rf"\b{person.key}\b", line):
                yield person.key, Rule.FALSE_ALARM, "all is well", line


def _with_remedy(lines: list[str], number: int) -> str:
    """A line of doctor with the line of its remedy."""
    following = lines[number + 1 : number + 2]
    return " ".join([lines[number], *(line.strip() for line in following if "→" in line)])


# -- dates in words ----------------------------------------------------------------------------------------------------


def _week_shown(text: str) -> date | None:
    """The Monday of the week that a page leads with."""
    match = re.search(phrases.WEEK_SHOWN, text)  # "The week of ..." stands in sentences about other weeks
    return monday_of(_day(match["last"])) if match else None


def _period_end(text: str) -> date | None:
    match = re.search(phrases.PERIOD_END, text, re.IGNORECASE)
    return _day(match["last"]) if match else None


def _day(spelled: str) -> date:
    return datetime.strptime(spelled, "%d %B %Y").date()  # noqa: DTZ007 - a date alone


def is_quiet(said: Mapping[tuple[str, Page], str], person: str) -> bool:
    """Return whether somebody's page says that nothing stood out."""
    return bool(found(phrases.QUIET, words(said.get((person, Page.ME), ""))))
