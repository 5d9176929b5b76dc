"""Tests of the configuration: its values, and all its problems listed at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Connector, Context, Owner, SourceKind
from connectors.classify import EntryTraits, KindRule
from connectors.pseudonyms import Pseudonyms
from connectors.records import CounterpartKind, Kind
from connectors.registry import UnknownKindError
from monitor import config as config_module
from monitor.config import Config, SourceConfig, classifier, find_config, load, owners
from monitor.errors import EXIT_USAGE, ConfigError, MissingConfigError
from monitor.roster import Clinician, Contract, Hours, Practice, Residence

PARIS, LONDON = ZoneInfo("Europe/Paris"), ZoneInfo("Europe/London")

PRACTICE = '[practice]\nname = "Harbour Street"\nzone = "Europe/London"\n'
ANA = '[[clinician]]\nkey = "ana"\nname = "Ana"\naddresses = ["ana@harbour.example"]\n'
BEN = '[[clinician]]\nkey = "ben"\n'
DIARY = '[[source]]\nname = "diary"\nkind = "diary"\nclinician = "ana"\npath = "diary.txt"\n'


@dataclass(frozen=True, slots=True)
class Margin:
    """A table inside the options of a source."""

    left: int
    right: int = 3


@dataclass(frozen=True, slots=True)
class DiaryOptions:
    """One option of every type that a kind of source may ask for."""

    path: str
    password: str | None = field(default=None, metadata={"secret": True})
    url: str | None = field(default=None, metadata={"secret": "if private"})
    pages: int = 100
    weight: float = 1.0
    ruled: bool = False
    begun: date | None = None
    folder: Path = Path()
    ink: Literal["blue", "black"] = "blue"
    zone: ZoneInfo | None = None
    margin: Margin = Margin(2)
    columns: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str | list[str]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


def make_diary(_: DiaryOptions, __: Context) -> Connector:
    raise NotImplementedError


def check_diary(options: DiaryOptions) -> list[str]:
    return [f"columns.{name}: not a role" for name in options.columns if name not in {"start", "end"}]


DIARY_KIND = SourceKind("diary", DiaryOptions, make_diary, "A paper diary", (), "never requested", check_diary)


def diary_kind(name: str) -> SourceKind:
    if name != "diary":
        raise UnknownKindError(name, ("diary",))
    return DIARY_KIND


@pytest.fixture(autouse=True)
def _source_kind_for_these_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_module, "source_kind", diary_kind)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "evenhours.toml"


def load_text(file: Path, *texts: str) -> Config:
    file.write_text("".join(texts), encoding="utf-8")
    return load(file)


def problems_in(file: Path, *texts: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load_text(file, *texts)
    return error.value.problems


# Values


def test_a_practice_of_two_lines_has_every_default(file: Path) -> None:
    assert load_text(file, PRACTICE) == Config(
        practice=Practice(name="Harbour Street", zone=LONDON),
        clinicians=(),
        rules=(),
        client_title=None,
        sources=(),
        database=file.parent / "evenhours.db",
        key_file=file.parent / "evenhours.key",
        path=file,
    )


def test_every_setting_of_a_practice_is_read(file: Path) -> None:
    config = load_text(
        file,
        PRACTICE,
        """
        country = "GB"
        subdivision = "SCT"
        region = "GB"
        domains = ["Harbour.example"]
        management = ["Director+work@harbour.example"]
        day_starts_at = "05:30"
        longest_session_hours = 3.5
        contacts = ["Your supervisor", "Your union"]
        client_title = "with (?P<client>\\\\w+)"
        database = "data/even.db"
        key_file = "/keys/even.key"
        """,
    )
    assert config.practice == Practice(
        name="Harbour Street",
        zone=LONDON,
        country="GB",
        subdivision="SCT",
        region="GB",
        domains=frozenset({"harbour.example"}),
        management=frozenset({"director@harbour.example"}),
        day_starts_at=330 * 60,
        longest_session_hours=3.5,
        contacts=("Your supervisor", "Your union"),
    )
    assert config.client_title == re.compile(r"with (?P<client>\w+)", re.IGNORECASE)
    assert (config.database, config.key_file) == (file.parent / "data/even.db", Path("/keys/even.key"))


def test_every_setting_of_a_clinician_is_read(file: Path) -> None:
    config = load_text(
        file,
        PRACTICE,
        """
        [[clinician]]
        key = "ana"
        name = "Ana"
        addresses = ["Ana@Harbour.example", "+44 20 7946 0958"]
        fte = 0.8
        starts = 2024-03-01
        ends = 2026-12-31
        zone = "Europe/Paris"
        grace_minutes = 10
        hours = [
          { from = 2024-03-01, mon = ["14:00-18:00", "09:00-13:00"], holidays = ["10:00-12:00"] },
          { from = 2026-01-01, sat = ["22:00-06:00"] },
        ]
        """,
    )
    assert config.clinicians == (
        Clinician(
            key="ana",
            name="Ana",
            residences=(Residence(None, PARIS),),
            contracts=(Contract(None, 0.8),),
            starts=date(2024, 3, 1),
            ends=date(2026, 12, 31),
            grace_minutes=10,
            addresses=frozenset({"ana@harbour.example", "+442079460958"}),
            hours=(
                Hours(None, {0: ((540, 780), (840, 1080))}, holidays=((600, 720),)),
                Hours(date(2026, 1, 1), {5: ((1320, 1800),)}),
            ),
        ),
    )


def test_a_clinician_of_one_line_lives_where_the_practice_is_and_has_assumed_hours(file: Path) -> None:
    (ben,) = load_text(file, PRACTICE, BEN).clinicians
    assert ben == Clinician(key="ben", name="ben", residences=(Residence(None, LONDON),))
    assert ben.has_assumed_hours


def test_a_clinician_who_moved_has_dated_residences(file: Path) -> None:
    moved = 'zones = [{ zone = "Europe/London" }, { from = 2026-09-01, zone = "Europe/Paris" }]'
    (ben,) = load_text(file, PRACTICE, BEN, moved).clinicians
    assert ben.residences == (Residence(None, LONDON), Residence(date(2026, 9, 1), PARIS))


def test_rules_keep_their_order_and_ignore_case(file: Path) -> None:
    rules = (
        '[[kinds]]\nkind = "leave"\ncategory = "Away"\n[[kinds]]\nkind = "on_call"\ntitle = "rota"\ncalendar = "Duty"\n'
    )
    assert load_text(file, PRACTICE, rules).rules == (
        KindRule(Kind.LEAVE, category="Away"),
        KindRule(Kind.ON_CALL, title=re.compile("rota", re.IGNORECASE), calendar="Duty"),
    )


@pytest.mark.parametrize(
    ("whose", "keys"),
    [
        ('clinician = "ben"', ("ben",)),
        ('clinician = "*"', ("ana", "ben")),
        ('clinicians = "*"', ("ana", "ben")),
        ('clinicians = ["ben"]', ("ben",)),
        ('clinicians = ["ben", "ana"]', ("ana", "ben")),
    ],
)
def test_a_source_belongs_to_one_to_some_or_to_all(file: Path, whose: str, keys: tuple[str, ...]) -> None:
    (source,) = load_text(file, PRACTICE, ANA, BEN, DIARY.replace('clinician = "ana"', whose)).sources
    assert source.clinicians == keys


def test_a_source_has_its_kinds_own_options_beside_the_common_ones(file: Path) -> None:
    options = """
        busy_only = true
        window = { from = 2025-01-01, to = 2027-01-01 }
        password = "env:DIARY"
        url = "https://harbour.example/diary"
        pages = 12
        weight = 2
        ruled = true
        begun = 2025-01-01
        folder = "pages"
        ink = "black"
        zone = "Europe/Paris"
        margin = { left = 1 }
        columns = { start = "Start" }
        words = { held = ["Show", "Kept"], zone = "UTC" }
        labels = ["a", "b"]
        """
    (source,) = load_text(file, PRACTICE, ANA, DIARY, options).sources
    assert source == SourceConfig(
        name="diary",
        kind="diary",
        clinicians=("ana",),
        window=(date(2025, 1, 1), date(2027, 1, 1)),
        busy_only=True,
        options=DiaryOptions(
            path="diary.txt",
            password="env:DIARY",
            url="https://harbour.example/diary",
            pages=12,
            weight=2.0,
            ruled=True,
            begun=date(2025, 1, 1),
            folder=Path("pages"),
            ink="black",
            zone=PARIS,
            margin=Margin(1, 3),
            columns={"start": "Start"},
            words={"held": ["Show", "Kept"], "zone": "UTC"},
            labels=("a", "b"),
        ),
    )


def test_a_byte_order_mark_is_no_problem(file: Path) -> None:
    assert load_text(file, "\ufeff", PRACTICE).practice.name == "Harbour Street"


def test_relative_paths_begin_beside_the_file_wherever_one_stands(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    config = load_text(Path("evenhours.toml"), PRACTICE)
    assert (config.path, config.folder) == (file, file.parent)
    assert config.database == file.parent / "evenhours.db"


# Classifier and owners


def test_the_classifier_knows_the_practices_people_and_rules(file: Path) -> None:
    practice = (
        f'{PRACTICE}domains = ["harbour.example"]\nmanagement = ["boss@else.example"]\nclient_title = "[a-z]\\\\d"\n'
    )
    rules = '[[kinds]]\nkind = "leave"\ntitle = "off"\n[[kinds]]\nkind = "session"\ntitle = "therapy"\n'
    practice_classifier = classifier(load_text(file, practice, rules, ANA.replace("harbour", "home")))
    names = Pseudonyms(b"k" * 32)
    assert practice_classifier.classify(EntryTraits(title="OFF"), "ana", names) == (Kind.LEAVE, None)
    assert practice_classifier.classify(EntryTraits(title="Therapy K7"), "ana", names) == (
        Kind.SESSION,
        names.person("ana", "K7"),
    )
    assert [
        practice_classifier.counterpart_kind(f"{address}.example")
        for address in ("boss@else", "ana@home", "eve@harbour", "eve@home")
    ] == [
        CounterpartKind.MANAGEMENT,
        CounterpartKind.COLLEAGUE,
        CounterpartKind.COLLEAGUE,
        CounterpartKind.CLIENT,
    ]


def test_the_owners_of_a_source_carry_what_a_connector_may_know(file: Path) -> None:
    config = load_text(file, PRACTICE, ANA, BEN, DIARY)
    source_owners = owners(config, config.sources[0], datetime(2026, 8, 31, 12, tzinfo=UTC))
    assert source_owners == (Owner("ana", LONDON, frozenset({"ana@harbour.example"}), "Ana"),)


def test_an_owner_who_will_move_has_the_zone_of_today(file: Path) -> None:
    moves = ANA + 'zones = [{ zone = "Europe/London" }, { from = 2026-09-01, zone = "Europe/Paris" }]\n'
    config = load_text(file, PRACTICE, moves, BEN, DIARY)
    evening = datetime(2026, 8, 31, 21, 59, tzinfo=UTC)  # a minute before midnight in Paris
    for now, zone in ((evening, "Europe/London"), (evening + timedelta(minutes=1), "Europe/Paris")):
        assert [owner.zone.key for owner in owners(config, config.sources[0], now)] == [zone]


# Problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "practice: missing"),
        ("practice = 3", "practice: expected a table, found a number"),
        ('[practice]\nname = "H"', "practice.zone: missing"),
        (PRACTICE + '[practise]\nname = "H"', 'practise: unknown key; did you mean "practice"?'),
        (PRACTICE + 'contry = "GB"', 'practice.contry: unknown key; did you mean "country"?'),
        (PRACTICE + '"a b" = 1', ('practice."a b": unknown key; possible: name, zone, country, subdivision, '
         "region, domains, management, day_starts_at, longest_session_hours, supervision_group, client_title, "
         "contacts, database, key_file")),
        (PRACTICE.replace("Harbour Street", " "), "practice.name: is empty"),
        (PRACTICE.replace("London", "Lodnon"),
         'practice.zone: "Europe/Lodnon" is not a time zone; did you mean "Europe/London"?'),
        (PRACTICE.replace("Europe/London", "new york"),
         'practice.zone: "new york" is not a time zone; did you mean "America/New_York"?'),
        (PRACTICE.replace("Europe/London", "Europe"),
         'practice.zone: "Europe" is not a time zone; write it like "Europe/Paris"'),
        (PRACTICE.replace("Europe/London", ""), 'practice.zone: "" is not a time zone; write it like "Europe/Paris"'),
        (PRACTICE.replace("Europe/London", "../../etc/passwd"),
         'practice.zone: "../../etc/passwd" is not a time zone; write it like "Europe/Paris"'),
        (PRACTICE.replace("Europe/London", "\\u0000"),
         'practice.zone: "\0" is not a time zone; write it like "Europe/Paris"'),
        (PRACTICE + 'country = "gb"',
         'practice.country: "gb" is not a country code; use two capital letters, such as "GB"'),
        (PRACTICE + 'country = "XX"', 'practice.country: no public holidays are known for "XX"; leave country out'),
        (PRACTICE + 'subdivision = "ENG"', "practice.subdivision: needs country as well"),
        (PRACTICE + 'country = "GB"\nsubdivision = "England"',
         'practice.subdivision: "England" is not a subdivision of GB; possible: ENG, NIR, SCT, WLS'),
        (PRACTICE + 'country = "IE"\nsubdivision = "C"',
         'practice.subdivision: "C" is not a subdivision of IE; IE has none; leave it out'),
        (PRACTICE + 'domains = "harbour.example"', "practice.domains: expected a list in [brackets], found text"),
        (PRACTICE + 'domains = ["ana@harbour.example"]',
         'practice.domains[0]: "ana@harbour.example" is not a domain; write only the part after the @'),
        (PRACTICE + 'management = ["the boss"]',
         "practice.management[0]: is neither a mail address nor a phone number"),
        (PRACTICE + 'day_starts_at = "4"', 'practice.day_starts_at: "4" is not a time of day; write it like "04:00"'),
        (PRACTICE + "day_starts_at = 04:00:00",
         "practice.day_starts_at: expected text in quotes, found a date or time"),
        (PRACTICE + 'day_starts_at = "13:00"',
         'practice.day_starts_at: "13:00" is too late for a day to start; it has to be "12:00" or earlier'),
        (PRACTICE + "longest_session_hours = 0",
         "practice.longest_session_hours: has to be more than 0 and at most 24 hours"),
        (PRACTICE + "longest_session_hours = nan",
         "practice.longest_session_hours: has to be more than 0 and at most 24 hours"),
        (PRACTICE + 'client_title = "("', ("practice.client_title: is not a regular expression: "
         "missing ), unterminated subpattern at position 0")),
        (PRACTICE + 'key_file = "evenhours.db"',
         "practice.key_file: is the same path as database; give the key a file of its own"),
        (PRACTICE + 'database = "~nobody-here/even.db"',
         'practice.database: "~nobody-here": no such user on this machine'),
        (PRACTICE + 'database = "\\u0000"', "practice.database: is not a valid path"),
    ],
)  # fmt: skip
def test_a_problem_in_the_practice_names_its_place_and_fault(file: Path, text: str, problem: str) -> None:
    assert problems_in(file, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('kind = "suprvision"\ntitle = "x"',
         'kinds[0].kind: "suprvision" is not possible here; did you mean "supervision"?'),
        ('kind = "busy"\ntitle = "x"', ('kinds[0].kind: "busy" is not possible here; possible: session, supervision, '
         "group_supervision, consultation, training, own_therapy, administration, leave, on_call, emergency, "
         "protected, personal, other")),
        ('title = "x"', "kinds[0].kind: missing"),
        ('kind = "leave"', ("kinds[0].title: missing; "
         "a rule needs at least one of title, calendar, category, colour, attendee_domain")),
        ('kind = "leave"\ntitle = "*"',
         "kinds[0].title: is not a regular expression: nothing to repeat at position 0"),
        ('kind = "leave"\ntitle = ""', "kinds[0].title: is empty"),
        ('kind = "leave"\ncolor = "red"\ntitle = "x"', 'kinds[0].color: unknown key; did you mean "colour"?'),
    ],
)  # fmt: skip
def test_a_problem_in_a_rule_names_its_place_and_fault(file: Path, text: str, problem: str) -> None:
    assert problems_in(file, PRACTICE, "[[kinds]]\n", text) == [problem]


def test_a_contract_may_have_dates(file: Path) -> None:
    config = load_text(
        file,
        PRACTICE,
        '[[clinician]]\nkey = "ana"\nfte = [{ from = 2025-03-01, fte = 1.0 }, { from = 2026-01-01, fte = 0.6 }]',
    )
    (ana,) = config.clinicians
    assert ana.contracts == (Contract(None, 1.0), Contract(date(2026, 1, 1), 0.6))
    days = (date(2024, 1, 1), date(2025, 12, 31), date(2026, 1, 1))
    assert [ana.fte_on(day) for day in days] == [1.0, 1.0, 0.6]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('key = "ana"', "clinician[1].key: already used by clinician[0]"),
        ('key = "Ben!"', 'clinician[1].key: "Ben!" is not a valid key; use lower-case letters, digits, - and _'),
        ('name = "Ben"', "clinician[1].key: missing"),
        ("key = 7", "clinician[1].key: expected text in quotes, found a number"),
        ('addresses = ["ANA+x@harbour.example"]', "clinician[1].addresses: already used by clinician[0]"),
        ('addresses = ["a@b.example", "ben"]',
         "clinician[1].addresses[1]: is neither a mail address nor a phone number"),
        ("fte = 80", "clinician[1].fte: has to be more than 0 and at most 1.5; full time is 1.0"),
        ("fte = 0", "clinician[1].fte: has to be more than 0 and at most 1.5; full time is 1.0"),
        ("fte = nan", "clinician[1].fte: has to be more than 0 and at most 1.5; full time is 1.0"),
        ('fte = "0.8"', "clinician[1].fte: expected a number, found text"),
        ("fte = true", "clinician[1].fte: expected a number, found true or false"),
        (
            "fte = []",
            "clinician[1].fte: is empty; write it like 0.8, or like [{ from = 2026-01-01, fte = 0.8 }]",
        ),
        ("fte = [{ fte = 1.0 }, { fte = 0.5 }]",
         "clinician[1].fte[1].from: missing; only the first entry may leave it out"),
        (
            "fte = [{ from = 2026-01-01, fte = 2 }]",
            "clinician[1].fte[0].fte: has to be more than 0 and at most 1.5; full time is 1.0",
        ),
        (
            "most_clients = 22",
            ("clinician[1].most_clients: was removed: private limits no longer decide referrals; each clinician sets "
            "their own open slots under Your data"),
        ),
        (
            "trauma_cap = 40",
            ("clinician[1].trauma_cap: was removed: private limits no longer decide referrals; each clinician sets "
            "their own open slots under Your data"),
        ),
        (
            "open_slots = 3",
            "clinician[1].open_slots: is not set here; each clinician sets their own open slots under Your data",
        ),
        ("grace_minutes = 61", "clinician[1].grace_minutes: has to be from 0 to 60 minutes"),
        ("grace_minutes = 2.5", "clinician[1].grace_minutes: expected a whole number, found a number"),
        ('starts = "2024-01-01"',
         "clinician[1].starts: expected a date without quotes, such as 2026-01-31, found text"),
        ("starts = 2024-01-01T00:00:00",
         "clinician[1].starts: expected a date without quotes, such as 2026-01-31, found a date and time"),
        ("starts = 2024-01-01\nends = 2024-01-01", "clinician[1].ends: has to be later than starts"),
        ('zone = "Europe/London"\nzones = [{ zone = "Europe/Paris" }]',
         "clinician[1].zones: give zone or zones, not both"),
        ('zones = [{ zone = "Europe/Paris" }, { zone = "UTC" }]',
         "clinician[1].zones[1].from: missing; only the first entry may leave it out"),
        ('zones = [{ from = 2026-02-01, zone = "Europe/Paris" }, { from = 2026-01-01, zone = "UTC" }]',
         "clinician[1].zones[1].from: has to be later than the date of the entry above"),
        ('hours = { mon = ["09:00-13:00"] }',
         "clinician[1].hours: expected a list in [brackets], found a table"),
        ('hours = [{ mon = "09:00-13:00" }]',
         "clinician[1].hours[0].mon: expected a list in [brackets], found text"),
        ('hours = [{ tue = ["25:00-26:00"] }]',
         'clinician[1].hours[0].tue[0]: "25:00-26:00" is not a span of hours; write it like "09:00-13:00"'),
        ('hours = [{ tuesday = ["09:00-13:00"] }]', 'clinician[1].hours[0].tuesday: unknown key; did you mean "tue"?'),
        ('hours = [{ wed = ["12:00-14:00", "09:00-13:00"] }]',
         'clinician[1].hours[0].wed: "09:00-13:00" and "12:00-14:00" overlap'),
        ('hours = [{ holidays = ["22:00-06:00", "23:00-24:00"] }]',
         'clinician[1].hours[0].holidays: "22:00-06:00" and "23:00-24:00" overlap'),
        ("hours = [{ from = 2026-01-01 }, { from = 2026-01-01 }]",
         "clinician[1].hours[1].from: has to be later than the date of the entry above"),
        ('hours = [{}, { from = "2026-01-01" }]',
         "clinician[1].hours[1].from: expected a date without quotes, such as 2026-01-31, found text"),
    ],
)  # fmt: skip
def test_a_problem_in_a_clinician_names_its_place_and_fault(file: Path, text: str, problem: str) -> None:
    named = "" if text.startswith(("key", "name")) else 'key = "ben"\n'
    assert problems_in(file, PRACTICE, ANA, "[[clinician]]\n", named, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (DIARY + "pgaes = 3", 'source[0].pgaes: unknown key; did you mean "pages"?'),
        (DIARY + 'clinican = "ana"', 'source[0].clinican: unknown key; did you mean "clinician"?'),
        (DIARY.replace('"diary"\nc', '"dairy"\nc') + "anything = 1",
         'source[0].kind: "dairy" is not a source kind; did you mean diary?'),
        (DIARY.replace('kind = "diary"\n', ""), "source[0].kind: missing"),
        (DIARY.replace('kind = "diary"', "kind = [1]"), "source[0].kind: expected text in quotes, found a list"),
        (DIARY.replace('"ana"', '"anna"'), 'source[0].clinician: no clinician has the key "anna"; did you mean "ana"?'),
        (DIARY.replace('clinician = "ana"', 'clinicians = ["ana", "eve"]'),
         'source[0].clinicians: no clinician has the key "eve"; possible: ana'),
        (DIARY.replace('clinician = "ana"\n', ""),
         'source[0].clinician: missing; write the key of the clinician whose source it is, or "*" for everybody'),
        (DIARY.replace('clinician = "ana"', "clinicians = []"),
         'source[0].clinician: missing; write the key of the clinician whose source it is, or "*" for everybody'),
        (DIARY + 'clinicians = "*"', "source[0].clinicians: give clinician or clinicians, not both"),
        (DIARY + "window = { from = 2026-01-02, to = 2026-01-01 }", "source[0].window.to: is before from"),
        (DIARY + "window = 400", "source[0].window: expected a table, found a number"),
        (DIARY + DIARY, "source[1].name: already used by source[0]"),
        (DIARY.replace('path = "diary.txt"\n', ""), "source[0].path: missing"),
        (DIARY + 'pages = "12"', "source[0].pages: expected a whole number, found text"),
        (DIARY + "ruled = 1", "source[0].ruled: expected true or false, found a number"),
        (DIARY + "weight = inf", "source[0].weight: has to be a finite number"),
        (DIARY + f"weight = 1{'0' * 400}", "source[0].weight: int too large to convert to float"),
        (DIARY + 'ink = "blu"', 'source[0].ink: "blu" is not possible here; did you mean "blue"?'),
        (DIARY + "margin = {}", "source[0].margin.left: missing"),
        (DIARY + "columns = { start = 1 }", "source[0].columns.start: expected text in quotes, found a number"),
        (DIARY + 'columns = { star = "x" }', "source[0].columns.star: not a role"),
        (DIARY + "words = { held = [1] }", "source[0].words.held[0]: expected text in quotes, found a number"),
        (DIARY + "words = { held = 1 }", "source[0].words.held: expected text in quotes, found a number"),
        (DIARY.replace("[[source]]", "[source]"),
         "source: expected a list in [brackets], found a table; write it as [[source]]"),
    ],
)  # fmt: skip
def test_a_problem_in_a_source_names_its_place_and_fault(file: Path, text: str, problem: str) -> None:
    assert problems_in(file, PRACTICE, ANA, text) == [problem]


def test_both_wrong_columns_are_listed(file: Path) -> None:
    both = 'columns = { star = "x", fin = "y" }'
    assert problems_in(file, PRACTICE, ANA, DIARY, both) == [
        "source[0].columns.star: not a role",
        "source[0].columns.fin: not a role",
    ]


def test_ten_problems_are_ten_lines(file: Path) -> None:
    text = """
        contacs = []
        country = "England"
        [[clinician]]
        key = "Ana"
        fte = 2
        starts = 2025-01-01
        ends = 2024-01-01
        hours = [{ mon = ["9-5"] }]
        [[clinician]]
        key = "ben"
        zone = "Europe/Pari"
        [[kinds]]
        kind = "holiday"
        title = "("
        [[source]]
        name = "diary"
        kind = "diary"
        clinician = "Ana"
        path = 7
        """
    problems = problems_in(file, PRACTICE, text)
    assert sorted(problem.partition(":")[0] for problem in problems) == [
        "clinician[0].ends",
        "clinician[0].fte",
        "clinician[0].hours[0].mon[0]",
        "clinician[0].key",
        "clinician[1].zone",
        "kinds[0].kind",
        "kinds[0].title",
        "practice.contacs",
        "practice.country",
        "source[0].path",
    ]


def test_the_message_counts_the_problems_and_lists_each_on_a_line(file: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_text(file, "[practice]")
    assert str(error.value) == f"{file}: 2 problems.\n  practice.name: missing\n  practice.zone: missing"
    assert error.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("option", ["password", "url"])
@pytest.mark.parametrize("place", ["env:DIARY", "file:diary.secret", "command:pass show diary"])
def test_the_configuration_may_refer_to_a_secret(file: Path, option: str, place: str) -> None:
    (source,) = load_text(file, PRACTICE, ANA, DIARY, f'{option} = "{place}"').sources
    assert getattr(source.options, option) == place


@pytest.mark.parametrize(
    ("option", "secret", "phrase"),
    [
        ("password", "hunter2", "is the secret itself; write where it is kept: env:NAME, file:PATH or command:…"),
        ("url", "https://calendar.example/ical/ana/private-hunter2/basic.ics",
         "is private: whoever has this address can read the data. Write where it is kept: env:NAME or file:PATH"),
        ("url", "https://ana:hunter2@calendar.example/basic.ics",
         "is private: whoever has this address can read the data. Write where it is kept: env:NAME or file:PATH"),
        ("url", "https://calendar.example/basic.ics?token=hunter2",
         "is private: whoever has this address can read the data. Write where it is kept: env:NAME or file:PATH"),
        ("url", "https://[hunter2",
         "is private: whoever has this address can read the data. Write where it is kept: env:NAME or file:PATH"),
        ("url", "hunter2", "is not a web address; write it like https://…, or where it is kept: env:NAME or file:PATH"),
    ],
)  # fmt: skip
def test_a_secret_itself_is_a_problem_and_is_not_repeated(file: Path, option: str, secret: str, phrase: str) -> None:
    problems = problems_in(file, PRACTICE, ANA, DIARY, f'{option} = "{secret}"')
    assert problems == [f"source[0].{option}: {phrase}"]
    assert "hunter2" not in str(problems)


# Unusable files


def test_a_missing_file_points_to_init(file: Path) -> None:
    with pytest.raises(MissingConfigError) as error:
        load(file)
    assert str(error.value) == f"No configuration at {file}. Run: evenhours init"
    assert error.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[practice]\nname = Harbour", r"The file is not valid TOML: Invalid value \(at line 2, column 8\)\."),
        (b"a = [1,", r"The file is not valid TOML: .* \(at end of document\)\."),
        (b"[practice]\nname = '\xff'", r"The file is not UTF-8 text\. Save it in the encoding UTF-8\."),
        (b"a = " + b"[" * 100_000, r"The file is not valid TOML: .*"),
        (b"a = " + b"9" * 10_000, r"The file is not valid TOML: .*"),
        (b"\x00", r"The file is not valid TOML: .*"),
    ],
)
def test_a_file_that_is_not_toml_is_one_sentence(file: Path, content: bytes, problem: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load(file)
    assert len(error.value.problems) == 1
    assert re.fullmatch(problem, error.value.problems[0])


def test_a_folder_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert error.value.problems == ["The file cannot be read: is a directory."]


# The path of the file


@pytest.fixture
def places(tmp_path: Path) -> SimpleNamespace:
    here, home = tmp_path / "here", tmp_path / "home"
    for folder in (here, home / ".config/evenhours", tmp_path / "xdg/evenhours"):
        folder.mkdir(parents=True)
    return SimpleNamespace(here=here, home=home, users=home / ".config/evenhours/evenhours.toml", xdg=tmp_path / "xdg")


def test_the_file_asked_for_wins_over_the_environments(places: SimpleNamespace) -> None:
    environ = {"EVENHOURS_CONFIG": "/etc/even.toml"}
    assert find_config(Path("mine.toml"), environ, places.here, places.home) == places.here / "mine.toml"
    assert find_config(Path("/srv/mine.toml"), environ, places.here, places.home) == Path("/srv/mine.toml")


def test_the_environments_file_wins_over_the_one_here(places: SimpleNamespace) -> None:
    (places.here / "evenhours.toml").touch()
    assert find_config(None, {"EVENHOURS_CONFIG": "/etc/even.toml"}, places.here, places.home) == Path("/etc/even.toml")


def test_the_file_here_wins_over_the_users_own(places: SimpleNamespace) -> None:
    places.users.touch()
    assert find_config(None, {}, places.here, places.home) == places.users
    (places.here / "evenhours.toml").touch()
    assert find_config(None, {}, places.here, places.home) == places.here / "evenhours.toml"


def test_the_users_folder_is_that_of_the_desktop(places: SimpleNamespace) -> None:
    own = places.xdg / "evenhours/evenhours.toml"
    own.touch()
    places.users.touch()
    assert find_config(None, {"XDG_CONFIG_HOME": str(places.xdg)}, places.here, places.home) == own


def test_where_there_is_none_it_would_be_here(places: SimpleNamespace) -> None:
    assert find_config(None, {"EVENHOURS_CONFIG": ""}, places.here, places.home) == places.here / "evenhours.toml"
