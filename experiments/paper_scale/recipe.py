"""A recipe as data: what lies where, which commands, what to compare the result with."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    title: str
    source: str
    """paper, and the figure to hold the result against"""
    data: dict[str, str]
    """place under ROOT -> what lies there"""
    commands: tuple[str, ...]
    """of `captioner`; {root} and {out} are filled in"""
    after: tuple[str, ...] = field(default=())
    """recipes whose results are used"""

    def words(self, root: Path, out: Path) -> list[list[str]]:
        """The commands as a shell would split them."""
        return [shlex.split(command.format(root=root, out=out)) for command in self.commands]
