"""`captioner score`: captions from a file, references and pictures from wherever they are, any scores."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from captioner.data import DATA, load
from captioner.evaluate import read_captions, show
from metric.clip import load_clip
from metric.embed import Embedder
from metric.evaluate import evaluate, expand_names
from metric.example import Example


def score(args: argparse.Namespace) -> None:
    captions = read_captions(args.captions)
    examples = examples_for(captions, args)
    scores = evaluate(
        {example.id: captions[example.id] for example in examples},
        examples,
        expand_names(args.scores.split(",")),
        clip=Embedder(load_clip(args.clip)) if args.clip else None,
        pac=Embedder(load_clip(args.pac)) if args.pac else None,
        checker=args.checker,
    )
    show({args.captions.name: scores})
    if args.out:
        scores.save(args.out)
    if args.per_caption:
        scores.save_per_caption(args.per_caption)


def examples_for(captions: dict[str, str], args: argparse.Namespace) -> list[Example]:
    """One example a caption, from the references and the folder of pictures; every caption must have its own."""
    name = args.references.partition(":")[0]
    if name in DATA:
        known = {example.id: example for example in load(args.references, args.split)}
    else:
        known = {key: Example(key, Path(), texts) for key, texts in references(args.references, captions).items()}
    if args.images:
        known = {key: with_picture(example, Path(args.images)) for key, example in known.items() if key in captions}
    lost = [key for key in captions if key not in known]
    if lost:
        raise ValueError(
            f"{args.captions} captions {len(lost)} pictures that --references does not hold, the first {lost[0]!r}"
        )
    return [known[key] for key in captions]


def references(path: str, captions: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """{id: [caption, ...]} JSON; without a file, no references."""
    if not path:
        return dict.fromkeys(captions, ())
    if not Path(path).is_file():
        raise ValueError(f"--references {path} is neither a file nor a data set ({', '.join(DATA)})")
    try:
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"--references {path} is not JSON: {error.msg} at line {error.lineno}") from None
    if not isinstance(table, dict):
        raise ValueError(f"--references {path} is {{id: [caption, ...]}}, got a {type(table).__name__}")
    return {str(key): (texts,) if isinstance(texts, str) else tuple(texts) for key, texts in table.items()}


def with_picture(example: Example, folder: Path) -> Example:
    """The example with its picture from `folder`: ids are file names, with or without the ending."""
    if not folder.is_dir():
        raise ValueError(f"--images {folder} is not a folder")
    path = folder / example.id
    found = path if path.is_file() else next(iter(sorted(folder.glob(f"{example.id}.*"))), None)
    if found is None:
        raise ValueError(f"--images {folder} has no picture {example.id!r}, which is captioned")
    return Example(example.id, found, example.references)
