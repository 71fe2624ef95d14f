"""CLIP-S, PAC-S and PAC-S++: the similarity of captions and picture by a CLIP or by a tuned CLIP.

Cost: a forward pass of the text tower for each new caption, and of the image tower once for each image. Embeddings are
cached.

Axes: b images, k captions of each, d features, r references of an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from einops import einsum, rearrange
from torch import Tensor

from metric.clip.embedder import Embedder, best_reference
from metric.clip.load import load_clip
from metric.example import Example
from metric.similarity import CLIP_W, PAC_W, PREFIX, clip_s, pac_s, ref_score
from rewards.context import Context
from rewards.mix import Reward
from rewards.registry import register


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
        images = self.embedder.images([example.image for example in examples])  # b d
        prefixed = [PREFIX + caption for caption in chain.from_iterable(captions)]
        texts = rearrange(self.embedder.texts(prefixed), "(b k) d -> b k d", b=len(examples))
        score = self.scale(einsum(images, texts, "b d, b k d -> b k"))
        if not self.with_references:
            return score
        return ref_score(score, best_reference(self.embedder, texts, examples, PREFIX))

    def exchange(self) -> None:
        """Share the embeddings of pictures between processes: each picture is embedded by one of them."""
        self.embedder.exchange_images()


@register("clips", needs=("images",))
def build_clips(context: Context, clip: str = "") -> Reward:
    """CLIP-S, 2.5 max(cos(image, caption), 0): 0 to 2.5, with the run's CLIP or `clip`.

    arXiv 2104.08718. The references are not used. Raised for long, it leads to lists of keywords.
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

    arXiv 2303.12112. `checkpoint` is the folder of any tuned CLIP. Nobody checks that the CLIP was tuned as PAC-S.
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

    arXiv 2410.07336. `captioner metric train` writes that folder. The authors use w = 2.0 and w = 2.5.
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
    """The reward called `title`, whose signature has the scale `w`, the prefix and a fingerprint of the CLIP."""
    loaded = load_clip(clip, context.device)
    signature = f"{title}[w{w:g},prefix={PREFIX.strip()!r},weights={loaded.fingerprint}]"
    return Similarity(signature, Embedder(loaded), scale, with_references)


def tuned(name: str, checkpoint: str) -> str:
    """The checkpoint of the reward `name`. Raises ValueError when none was typed: no CLIP is tuned by default."""
    if not checkpoint:
        raise ValueError(
            f"reward {name} needs the folder of a tuned CLIP, got none: make one with "
            f"`captioner metric train --out DIR`, then --reward {name}:checkpoint=DIR"
        )
    return checkpoint
