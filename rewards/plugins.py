"""Rewards of other installed packages, by entry points. A package is imported when its reward is first used."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from metric.spec import plain

GROUP = "captioner.rewards"
# errors of importing a package that is broken, too old or half installed
IMPORT_FAULTS = (ImportError, AttributeError, NameError, SyntaxError, OSError)


def announced(built_in: Collection[str]) -> dict[str, EntryPoint]:
    """Plain name of a reward -> entry point. No module is imported.

    Raises ValueError for a name of two packages, and for the name of a built-in reward.
    """
    points: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        key = plain(point.name)
        taken = "captioner itself" if key in built_in else package(points[key]) if key in points else ""
        if taken:
            raise ValueError(
                f"package {package(point)} announces the reward {point.name}, which is a reward of {taken}: "
                "uninstall one or rename it"
            )
        points[key] = point
    return points


def load(key: str, point: EntryPoint) -> None:
    """Imports the module of a plug-in. The module registers its rewards. Raises ValueError when the import fails."""
    try:
        import_module(point.module)
    except IMPORT_FAULTS as error:
        raise ValueError(
            f"reward {key}: package {package(point)} cannot be imported from {point.value} "
            f"({type(error).__name__}: {' '.join(str(error).split())}): repair or uninstall it"
        ) from error


def package(point: EntryPoint) -> str:
    """The name of the package of a plug-in. Without one, the place of the reward."""
    return point.dist.name if point.dist else point.value


def release(point: EntryPoint) -> str:
    """Package and version of a plug-in, as `name==1.0`. Another release may hold another reward."""
    return f"{point.dist.name}=={point.dist.version}" if point.dist else point.value
