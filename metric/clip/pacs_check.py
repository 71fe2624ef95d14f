"""The self-check of an imported file: it loads, it scores as its own tensors do, and it is no plain CLIP.

People met weights whose adapters were dropped in silence. Such a file scores as plain CLIP does.

Axes: n pictures or texts, d features.
"""

from __future__ import annotations

from collections.abc import Mapping

import open_clip
import torch
from torch import Tensor

from metric.clip.model import Clip, frozen

TOLERANCE = 1e-4  # of unit embeddings, far above rounding
EQUAL = 1e-6  # of cosines; the least training moves them by thousandths
TEXTS = ("a dog runs on the beach", "two people ride bicycles down a busy street", "a red bus", "food on a table")


@torch.no_grad()
def probes(clip: Clip) -> tuple[Tensor, Tensor]:
    """Embeddings of fixed noise and fixed texts, `n d` and `n d`."""
    pixels = torch.randn(4, 3, *clip.model.visual.image_size, generator=torch.Generator().manual_seed(0))
    return clip.encode_image(pixels), clip.encode_text(list(TEXTS))


def refuse_other(clip: Clip, original: open_clip.CLIP) -> float:
    """The largest difference of embeddings between the written folder and the file with LoRA unmerged.

    Raises ValueError for a difference above TOLERANCE.
    """
    unmerged = Clip("the file", frozen(original), clip.preprocess, clip.tokenizer, clip.config)
    difference = max((ours - theirs).abs().max().item() for ours, theirs in zip(probes(clip), probes(unmerged)))
    if not difference < TOLERANCE:
        raise ValueError(
            f"the embeddings of the converted file and of the original differ by {difference:g}, "
            f"expected less than {TOLERANCE:g}"
        )
    return difference


def difference_of_scores(clip: Clip, plain: Clip) -> float:
    """The largest difference of cosines between two CLIPs, over all pairs of the probes."""
    ours, theirs = (image @ text.T for image, text in (probes(clip), probes(plain)))
    return (ours - theirs).abs().max().item()


def refuse_idle_lora(file: object, clip: Clip, stored: open_clip.CLIP) -> None:
    """Raises ValueError where the LoRA of a file changes no score: the adapters were lost."""
    plain = Clip("plain", frozen(stored), clip.preprocess, clip.tokenizer, clip.config)
    if difference_of_scores(clip, plain) < EQUAL:
        raise ValueError(
            f"{file} scores as plain CLIP does: its LoRA matrices change nothing, as if its adapters had not been "
            "loaded; download the authors' file again"
        )


def refuse_untuned(file: object, weights: Mapping[str, Tensor]) -> None:
    """Raises ValueError for a plain CLIP of OpenAI's in fp32, whose weights are half-precision numbers.

    The training of a PAC-S changes both projections in fp32. A PAC-S++ that lost its LoRA has them unchanged too.
    """
    if all(torch.equal(weights[key], weights[key].half().float()) for key in ("visual.proj", "text_projection")):
        raise ValueError(
            f"{file} scores as plain CLIP does: both projections hold half-precision numbers only, as those of "
            "OpenAI's CLIP, and no LoRA stands beside them; its adapters were not loaded, or it was never tuned"
        )


def refuse_equal(file: object, clip: Clip, plain: Clip) -> float:
    """The largest difference of scores to a plain CLIP. Raises ValueError for one of another size, and for none."""
    if plain.dim != clip.dim or plain.model.visual.image_size != clip.model.visual.image_size:
        raise ValueError(
            f"--base {plain.name} has {plain.dim} features of {plain.model.visual.image_size[0]} px, {file} has "
            f"{clip.dim} of {clip.model.visual.image_size[0]} px; give the plain CLIP of its size"
        )
    difference = difference_of_scores(clip, plain)
    if difference < EQUAL:
        raise ValueError(f"{file} scores as plain CLIP {plain.name} does: its adapters were not loaded, or never tuned")
    return difference
