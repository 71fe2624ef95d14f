"""Stop after the current step on Ctrl-C or SIGTERM. A cluster sends SIGTERM before it takes a machine away."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AT_ONCE = 1.0  # seconds in which several signals count as one


class Interrupted(KeyboardInterrupt):
    """The signal `number` ended a run, which has saved its state. The command `again` continues the run."""

    def __init__(self, number: int, saved: str, again: str) -> None:
        super().__init__(f"{saved}; {again} goes on")
        self.number, self.saved = number, saved

    @property
    def code(self) -> int:
        """The exit code by the convention of shells: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


def stopped(number: int, saved: str, again: str, first: bool) -> NoReturn:
    """End this process of a run. All processes end, and only the `first` one prints the message."""
    stop = Interrupted(number or signal.SIGTERM, saved, again)
    if first:
        raise stop
    sys.exit(stop.code)


@contextmanager
def interruptible() -> Iterator[Callable[[], int]]:
    """A function that returns the number of the signal that asks the loop to stop, or 0.

    A second signal has Python's usual effect. Under torchrun one Ctrl-C arrives twice, from the terminal and from
    torchrun: signals within AT_ONCE count as one.
    """
    asked: list[tuple[int, float]] = []
    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield lambda: 0
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, frame: object) -> None:
        now = time.monotonic()
        if asked and now - asked[0][1] > AT_ONCE:
            restore()
            signal.raise_signal(number)
        asked.append((number, now))

    for number in SIGNALS:
        signal.signal(number, ask)
    try:
        yield lambda: asked[0][0] if asked else 0
    finally:
        restore()


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads. An error or a Ctrl-C in the block drops the work that is queued, and waits for none."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def end_process(run: Callable[[], int]) -> NoReturn:
    """End this process with the exit code of `run`. After an interrupt no thread is waited for.

    A second Ctrl-C while Python waits for its threads ends the process by abort (SIGABRT) in the middle of a thread.
    """
    try:
        code = run()
    except KeyboardInterrupt:  # a second one, while the first is told
        code = 128 + signal.SIGINT
    if code not in {128 + number for number in SIGNALS}:
        sys.exit(code)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
