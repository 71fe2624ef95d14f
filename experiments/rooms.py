"""The rooms of the three packages, the rules of import between rooms, and the imports in the files of a tree.

A room is a folder of a package with all its files (`metric.scores`), or a loose module of the package
(`metric.video`). The `__init__` of a package is a room too, the front door (`metric`), unless the file is empty.
An arrow leads from a room to a room that one of its files imports. Lazy imports and imports for types count too.
tests/test_imports.py checks a tree against RULES. house.py counts rooms and arrows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# package -> packages that its modules may import
PACKAGES: dict[str, tuple[str, ...]] = {"metric": (), "rewards": ("metric",), "captioner": ("metric", "rewards")}
MOST_MODULES = 20  # most modules of a folder
ARGPARSE = {"captioner.commands", "captioner.flags", "captioner.cli"}  # the rooms that may import argparse

Modules = dict[str, Path]
Arrows = dict[tuple[str, str], list[str]]

# Room of metric -> rooms of metric that the room may import.
OPEN = "runtime storage example images"
METRIC = {
    **dict.fromkeys(("runtime", "programs", "spec", "settings", "similarity", "images", "language"), ""),
    "storage": "runtime",
    "example": "images",
    "pictures": "example images",
    "video": "example images",
    "readable": OPEN,
    "scenes": OPEN,
    "clip": f"{OPEN} spec",
    "image_to_text": OPEN,
    "positives": f"{OPEN} readable clip scenes similarity settings image_to_text",
    "sentences": "example",
    "scores": f"{OPEN} sentences language clip scenes programs similarity spec video",
    "negatives": "spec",
    "training": f"{OPEN} readable positives negatives clip scenes similarity settings",
    "judgement": f"{OPEN} readable scores scenes spec video",
    "evaluation": f"{OPEN} readable language scores clip scenes spec",
    "export": f"{OPEN} clip spec",
    "plugins": f"{OPEN} pictures scores spec evaluation",
    "torchmetrics": f"{OPEN} pictures scores similarity evaluation",
    "api": f"{OPEN} readable language scores clip scenes spec positives training judgement evaluation",
}
# Rooms in layers. A room may import the rooms of the layers before its own layer, and no room of its own layer.
REWARDS = ("spec context", "options plugins mix", "window", "registry", "check built_in bridges")
CAPTIONER = (
    "config pages",
    "config_checks",
    "flags presets data",
    "features model",
    "decoding runs",
    "sources",
    "training captioning scoring comparison serving watching",
    "hardening publishing",
    "api",
    "commands",
    "cli",
    "__main__",
)


def layered(layers: tuple[str, ...]) -> dict[str, str]:
    """Room -> the rooms that it may import, with spaces between the names."""
    below = [" ".join(layers[:number]) for number in range(len(layers))]
    return {room: lower for layer, lower in zip(layers, below) for room in layer.split()}


def rules_of(package: str, rooms: dict[str, str]) -> dict[str, frozenset[str]]:
    """Room -> rooms of its package that it may import, with dotted names. The front door may import all rooms."""
    named = {
        f"{package}.{room}": frozenset(f"{package}.{name}" for name in lower.split()) for room, lower in rooms.items()
    }
    return {package: frozenset(named), **named}


RULES = rules_of("metric", METRIC) | rules_of("rewards", layered(REWARDS)) | rules_of("captioner", layered(CAPTIONER))


def modules_of(root: Path) -> Modules:
    """Dotted name -> file of each module in the tree `root`. The `__init__` of a folder has the name of the folder."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return {dotted(path.relative_to(root)): path for path in paths}


def dotted(path: Path) -> str:
    """`metric/scores/cider.py` -> `metric.scores.cider`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """`metric.scores.cider` -> `metric.scores`. The room `metric` is the front door."""
    return ".".join(module.split(".")[:2])


def package_of(name: str) -> str:
    return name.partition(".")[0]


def rooms_of(modules: Modules) -> set[str]:
    """All rooms of the tree. An empty front door is no room."""
    return {room_of(name) for name, path in modules.items() if name not in PACKAGES or path.read_text("utf-8").strip()}


def imports(name: str, modules: Modules) -> Iterator[str]:
    """The dotted names of the imports of the module `name`, also of imports from outside the tree.

    An imported module of the tree gives its own name. Any other imported name gives the name of its module.
    """
    path = modules[name]
    here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*start, *filter(None, [node.module])])
            for alias in node.names:
                yield inner if (inner := f"{base}.{alias.name}") in modules else base


def arrows_of(modules: Modules) -> Arrows:
    """(room, imported room) -> the importing modules, within a package and between packages."""
    arrows: Arrows = {}
    for name in modules:
        for target in dict.fromkeys(map(room_of, imports(name, modules))):
            if package_of(target) in PACKAGES and target != room_of(name):
                arrows.setdefault((room_of(name), target), []).append(name)
    return arrows


def allowed(room: str, target: str) -> bool:
    """Whether `room` may import `target`, by RULES within a package and by PACKAGES between packages."""
    if package_of(room) == package_of(target):
        return target in RULES[room]
    return package_of(target) in PACKAGES[package_of(room)]


def circles(arrows: Arrows) -> list[tuple[str, str]]:
    """The arrows that close a circle, in a walk along all arrows. The walk takes rooms in the order of their names."""
    targets: dict[str, list[str]] = {}
    for room, target in sorted(arrows):
        targets.setdefault(room, []).append(target)
    left: set[str] = set()
    closing = []

    def walk(room: str, way: tuple[str, ...]) -> None:
        for target in targets.get(room, ()):
            if target in way:
                closing.append((room, target))
            elif target not in left:
                walk(target, (*way, target))
        left.add(room)

    for room in targets:
        if room not in left:
            walk(room, (room,))
    return closing
