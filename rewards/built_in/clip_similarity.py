"""CLIP-S, PAC-S, PAC-S++ and PAC-S++ hard: the similarity of captions and picture by a CLIP or by a tuned CLIP.

Cost: a forward pass of the text tower for each new caption, and of the image tower once for each image. Embeddings are
cached. `precision` is fp32, bf16 or fp16. `long=sentences` scores each sentence of a caption and takes the mean.

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
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.clip.tuning import refuse_other_name
from metric.example import Example
from metric.sentences import SENTENCES, Split, by_sentence
from metric.similarity import CLIP_W, PAC_W, PREFIX, pac_s, ref_score
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


@register("clips", needs=("images",))
def build_clips(context: Context, clip: str = "", precision: str = "fp32", long: str = "") -> Reward:
    """CLIP-S, 2.5 max(cos(image, caption), 0): 0 to 2.5, with the run's CLIP or `clip`.

    arXiv 2104.08718. The references are not used. Raised for long, it leads to lists of keywords.
    """
    return untuned("CLIP-S", "clips", clip, precision, long, context)


@register("refclips", needs=("images", "references"))
def build_refclips(context: Context, clip: str = "", precision: str = "fp32", long: str = "") -> Reward:
    """RefCLIP-S, harmonic mean of CLIP-S and the best cosine to a reference, at least 0: 0 to 1.43.

    arXiv 2104.08718. The references of each image are embedded once.
    """
    return untuned("RefCLIP-S", "refclips", clip, precision, long, context)


@register("pacs", needs=("images", "weights"))
def build_pacs(
    context: Context,
    checkpoint: str = "",
    w: float = PAC_W,
    scale: float = 1.0,
    precision: str = "fp32",
    long: str = "",
) -> Reward:
    """PAC-S, w max(cos(image, caption), 0) with a CLIP whose two projections were tuned: 0 to w.

    arXiv 2303.12112. `checkpoint` is the folder of any tuned CLIP. Nobody checks that the CLIP was tuned as PAC-S.
    `scale` below 1 draws the weights back towards the CLIP before its tuning.
    """
    return tuned("PAC-S", "pacs", checkpoint, w, scale, precision, long, context)


@register("refpacs", needs=("images", "references", "weights"))
def build_refpacs(
    context: Context,
    checkpoint: str = "",
    w: float = PAC_W,
    scale: float = 1.0,
    precision: str = "fp32",
    long: str = "",
) -> Reward:
    """RefPAC-S, harmonic mean of PAC-S and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

    arXiv 2303.12112. Options as for pacs.
    """
    return tuned("RefPAC-S", "refpacs", checkpoint, w, scale, precision, long, context)


@register("pacspp", needs=("images", "weights"))
def build_pacspp(
    context: Context,
    checkpoint: str = "",
    w: float = PAC_W,
    scale: float = 1.0,
    precision: str = "fp32",
    long: str = "",
) -> Reward:
    """PAC-S++, w max(cos(image, caption), 0) with a tuned CLIP: 0 to w; `checkpoint` is its folder.

    arXiv 2410.07336. `captioner metric train` writes that folder. The authors use w = 2.0 and w = 2.5. `scale` below 1
    draws the weights back towards the CLIP before its tuning.
    """
    return tuned("PAC-S++", "pacspp", checkpoint, w, scale, precision, long, context)


@register("refpacspp", needs=("images", "references", "weights"))
def build_refpacspp(
    context: Context,
    checkpoint: str = "",
    w: float = PAC_W,
    scale: float = 1.0,
    precision: str = "fp32",
    long: str = "",
) -> Reward:
    """RefPAC-S++, harmonic mean of PAC-S++ and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

    arXiv 2410.07336. Options as for pacspp.
    """
    return tuned("RefPAC-S++", "refpacspp", checkpoint, w, scale, precision, long, context)


@register("pacspp_hard", needs=("images", "weights"))
def build_pacspp_hard(
    context: Context,
    checkpoint: str = "",
    w: float = PAC_W,
    scale: float = 1.0,
    precision: str = "fp32",
    long: str = "",
) -> Reward:
    """PAC-S++ hard: PAC-S++ with a CLIP that was tuned with hard text negatives, which the paper has not: 0 to w.

    `captioner metric train --preset pacspp_hard` writes the folder `checkpoint`. Options as for pacspp.
    """
    return tuned("PAC-S++ hard", "pacspp_hard", checkpoint, w, scale, precision, long, context)


@register("refpacspp_hard", needs=("images", "references", "weights"))
def build_refpacspp_hard(
    context: Context,
    checkpoint: str = "",
    w: float = PAC_W,
    scale: float = 1.0,
    precision: str = "fp32",
    long: str = "",
) -> Reward:
    """RefPAC-S++ hard, harmonic mean of PAC-S++ hard and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

    Options as for pacspp.
    """
    return tuned("RefPAC-S++ hard", "refpacspp_hard", checkpoint, w, scale, precision, long, context)


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


def untuned(title: str, name: str, clip: str, precision: str, long: str, context: Context) -> Reward:
    """The reward `name` by the CLIP of that name, or by that of the run. Raises ValueError where there is neither."""
    if not (clip or context.clip):
        raise ValueError(f"reward {name} needs a CLIP, got none; type {name}:clip=ARCH:TAG, a folder, or scenes-clip")
    loaded = load_clip(clip or context.clip, context.device)
    return similarity(title, CLIP_W, loaded, name == "refclips", precision, long=by_sentence(f"{name}:long", long))


def tuned(
    title: str, name: str, checkpoint: str, w: float, scale: float, precision: str, long: str, context: Context
) -> Reward:
    """The reward `name` by a tuned CLIP.

    Raises ValueError when no checkpoint was typed, since no CLIP is tuned by default, and for a CLIP whose training
    with or without negatives belongs to another name.
    """
    train = "captioner metric train --preset pacspp_hard" if name.endswith("_hard") else "captioner metric train"
    if not checkpoint:
        raise ValueError(
            f"reward {name} needs the folder of a tuned CLIP, got none: make one with "
            f"`{train} --out DIR`, then --reward {name}:checkpoint=DIR"
        )
    clip = load_clip(checkpoint, context.device, scale)
    if "pp" in name:
        plain = name.removesuffix("_hard")
        refuse_other_name(clip, plain != name, (plain, f"{plain}_hard"))
    drawn_back = "" if scale == 1 else f",scale={scale:g}"
    sentences = by_sentence(f"{name}:long", long)
    return similarity(title, w, clip, name.startswith("ref"), precision, drawn_back, sentences)
