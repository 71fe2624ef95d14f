"""Ctrl-C and SIGTERM, which a cluster's scheduler sends before it takes the machine: ask, then stop after the step."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AT_ONCE = 1.0  # seconds


class Interrupted(KeyboardInterrupt):
    """The run was asked to end by the signal `number`, and has saved; `again` is what to type to go on."""

    def __init__(self, number: int, saved: str, again: str) -> None:
        super().__init__(f"{saved}; {again} goes on")
        self.number, self.saved = number, saved

    @property
    def code(self) -> int:
        """As shells and schedulers know it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


def stopped(number: int, saved: str, again: str, first: bool) -> NoReturn:
    """Ends each of a run's processes, whichever was asked to; the first one says so."""
    stop = Interrupted(number or signal.SIGTERM, saved, again)
    if first:
        raise stop
    sys.exit(stop.code)


@contextmanager
def interruptible() -> Iterator[Callable[[], int]]:
    """Says the signal that asked the loop to stop after its step, or 0; a later one is Python's own.

    Under torchrun Ctrl-C comes twice at once, from the terminal and from torchrun: that counts as one.
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
