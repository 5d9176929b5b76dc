from __future__ import annotations

import sys

import pytest

from connectors.base import Batch
from monitor.cli.progress import ProgressBar, format_duration


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bar(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> ProgressBar:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    return ProgressBar(clock)


def page(done: int | None, total: int | None) -> Batch:
    return Batch(None, done=done, total=total)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.rpartition("\x1b[K")[2]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, ""), (0, ""), (9.9, ""), (10, "about 10 s"), (44, "about 40 s"), (89, "about 90 s"), (90, "about 2 min"),
        (600, "about 10 min"), (5_399, "about 90 min"), (5_400, "about 2 h"), (36_000, "about 10 h"),
    ],
)  # fmt: skip
def test_a_duration_is_formatted(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_the_time_left_is_what_the_rest_takes_at_the_pace_so_far(
    bar: ProgressBar, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar.step("mail", page(100, 1_000))
    assert last_line(capsys) == f"mail {'█' * 2:░<24}  10%"
    clock.seconds = 60
    bar.step("mail", page(200, 1_000))  # a hundred in a minute
    assert last_line(capsys) == f"mail {'█' * 5:░<24}  20%  about 8 min left"
    clock.seconds = 120
    bar.step("mail", page(1_000, 1_000))
    assert last_line(capsys) == f"mail {'█' * 24} 100%"


def test_a_run_that_goes_on_in_the_middle_counts_its_own_pace(
    bar: ProgressBar, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar.step("mail", page(900, 1_000))
    clock.seconds = 100
    bar.step("mail", page(950, 1_000))
    assert last_line(capsys).endswith(" 95%  about 2 min left")


def test_of_several_that_are_read_at_once_the_slowest_counts(
    bar: ProgressBar, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mail of ana", "mail of ben"):
        bar.step(name, page(0, 100))
    clock.seconds = 60
    bar.step("mail of ana", page(10, 100))  # nine minutes left
    bar.step("mail of ben", page(50, 100))  # one minute left
    assert last_line(capsys).endswith(" 50%  about 9 min left")
    bar.step("mail of ana", page(100, 100))
    assert last_line(capsys).endswith("100%  about 60 s left")


@pytest.mark.parametrize(("done", "total"), [(None, None), (3, None), (None, 10), (0, 0)])
def test_a_source_that_does_not_know_how_much_there_is_shows_its_name(
    bar: ProgressBar, capsys: pytest.CaptureFixture[str], done: int | None, total: int | None
) -> None:
    bar.step("mail", page(done, total))
    assert last_line(capsys) == "mail …"


def test_without_a_terminal_no_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as bar:
        bar.step("mail", page(1, 2))
    assert capsys.readouterr().err == ""
