"""The progress of long loops: a bar on a terminal, elsewhere one line about once a minute.

captioner: reward step 120 of 300: loss -0.012, reward 0.693, 1.2 steps a second, 2 min 30 s left
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm import tqdm

from metric.runtime.console import is_first

EVERY = 60.0  # seconds between two lines
PATIENCE = 2.0  # seconds after which the bar of a part appears
Item = TypeVar("Item")
Clock = Callable[[], float]


class Progress:
    """The progress of one loop, told on stderr by the first process. To be used as a context.

    On a terminal the loop has a bar. Elsewhere the loop has a line after its first item, about every EVERY seconds,
    and after its last item. A loop that an error or Ctrl-C ends has no last line.
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        done: int = 0,
        part: bool = False,
        shown: bool = True,
        clock: Clock = time.monotonic,
    ) -> None:
        """`what` ends with the name of one item: "reward step", "captions of picture".

        `total`: the number of items, None where nobody knows it. `done`: the items of an earlier call.
        `part`: a loop within a longer one, which is told only when it takes longer than EVERY seconds.
        `shown`: False for a process that is to be silent.
        """
        unit = what.split()[-1]
        told = shown and is_first()
        terminal = sys.stderr.isatty()
        self.facts: dict[str, float] = {}
        self.bar = tqdm(
            total=total,
            initial=done,
            desc=what.removesuffix(unit).strip().removesuffix(" of") or None,
            unit=unit,
            leave=not part,
            delay=PATIENCE if part else 0,
            disable=not (told and terminal),
        )
        self.lines = Lines(what, unit, total, done, part, clock) if told and not terminal else None

    def advance(self, count: int = 1, /, **facts: float) -> None:
        """`count` more items are done. `facts`, such as the loss, are shown beside them until newer ones come."""
        self.facts |= facts
        self.bar.set_postfix({name: fact(value) for name, value in self.facts.items()}, refresh=False)
        self.bar.update(count)
        if self.lines:
            self.lines.advance(count, self.facts)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.bar.close()
        if self.lines and not error:
            self.lines.close()


def watched(items: Iterable[Item], what: str, total: int | None = None, part: bool = False) -> Iterator[Item]:
    """The items, with their progress. An item is done when the next one is asked for."""
    with Progress(what, len(items) if isinstance(items, Sized) else total, part=part) as progress:
        for item in items:
            yield item
            progress.advance()


@contextmanager
def without_bars(*logs: Any) -> Iterator[None]:
    """Inside, transformers draws no bar for the files of weights, which it does even outside a terminal.

    `logs` are the logging modules of other libraries with such bars, as `diffusers.utils.logging`.
    """
    from transformers.utils import logging

    shown = [log for log in (logging, *logs) if log.is_progress_bar_enabled()]
    for log in shown:
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log in shown:
            log.enable_progress_bar()


class Lines:
    """Lines for a file: which are due, and their text."""

    def __init__(self, what: str, unit: str, total: int | None, done: int, part: bool, clock: Clock) -> None:
        self.what, self.unit, self.total, self.part, self.clock = what, unit, total, part, clock
        self.before = self.done = done
        self.facts: dict[str, float] = {}
        self.began = self.said_at = clock()
        self.said: int | None = done if part else None
        """the items that were done at the last line; None before the first line"""

    def advance(self, count: int, facts: dict[str, float]) -> None:
        if not count or self.done == self.total:
            return
        self.done += count
        self.facts = facts
        now = self.clock()
        if self.done == self.total:
            self.close()
        elif self.said is None or now - self.said_at >= EVERY:
            self.say("" if self.said is None else self.speed(now))
            self.said, self.said_at = self.done, now

    def close(self) -> None:
        """The last line, unless it stands there already or the loop was a short part of another one."""
        now = self.clock()
        short = self.part and self.said_at == self.began
        if self.done not in (self.said, self.before) and not short:
            self.say(f"{self.rate(now)}, finished in {duration(now - self.began)}")
        self.said = self.done

    def say(self, speed: str) -> None:
        place = f"{self.done:,}" + ("" if self.total is None else f" of {self.total:,}")
        facts = [f"{name} {fact(value)}" for name, value in self.facts.items()] + ([speed] if speed else [])
        text = f"{self.what} {place}" + (f": {', '.join(facts)}" if facts else "")
        print(f"captioner: {text}", file=sys.stderr, flush=True)

    def speed(self, now: float) -> str:
        """`1.2 steps a second, 2 min 30 s left`: the mean rate of this call, and the time left at that rate."""
        if self.total is None:
            return self.rate(now)
        left = (self.total - self.done) * (now - self.began) / (self.done - self.before)
        return f"{self.rate(now)}, {duration(left)} left"

    def rate(self, now: float) -> str:
        a_second = (self.done - self.before) / max(now - self.began, 1e-3)
        if a_second >= 0.1:
            return f"{number(a_second)} {self.unit}s a second"
        if a_second * 60 >= 1:
            return f"{number(a_second * 60)} {self.unit}s a minute"
        return f"{number(a_second * 3600)} {self.unit}s an hour"


def number(value: float) -> str:
    """`0.58`, `1.2`, `41`, `1,234`"""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def fact(value: float) -> str:
    """`-0.012`, and `0.000` where that would be `-0.000`."""
    return f"{round(value, 3) + 0:.3f}"


def duration(seconds: float) -> str:
    """`0.4 s`, `36 s`, `2 min 30 s`, `1 h 5 min`, `3 d 4 h`"""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, size in (("d", "h", 3600), ("h", "min", 60), ("min", "s", 1)):
        count, rest = divmod(whole // size, 24 if large == "d" else 60)
        if count:
            return f"{count} {large} {rest} {small}" if rest else f"{count} {large}"
    return f"{whole} s"
