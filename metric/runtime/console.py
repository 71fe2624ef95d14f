"""What is said to people: once for all processes, on the right stream."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tqdm import tqdm

from metric.runtime.processes import rank


def tell(cautions: Iterable[str]) -> None:
    """On stderr, one line each."""
    for line in cautions:
        print(f"captioner: caution: {line}", file=sys.stderr)


def say(text: str) -> None:
    """Once, however many processes there are."""
    if rank() == 0:
        tqdm.write(text)


def no_bar() -> bool | None:
    """tqdm's `disable`: the first process has a bar, on a terminal."""
    return True if rank() else None
