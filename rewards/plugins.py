"""Rewards of other installed packages, found by their entry points and imported only when asked for."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from metric.spec import plain

GROUP = "captioner.rewards"
# what importing a package that is broken, too old or half installed raises
IMPORT_FAULTS = (ImportError, AttributeError, NameError, SyntaxError, OSError)


def announced(built_in: Collection[str]) -> dict[str, EntryPoint]:
    """By plain name, not imported. Raises ValueError when a name is announced twice or is built in."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        key = plain(point.name)
        taken = "captioner itself" if key in built_in else package(found[key]) if key in found else ""
        if taken:
            raise ValueError(
                f"package {package(point)} announces the reward {point.name}, which is a reward of {taken}: "
                "uninstall one or rename it"
            )
        found[key] = point
    return found


def load(key: str, point: EntryPoint) -> None:
    """Imports the module of a plug-in, which registers itself by doing so."""
    try:
        import_module(point.module)
    except IMPORT_FAULTS as error:
        raise ValueError(
            f"reward {key}: package {package(point)} cannot be imported from {point.value} "
            f"({type(error).__name__}: {' '.join(str(error).split())}): repair or uninstall it"
        ) from error


def package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def release(point: EntryPoint) -> str:
    """The package and its version, as a requirement: another release may be another reward."""
    return f"{point.dist.name}=={point.dist.version}" if point.dist else point.value
