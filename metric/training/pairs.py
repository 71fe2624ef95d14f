"""Pairs of pictures and texts while a CLIP is trained: how they are encoded, what they cost, how they are validated.

Axes: n pictures and as many texts, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from metric.clip.model import Clip
from metric.clip.pixels import Pixels
from metric.example import Example
from metric.runtime.console import no_bar
from metric.runtime.gradients import spread
from metric.similarity import PREFIX
from metric.training.losses import PairLoss, info_nce, sigmoid
from metric.training.retrieval import retrieval

VAL_PICTURES = 1000


def captioned(examples: Sequence[Example]) -> list[Example]:
    kept = [example for example in examples if example.references]
    if len(kept) < 2:
        raise ValueError(f"contrastive training needs two pictures with captions or more, got {len(kept)}")
    return kept


def pair_loss(clip: Clip, name: str) -> PairLoss:
    """The loss the CLIP was trained with, or the one called `name`, at its own temperature and bias."""
    scale, bias = clip.model.logit_scale, clip.model.logit_bias
    if name == "auto":
        name = "infonce" if bias is None else "sigmoid"
    if name == "sigmoid" and bias is None:
        raise ValueError(f"--loss sigmoid needs a logit bias, as SigLIP has; {clip.name} has none: --loss infonce")
    if name == "sigmoid":
        return lambda image, text: sigmoid(image, text, scale.exp(), bias)
    return lambda image, text: info_nce(image, text, scale.exp())


def trunk(clip: Clip) -> nn.Module:
    if not is_timm(clip):
        raise ValueError(f"--freeze-trunk needs a timm image tower, {clip.name} has none; leave it out")
    return clip.model.visual.trunk


def is_timm(clip: Clip) -> bool:
    return "timm_model_name" in clip.config["model_cfg"]["vision_cfg"]


def kept_part(clip: Clip) -> tuple[nn.Module, nn.Module] | None:
    """The part of the image tower that no step changes, and what comes after it; None when all of it is trained."""
    if not trains(clip.model.visual):
        return clip.model.visual, nn.Identity()
    if is_timm(clip) and not trains(trunk(clip)):
        return trunk(clip), clip.model.visual.head
    return None


def trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def image_side(clip: Clip, images: Sequence) -> tuple[Callable[[Tensor], Tensor], Pixels | Tensor]:
    """What encodes rows of pictures, and the rows: pixels, or what a kept part makes of them, computed once."""
    pixels, kept = Pixels(images, clip.preprocess), kept_part(clip)
    if kept is None:
        return clip.encode_image, pixels
    body, head = kept

    def look(rows: list[int]) -> Tensor:
        batches = torch.tensor(rows).split(64)
        bar = tqdm(batches, desc="pictures", unit="batch", disable=no_bar(), leave=False)
        return torch.cat([body(pixels[some.tolist()].to(clip.device)) for some in bar])

    with torch.no_grad():
        features = spread(look, range(len(pixels)))
    return lambda rows: F.normalize(head(rows).float(), dim=-1), features


def validation(clip: Clip, examples: Sequence[Example], agree: PairLoss) -> Callable[[], dict[str, float]]:
    """Loss and retrieval among `examples`, first captions with the scoring prefix; the pictures are prepared once."""
    encode, source = image_side(clip, [example.image for example in examples])
    texts = [PREFIX + example.references[0] for example in examples]
    own = torch.arange(len(examples))

    @torch.no_grad()
    def report() -> dict[str, float]:
        trained = [module for module in clip.model.modules() if module.training]
        clip.model.eval()
        image = torch.cat([encode(source[rows.tolist()]).cpu() for rows in own.split(256)])
        text = torch.cat([clip.encode_text([texts[row] for row in rows]).cpu() for rows in own.split(256)])
        for module in trained:
            module.training = True
        figures = {"loss": agree(image.to(clip.device), text.to(clip.device)).item(), **retrieval(image, text, own)}
        return {f"val_{name}": figure for name, figure in figures.items()}

    return report
