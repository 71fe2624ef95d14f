"""How well captions fit the picture, by a CLIP or by one that was tuned on captions (PAC-S, PAC-S++).

Cost: a forward pass of the text tower for each new caption, of the image tower once for each image, as
embeddings are cached.

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

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.example import Example
from metric.similarity import CLIP_W, PAC_W, PREFIX, clip_s, pac_s, ref_score
from rewards.context import Context
from rewards.mix import Reward
from rewards.registry import register


@dataclass(frozen=True)
class Similarity:
    """A reward from cosines in the space of one CLIP; `with_references` makes it the harmonic mean."""

    signature: str
    embedder: Embedder
    scale: Callable[[Tensor], Tensor]
    with_references: bool

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """`b k`."""
        images = self.embedder.images([example.image for example in examples])  # b d
        texts = self.texts(list(chain.from_iterable(captions)))  # (b k) d
        texts = rearrange(texts, "(b k) d -> b k d", b=len(examples))
        score = self.scale(einsum(images, texts, "b d, b k d -> b k"))
        return ref_score(score, self.best_reference(texts, examples)) if self.with_references else score

    def best_reference(self, texts: Tensor, examples: Sequence[Example]) -> Tensor:
        """Cosine of each caption to the nearest reference of its image. `b k d` -> `b k`."""
        counts = [len(example.references) for example in examples]
        references = self.texts(list(chain.from_iterable(example.references for example in examples)))
        each = zip(texts, references.split(counts))  # k d, r d
        return torch.stack([(captions @ known.T).amax(1) for captions, known in each])

    def exchange(self) -> None:
        """Each picture is embedded once, by whichever process comes to it."""
        self.embedder.exchange_images()

    def texts(self, captions: Sequence[str]) -> Tensor:
        """`n d`, in one batch; candidates and references carry the same prefix."""
        return self.embedder.texts([PREFIX + caption for caption in captions])


@register("clips", needs=("images",))
def build_clips(context: Context, clip: str = "") -> Reward:
    """CLIP-S, 2.5 max(cos(image, caption), 0): 0 to 2.5, with the run's CLIP or `clip`.

    arXiv 2104.08718. Without references; raised for long it rewards lists of keywords.
    """
    return similarity("CLIP-S", CLIP_W, clip_s, clip or context.clip, context, with_references=False)


@register("refclips", needs=("images", "references"))
def build_refclips(context: Context, clip: str = "") -> Reward:
    """RefCLIP-S, harmonic mean of CLIP-S and the best cosine to a reference, at least 0: 0 to 1.43.

    arXiv 2104.08718. The references of each image are embedded once.
    """
    return similarity("RefCLIP-S", CLIP_W, clip_s, clip or context.clip, context, with_references=True)


@register("pacs", needs=("images", "weights"))
def build_pacs(context: Context, checkpoint: str = "", w: float = PAC_W) -> Reward:
    """PAC-S, w max(cos(image, caption), 0) with a CLIP whose two projections were tuned: 0 to w.

    arXiv 2303.12112. `checkpoint` is the folder of any tuned CLIP; that it was tuned as PAC-S is the user's to know.
    """
    return similarity("PAC-S", w, partial(pac_s, w=w), tuned("pacs", checkpoint), context, with_references=False)


@register("refpacs", needs=("images", "references", "weights"))
def build_refpacs(context: Context, checkpoint: str = "", w: float = PAC_W) -> Reward:
    """RefPAC-S, harmonic mean of PAC-S and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

    arXiv 2303.12112. Options as for pacs.
    """
    return similarity("RefPAC-S", w, partial(pac_s, w=w), tuned("refpacs", checkpoint), context, with_references=True)


@register("pacspp", needs=("images", "weights"))
def build_pacspp(context: Context, checkpoint: str = "", w: float = PAC_W) -> Reward:
    """PAC-S++, w max(cos(image, caption), 0) with a tuned CLIP: 0 to w; `checkpoint` is its folder.

    arXiv 2410.07336. The folder is what `captioner metric train` writes; the authors have w = 2.0 and 2.5.
    """
    return similarity("PAC-S++", w, partial(pac_s, w=w), tuned("pacspp", checkpoint), context, with_references=False)


@register("refpacspp", needs=("images", "references", "weights"))
def build_refpacspp(context: Context, checkpoint: str = "", w: float = PAC_W) -> Reward:
    """RefPAC-S++, harmonic mean of PAC-S++ and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

    arXiv 2410.07336. Options as for pacspp.
    """
    clip = tuned("refpacspp", checkpoint)
    return similarity("RefPAC-S++", w, partial(pac_s, w=w), clip, context, with_references=True)


def similarity(
    title: str,
    w: float,
    scale: Callable[[Tensor], Tensor],
    clip: str,
    context: Context,
    with_references: bool,
) -> Similarity:
    loaded = load_clip(clip, context.device)
    signature = f"{title}[w{w:g},prefix={PREFIX.strip()!r},weights={loaded.fingerprint}]"
    return Similarity(signature, Embedder(loaded), scale, with_references)


def tuned(name: str, checkpoint: str) -> str:
    """The checkpoint, which has to be named: no CLIP is tuned by default."""
    if not checkpoint:
        raise ValueError(
            f"reward {name} needs the folder of a tuned CLIP, got none: make one with "
            f"`captioner metric train --out DIR`, then --reward {name}:checkpoint=DIR"
        )
    return checkpoint
