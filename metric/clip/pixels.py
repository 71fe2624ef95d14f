"""Pictures as preprocessed tensors: kept in memory as bytes when they fit, else prepared when they are needed.

Axes: n pictures, c h w pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose, Normalize

from metric.example import Picture, open_image

MEMORY = 2 * 1024**3  # bytes of pictures that are kept
Preprocess = Callable[[Image.Image], Tensor]


def prepare(images: Sequence[Path | Picture], preprocess: Preprocess) -> Tensor:
    """Preprocessed pictures, `n c h w`, prepared by several threads."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return torch.stack(list(pool.map(lambda image: preprocess(open_image(image)), images)))


def as_bytes(images: Sequence[Path | Picture], preprocess: Any) -> Tensor:
    """Pictures before they are normalised, as bytes, `n c h w`. `from_bytes` has the values of `prepare`, to the bit.

    `preprocess` ends, as open_clip's does, in bytes / 255 that are then normalised.
    """
    assert isinstance(preprocess.transforms[-1], Normalize)
    return prepare(images, Compose(preprocess.transforms[:-1])).mul(255).round().to(torch.uint8)


def from_bytes(pixels: Tensor, preprocess: Any) -> Tensor:
    """Preprocessed pictures of bytes, `n c h w`."""
    return preprocess.transforms[-1](pixels.float().div(255))


class Pixels:
    """`pixels[indices]` are the preprocessed pictures of those indices, `n c h w`, equal to the bit."""

    def __init__(self, images: Sequence[Path | Picture], preprocess: Any, memory: int = MEMORY) -> None:
        self.images, self.preprocess = images, preprocess
        shape = as_bytes(images[:1], preprocess).shape[1:]
        fits = len(images) * shape.numel() <= memory
        self.pixels = torch.empty((len(images), *shape), dtype=torch.uint8) if fits else None
        self.ready = [False] * len(images)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Sequence[int]) -> Tensor:
        if self.pixels is None:
            return prepare([self.images[index] for index in indices], self.preprocess)
        missing = [index for index in indices if not self.ready[index]]
        if missing:
            self.pixels[missing] = as_bytes([self.images[index] for index in missing], self.preprocess)
            for index in missing:
                self.ready[index] = True
        return from_bytes(self.pixels[torch.as_tensor(indices)], self.preprocess)
