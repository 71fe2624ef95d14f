"""What is said to people: once for all processes, on the right stream."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tqdm import tqdm


def is_first() -> bool:
    """Whether this is the first of the processes that train one model. A process without torch is alone."""
    if "torch" not in sys.modules:
        return True
    from metric.runtime.processes import rank

    return rank() == 0


def tell(cautions: Iterable[str]) -> None:
    """On stderr, one line each."""
    for line in cautions:
        print(f"captioner: caution: {line}", file=sys.stderr)


def say(text: str) -> None:
    """On stdout, once however many processes there are, and at once: a log in a file keeps the order of its lines."""
    if is_first():
        tqdm.write(text)
        sys.stdout.flush()


def no_bar() -> bool | None:
    """tqdm's `disable`: the first process has a bar, on a terminal."""
    return None if is_first() else True


def ended(reached: str, where: object = "", then: str = "") -> None:
    """The last lines of a command, on stderr: the result, the place of the result, the command to type next.

    An empty text has no line. A result that stands on stdout already, such as a table, is not told again.
    """
    if not is_first():
        return
    sys.stdout.flush()
    for label, text in (("done: ", reached), ("written to ", where), ("next, type: ", then)):
        if text:
            print(f"captioner: {label}{text}", file=sys.stderr)
