"""Rows of another program's batch, from its columns: captions, pictures, references.

Axes: n rows, one caption each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metric.example import Cut, Picture, refuse_one_text
from rewards.bridges.pictures import picture_of

PICTURES = ("image", "images")  # the columns of pictures in TRL and ms-swift


@dataclass(frozen=True)
class Row:
    """A caption with what it is judged by. A caption that the length limit ended is a `Cut`."""

    caption: str
    image: Picture | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """The names of the columns that a reward reads. No name of the pictures takes `image`, else `images`."""

    images: str = ""
    references: str = "references"

    def rows(self, captions: Sequence[str], batch: Mapping[str, Any], needs: Sequence[str], name: str) -> list[Row]:
        """n captions with their cells of the columns. A column is read only if the reward `name` needs it.

        Raises ValueError for a column that is missing, and for a column of another length than n.
        """
        n = len(captions)
        pictures = self.pictures(batch, n, name) if {"images", "scenes"} & set(needs) else [None] * n
        references: Sequence[Any] = [None] * n
        if "references" in needs:
            references = cells(batch, (self.references,), n, name, "references", "references")
        return [Row(caption, image, texts_of(cell)) for caption, image, cell in zip(captions, pictures, references)]

    def pictures(self, batch: Mapping[str, Any], n: int, name: str) -> list[Picture | None]:
        """The pictures of n rows. Cells that are one object are read once."""
        names = (self.images,) if self.images else PICTURES
        column = cells(batch, names, n, name, "pictures", "images")
        read: dict[Any, Picture | None] = {}
        for row, cell in enumerate(column):
            if same(cell) not in read:
                read[same(cell)] = picture_of(cell, f"reward {name}: row {row}")
        return [read[same(cell)] for cell in column]


def same(cell: Any) -> Any:
    """Equal for cells that are one object, or one path."""
    return cell if isinstance(cell, str) else id(cell)


def cells(batch: Mapping[str, Any], names: Sequence[str], n: int, reward: str, kind: str, argument: str) -> list[Any]:
    """The cells of the first of the columns `names` that a batch has.

    `argument` is the argument of a bridge that names the column. A column of `datasets` or a tensor makes its cells
    anew each time that it is read, so it is read once. Raises ValueError for no column, and for another length than n.
    """
    column = next((name for name in names if batch.get(name) is not None), None)
    if column is None:
        there = ", ".join(name for name, listed in batch.items() if isinstance(listed, list)) or "none"
        raise ValueError(
            f"reward {reward} needs {kind}, and the batch has no column {' or '.join(names)} (it has {there}): "
            f'add the column to the data set, or name yours, {argument}="NAME"'
        )
    if len(batch[column]) != n:
        raise ValueError(
            f"reward {reward}: {n} captions came with {len(batch[column])} cells of the column {column}; "
            "give one cell a caption"
        )
    return list(batch[column])


def texts_of(cell: Any) -> tuple[str, ...]:
    """References in a cell: a list of texts, one text, or nothing."""
    texts = (cell,) if isinstance(cell, str) else () if cell is None else tuple(cell)  # an array has no truth value
    return tuple(text for text in texts if text)


def text_of(completion: Any) -> str:
    """The text of a completion: a text, or chat messages of which the last one is read, in parts or whole."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"] if completion else ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if part.get("type") == "text")


def captions_of(completions: Sequence[Any], cut: Sequence[bool]) -> list[str]:
    """Completions as captions. Those that the length limit ended become `Cut`."""
    refuse_one_text("completions", completions)
    return [Cut(text_of(one)) if ended else text_of(one) for one, ended in zip(completions, cut)]
