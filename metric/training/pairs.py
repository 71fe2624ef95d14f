"""Pairs of pictures and texts while a CLIP is trained: their encoding, their loss, their validation.

Axes: b pairs of a step, n pictures of a data set and as many texts, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.model import Clip
from metric.clip.pixels import Pixels, from_bytes
from metric.example import Example, Picture
from metric.readable import readable
from metric.runtime.device import sent
from metric.runtime.gradients import encode_in_shares, in_parts, of_shares, share_of
from metric.runtime.progress import Progress
from metric.similarity import PREFIX
from metric.storage.ledger import report_all
from metric.training.losses import PairLoss, info_nce, sigmoid
from metric.training.retrieval import retrieval

VAL_PICTURES = 1000


def usable(training: Sequence[Example], val: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """The pictures to train on, and at most VAL_PICTURES to validate on: with captions, and in files that can be read.

    Raises ValueError for fewer than two.
    """
    return captioned(training, "training pictures"), captioned(val, "validation pictures", VAL_PICTURES)


def captioned(examples: Sequence[Example], source: str, most: int | None = None) -> list[Example]:
    """The first `most` examples that have captions, without those whose picture cannot be read."""
    with_captions = [example for example in examples if example.references]
    bare = {example.id: "it has no caption" for example in examples if not example.references}
    report_all(source, bare)
    found = readable(with_captions[:most], source)
    if len(found) < 2:
        raise ValueError(f"contrastive training needs at least two pictures with captions, got {len(found)}")
    return found


def loss_name(clip: Clip, name: str) -> str:
    """`infonce` or `sigmoid`: what was asked for, or for auto the loss that the CLIP was trained with.

    Raises ValueError for the sigmoid loss of a CLIP without a bias.
    """
    bias = clip.model.logit_bias
    if name == "auto":
        return "infonce" if bias is None else "sigmoid"
    if name == "sigmoid" and bias is None:
        raise ValueError(f"--loss sigmoid needs a logit bias, which {clip.name} lacks; type --loss infonce")
    return name


def pair_loss(clip: Clip, name: str) -> PairLoss:
    """The loss called `name` (see `loss_name`), at the temperature and bias of the CLIP."""
    scale, bias = clip.model.logit_scale, clip.model.logit_bias
    if loss_name(clip, name) == "sigmoid":
        return lambda image, text: sigmoid(image, text, scale.exp(), bias)
    return lambda image, text: info_nce(image, text, scale.exp())


def trunk(clip: Clip) -> nn.Module:
    if not is_timm(clip):
        raise ValueError(f"--freeze-trunk needs a timm image tower, but {clip.name} has none; leave --freeze-trunk out")
    return clip.model.visual.trunk


def is_timm(clip: Clip) -> bool:
    return "timm_model_name" in clip.config["model_cfg"]["vision_cfg"]


def kept_part(clip: Clip) -> tuple[nn.Module, nn.Module] | None:
    """The part of the image tower that no step changes, and the rest of the tower. None when all layers are trained."""
    if not trains(clip.model.visual):
        return clip.model.visual, nn.Identity()
    if is_timm(clip) and not trains(trunk(clip)):
        return trunk(clip), clip.model.visual.head
    return None


def trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def image_side(clip: Clip, images: Sequence) -> tuple[Callable[[Tensor], Tensor], Pixels | Tensor]:
    """The encoder of rows of pictures, and the rows: pixels, or outputs of an unchanged part, computed once."""
    pixels, parts = Pixels(images, clip.preprocess), kept_part(clip)
    if parts is None:
        return clip.encode_image, pixels
    body, head = parts
    body.eval()  # computed once: a dropout of patches or layers would stay in all steps

    def look(rows: list[int]) -> Tensor:
        features = []
        with Progress("CLIP's features of picture", len(rows), part=True) as progress:
            for batch in torch.tensor(rows).split(64):
                features.append(body(sent(pixels[batch.tolist()], clip.device)))
                progress.advance(len(batch))
        return torch.cat(features)

    with torch.no_grad():
        features = encode_in_shares(look, range(len(pixels)))
    return lambda rows: F.normalize(head(rows).float(), dim=-1), features


def rows_of(source: Pixels | Tensor, rows: list[int]) -> Tensor:
    """The pixels of rows of pictures, or what an unchanged part made of them, which lies on its device."""
    return source[sent(torch.tensor(rows), source.device)] if isinstance(source, Tensor) else source[rows]


class PairEncoder:
    """Embeddings of the pictures and texts of a training step, in the step's order. Each process encodes its share.

    `pictures` are the pictures of the data set. The activations of `chunk` items are kept at a time, 0 for all items.
    """

    def __init__(self, clip: Clip, pictures: Sequence[Path | Picture], chunk: int) -> None:
        self.clip, self.chunk = clip, chunk
        self.encode_rows, self.source = image_side(clip, pictures)

    @property
    def too_large(self) -> bool:
        """Whether the pictures of the data set are read again for every step, since memory does not hold them."""
        return isinstance(self.source, Pixels) and self.source.pixels is None

    def images(self, rows: Sequence[int]) -> Tensor:
        """Pictures of the data set, by their rows. b rows -> `b d`."""
        return encode_in_shares(lambda share: self.in_parts(self.encode_rows, rows_of(self.source, share)), rows)

    def pictures(self, share: Tensor, n: int) -> Tensor:
        """Pictures from elsewhere: the bytes of this process's share, `s c h w`, of n pictures -> `n d`."""
        pixels = from_bytes(share, self.clip.preprocess)
        return of_shares(self.in_parts(self.clip.encode_image, pixels), n)

    def texts(self, tokens: Tensor) -> Tensor:
        """Texts by the tokens of all processes, `n t` -> `n d`."""
        share = tokens[share_of(len(tokens))]
        return of_shares(self.in_parts(self.clip.encode_needed, share), len(tokens))

    def in_parts(self, encode: Callable[[Any], Tensor], items: Any) -> Tensor:
        return in_parts(encode, items, self.chunk, self.clip.device)


def validation(clip: Clip, examples: Sequence[Example], agree: PairLoss) -> Callable[[], dict[str, float]]:
    """A function that computes loss and retrieval among `examples`, by their first captions with the scoring prefix.

    The pictures are prepared once.
    """
    encode, source = image_side(clip, [example.image for example in examples])
    texts = [PREFIX + example.references[0] for example in examples]
    indices = torch.arange(len(examples))

    @torch.no_grad()
    def report() -> dict[str, float]:
        trained = [module for module in clip.model.modules() if module.training]
        clip.model.eval()
        image = torch.cat([encode(rows_of(source, rows.tolist())).cpu() for rows in indices.split(256)])
        text = torch.cat([clip.encode_text([texts[row] for row in rows]).cpu() for rows in indices.split(256)])
        for module in trained:
            module.training = True
        figures = {"loss": agree(image.to(clip.device), text.to(clip.device)).item(), **retrieval(image, text, indices)}
        return {f"val_{name}": figure for name, figure in figures.items()}

    return report
