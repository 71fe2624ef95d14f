"""The scores of a batch as plug-ins get it: captions, pictures of any kind, references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metric.evaluation import evaluate
from metric.pictures import as_examples
from metric.scores.result import Scores
from metric.spec import split_specs


def scored(
    captions: Iterable[str], specs: str, images: Any = None, references: Any = None, device: str = "cpu"
) -> Scores:
    """The scores that `specs` asks for. The id of a caption is its number in the batch.

    Raises ValueError for parts of other lengths, and for a score that cannot be computed, with the reason.
    """
    texts, examples = as_examples(captions, images, references)
    scores = evaluate(
        {example.id: text for example, text in zip(examples, texts)}, examples, split_specs(specs), device=device
    )
    for name, reason in scores.skipped.items():
        raise ValueError(f"{name} cannot be computed: {reason}")
    return scores
