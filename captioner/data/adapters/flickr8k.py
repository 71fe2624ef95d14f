"""Flickr8k in its native layout, Images/ with three lists of file names, and token files such as Flickr30k's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import Pictures
from captioner.data.rows.merged import examples
from captioner.data.rows.records import Entry, files_of, tidy
from captioner.data.splits import canonical, file_of, splits_of
from captioner.data.text_files import ending_of, read_text
from captioner.data.text_files import lines as text_file_lines
from metric.storage.text_lines import text_lines

LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "val": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
TOKENS = "Flickr8k.token.txt"
FOLDERS = ("Images", "Flicker8k_Dataset", "flickr30k-images", "flickr30k_images")
TOKEN_LINE = re.compile(r"[^\t\n]+#\d+\t")  # name.jpg#0<tab>caption


def flickr8k(split: str, root: str, count: int = 0) -> Read:
    """The photographs of a split with five references each. `count` is the number of the first to take, 0 for all."""
    name, folder = canonical(split), Path(root)
    if name not in LISTS:
        lines(folder, LISTS["train"])  # a folder of something else is no question of splits
        raise ValueError(f"flickr8k has the splits {', '.join(LISTS)}, got {split!r}")
    listed = lines(folder, LISTS[name])[: count or None]
    captions = references(lines(folder, TOKENS), f"{folder / TOKENS}")
    pictures = Pictures(photographs(folder))
    for picture in listed:
        if picture in captions:
            yield pictures.example(picture, (picture,), captions[picture])
        else:
            yield LeftOut(picture, f"{TOKENS} has no caption of it")


def flickr8k_splits(root: str, **_: Any) -> list[str]:
    return [split for split, name in LISTS.items() if (Path(root) / name).is_file()]


def tokens(split: str, file: str, images: str = "") -> Read:
    """Pictures with captions from a token file such as Flickr30k's `results_20130124.token`, which has no splits."""
    path = file_of(file, split)
    pictures = Pictures(Path(images) if images else photographs(path.parent))
    told = references(text_lines(read_text(path)), str(path))
    yield from examples(
        lambda: (Entry(name, name, said, str(path), files_of(name)) for name, said in told.items()), pictures
    )


def tokens_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file)


def has_token_lines(path: Path) -> bool:
    """Whether a file has lines `name.jpg#0<tab>caption`, by its first line or by the name of Flickr8k's file."""
    if ending_of(path) not in (".txt", ".token") or not path.is_file():
        return False
    return path.name == TOKENS or bool(TOKEN_LINE.match(next(text_file_lines(path), "")))


def references(lines: Iterable[str], place: str) -> dict[str, tuple[str, ...]]:
    """`name.jpg#0<tab>caption` a line -> captions by file name. Raises ValueError for another line."""
    captions: defaultdict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, tab, caption = line.partition("\t")
        if not tab:
            raise ValueError(f"{place}:{number} is {line[:80]!r}, expected name.jpg#0, a tab and a caption")
        captions[tidy(name.rpartition("#")[0] or name)].append(caption)
    return {name: tuple(texts) for name, texts in captions.items()}


def photographs(folder: Path) -> Path:
    """The folder of photographs, which has one of these names in published copies, or `folder` itself."""
    return next((folder / name for name in FOLDERS if (folder / name).is_dir()), folder)


def lines(folder: Path, name: str) -> list[str]:
    """The lines of a file without spaces at their ends, which copies of the lists have."""
    path = folder / name
    if not path.is_file():
        raise ValueError(f"{folder} is not Flickr8k, whose folder has a file {name}; type flickr8k:root=DIR")
    return [line.strip() for line in text_lines(read_text(path)) if line.strip()]
