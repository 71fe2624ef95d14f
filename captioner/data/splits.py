"""Names of splits: one spelling for each, and the split in a file's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

SPLIT = "{split}"  # stands for the split in the name of a file
SPELT = {
    **{name: name for name in ("train", "restval", "val", "test")},
    **{"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"},
}
NAMED = re.compile(r"(?<![a-z])(train|training|restval|val|valid|validation|dev|test|testing)(?![a-z])")


def canonical(split: str) -> str:
    """`validation`, `valid` and `dev` are `val`, in upper or lower case. Another name stays as written."""
    return SPELT.get(split.strip().lower(), split)


def same(one: object, other: str) -> bool:
    return isinstance(one, str) and canonical(one) == canonical(other)


def split_in(name: str) -> str:
    """`captions_val2014.json` -> `val`; empty where no split is named, or several are.

    >>> split_in("captions_val2014.json"), split_in("photos.json"), split_in("all_train_val.csv")
    ('val', '', '')
    """
    named = {canonical(word[1]) for word in NAMED.finditer(Path(name).name.lower())}
    return named.pop() if len(named) == 1 else ""


def none_in(file: Path) -> list[str]:
    """The splits that the records of a file name, where records name none."""
    return []


def file_of(pattern: str, split: str, inside: Callable[[Path], list[str]] = none_in) -> Path:
    """The file of a split. `{split}` in a pattern stands for the split. A file without it holds this split, or all.

    `inside` gives the splits that the records of a file name, which come before the one in the file's name. Raises
    ValueError for a missing file, and for a file whose name has another split.
    """
    if SPLIT in pattern:
        files = filled(pattern)
        if not files:
            raise ValueError(f"no file matches {pattern}, where {SPLIT} stands for a split")
        if canonical(split) not in files:
            raise ValueError(f"{pattern} has the splits {', '.join(files)}, got {split!r}")
        return files[canonical(split)]
    if not Path(pattern).is_file():
        raise ValueError(f"{pattern} is not a file")
    named = split_in(pattern)
    if named and not same(split, named) and not inside(Path(pattern)):
        raise ValueError(f"{pattern} holds the split {named!r} by its name, got {split!r}; {beside(pattern, split)}")
    return Path(pattern)


def beside(pattern: str, split: str) -> str:
    """What to type for another split than the one in a file's name: the pattern of the files, if there are others."""
    every = pattern_of(pattern)
    if canonical(split) in filled(every):
        return f"type {every} for both"
    return f"rename the file if it holds {split!r} too, or put the file of {split!r} beside it and type {every}"


def pattern_of(path: str) -> str:
    """`a/captions_val2014.json` -> `a/captions_{split}2014.json`."""
    name = Path(path).name
    word = NAMED.search(name.lower())
    return str(Path(path).with_name(name[: word.start()] + SPLIT + name[word.end() :])) if word else path


def splits_of(pattern: str, inside: Callable[[Path], list[str]] = none_in) -> list[str]:
    """The splits of a pattern, of the records of a file, or of its name; none for a file that holds all splits."""
    if SPLIT in pattern:
        return list(filled(pattern))
    return inside(Path(pattern)) or ([split_in(pattern)] if split_in(pattern) else [])


def filled(pattern: str) -> dict[str, Path]:
    """Split -> file, for the files that match a pattern with `{split}`."""
    head, _, tail = Path(pattern).name.partition(SPLIT)
    parent = Path(pattern).parent
    names = sorted(path.name for path in parent.glob("*") if path.name.startswith(head) and path.name.endswith(tail))
    spelt = (name[len(head) : len(name) - len(tail)] for name in names)
    return ordered({canonical(word): parent / f"{head}{word}{tail}" for word in spelt if is_split(word)})


def is_split(word: str) -> bool:
    return bool(NAMED.fullmatch(word.lower()))


def ordered(splits: dict[str, Path]) -> dict[str, Path]:
    return {name: splits[name] for name in in_order(splits)}


def in_order(splits: Iterable[str]) -> list[str]:
    """Splits in their usual order: train, restval, val, test, then others by name."""
    usual = ("train", "restval", "val", "test")
    return sorted(splits, key=lambda name: (usual.index(name) if name in usual else len(usual), name))
