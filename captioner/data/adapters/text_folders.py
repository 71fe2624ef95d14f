"""A folder of text files, one for each picture: `a/b.txt` has the captions of the picture `a/b`, one a line."""

from __future__ import annotations

from pathlib import Path

from captioner.data.left_out import Read
from captioner.data.picture_lookup import Pictures
from captioner.data.text_files import read_text
from metric.storage.text_lines import text_lines

ENDING = ".txt"


def texts(split: str, root: str, images: str = "") -> Read:
    """The pictures of the folder `images` that have a text file below `root`. The id is the text's path, no ending.

    `captioner caption --format txt` writes such a folder. There are no splits: any split has all pictures.
    """
    captions = texts_below(Path(root))
    if not captions:
        raise ValueError(f"{root} has no {ENDING} file; expected one for each picture")
    pictures = Pictures(Path(images or root))
    for name, lines in captions.items():
        yield pictures.example(name, (name,), tuple(lines))


def texts_below(folder: Path) -> dict[str, list[str]]:
    """Path of a text file below `folder`, without its ending -> its lines."""
    files = sorted(folder.rglob(f"*{ENDING}"))
    return {path.relative_to(folder).as_posix()[: -len(ENDING)]: text_lines(read_text(path)) for path in files}
