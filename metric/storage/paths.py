"""Paths as people type them: `~` stands for the home folder, and what a run records is found from any folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

HOME = re.compile(r"(^|[=:])(~[\w.-]*)(?=/|,|$)")
# options of data sets, rewards and scores whose values are paths
PATHS = ("file", "root", "images", "path", "shards", "checkpoint", "clip", "training", "model", "df")
OPTION = re.compile(rf"(?<=[:,])({'|'.join(PATHS)})=([^,]*)")
OPEN_END = re.compile(r"[{*?\[]")  # where a path with braces or wildcards begins to stand for several
ELSEWHERE = re.compile(r"pipe:|[\w+]+://")


def expanded(text: str) -> str:
    """The text with the home folder for `~` at its beginning, after `=` and after `:`, where no shell has done so.

    >>> expanded("a~b"), expanded("images=~nobody-of-that-name/a")
    ('a~b', 'images=~nobody-of-that-name/a')
    """
    return HOME.sub(lambda match: match[1] + os.path.expanduser(match[2]), text)


def absolute(path: str) -> str:
    """A path that exists, from the root. Other text, such as a hub id or the name of a CLIP, stays as it is.

    Of a pattern such as `a-{000..131}.tar` the folder has to exist.
    """
    if not path or ELSEWHERE.match(path):
        return path
    place = Path(expanded(path))
    wild = OPEN_END.search(path)
    there = Path(expanded(path[: wild.start()]) + "x").parent.is_dir() if wild else place.exists()
    return os.path.abspath(place) if there else path


def absolute_options(spec: str) -> str:
    """`name:option=value,...` with absolute paths. A path with a comma could not be typed there, and stays."""

    def place(match: re.Match[str]) -> str:
        found = absolute(match[2])
        return f"{match[1]}={match[2] if ',' in found else found}"

    return OPTION.sub(place, spec)
