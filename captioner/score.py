"""`captioner score`: captions from a file, references and pictures from wherever they are, any scores."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from captioner.data import DATA, load
from captioner.data.files import SUFFIXES, folder, is_texts, read_text
from captioner.evaluate import show
from captioner.writing import read_captions
from metric.clip import load_clip
from metric.embed import Embedder
from metric.evaluate import evaluate, expand_names
from metric.example import Example

T = TypeVar("T")


def score(args: argparse.Namespace) -> None:
    wanted = expand_names(args.scores.split(","))
    captions = read_captions(args.captions)
    examples = examples_for(captions, args)
    scores = evaluate(
        captions,
        examples,
        wanted,
        clip=Embedder(load_clip(args.clip)) if args.clip else None,
        pac=Embedder(load_clip(args.pac)) if args.pac else None,
        checker=args.checker,
    )
    show({args.captions.name: scores})
    if args.out:
        scores.save(args.out)
    if args.per_caption:
        scores.save_per_caption(args.per_caption)


def examples_for(captions: Mapping[str, str], args: argparse.Namespace) -> list[Example]:
    """One example a caption, from the references and the folder of pictures; every caption must have its own."""
    known = known_examples(captions, args.references, args.split)
    chosen = matched(captions, known, f"--references {args.references} has", "captions")
    if args.images:
        pictures = {example.id: example.image for example in folder(args.split, args.images)}
        found = matched(captions, pictures, f"--images {args.images} has", "pictures")
        return [Example(name, found[name], chosen[name].references) for name in captions]
    if (args.clip or args.pac) and any(example.image == Path() for example in chosen.values()):
        raise ValueError("--clip and --pac compare captions with pictures; give their folder, --images DIR")
    return [Example(name, chosen[name].image, chosen[name].references) for name in captions]


def known_examples(captions: Iterable[str], references: str, split: str) -> dict[str, Example]:
    """By id: of a data set, of a file of references, or without either the bare ids of the captions."""
    if not references:
        return {name: Example(name, Path()) for name in captions}
    if Path(references).is_file():
        return {name: Example(name, Path(), texts) for name, texts in read_references(Path(references)).items()}
    if references not in DATA and ":" not in references:
        raise ValueError(f"--references {references} is neither a file nor a data set ({', '.join(DATA)})")
    return {example.id: example for example in load(references, split)}


def matched(names: Iterable[str], known: Mapping[str, T], who: str, what: str) -> dict[str, T]:
    """What is known of each name; ids are file names, with or without the ending."""
    bare = {name: names for name, names in grouped(known).items() if len(names) == 1}
    found = {name: known.get(name, known.get(bare.get(without_ending(name), [""])[0])) for name in names}
    lost = [name for name, each in found.items() if each is None]
    if lost:
        raise ValueError(
            f"{who} no {what} for {len(lost)} of the {len(found)} ids in --captions, the first {lost[0]!r}"
        )
    return {name: each for name, each in found.items() if each is not None}


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what they are without their ending."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(without_ending(name), []).append(name)
    return groups


def without_ending(name: str) -> str:
    """`a/b.jpg` -> `a/b`; only a picture's ending is one: `no. 12` has none."""
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def read_references(path: Path) -> dict[str, tuple[str, ...]]:
    """{id: [caption, ...]} JSON, or COCO's annotations."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error.msg} at line {error.lineno}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is a {type(content).__name__}, expected {{id: [caption, ...]}}")
    annotations = content.get("annotations")
    table = of_coco(path, annotations) if isinstance(annotations, list) else content
    for name, texts in table.items():
        if not is_texts(texts) or not texts:
            raise ValueError(f"{path}: {name!r} has {json.dumps(texts)[:80]}, expected a list of captions")
    return {name: tuple(texts) for name, texts in table.items()}


def of_coco(path: Path, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
    """One {"image_id", "caption"} an annotation -> all captions of an image."""
    table: dict[str, list[str]] = {}
    for row in annotations:
        if not isinstance(row, dict) or not {"image_id", "caption"} <= row.keys():
            raise ValueError(f'{path}: an annotation is {{"image_id", "caption"}}, got {json.dumps(row)[:80]}')
        table.setdefault(str(row["image_id"]), []).append(row["caption"])
    return table
