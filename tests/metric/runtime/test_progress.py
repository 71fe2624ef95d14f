"""Progress: a bar on a terminal, elsewhere a line a minute; the last lines of a command."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from metric.runtime import console, progress
from metric.runtime.console import ended
from metric.runtime.progress import Progress, duration, watched


class Clock:
    """Seconds, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(capsys):
    """What stands on stderr since the last call; stdout has to be empty."""

    def lines() -> list[str]:
        said = capsys.readouterr()
        assert not said.out
        return said.err.splitlines()

    return lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_after_the_first_item_each_minute_and_the_last(clock, lines):
    with Progress("reward step", 300, clock=clock) as steps:
        for step in range(300):
            clock.now += 0.5
            steps.advance(loss=-0.001 * step, reward=0.693)
    assert lines() == [
        "captioner: reward step 1 of 300: loss 0.000, reward 0.693",
        "captioner: reward step 121 of 300: loss -0.120, reward 0.693, 2.0 steps a second, 1 min 30 s left",
        "captioner: reward step 241 of 300: loss -0.240, reward 0.693, 2.0 steps a second, 30 s left",
        "captioner: reward step 300 of 300: loss -0.299, reward 0.693, 2.0 steps a second, finished in 2 min 30 s",
    ]


def test_the_interval_is_a_constant(clock, lines, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 1.0)
    with Progress("xe step", 3, clock=clock) as steps:
        for _ in range(3):
            clock.now += 1
            steps.advance()
    assert lines() == [
        "captioner: xe step 1 of 3",
        "captioner: xe step 2 of 3: 1.0 steps a second, 1.0 s left",
        "captioner: xe step 3 of 3: 1.0 steps a second, finished in 3.0 s",
    ]


def test_a_resumed_loop_counts_only_its_own_items_in_the_rate(clock, lines):
    with Progress("xe step", 1000, done=900, clock=clock) as steps:
        for seconds in (10, 60):
            clock.now += seconds
            steps.advance(35)
    # 70 steps in 70 seconds, and 30 are left
    assert lines()[1] == "captioner: xe step 970 of 1,000: 1.0 steps a second, 30 s left"


def test_a_resumed_loop_without_items_left_says_nothing(clock, lines):
    with Progress("xe step", 10, done=10, clock=clock):
        pass
    assert lines() == []


def test_a_stream_has_neither_total_nor_time_left(clock, lines):
    with Progress("captions of picture", clock=clock) as pictures:
        for _ in range(3):
            clock.now += 40
            pictures.advance(1000)
        clock.now += 1
        pictures.advance(50)
    assert lines() == [
        "captioner: captions of picture 1,000",
        "captioner: captions of picture 3,000: 25 pictures a second",
        "captioner: captions of picture 3,050: 25 pictures a second, finished in 2 min 1 s",
    ]


def test_an_empty_stream_says_nothing(clock, lines):
    with Progress("captions of picture", clock=clock) as pictures:
        pictures.advance(0)
    assert lines() == []


def test_slow_items_are_counted_by_the_minute_or_the_hour(clock, lines):
    for seconds, rate in ((4, "0.25 steps a second"), (20, "3.0 steps a minute"), (600, "6.0 steps an hour")):
        with Progress("xe step", 2, clock=clock) as steps:
            for _ in range(2):
                clock.now += seconds
                steps.advance()
        assert rate in lines()[1]


def test_a_short_part_is_silent(clock, lines):
    with Progress("captions of picture", 100, part=True, clock=clock) as pictures:
        for _ in range(100):
            clock.now += 0.5
            pictures.advance()
    assert lines() == []


def test_a_long_part_is_told_while_the_loop_around_it_waits(clock, lines):
    with Progress("xe step", 2, clock=clock) as steps:
        steps.advance()
        with Progress("captions of picture", 100, part=True, clock=clock) as pictures:
            for _ in range(100):
                clock.now += 1
                pictures.advance()
        steps.advance()
    assert lines() == [
        "captioner: xe step 1 of 2",
        "captioner: captions of picture 60 of 100: 1.0 pictures a second, 40 s left",
        "captioner: captions of picture 100 of 100: 1.0 pictures a second, finished in 1 min 40 s",
        "captioner: xe step 2 of 2: 1.2 steps a minute, finished in 1 min 40 s",
    ]


