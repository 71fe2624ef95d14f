"""The rooms of the three packages: which there are, what each may import, and what the files of a tree do import.

A room is a folder of a package with all that lies in it (`metric.scores`), or a loose module of the package
(`metric.video`). The `__init__` of a package is a room of its own, the front door (`metric`), where it is not empty.
An arrow leads from a room to a room that one of its files imports: anywhere in the file, lazily or for types only.
tests/test_imports.py holds the tree to RULES, house.py counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# each package, and the packages that it may import as a whole
PACKAGES: dict[str, tuple[str, ...]] = {"metric": (), "rewards": ("metric",), "captioner": ("metric", "rewards")}
MOST_MODULES = 20  # of a folder
ARGPARSE = {"captioner.commands", "captioner.flags", "captioner.cli"}  # the rooms that may see it

Modules = dict[str, Path]
Arrows = dict[tuple[str, str], list[str]]

# Rooms of metric, and which of its rooms each may import.
OPEN = "runtime storage example images"
METRIC = {
    **dict.fromkeys(("runtime", "programs", "spec", "similarity", "images"), ""),
    "storage": "runtime",
    "example": "images",
    "video": "example images",
    "scenes": OPEN,
    "clip": f"{OPEN} spec",
    "positives": f"{OPEN} clip scenes similarity",
    "scores": f"{OPEN} clip scenes programs similarity spec video",
    "negatives": "spec",
    "training": f"{OPEN} positives negatives clip scenes similarity",
    "judgement": f"{OPEN} scores scenes spec video",
    "evaluation": f"{OPEN} scores clip scenes spec",
    "api": f"{OPEN} scores clip scenes spec positives training judgement evaluation",
}
# Rooms in layers: each may import those of the layers before its own, and none beside it.
REWARDS = ("spec context", "options plugins mix", "registry", "check built_in")
CAPTIONER = (
    "config pages",
    "flags presets data",
    "features model",
    "decoding runs",
    "training captioning scoring comparison",
    "publishing",
    "api",
    "commands",
    "cli",
    "__main__",
)


def layered(layers: tuple[str, ...]) -> dict[str, str]:
    """{room: the rooms that it may import, with spaces between}."""
    below = [" ".join(layers[:number]) for number in range(len(layers))]
    return {room: lower for layer, lower in zip(layers, below) for room in layer.split()}


def rules_of(package: str, rooms: dict[str, str]) -> dict[str, frozenset[str]]:
    """{room: rooms of its package that it may import}, with dotted names; the front door may import all of them."""
    named = {
        f"{package}.{room}": frozenset(f"{package}.{name}" for name in lower.split()) for room, lower in rooms.items()
    }
    return {package: frozenset(named), **named}


RULES = rules_of("metric", METRIC) | rules_of("rewards", layered(REWARDS)) | rules_of("captioner", layered(CAPTIONER))


def modules_of(root: Path) -> Modules:
    """Dotted names of all modules of the packages in the tree `root`; a folder's `__init__` has the folder's name."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return {dotted(path.relative_to(root)): path for path in paths}


def dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """`metric.scores.cider` -> `metric.scores`; `metric` is the front door."""
    return ".".join(module.split(".")[:2])


def package_of(name: str) -> str:
    return name.partition(".")[0]


def rooms_of(modules: Modules) -> set[str]:
    """All rooms of the tree; an empty front door is none."""
    return {room_of(name) for name, path in modules.items() if name not in PACKAGES or path.read_text("utf-8").strip()}


def imports(name: str, modules: Modules) -> Iterator[str]:
    """What the module `name` imports, ours and others', by dotted names: a module where it is one of the tree, else
    what holds the name."""
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
    """{(room, room that it imports): the modules that do so}, within a package and between packages."""
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
    """The arrows that close a circle, in a walk along all arrows that takes rooms in the order of their names."""
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
