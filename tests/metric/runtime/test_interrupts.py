"""Ctrl-C and SIGTERM ask a loop to stop; a second one is not ours."""

from __future__ import annotations

import signal
import threading

import pytest

from metric.runtime.interrupts import SIGNALS, Interrupted, interruptible, stopped


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
