"""Tests of blocks of four weeks: published once, on the first night when everybody's caseload is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors.classify import KindRule
from connectors.records import CalendarEvent, Kind
from monitor.analysis.calendar import block_start, date_of, day_number
from monitor.analysis.referral import OpenSlots, Referral, TimeOfDay
from monitor.dashboard.me.data import own_caseload
from monitor.fairness_report.referral import referral_report
from monitor.fairness_report.report import fairness_report
from monitor.publish import publish
from monitor.roster import Contract
from monitor.store import blocks, referrals
from reports import fairness
from reports.models import CaseloadStanding, FairnessReport, Supervision
from tests.monitor.block_practice import (
    BLOCK,
    FIRST,
    NAMES,
    BlockPractice,
    calendar_events,
    clinician,
    practice,
    session,
)

AFTER = BLOCK + timedelta(weeks=4)
WEEKS = (AFTER - FIRST).days // 7
DAY = timedelta(days=1)


@pytest.fixture
def six(tmp_path: Path) -> Iterator[BlockPractice]:
    """Yield six people with twenty-eight past weeks and eighteen clients each, nothing of them computed yet."""
    with practice(
        tmp_path, [clinician(key) for key in NAMES[:6]], [KindRule(Kind.SUPERVISION, re.compile("case"))]
    ) as block_practice:
        for number, key in enumerate(NAMES[:6]):
            block_practice.add_events(key, calendar_events(key, 18, FIRST, WEEKS, number))
        yield block_practice


def report(block_practice: BlockPractice) -> FairnessReport:
    return fairness_report(block_practice.config, block_practice.store, now=block_practice.now)


def starts(block_practice: BlockPractice) -> list[date]:
    with block_practice.store.read() as connection:
        return [date_of(block.start) for block in blocks.blocks(connection, 99)]


def row(block_practice: BlockPractice, key: str) -> object:
    return next(row for row in report(block_practice).rows if row.key == key)


def test_blocks_begin_on_every_fourth_monday_since_1970() -> None:
    assert date_of(block_start(day_number(BLOCK))) == BLOCK
    assert {date_of(block_start(day_number(BLOCK + DAY * day))) for day in range(28)} == {BLOCK}
    assert date_of(block_start(day_number(BLOCK) - 1)) == BLOCK - timedelta(weeks=4)
    assert date_of(block_start(day_number(date(1970, 1, 5)))) == date(1970, 1, 5)


def test_the_first_night_publishes_the_whole_past_and_a_block_is_never_published_twice(six: BlockPractice) -> None:
    six.night(AFTER)
    assert starts(six) == [BLOCK - timedelta(weeks=4 * back) for back in range(7)]
    assert (report(six).period.first, report(six).period.last) == (BLOCK, AFTER - DAY)
    assert publish(six.config, six.store, now=six.now) == []
    six.night(AFTER + DAY)
    assert len(starts(six)) == 7


def test_a_block_that_is_not_over_is_not_published(six: BlockPractice) -> None:
    six.night(AFTER - DAY)
    assert starts(six)[0] == BLOCK - timedelta(weeks=4)


def test_later_corrections_change_no_block(six: BlockPractice) -> None:
    six.night(AFTER)
    before, text = report(six), fairness.text(report(six))
    six.remove(
        "ana",
        *(
            f"ana-C{number}-{BLOCK + timedelta(weeks=week, days=number % 5)}"
            for number in range(18)
            for week in range(4)
        ),
    )
    six.add_events("ben", [session("ben", BLOCK + DAY * day, 20, f"X{day}") for day in range(20)])
    six.add_events("cleo", calendar_events("cleo", 18, BLOCK, 4, 2, away=[(BLOCK, AFTER)]))
    six.change("dev", contracts=(Contract(None, 0.5),))
    six.night(AFTER + DAY)
    after = report(six)
    assert (after.rows, after.sessions_held, after.sessions_to_move) == (
        before.rows,
        before.sessions_held,
        before.sessions_to_move,
    )
    assert re.sub("Complete through .*", "", fairness.text(after), flags=re.DOTALL) == re.sub(
        "Complete through .*", "", text, flags=re.DOTALL
    )


def test_a_block_waits_for_everybody_and_names_the_missing(six: BlockPractice) -> None:
    six.night(AFTER - timedelta(weeks=4))
    six.night(AFTER, unread=["ben"])
    assert starts(six)[0] == BLOCK - timedelta(weeks=4)
    assert report(six).period.waits_for == ("Ben",)
    assert "waits for Ben" in fairness.text(report(six))
    six.night(AFTER + 9 * DAY)
    assert starts(six)[0] == BLOCK
    assert report(six).unknown == ()


def test_after_fourteen_days_an_incomplete_caseload_stays_unknown(six: BlockPractice) -> None:
    six.night(AFTER - timedelta(weeks=4))
    for days in (0, 7, 13):
        six.night(AFTER + days * DAY, unread=["ben"])
        assert starts(six)[0] == BLOCK - timedelta(weeks=4)
    six.night(AFTER + 14 * DAY, unread=["ben"])
    assert starts(six)[0] == BLOCK
    assert report(six).unknown == ("Ben",)
    assert "Not known in this block, and not added later: the caseload of Ben." in " ".join(
        fairness.text(report(six)).split()
    )
    six.night(AFTER + 15 * DAY)
    with six.store.read() as connection:
        (ben,) = [row for row in blocks.blocks(connection, 1)[0].people if row.clinician == "ben"]
    assert (ben.load, ben.active_clients, ben.intakes, ben.supervision) == (None, None, None, "not known")


def test_a_history_waits_for_calendars_that_are_connected_within_two_weeks(six: BlockPractice) -> None:
    six.night(AFTER, unread=["ben"])
    assert starts(six) == []
    six.night(AFTER + DAY)
    assert len(starts(six)) == 7
    assert report(six).unknown == ()


def test_before_the_first_block_the_page_names_what_is_missing(tmp_path: Path) -> None:
    with practice(tmp_path, [clinician(key) for key in NAMES[:4]]) as block_practice:
        for number, key in enumerate(NAMES[:4]):
            block_practice.add_events(key, calendar_events(key, 10, BLOCK, 4, number))
        block_practice.night(BLOCK + timedelta(weeks=2))
        text = " ".join(fairness.text(report(block_practice)).split())
        assert "There is no block of four weeks to show yet" in text
        assert "The first block is 26 October to 22 November 2026." in text
        assert "on 7 December at the latest" in text
        block_practice.night(AFTER)
        assert starts(block_practice) == [BLOCK]


def test_a_block_is_published_whole_or_not_at_all(six: BlockPractice, monkeypatch: pytest.MonkeyPatch) -> None:
    save = blocks.save_block

    def broken(connection: object, block: blocks.Block) -> None:
        save(connection, block)  # type: ignore[arg-type]
        if block.start == day_number(BLOCK):
            raise ZeroDivisionError

    monkeypatch.setattr(blocks, "save_block", broken)
    with pytest.raises(ZeroDivisionError):
        six.night(AFTER)
    assert starts(six)[0] == BLOCK - timedelta(weeks=4)
    monkeypatch.undo()
    six.night(AFTER)
    assert starts(six)[0] == BLOCK


def test_who_leaves_within_twelve_weeks_is_not_ranked_and_their_clients_are_handed_over(six: BlockPractice) -> None:
    six.add_events("esi", calendar_events("esi", 30, FIRST, WEEKS, 9))
    six.change("esi", ends=AFTER + timedelta(weeks=12))
    six.night(AFTER)
    esi = next(row for row in report(six).rows if row.key == "esi")
    assert (esi.standing, esi.difference, esi.low) == (CaseloadStanding.LEAVING, None, None)
    (handover,) = report(six).handovers
    assert (handover.name, handover.last, handover.clients) == (
        "Esi",
        AFTER + timedelta(weeks=12) - DAY,
        esi.active_clients,
    )
    assert "Esi" not in report(six).headline
    referral_rows = referral_report(six.config, six.store, Referral(), now=six.now)
    assert next(row for row in referral_rows.rows if row.name == "Esi").reason == "leaves on 14 February"
    six.change("esi", ends=AFTER + timedelta(weeks=12, days=1))
    assert next(row for row in report(six).rows if row.key == "esi").standing is CaseloadStanding.ABOVE
    assert report(six).headline == "Esi carries more than an equal share"


def test_nobody_is_named_for_carrying_too_little(six: BlockPractice) -> None:
    removed = [f"esi-C{n}-{FIRST + timedelta(weeks=week, days=n % 5)}" for n in range(4, 18) for week in range(WEEKS)]
    six.remove("esi", *removed)
    six.night(AFTER)
    assert next(row for row in report(six).rows if row.key == "esi").standing is CaseloadStanding.BELOW
    assert "Esi" not in report(six).headline


def test_supervision_is_held_or_none_or_not_known(six: BlockPractice) -> None:
    start = six.now - timedelta(days=5)
    six.add_events("ana", [CalendarEvent("ana", "s", start, start + timedelta(hours=1), Kind.SUPERVISION)])
    six.night(AFTER)
    supervision = {row.key: row.supervision for row in report(six).rows}
    assert supervision == {key: Supervision.HELD if key == "ana" else Supervision.NONE for key in supervision}


def test_without_a_rule_supervision_is_not_known(tmp_path: Path) -> None:
    with practice(tmp_path, [clinician(key) for key in NAMES[:4]]) as block_practice:
        for number, key in enumerate(NAMES[:4]):
            block_practice.add_events(key, calendar_events(key, 10, FIRST, WEEKS, number))
        block_practice.night(AFTER)
        assert {row.supervision for row in report(block_practice).rows} == {Supervision.UNKNOWN}
        assert (report(block_practice).sessions_held, report(block_practice).nothing_booked) == (
            None,
            None,
        )  # four are fewer than five


def test_sessions_held_are_the_practices_alone(six: BlockPractice) -> None:
    six.night(AFTER)
    held = six.store.connection.execute(
        "SELECT sum(value) FROM workload_week WHERE key = 'sessions_held' AND week BETWEEN ? AND ?",
        (day_number(BLOCK), day_number(BLOCK) + 21),
    ).fetchone()[0]
    assert report(six).sessions_held == held
    assert "sessions" not in {name for row in report(six).rows for name in row.__dataclass_fields__}


def test_load_is_the_mean_of_two_blocks_beside_the_two_before(six: BlockPractice) -> None:
    six.night(AFTER)
    with six.store.read() as connection:
        stored = [
            next(row.load for row in block.people if row.clinician == "ana") for block in blocks.blocks(connection, 4)
        ]
    ana = next(row for row in report(six).rows if row.key == "ana")
    assert ana.load == pytest.approx(sum(filter(None, stored[:2])) / 2)
    assert ana.load_before == pytest.approx(sum(filter(None, stored[2:])) / 2)


def test_a_contract_with_dates_counts_by_the_week(six: BlockPractice) -> None:
    six.change("ana", contracts=(Contract(None, 1.0), Contract(BLOCK + timedelta(weeks=2), 0.5)))
    six.night(AFTER)
    with six.store.read() as connection:
        ana = [next(row for row in block.people if row.clinician == "ana") for block in blocks.blocks(connection, 2)]
    assert [(row.fte, row.phased_in_fte) for row in ana] == [(0.5, 0.75), (1.0, 1.0)]
    assert ana[0].load == pytest.approx(16.2 / 0.75, rel=0.1)


# Open slots and assignments


def test_the_director_sees_open_slots_and_never_the_day(six: BlockPractice) -> None:
    with six.store.write() as connection:
        for key, slots, weeks in (("ana", OpenSlots(2, 0, 1), 13), ("ben", OpenSlots(0, 4, 0), 3)):
            entered_at = int((six.now - timedelta(weeks=weeks)).timestamp())
            referrals.set_open_slots(connection, key, slots, entered_at=entered_at)
    six.night(AFTER)
    slots_of = {
        row.key: (row.day_slots, row.evening_slots, row.trauma_slots, row.slots_are_old) for row in report(six).rows
    }
    assert (slots_of["ana"], slots_of["ben"], slots_of["cleo"]) == (
        (2, 0, 1, True),
        (0, 4, 0, False),
        (None, None, None, False),
    )
    own = own_caseload(six.config, six.store, six.config.clinicians[0], now=six.now).slots
    assert own is not None
    assert (own.day, own.evening, own.trauma, own.is_old) == (2, 0, 1, True)
    assert own_caseload(six.config, six.store, six.config.clinicians[2], now=six.now).slots is None


def test_what_was_assigned_counts_until_the_next_block_and_takes_a_slot(six: BlockPractice) -> None:
    six.night(AFTER)
    referral_rows = referral_report(six.config, six.store, Referral(weight=2), now=six.now)
    first = next(row.key for row in six.config.clinicians if row.name == referral_rows.rows[0].name)
    load = referral_rows.rows[0].load_after or 0
    with six.store.write() as connection:
        referrals.set_open_slots(connection, first, OpenSlots(2, 1, 1), entered_at=int(six.now.timestamp()))
        referral = Referral(weight=2, trauma=True, time=TimeOfDay.EVENING)
        referrals.assign_referral(connection, first, referral, now=int(six.now.timestamp()))
    again = next(
        row
        for row in referral_report(six.config, six.store, Referral(weight=2), now=six.now).rows
        if row.name == referral_rows.rows[0].name
    )
    assert again.load_after == pytest.approx(load + 2)
    assert again.assigned == 1
    slots = next(row for row in report(six).rows if row.key == first)
    assert (slots.day_slots, slots.evening_slots, slots.trauma_slots) == (2, 0, 0)
    for key in NAMES[:6]:
        six.add_events(key, calendar_events(key, 18, AFTER, 4, 7))
    six.night(AFTER + timedelta(weeks=4))
    later = next(
        row
        for row in referral_report(six.config, six.store, Referral(weight=2), now=six.now).rows
        if row.name == referral_rows.rows[0].name
    )
    assert later.assigned == 0


def test_ties_are_shown_and_the_director_decides(six: BlockPractice) -> None:
    six.night(AFTER)
    for key in NAMES[:6]:
        six.store.connection.execute(
            "UPDATE block_person SET load = ? WHERE clinician_id = (SELECT id FROM clinician WHERE key = ?)",
            (15.0 if key in {"ana", "ben"} else 18.0, key),
        )
    referral_rows = referral_report(six.config, six.store, Referral(), now=six.now)
    assert referral_rows.headline == "Ana or Ben could take it; you decide"
    near = "within half a session per FTE of the lowest"
    unset = "; open slots not set"
    assert [row.reason for row in referral_rows.rows[:2]] == [
        f"{near}, and has waited longest{unset}",
        f"{near}{unset}",
    ]


def test_a_trend_is_claimed_only_where_its_interval_excludes_none(six: BlockPractice) -> None:
    six.night(AFTER)
    assert report(six).trend_sentence == ""
    for block, loads in (
        (BLOCK, (10, 14, 18, 22, 26, 30)),
        (BLOCK - timedelta(weeks=8), (17, 17.4, 18, 18.2, 18.6, 19)),
    ):
        for start in (block, block - timedelta(weeks=4)):
            for key, load in zip(NAMES[:6], loads, strict=True):
                six.store.connection.execute(
                    """UPDATE block_person SET load = ?
                       WHERE block = ? AND clinician_id = (SELECT id FROM clinician WHERE key = ?)""",
                    (load, day_number(start), key),
                )
    assert report(six).trend_sentence == "It is shared less evenly than in the eight weeks before."
