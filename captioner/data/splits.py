"""Names of splits: one spelling for each, and the split in a file's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    """`captions_val2014.json` -> `val`; empty where no split is named.

    >>> split_in("captions_val2014.json"), split_in("photos.json")
    ('val', '')
    """
    word = NAMED.search(Path(name).name.lower())
    return canonical(word[1]) if word else ""


def file_of(pattern: str, split: str) -> Path:
    """The file of a split. `{split}` in a pattern stands for the split. A file without it holds this split, or all.

    Raises ValueError for a missing file, and for a file whose name has another split.
    """
    if SPLIT in pattern:
        files = filled(pattern)
        if canonical(split) not in files:
            raise ValueError(f"{pattern} has the splits {', '.join(files) or '(none)'}, got {split!r}")
        return files[canonical(split)]
    if not Path(pattern).is_file():
        raise ValueError(f"{pattern} is not a file")
    named = split_in(pattern)
    if named and not same(split, named):
        raise ValueError(
            f"{pattern} holds the split {named!r} by its name, got {split!r}; type {SPLIT} for the split in its name"
        )
    return Path(pattern)


def splits_of(pattern: str) -> list[str]:
    """The splits of a pattern or a file's name; none for a file that holds all splits."""
    if SPLIT in pattern:
        return list(filled(pattern))
    return [split_in(pattern)] if split_in(pattern) else []


def filled(pattern: str) -> dict[str, Path]:
    """Split -> file, for the files that match a pattern with `{split}`."""
    head, _, tail = Path(pattern).name.partition(SPLIT)
    parent = Path(pattern).parent
    names = sorted(path.name for path in parent.glob("*") if path.name.startswith(head) and path.name.endswith(tail))
    spelt = (name[len(head) : len(name) - len(tail)] for name in names)
    return ordered({canonical(word): parent / f"{head}{word}{tail}" for word in spelt if NAMED.fullmatch(word)})


def ordered(splits: dict[str, Path]) -> dict[str, Path]:
    return {name: splits[name] for name in in_order(splits)}


def in_order(splits: Iterable[str]) -> list[str]:
    """Splits in their usual order: train, restval, val, test, then others by name."""
    usual = ("train", "restval", "val", "test")
    return sorted(splits, key=lambda name: (usual.index(name) if name in usual else len(usual), name))
