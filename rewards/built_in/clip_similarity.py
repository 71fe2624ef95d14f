"""The similarity of captions and picture by a CLIP: what CLIP-S and all PAC-S are made of.

Axes: b images, k captions of each, d features, r references of an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from einops import einsum, rearrange
from torch import Tensor

from metric.clip.embedder import Embedder, best_reference
from metric.clip.model import Clip
from metric.example import Example
from metric.sentences import SENTENCES, Split
from metric.similarity import PREFIX, pac_s, ref_score
from rewards.mix import Reward


@dataclass(frozen=True)
class Similarity:
    """A reward from cosines in the space of one CLIP.

    `scale` makes a score of a cosine. `with_references` takes the harmonic mean with the best cosine to a reference.
    """

    signature: str
    embedder: Embedder
    scale: Callable[[Tensor], Tensor]
    with_references: bool

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        images, texts = embedded(self.embedder, examples, captions)
        score = self.scale(einsum(images, texts, "b d, b k d -> b k"))
        if not self.with_references:
            return score
        return ref_score(score, best_reference(self.embedder, texts, examples, PREFIX))

    def exchange(self) -> None:
        """Share the embeddings of pictures between processes: each picture is embedded by one of them."""
        self.embedder.exchange_images()


def embedded(
    embedder: Embedder, examples: Sequence[Example], captions: Sequence[Sequence[str]]
) -> tuple[Tensor, Tensor]:
    """The embeddings of b pictures, `b d`, and of the k captions of each behind the prefix, `b k d`."""
    images = embedder.images([example.image for example in examples])
    texts = embedder.texts([PREFIX + caption for caption in chain.from_iterable(captions)])
    return images, rearrange(texts, "(b k) d -> b k d", b=len(examples))


@dataclass(frozen=True)
class BySentence:
    """The mean of a reward over the sentences of each caption."""

    whole: Similarity

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        shown = [example for example, texts in zip(examples, captions) for _ in texts]
        split = Split.of(chain.from_iterable(captions), shown)
        scores = self.whole(split.examples, [[sentence] for sentence in split.sentences])[:, 0]
        means = torch.stack([part.mean() for part in scores.split(split.counts)])
        return rearrange(means, "(b k) -> b k", b=len(examples))

    @property
    def signature(self) -> str:
        return self.whole.signature

    def exchange(self) -> None:
        self.whole.exchange()


def similarity(
    title: str, w: float, clip: Clip, with_references: bool, precision: str, more: str = "", long: bool = False
) -> Reward:
    """The reward called `title`: w max(cos, 0). Its signature has w, the prefix and a fingerprint of the CLIP.

    The signature names a precision other than fp32, in which scores differ by up to 5e-4. With `long`, each caption is
    scored sentence by sentence, which is signed too. Raises ValueError for an unknown precision.
    """
    embedder = Embedder(clip, precision=precision)
    more += ("" if precision == "fp32" else f",precision={precision}") + f",long={SENTENCES}" * long
    signature = f"{title}[w{w:g},prefix={PREFIX.strip()!r},weights={clip.fingerprint}{more}]"
    whole = Similarity(signature, embedder, partial(pac_s, w=w), with_references)
    return BySentence(whole) if long else whole