def test_a_loop_that_ends_early_has_a_last_line(clock, lines):
    with Progress("xe step", 100, clock=clock) as steps:
        for _ in range(5):
            clock.now += 2
            steps.advance(loss=2.5)
    assert lines()[-1] == "captioner: xe step 5 of 100: loss 2.500, 0.50 steps a second, finished in 10 s"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_loop_has_no_last_line(clock, lines, error):
    with pytest.raises(error), Progress("xe step", 100, clock=clock) as steps:
        for _ in range(5):
            steps.advance()
        raise error
    assert lines() == ["captioner: xe step 1 of 100"]


def test_items_that_are_watched_stay_themselves(lines):
    assert list(watched([3, 4], "scores of metric")) == [3, 4]
    first, last = lines()
    assert first == "captioner: scores of metric 1 of 2"
    assert last.startswith("captioner: scores of metric 2 of 2: ")


def test_a_watched_stream_takes_its_length_from_the_caller(lines):
    assert list(watched(iter("abc"), "check of picture", 3)) == ["a", "b", "c"]
    assert lines()[0] == "captioner: check of picture 1 of 3"


def test_only_the_first_process_tells(clock, lines, monkeypatch):
    monkeypatch.setattr(progress, "is_first", lambda: False)
    monkeypatch.setattr(console, "is_first", lambda: False)
    with Progress("xe step", 1, clock=clock) as steps:
        steps.advance()
    ended("step 1 of 1", "runs/a", ["captioner", "evaluate", "runs/a"])
    assert lines() == []


def test_a_silent_loop_says_nothing(clock, lines):
    with Progress("features of picture", 1, shown=False, clock=clock) as pictures:
        pictures.advance()
    assert lines() == []


def test_a_terminal_has_a_bar_and_no_lines(clock, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("reward step", 2, clock=clock) as steps:
        steps.advance(loss=0.25)
        steps.advance(loss=0.125)
    said = screen.getvalue()
    assert "captioner:" not in said
    assert "reward: 100%" in said and "2/2" in said and "loss=0.125" in said


def test_a_short_part_has_no_bar(clock, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("features of picture", 2, part=True, clock=clock) as pictures:
        pictures.advance(2)
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (150, "2 min 30 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (86400 * 3 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds, text):
    assert duration(seconds) == text


def test_a_command_ends_with_result_place_and_next_command(capsys):
    print("a table")
    ended("reward step 300 of 300", Path("runs/a"), ["captioner", "evaluate", Path("runs/a")])
    said = capsys.readouterr()
    assert said.out == "a table\n"
    assert said.err.splitlines() == [
        "captioner: done: reward step 300 of 300",
        "captioner: written to runs/a",
        "captioner: next, type: captioner evaluate runs/a",
    ]


def test_an_ending_without_a_place_has_no_line_for_it(capsys):
    ended(then=["captioner", "evaluate", "my runs/a"])
    assert capsys.readouterr().err == "captioner: next, type: captioner evaluate 'my runs/a'\n"


def test_progress_loads_no_torch():
    code = (
        "import sys\n"
        "from metric.runtime.progress import watched\n"
        "list(watched([1, 2], 'picture'))\n"
        "print('torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n" and "captioner: picture 2 of 2" in said.stderr


def test_facts_stay_until_newer_ones_come(clock, lines):
    with Progress("CLIP training step", 2, clock=clock) as steps:
        clock.now += 1
        steps.advance(loss=3.0, val_loss=2.0)
        clock.now += 1
        steps.advance(loss=1.0)
    assert lines()[1].startswith("captioner: CLIP training step 2 of 2: loss 1.000, val_loss 2.000, 1.0 steps a second")
