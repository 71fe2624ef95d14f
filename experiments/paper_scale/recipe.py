"""A recipe as data: the files, the commands, and the published figure of the result."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """An experiment of a paper, as commands of `captioner`."""

    title: str
    source: str
    """paper, and the published figure"""
    data: dict[str, str]
    """path under ROOT -> content of the file or folder"""
    commands: tuple[str, ...]
    """commands of `captioner`, with {root} and {out} to be filled in"""
    after: tuple[str, ...] = field(default=())
    """recipes that must run before, since this one uses their results"""

    def words(self, root: Path, out: Path) -> list[list[str]]:
        """The commands, split into words as by a shell."""
        return [shlex.split(command.format(root=root, out=out)) for command in self.commands]
