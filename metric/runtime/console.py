"""What is said to people: once for all processes, on the right stream."""

from __future__ import annotations

import shlex
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


def ended(reached: str = "", where: object = "", then: Iterable[object] = ()) -> None:
    """The last lines of a command, on stderr: the result, its place, and the words of the command to type next.

    What is empty has no line. A result that stands on stdout already, such as a table, is not told again.
    """
    if not is_first():
        return
    sys.stdout.flush()
    for label, text in (("done: ", reached), ("written to ", str(where)), ("next, type: ", shlex.join(map(str, then)))):
        if text:
            print(f"captioner: {label}{text}", file=sys.stderr)


def first_line(error: Exception) -> str:
    """The first line of the message of an error, at most 200 characters; its kind where it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
