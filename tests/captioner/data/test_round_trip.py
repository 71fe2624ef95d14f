"""One data set in each form that it is found in gives the same Examples: ids, captions, pixels, order, splits."""

from __future__ import annotations

import csv
import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import datasets
import pytest

from captioner.data import load, split_names
from metric.example import Example, open_image
from tests.places import FLICKR8K

REAL = FLICKR8K
SPLITS = ("train", "val", "test")
TEXT = datasets.Value("string")
Data = dict[str, list[Example]]


def native(root: Path, photographs: Path, real: bool) -> Data:
    """Of the real one a dozen a split, else the generated four."""
    if real:
        return {split: load(f"flickr8k:root={REAL},count=12", split) for split in SPLITS}
    (root / "Images").symlink_to(photographs)
    captions = [
        f'{name}#{n}\tA "{name[0]}" , told {n} .\n' for name in ("b.jpg", "a.jpg", "v.jpg", "t.jpg") for n in range(5)
    ]
    (root / "Flickr8k.token.txt").write_text("".join(captions))
    for listed, names in ("train", "b.jpg\na.jpg"), ("dev", "v.jpg"), ("test", "t.jpg"):
        (root / f"Flickr_8k.{listed}Images.txt").write_text(names)
    return {split: load(str(root), split) for split in SPLITS}


def rows(data: Data) -> list[tuple[str, Example]]:
    return [(split, example) for split, examples in data.items() for example in examples]


def as_karpathy(data: Data, root: Path) -> str:
    images = [
        {"filename": example.id, "imgid": number, "split": split, "sentids": [], "sentences": sentences(example)}
        for number, (split, example) in enumerate(rows(data))
    ]
    (root / "dataset_flickr8k.json").write_text(json.dumps({"images": images, "dataset": "flickr8k"}))
    return f"karpathy:file={root / 'dataset_flickr8k.json'},images={folder_of(data)}"


def sentences(example: Example) -> list[dict]:
    return [{"tokens": text.lower().split(), "raw": text, "sentid": n} for n, text in enumerate(example.references)]


def folder_of(data: Data) -> Path:
    return data["train"][0].image.parent


def as_shards(data: Data, root: Path) -> str:
    """Two a split; captions in .json, of validation in .txt."""
    for split, examples in data.items():
        for number in range(2):
            half = examples[number * len(examples) // 2 : (number + 1) * len(examples) // 2]
            with tarfile.open(root / f"{split}-{number}.tar", "w") as tar:
                for example in half:
                    stem, _, ending = example.id.partition(".")
                    add(tar, f"{stem}.{ending}", example.image.read_bytes())
                    add(tar, f"{stem}.{'txt' if split == 'val' else 'json'}", told(example, split))
    return f"webdataset:shards={root}/{{split}}-{{0..1}}.tar"


def told(example: Example, split: str) -> bytes:
    if split == "val":
        return "\n".join(example.references).encode()
    return json.dumps({"captions": example.references}).encode()


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, BytesIO(data))


def as_datasets(data: Data, root: Path) -> str:
    tables = {
        split: datasets.Dataset.from_dict(
            {
                "image": [str(example.image) for example in examples],
                "captions": [list(example.references) for example in examples],
            },
            features=datasets.Features(
                {"image": datasets.Image(), "captions": datasets.List(datasets.Value("string"))}
            ),
        )
        for split, examples in data.items()
    }
    tables["validation"] = tables.pop("val")
    datasets.DatasetDict(tables).save_to_disk(root / "saved")
    return str(root / "saved")


def as_jsonl(data: Data, root: Path) -> str:
    lines = [
        json.dumps({"file_name": str(example.image), "id": example.id, "split": split, "captions": example.references})
        for split, example in rows(data)
    ]
    (root / "data.jsonl").write_text("\n".join(lines))
    return str(root / "data.jsonl")


def as_csv(data: Data, root: Path) -> str:
    with (root / "captions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "split", "caption"])
        table.writerows([e.id, split, text] for split, e in rows(data) for text in e.references)
    return f"csv:file={root / 'captions.csv'},images={folder_of(data)}"


def as_coco(data: Data, root: Path) -> str:
    (root / "annotations").mkdir()
    for split, examples in data.items():
        images = [{"id": number, "file_name": example.id} for number, example in enumerate(examples)]
        said = [{"id": 0, "image_id": n, "caption": text} for n, e in enumerate(examples) for text in e.references]
        path = root / "annotations" / f"captions_{split}2017.json"
        path.write_text(json.dumps({"info": {}, "images": images, "annotations": said}))
    return f"coco:file={root}/annotations/captions_{{split}}2017.json,images={folder_of(data)}"


FORMS: list[Callable[[Data, Path], str]] = [as_karpathy, as_shards, as_datasets, as_jsonl, as_csv, as_coco]


@pytest.mark.parametrize(
    "real", [pytest.param(True, marks=pytest.mark.skipif(not REAL.is_dir(), reason="no Flickr8k")), False]
)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_examples(tmp_path, photographs, form, real):
    data = native(tmp_path, photographs, real)
    (tmp_path / "form").mkdir()
    spec = form(data, tmp_path / "form")
    assert set(split_names(spec)) == set(SPLITS)
    for split, examples in data.items():
        assert seen(load(spec, split)) == seen(examples)


def seen(examples: list[Example]) -> list[tuple[str, tuple[str, ...], bytes]]:
    return [(example.id, example.references, open_image(example.image).tobytes()) for example in examples]
