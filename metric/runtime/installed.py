"""Whether an installed package is new enough for what one of its faults would spoil."""

from __future__ import annotations

import re
from importlib.metadata import version


def older(package: str, least: tuple[int, int]) -> bool:
    """Whether the installed release of a package is before `least`, its first two numbers.

    >>> older("torch", (1, 0)), older("torch", (99, 0))
    (False, True)
    """
    numbers = [int(number) for number in re.findall(r"\d+", version(package))]
    return tuple(numbers[:2]) < least
