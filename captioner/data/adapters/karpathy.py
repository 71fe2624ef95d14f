"""Karpathy's splits: dataset_coco.json, dataset_flickr30k.json, dataset_flickr8k.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from captioner.data.columns import identity, texts
from captioner.data.left_out import Read
from captioner.data.picture_lookup import Pictures, near
from captioner.data.rows.ids import id_text, once
from captioner.data.splits import canonical, in_order
from captioner.data.text_files import read_json


def karpathy(split: str, file: str, images: str = "", ids: str = "names", restval: bool = True) -> Read:
    """Pictures with captions of a Karpathy split. `train` includes `restval`, as in all published results of COCO.

    COCO's `train` then has 113,287 pictures. `restval=0` leaves `restval` out. `ids=numbers` gives COCO's image ids
    instead of file names, as COCO's results format requires.
    """
    path = Path(file)
    rows = images_of(path)
    splits = split_names(split, restval)
    chosen = [row for row in rows if canonical(str(row["split"])) in splits]
    if not chosen:
        raise ValueError(f"{file} has the splits {', '.join(karpathy_splits(file))}, got {split!r}")
    pictures = Pictures(Path(images) if images else near(path))
    for row in chosen:
        name = id_text(row["filename"], f"{file}: a picture")
        names = (f"{row['filepath']}/{name}", name) if "filepath" in row else (name,)
        id = identity(ids, name, id_text(row.get("cocoid", row.get("imgid", name)), f"{file}: {name}"))
        yield pictures.example(id, names, texts(row["sentences"], f"{file}: {name}"))


def split_names(split: str, restval: bool = True) -> set[str]:
    """The splits of the rows that a split has: `train` has `restval` too."""
    return {"train", "restval"} if canonical(split) == "train" and restval else {canonical(split)}


def karpathy_splits(file: str, restval: bool = True, **_: Any) -> list[str]:
    names = {canonical(str(row["split"])) for row in images_of(Path(file))}
    return in_order(names - {"restval"} if restval and "train" in names else names)


def images_of(path: Path) -> list[dict[str, Any]]:
    content = read_json(path, once)
    rows = content.get("images") if isinstance(content, dict) else None
    keys = {"filename", "split", "sentences"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and keys <= row.keys() for row in rows):
        raise ValueError(f"{path} has no form of Karpathy's splits; expected images with filename, split and sentences")
    return rows
