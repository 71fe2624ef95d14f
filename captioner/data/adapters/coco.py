"""COCO's captions JSON (2014, 2017), and data sets of the same form: nocaps with its domains, VizWiz-Captions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from captioner.data.columns import identity, texts
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import Pictures, near
from captioner.data.rows.ids import id_text, once
from captioner.data.splits import file_of, splits_of
from captioner.data.text_files import lines, read_json

Row = dict[str, Any]
DOMAINS = ("in-domain", "near-domain", "out-domain")


def coco(split: str, file: str, images: str = "", ids: str = "names", lists: str = "") -> Read:
    """Pictures with captions from `file=captions_{split}2014.json`.

    `lists=karpathy_{split}_images.txt` names the pictures of a split, one a line: file name, image id, or both. `file`
    is then a pattern of all files, `captions_*2014.json`.
    """
    if not lists:
        yield from annotated(file_of(file, split), images, ids)
        return
    chosen_lines = listed(file_of(lists, split))
    chosen = {name for line in chosen_lines for name in line}
    known: set[str] = set()
    paths = sorted(Path(file).parent.glob(Path(file).name))
    if not paths:
        raise ValueError(f"no file matches {file}; type coco:file=DIR/captions_*2014.json")
    for path in paths:
        known |= {name for row in content(path)["images"] for name in (row["file_name"], row["id"])}
        yield from annotated(path, images, ids, keep=lambda row: not {row["file_name"], row["id"]}.isdisjoint(chosen))
    yield from (LeftOut(line[0], f"no file of {file} has it") for line in chosen_lines if known.isdisjoint(line))


def coco_splits(file: str, lists: str = "", **_: Any) -> list[str]:
    return splits_of(lists or file)


def nocaps(split: str, file: str, images: str = "", ids: str = "names", domain: str = "") -> Read:
    """The 4,500 pictures of validation with ten captions each; a domain is `near` or `near-domain`, or a split's name.

    The server wants `ids=numbers`.
    """
    kept_domain = domain_of(domain) if domain else split if split in DOMAINS else ""
    path = Path(file) if split in DOMAINS else file_of(file, split)
    yield from annotated(path, images, ids, keep=lambda row: kept_domain in ("", row.get("domain")))


def nocaps_splits(file: str, domain: str = "", **_: Any) -> list[str]:
    domains = {row.get("domain") for row in content(Path(file))["images"]}
    return [*splits_of(file), *(name for name in DOMAINS if name in domains and not domain)]


def domain_of(name: str) -> str:
    for domain in DOMAINS:
        if name.lower() in (domain, domain.removesuffix("-domain")):
            return domain
    raise ValueError(f"nocaps:domain must be one of {', '.join(DOMAINS)}, got {name!r}")


def vizwiz(
    split: str, file: str, images: str = "", ids: str = "names", rejected: bool = False, precanned: bool = False
) -> Read:
    """`file={split}.json`. Captions marked as spam or as "too bad to be described" are left out, as the challenge does.

    `rejected=1` keeps the first, `precanned=1` the second.
    """
    marks = [mark for mark, allowed in (("is_rejected", rejected), ("is_precanned", precanned)) if not allowed]
    yield from annotated(file_of(file, split), images, ids, marks=marks)


def vizwiz_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file)


def annotated(
    path: Path, images: str, ids: str, keep: Callable[[Row], bool] = lambda row: True, marks: list[str] | None = None
) -> Iterator[Any]:
    """The pictures of a file in the order of `images`, with their captions. Captions with a mark are left out."""
    annotations = content(path)
    captions: dict[str, list[Row]] = {}  # by the id as text: files mix 1, "1" and 1.0
    for row in annotations.get("annotations") or ():
        captions.setdefault(id_text(row["image_id"], f"{path}: an annotation"), []).append(row)
    pictures = Pictures(Path(images) if images else near(path))
    pictured = files_by_id(path, annotations["images"])
    for row in filter(keep, pictured.values()):
        key = row["id"]
        name = identity(ids, row["file_name"], key)
        references: list[str] = []
        for annotation in captions.get(key, []):
            if fault := unusable(annotation, marks or ()):
                yield LeftOut(name, fault, "caption")
            else:
                references += texts(annotation["caption"], f"{path}: image_id {key}")
        yield pictures.example(name, places(row, path), tuple(references))
    for image in (image for image in captions if image not in pictured):
        yield from (LeftOut(image, "no picture of the file has its image_id", "caption") for _ in captions[image])


def files_by_id(path: Path, images: Iterable[Row]) -> dict[str, Row]:
    """Id -> row of `images`. Raises ValueError for an id that two files have. A row that stands twice counts once."""
    rows: dict[str, Row] = {}
    for row in images:
        id, file = row["id"], row["file_name"]
        other = rows.setdefault(id, row)["file_name"]
        if other != file:
            raise ValueError(f"{path}: {other} and {file} have the id {id}; give each picture its own id")
    return rows


def in_text(row: Row, path: Path) -> Row:
    """A row of `images` whose id and file name are text, as 1.0 is 1. Raises ValueError for others."""
    file = row["file_name"]
    id = id_text(row["id"], f"{path}: {file!r}")
    if isinstance(file, bool) or not isinstance(file, (str, int)):
        raise ValueError(f"{path}: the image {id} has the file_name {json.dumps(file)[:80]}, expected text as 1.jpg")
    return {**row, "id": id, "file_name": str(file)}


def unusable(annotation: Row, marks: Sequence[str]) -> str:
    """Why the caption of an annotation is left out, or ""."""
    if annotation["caption"] is None:
        return "the caption is null"
    return next((f"marked {mark}" for mark in reversed(marks) if annotation.get(mark)), "")


def places(row: Row, path: Path) -> tuple[str, ...]:
    """The names under which a picture may lie: COCO's folders are called train2014, val2017 and so on."""
    address = str(row.get("coco_url", "")).split("/")[-2:]
    year = re.search(r"(train|val|test)(2014|2015|2017)", path.name)
    folders = [*(address[:1] if len(address) == 2 else []), *([year[0]] if year else [])]
    return (row["file_name"], *(f"{folder}/{row['file_name']}" for folder in folders))


def content(path: Path) -> Row:
    document = read_json(path, once)
    images, annotations = (
        document.get(key, []) if isinstance(document, dict) else None for key in ("images", "annotations")
    )
    if not (fits(images, {"id", "file_name"}) and images and fits(annotations, {"image_id", "caption"})):
        raise ValueError(
            f"{path} has no form of COCO; expected images of {{id, file_name}} and annotations of {{image_id, caption}}"
        )
    return {**document, "images": [in_text(row, path) for row in images]}


def fits(rows: Any, keys: set[str]) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) and keys <= row.keys() for row in rows)


def listed(path: Path) -> list[list[str]]:
    """File names and ids in the lines of a list: `val2014/COCO_val2014_000000391895.jpg 391895`."""
    return [[word.rsplit("/", 1)[-1] for word in line.split()] for line in lines(path) if line.strip()]
