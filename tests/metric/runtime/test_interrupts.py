"""Ctrl-C and SIGTERM ask a loop to stop; a second one is not ours."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from metric.runtime.interrupts import SIGNALS, Interrupted, end_process, interruptible, stopped, threads
from tests.places import ROOT


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_told_and_a_later_one_is_pythons_own(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    before = signal.signal(number, lambda number, frame: seen.append(number))
    try:
        with interruptible() as asked:
            assert asked() == 0
            signal.raise_signal(number)
            signal.raise_signal(number)  # as torchrun passes on what the terminal has sent too
            assert asked() == number and seen == []
            monkeypatch.setattr("metric.runtime.interrupts.AT_ONCE", 0.0)
            signal.raise_signal(number)
            assert seen == [number]
    finally:
        signal.signal(number, before)


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_another_thread_is_never_asked() -> None:
    told: list[int] = []

    def loop() -> None:
        with interruptible() as asked:
            told.append(asked())

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join()
    assert told == [0]


def test_the_exit_code_is_what_schedulers_know() -> None:
    stops = [Interrupted(number, "saved after step 3", "captioner train --resume") for number in SIGNALS]
    assert [stop.code for stop in stops] == [130, 143]
    with pytest.raises(SystemExit, match="143"):
        stopped(signal.SIGTERM, "saved", "again", first=False)
    with pytest.raises(Interrupted, match="saved; again goes on") as stop:
        stopped(0, "saved", "again", first=True)  # another process was asked
    assert stop.value.code == 143
    assert str(stops[0]) == "saved after step 3; captioner train --resume goes on"


PROGRAM = """
import sys, time
from metric.runtime.interrupts import end_process, threads
def work():
    with threads(2) as pool:
        for _ in range(9):
            pool.submit(time.sleep, 30)
        print("at work", flush=True)
        time.sleep(30)
def main():
    try:
        work()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
end_process(main)
"""


@pytest.mark.parametrize("times", [1, 2, 5])
def test_interrupts_end_a_process_at_once_although_threads_are_at_work(times: int) -> None:
    """Python waited for its threads at its end, and a second Ctrl-C there was an abort in the middle of a thread."""
    begin = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = subprocess.Popen(
        [sys.executable, "-c", begin + PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout and process.stdout.readline() == b"at work\n"
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    _, said = process.communicate(timeout=10)  # less than the threads sleep
    assert process.returncode == 130
    assert said in (b"interrupted\n", b"")  # a second signal may come before the first is told


def test_threads_that_are_left_without_an_error_have_done_their_work() -> None:
    done: list[int] = []
    with threads(2) as pool:
        for number in range(5):
            pool.submit(done.append, number)
    assert sorted(done) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_process_that_was_not_interrupted_ends_as_ever(code: int) -> None:
    with pytest.raises(SystemExit) as stop:
        end_process(lambda: code)
    assert stop.value.code == code
