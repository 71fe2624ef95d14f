"""Flickr8k in its native layout: Images/, Flickr8k.token.txt and three lists of file names (research use only)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from captioner.data.left_out import Read
from captioner.data.picture_lookup import Pictures
from captioner.data.splits import canonical
from metric.storage.text_lines import text_lines

LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "val": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
TOKENS = "Flickr8k.token.txt"


def flickr8k(split: str, root: str, count: int = 0) -> Read:
    """The photographs of a split with five references each. `count` is the number of the first to take, 0 for all."""
    split = canonical(split)
    if split not in LISTS:
        raise ValueError(f"flickr8k has the splits {', '.join(LISTS)}, got {split!r}")
    folder = Path(root)
    listed = lines(folder, LISTS[split])[: count or None]
    captions = references(lines(folder, TOKENS))
    lost = [name for name in listed if name not in captions]
    if lost:
        raise ValueError(f"{folder / TOKENS} has no caption for {len(lost)} of {LISTS[split]}, the first is {lost[0]}")
    pictures = Pictures(photographs(folder))
    for name in listed:
        yield pictures.example(name, (name,), captions[name])


def flickr8k_splits(root: str, **_: Any) -> list[str]:
    return [split for split, name in LISTS.items() if (Path(root) / name).is_file()]


def references(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`name.jpg#0<tab>caption` a line -> captions by file name."""
    captions: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        name, _, caption = line.partition("\t")
        captions[name.partition("#")[0]].append(caption)
    return {name: tuple(texts) for name, texts in captions.items()}


def photographs(folder: Path) -> Path:
    """The folder of photographs, which has one of two names in published copies, or `folder` itself."""
    return next((folder / name for name in ("Images", "Flicker8k_Dataset") if (folder / name).is_dir()), folder)


def lines(folder: Path, name: str) -> list[str]:
    path = folder / name
    if not path.is_file():
        raise ValueError(f"{folder} is not Flickr8k, whose folder has a file {name}; type flickr8k:root=DIR")
    return [line for line in text_lines(path.read_text(encoding="utf-8")) if line]
