"""The files below a folder. Linked folders are followed once, and what cannot be read is told."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from captioner.data.left_out import LeftOut
from captioner.data.picture_files import is_picture


def tree(root: Path) -> tuple[dict[str, Path], list[LeftOut]]:
    """Name -> file, in the order of the names, and what cannot be read. A name is the path from `root`.

    A folder that can be reached by several links is read once, under its own name if it lies below `root`. Loops end.
    """
    walk = Walk(root)
    while walk.links:
        waiting = [walk.links.popleft()]
        while waiting:
            waiting += walk.visit(waiting.pop())
    return {name: walk.files[name] for name in sorted(walk.files, key=lambda name: name.split("/"))}, walk.left_out


class Walk:
    """A walk through the folders below `root`. Linked folders wait until all others are read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Path] = {}
        self.left_out: list[LeftOut] = []
        self.links = deque([root])
        self.seen: set[tuple[int, int]] = set()  # device and number of each folder

    def visit(self, folder: Path) -> list[Path]:
        """Takes the files of a folder, and returns the folders in it. A folder that was seen before gives none."""
        try:
            status = folder.stat()
            entries = [] if (status.st_dev, status.st_ino) in self.seen else sorted(os.scandir(folder), key=os.fspath)
        except OSError as error:
            self.left_out.append(LeftOut(self.name(folder), error.strerror or str(error), "folder"))
            return []
        self.seen.add((status.st_dev, status.st_ino))
        folders = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry))
            elif entry.is_symlink() and os.path.isdir(entry):
                self.links.append(Path(entry))
            self.take(entry)
        return folders

    def take(self, entry: os.DirEntry[str]) -> None:
        """Takes an entry that is a file, or tells why it is none. A linked picture that is gone is told when opened."""
        ordinary = entry.is_file(follow_symlinks=False)
        if ordinary or (entry.is_symlink() and (os.path.isfile(entry) or is_lost_picture(entry))):
            self.files[self.name(Path(entry))] = Path(entry)
        elif not os.path.isdir(entry):
            reason = "a link that leads nowhere" if entry.is_symlink() else "no ordinary file"
            self.left_out.append(LeftOut(self.name(Path(entry)), reason, "file"))
        elif is_picture(entry.name):
            self.left_out.append(LeftOut(self.name(Path(entry)), "a folder, not a picture", "file"))

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def is_lost_picture(entry: os.DirEntry[str]) -> bool:
    return is_picture(entry.name) and not os.path.exists(entry)
