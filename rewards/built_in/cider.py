"""CIDEr-D: the overlap of captions with the references of the picture, with the end of the sentence as a word.

Axes: b images, k captions of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from metric.example import Example
from metric.runtime.processes import shared
from metric.scores.cider import Cider, DocumentFrequency
from metric.scores.document_frequency import of_coco, of_file
from rewards.context import Context
from rewards.registry import register


@register("cider", needs=("references",))
class CiderReward:
    """CIDEr-D to the image's references, 0 to 10; n-grams of few training images count most.

    arXiv 1411.5726; 1.0 here is 100 in papers. The end of the sentence is a word of references and captions. A
    caption that the length limit ended has none. Without that word, captions learn to end in "with a" (arXiv
    2305.12254). `df` names the set of captions whose rare n-grams weigh most: `train`, `coco` for the COCO 2014
    captions inside pycocoevalcap, or a JSON file of COCO annotations or of `{id: [caption, ...]}`. The last two are
    counted once and kept in ~/.cache/captioner. Cost: some thousand captions a second on one core.
    """

    def __init__(self, context: Context, df: str = "train") -> None:
        self.cider = Cider(shared(lambda: Cider(document_frequency(context, df), eos=True).df), eos=True)
        if self.cider.df.documents < 2:
            raise ValueError(
                f"reward cider: df={df} is of {self.cider.df.documents} picture, and CIDEr is then 0 for every caption "
                "by definition, since it weighs n-grams by the pictures that lack them; type cider:df=coco or df=FILE"
            )

    @property
    def signature(self) -> str:
        """The signature of SacreEOS without the objective, with a fingerprint of the document frequency."""
        return f"STANDARD_wInit+Cider-D[n4,s6.0,df={self.cider.df.fingerprint}]"

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        references = [example.references for example, texts in zip(examples, captions) for _ in texts]
        scores = self.cider.scores(list(chain.from_iterable(captions)), references)
        return rearrange(torch.tensor(scores, dtype=torch.float32), "(b k) -> b k", b=len(examples))


def document_frequency(context: Context, df: str) -> DocumentFrequency | list[tuple[str, ...]]:
    """The document frequency that `df` names, or the captions that it is counted from.

    Raises ValueError for a file that holds no captions, and for training data without references.
    """
    if df == "coco":
        return of_coco()
    if df != "train":
        try:
            return of_file(Path(df))
        except ValueError as error:
            raise ValueError(f"reward cider: df={df} must be train, coco or a JSON file of captions: {error}") from None
    references = [example.references for example in context.examples]
    if not references:
        raise ValueError(
            "reward cider needs the training captions for its document frequency, got none: "
            "train on a data set with captions, or give --reward cider:df=coco or df=FILE.json"
        )
    return references
