"""The version of a package, and whether it is new enough for what one of its faults would spoil."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version


def older(package: str, least: tuple[int, int]) -> bool:
    """Whether the installed release of a package is before `least`, its first two numbers.

    >>> older("torch", (1, 0)), older("torch", (99, 0))
    (False, True)
    """
    numbers = [int(number) for number in re.findall(r"\d+", version(package))]
    return tuple(numbers[:2]) < least


def version_of(package: str) -> str:
    """The installed release of a package. `unknown` for a checkout that is used without an installation.

    >>> version_of("no-such-package")
    'unknown'
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
