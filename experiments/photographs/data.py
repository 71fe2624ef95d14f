"""The data of the experiment: two halves of the training photographs, one with alt-text and one with its captions.

The photo CLIP sees the first half and alt-text alone. The metrics and the reward stage see the other half.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from captioner.data import load
from captioner.data.adapters.flickr8k import photographs
from experiments.photographs.alt_text import alt_text
from metric.example import Example
from metric.storage.atomic_files import write

WORDINGS = {"rich": (5, 6), "lean": (1, 1)}  # captions of a photograph that alt-text is made from, alt-texts of each
OTHERS = 4  # captions of other photographs that a wrong word may come from


def prepare(flickr8k: Path, out: Path, wordings: str) -> None:
    """Writes out/alt-SPLIT.jsonl (alt-text) and out/captions-SPLIT.jsonl (captions). Files that exist are left alone.

    The training photographs at even places of their list have alt-text, those at odd places have captions. `wordings`
    is a name of WORDINGS: a page of the web has one alt-text for a picture, `lean`.
    """
    source = f"flickr8k:root={flickr8k}"
    halves = {"alt-train": ("train", 0), "captions-train": ("train", 1)}
    whole = {"alt-val": ("val", None), "captions-val": ("val", None), "captions-test": ("test", None)}
    for name, (split, half) in {**halves, **whole}.items():
        path = out / f"{name}.jsonl"
        if path.exists():
            continue
        examples = load(source, split)
        chosen = examples if half is None else examples[half::2]
        write_examples(path, with_alt_text(chosen, *WORDINGS[wordings]) if name.startswith("alt") else chosen)


def with_alt_text(examples: Sequence[Example], n: int, times: int) -> Iterator[Example]:
    """The examples with alt-texts of their first n captions. The same example has the same alt-texts each time."""
    captions = [example.references[0] for example in examples]
    for example in examples:
        rng = random.Random(f"alt/{example.id}")
        texts = [
            alt_text(caption, rng.sample(captions, min(OTHERS, len(captions))), rng)
            for caption in example.references[:n]
            for _ in range(times)
        ]
        yield Example(example.id, example.image, tuple(texts))


def write_examples(path: Path, examples: Iterator[Example] | Sequence[Example]) -> None:
    """The examples as JSONL that `captioner` reads, with the names of the pictures' files."""
    rows = [{"id": one.id, "image": Path(str(one.image)).name, "references": one.references} for one in examples]
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def spec(kind: str, flickr8k: Path, out: Path) -> str:
    """The data set of `alt` or `captions` as `captioner` takes it."""
    return f"jsonl:file={out / kind}-{{split}}.jsonl,images={photographs(flickr8k).resolve()}"
