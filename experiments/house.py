"""Measures of a tree of this project, as a Markdown table: rooms, arrows between rooms, names, the README.

Command: `python -m experiments.house [TREE ...] [--git COMMIT ...]`. Each tree is a column. The default is the tree of
this file. `git archive` copies a commit into a temporary folder. Cost: about a second a tree.

rooms.py defines rooms and arrows. Each package is counted alone. The modules of a folder are its files without
`__init__`. An arrow runs up if RULES does not allow the arrow. RULES knows no package whose rooms have other names, as
before the moves. In such a package, an arrow runs up if the arrow closes a circle. A word of README.md is a run of
characters between spaces. Below the table are the module names that occur more than once in the three packages.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.rooms import (
    PACKAGES,
    RULES,
    Arrows,
    Modules,
    allowed,
    arrows_of,
    circles,
    modules_of,
    package_of,
    rooms_of,
)

ROOT = Path(__file__).resolve().parent.parent
NAMES = "module names used more than once"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tree", nargs="*", type=Path, help="folders that hold metric/, rewards/ and captioner/")
    parser.add_argument(
        "--git",
        action="append",
        default=[],
        metavar="COMMIT",
        help="commit, in a column left of the trees",
    )
    args = parser.parse_args(words)
    trees = args.tree or ([] if args.git else [ROOT])
    try:
        columns = {commit: of_commit(commit) for commit in args.git}
        columns |= {str(tree): measured(tree) for tree in trees}
    except ValueError as wrong:
        print(f"house.py: {wrong}", file=sys.stderr)
        return 2
    print(table(columns))
    return 0


def of_commit(commit: str) -> dict[str, str]:
    """The measures of a commit of this repository. Raises ValueError for an unknown commit."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise ValueError(f"--git is a commit of {ROOT}, got {commit!r}: {done.stderr.decode().strip().splitlines()[0]}")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")
        return measured(Path(folder))


def measured(root: Path) -> dict[str, str]:
    """Measures by name, in the order of the table. Raises ValueError if `root` is no tree of this project."""
    modules = modules_of(root)
    if {package_of(name) for name in modules} != PACKAGES.keys():
        raise ValueError(f"a tree holds the packages {', '.join(PACKAGES)}, got {root}")
    rows: dict[str, str] = {}
    for package in PACKAGES:
        rows |= of_package(package, {name: path for name, path in modules.items() if package_of(name) == package}, root)
    return rows | {NAMES: ", ".join(repeated_names(modules))} | of_texts(modules, root)


def of_package(package: str, modules: Modules, root: Path) -> dict[str, str]:
    """The measures of one package: rooms, arrows and the fullest folder."""
    rooms = rooms_of(modules)
    inside = {arrow: names for arrow, names in arrows_of(modules).items() if package_of(arrow[1]) == package}
    folder, count = Counter(path.parent for path in modules.values() if path.stem != "__init__").most_common(1)[0]
    return {
        f"{package}: rooms": str(len(rooms)),
        f"{package}: arrows between rooms": str(len(inside)),
        f"{package}: arrows that run up": running_up(rooms, inside),
        f"{package}: modules in the fullest folder": f"{count} ({folder.relative_to(root)})",
    }


def running_up(rooms: set[str], arrows: Arrows) -> str:
    """The number of arrows that run up, by RULES or, for rooms that RULES does not know, by circles."""
    if rooms <= RULES.keys():
        return str(sum(not allowed(*arrow) for arrow in arrows))
    return f"{len(circles(arrows))} (by circles)"


def repeated_names(modules: Modules) -> list[str]:
    """The module names that occur more than once in the three packages, each with its number of uses."""
    uses = Counter(path.stem for path in modules.values() if path.stem != "__init__")
    return [f"{name} {count}" for name, count in sorted(uses.items()) if count > 1]


def of_texts(modules: Modules, root: Path) -> dict[str, str]:
    """The lengths of the README and of the longest module."""
    readme = (root / "README.md").read_text("utf-8")
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in modules.values()}
    longest = max(lines, key=lambda path: lines[path])
    return {
        "modules": str(len([path for path in modules.values() if path.stem != "__init__"])),
        "lines of the longest module": f"{lines[longest]} ({longest.relative_to(root)})",
        "lines of README.md": str(len(readme.splitlines())),
        "words of README.md": str(len(readme.split())),
    }


def table(columns: dict[str, dict[str, str]]) -> str:
    """A Markdown table: one column a tree, one row a measure. Repeated names are counted, and listed below."""
    rows = [["", *columns], ["---"] * (1 + len(columns))]
    for name in next(iter(columns.values())):
        cells = [column[name] for column in columns.values()]
        rows.append([name, *(str(len(cell.split(", ")) if cell else 0) if name == NAMES else cell for cell in cells)])
    lists = [f"- {tree}: {column[NAMES]}" for tree, column in columns.items()]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", f"{NAMES[0].upper()}{NAMES[1:]}:", "", *lists])


if __name__ == "__main__":
    sys.exit(main())
