"""A folder of text files, one for each picture: `a/b.txt` has the captions of the picture `a/b`, one a line."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

from captioner.data.beside import LINES
from captioner.data.folder_tree import tree
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_files import is_hidden, is_left_alone, is_picture
from captioner.data.picture_lookup import Pictures
from captioner.data.rows.merged import examples
from captioner.data.rows.records import Entry, files_of
from captioner.data.text_files import read_text
from metric.storage.text_lines import text_lines

ENDING = ".txt"
ENDINGS = tuple(f".{ending}" for ending in LINES)


def texts(split: str, root: str, images: str = "") -> Read:
    """The pictures of the folder `images` that have a text file below `root`. The id is the text's path, no ending.

    Text files end in `.txt` or `.caption`. A readme and a hidden file count if a picture has their name.
    `captioner caption --format txt` writes such a folder. There are no splits: any split has all pictures.
    """
    captions = texts_below(Path(root), ENDINGS)
    if not captions:
        raise ValueError(f"{root} has no {' or '.join(ENDINGS)} file; expected one for each picture")
    pictures = Pictures(Path(images or root))
    about = {name for name in captions if is_left_alone(name) and pictures.find(name) is None}

    def entries() -> Iterator[Entry | LeftOut]:
        for name, lines in captions.items():
            if name not in about:
                yield Entry(name, name, tuple(lines), root, files_of(name))

    yield from examples(entries, pictures)
    yield from unused(Path(root), about)


def unused(folder: Path, about: Container[str]) -> Iterator[LeftOut]:
    """The files of a folder of texts that are not read. Pictures and hidden files are not told."""
    files, left_out = tree(folder)
    for name in (name for name in files if not (is_hidden(name) or is_picture(name))):
        stem, ending = parted(name)
        if ending in ENDINGS and stem in about:
            yield LeftOut(name, "it is called as files about a folder are, and no picture has its name", "file")
        elif ending not in ENDINGS and not is_left_alone(name):
            yield LeftOut(name, f"it ends in neither {' nor '.join(ENDINGS)}", "file")
    yield from left_out


def texts_below(folder: Path, endings: tuple[str, ...] = (ENDING,)) -> dict[str, list[str]]:
    """Path of a text file below `folder`, without its ending -> its lines, and further lines of its other endings."""
    names = [(*parted(name), path) for name, path in tree(folder)[0].items()]
    told: dict[str, list[str]] = {}
    for ending in endings:
        for stem, _, path in (item for item in names if item[1] == ending):
            before = told.get(stem, [])
            told[stem] = before + [line for line in text_lines(read_text(path)) if line not in before]
    return dict(sorted(told.items(), key=lambda item: item[0].split("/")))


def parted(name: str) -> tuple[str, str]:
    """`a/1.TXT` -> `a/1`, `.txt`."""
    ending = PurePosixPath(name).suffix
    return name.removesuffix(ending), ending.lower()
