"""TextCaps: files such as TextCaps_0.1_train.json. A row has one caption, and all captions of its picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from captioner.data.columns import texts
from captioner.data.left_out import Read
from captioner.data.picture_lookup import Pictures, near
from captioner.data.rows.ids import id_text, once
from captioner.data.splits import file_of, splits_of
from captioner.data.text_files import read_json


def textcaps(split: str, file: str, images: str = "") -> Read:
    """Pictures with captions from `file=TextCaps_0.1_{split}.json`. The test split has no captions.

    The pictures come from Open Images, in the folders train_images and test_images.
    """
    path = file_of(file, split)
    pictures = Pictures(Path(images) if images else near(path))
    pairs: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for row in rows_of(path):
        key = id_text(row["image_id"], f"{path}: a row")
        _, captions = pairs.setdefault(key, (row, []))
        captions.extend(texts(row["caption_str"], f"{path}: {key}") if "caption_str" in row else ())
    for key, (row, captions) in pairs.items():
        name = f"{key}.jpg"
        folders = ("train_images", "test_images")  # the pictures of validation are in train_images
        names = (name, *(f"{folder}/{name}" for folder in folders), str(row.get("image_path", name)))
        listed = row.get("reference_strs")
        yield pictures.example(name, names, texts(listed, f"{path}: {key}") if listed else tuple(captions))


def textcaps_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file)


def rows_of(path: Path) -> list[dict[str, Any]]:
    document = read_json(path, once)
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "image_id" in row for row in rows):
        raise ValueError(
            f'{path} has no form of TextCaps; expected {{"data": [{{"image_id", "caption_str", "reference_strs"}}]}}'
        )
    return rows
