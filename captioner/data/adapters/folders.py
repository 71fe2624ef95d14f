"""Pictures of a folder, a zip or a tar, one picture, or a pattern, with the captions that lie beside them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from captioner.data.beside import captioned, samples_of
from captioner.data.left_out import LeftOut, Read
from captioner.data.listing import File, listing, pictures_in
from captioner.data.picture_files import SUFFIXES as SUFFIXES
from captioner.data.picture_files import is_left_alone, unread
from captioner.data.picture_files import is_picture as is_picture
from captioner.data.splits import NAMED, canonical, in_order
from captioner.data.text_files import read_text as read_text


def folder(split: str, root: str, references: str = "", captions: str = "") -> Read:
    """Every picture below the folder `root`, in the archive `root`, or of the pattern `root`. The id is the path there.

    The captions are the lines of `NAME.txt` or `NAME.caption` beside a picture, else the `references`, `captions` or
    `caption` of `NAME.json`. `references=KEY` names another key. `captions=DIR` is another folder of these files.
    A file without an ending is a picture if it begins as one. Subfolders that are all called after splits are splits,
    else any split has all pictures. An empty split is all of them.
    """
    files, left_out = listing(root)
    pictures = pictures_in(files)
    if not pictures:
        raise ValueError(no_picture(root, files, left_out))
    yield from left_out
    if captions:
        told, left_out = listing(captions)
        yield from left_out
        files = {**told, **{name: files[name] for name in pictures}}
    yield from of_split(split, root, pictures, files, references)


def folder_splits(root: str, **_: object) -> list[str]:
    """The subfolders with pictures, where all of them are called after splits."""
    return in_order(splits_among(pictures_in(listing(root)[0])))


def of_split(split: str, root: str, pictures: Iterable[str], files: Mapping[str, File], references: str) -> Read:
    """The pictures of a split with the captions beside them, and the other files of the split."""
    names = splits_among(pictures) if split else set()
    if names and canonical(split) not in names:
        raise ValueError(f"{root} has the splits {', '.join(in_order(names))}, got {split!r}; type --split with one")
    wanted = [name for name in files if not names or split_of(name) in (canonical(split), "")]
    shown = set(pictures)
    samples, used = samples_of([name for name in wanted if name in shown], files)
    for sample in samples:
        yield from captioned(sample, references, root)
    yield from unused((name for name in wanted if name not in shown), used)


def unused(names: Iterable[str], used: Container[str]) -> Iterator[LeftOut]:
    """The files beside pictures that are neither pictures nor their captions."""
    return (LeftOut(name, unread(name), "file") for name in names if not (name in used or is_left_alone(name)))


def splits_among(pictures: Iterable[str]) -> set[str]:
    """The splits after which the first folders of all pictures are called; none if a picture lies elsewhere."""
    splits = set(map(split_of, pictures))
    return splits if "" not in splits else set()


def split_of(name: str) -> str:
    """`validation/1.jpg` -> `val`; empty for a file outside of a split's folder."""
    first, slash, _ = name.partition("/")
    return canonical(first.lower()) if slash and NAMED.fullmatch(first.lower()) else ""


def no_picture(root: str, files: Mapping[str, File], left_out: list[LeftOut]) -> str:
    """The message about a folder without a picture: what is there, and what may be typed."""
    if left_out:
        return f"{root} has no picture: {left_out[0].id}, {left_out[0].reason}"
    texts = sum(name.lower().endswith((".txt", ".caption")) for name in files)
    if texts:
        return f"{root} has no picture, but {texts:,} .txt or .caption files; type folder:root=PICTURES,captions={root}"
    other = next((f": {name}, the first file, {unread(name)}" for name in files), "")
    return f"{root} has no picture; expected one of the {len(SUFFIXES)} endings that Pillow reads, as .jpg{other}"


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
