"""How much captions say what people said of the picture: CIDEr-D, with the end of the sentence as a word.

Axes: b images, k captions of each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from metric.cider import Cider
from metric.example import Example
from rewards.context import Context
from rewards.registry import register


@register("cider", needs=("references",))
class CiderReward:
    """CIDEr-D to the image's references, 0 to 10; n-grams of few training images count most.

    arXiv 1411.5726; 1.0 here is 100 in papers. The end of the sentence is a word of references and captions,
    save of a caption that the length limit ended: without it, captions learn to end in "with a" (arXiv
    2305.12254). `df` is `train` or a JSON file of another set, COCO annotations or `{id: [caption, ...]}`.
    Cost: some thousand captions a second on one core.
    """

    # as SacreEOS writes it; what follows it, the baseline and its samples, is the objective's to say
    signature = "STANDARD_wInit+Cider-D[n4,s6.0]"

    def __init__(self, context: Context, df: str = "train") -> None:
        references = [example.references for example in context.examples] if df == "train" else read_corpus(df)
        if not references:
            raise ValueError(
                "reward cider needs the training captions for its document frequency, got none: "
                "train on a data set with captions, or give --reward cider:df=FILE.json"
            )
        self.cider = Cider(references, eos=True)

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """`b k`."""
        references = [example.references for example, texts in zip(examples, captions) for _ in texts]
        scores = self.cider.scores(list(chain.from_iterable(captions)), references)
        return rearrange(torch.tensor(scores, dtype=torch.float32), "(b k) -> b k", b=len(examples))


def read_corpus(path: str) -> list[tuple[str, ...]]:
    """The captions of each image in a JSON file. Raises ValueError."""
    try:
        corpus = by_image(json.loads(Path(path).read_text()))
        if any(isinstance(texts, str) for texts in corpus.values()):
            raise ValueError("one caption where a list was expected")
        return [tuple(texts) for texts in corpus.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"reward cider: df={path} must be train or a JSON file, COCO annotations or {{id: [caption]}} "
            f"({type(error).__name__}: {error})"
        ) from error


def by_image(content: dict[str, Any]) -> dict[Any, list[str]]:
    """COCO's list of annotations as `{id: [caption, ...]}`, which anything else is already."""
    if "annotations" not in content:
        return content
    captions: dict[Any, list[str]] = defaultdict(list)
    for annotation in content["annotations"]:
        captions[annotation["image_id"]].append(annotation["caption"])
    return captions
