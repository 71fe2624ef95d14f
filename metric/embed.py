"""Embedder: pictures and texts as unit vectors, each computed once, in half precision where there is a GPU.

Axes: n pictures or texts, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from metric.clip import Clip
from metric.example import Picture, image_key
from metric.pixels import prepare
from metric.processes import gathered
from metric.tokens import cut

HALF: dict[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
TEXTS = 100_000  # embeddings of texts that are remembered; rewards ask for ever new ones
Item = TypeVar("Item")


class Embedder:
    """Of a CLIP whose weights stay as they are. Results are fp32 on the CPU.

    `precision` is that of the towers: fp32, bf16, fp16 (autocast), or auto: fp16 on a GPU, fp32 elsewhere.
    `cut` counts the texts that were longer than the text tower's context: their end is lost, EOS is kept.
    """

    def __init__(self, clip: Clip, batch_size: int = 256, precision: str = "auto") -> None:
        if precision not in (*HALF, "auto"):
            raise ValueError(f"precision is auto, {', '.join(HALF)}, got {precision!r}")
        self.clip = clip
        self.batch_size = batch_size
        self.precision = precision
        self.cut = 0
        self.known_images: dict[str, Tensor] = {}
        self.exchanged = 0
        self.known_texts: dict[str, Tensor] = {}

    @torch.no_grad()
    def images(self, images: Sequence[Path | Picture]) -> Tensor:
        """-> `n d`. Equal by `image_key` is equal."""
        keys = [image_key(image) for image in images]
        missing = [(key, image) for key, image in dict(zip(keys, images)).items() if key not in self.known_images]
        self.learn(
            self.known_images,
            missing,
            lambda batch: self.clip.encode_image(prepare(batch, self.clip.preprocess)),
        )
        return self.gather(self.known_images, keys)

    def exchange_images(self) -> None:
        """Several processes, at the same moment: each learns the pictures that the others have embedded since."""
        keys = list(self.known_images)[self.exchanged :]
        for theirs, embedded in gathered((keys, self.gather(self.known_images, keys))):
            self.known_images |= dict(zip(theirs, embedded))
        self.exchanged = len(self.known_images)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """-> `n d`. Prefixes are the caller's."""
        missing = {str(text): str(text) for text in texts if text not in self.known_texts}
        together = sorted(missing.items(), key=lambda item: len(item[1]))  # little padding in a batch
        self.learn(self.known_texts, together, self.encode_texts)
        embedded = self.gather(self.known_texts, texts)
        for text in list(self.known_texts)[: max(0, len(self.known_texts) - TEXTS)]:
            del self.known_texts[text]
        return embedded

    def encode_texts(self, texts: list[str]) -> Tensor:
        """-> `n d`"""
        tokens = self.clip.tokenizer(texts)
        self.cut += int(cut(self.clip, texts, tokens).sum())
        return self.clip.encode_tokens(tokens)

    @property
    def dtype(self) -> torch.dtype | None:
        """What autocast computes in; None without it."""
        name = ("fp16" if self.clip.device.type == "cuda" else "fp32") if self.precision == "auto" else self.precision
        return HALF[name]

    def learn(
        self,
        known: dict[str, Tensor],
        missing: Sequence[tuple[str, Item]],
        encode: Callable[[list[Item]], Tensor],
    ) -> None:
        for start in range(0, len(missing), self.batch_size):
            keys, items = zip(*missing[start : start + self.batch_size])
            with torch.autocast(self.clip.device.type, self.dtype, enabled=self.dtype is not None):
                known.update(zip(keys, encode(list(items)).cpu().unbind()))

    def gather(self, known: dict[str, Tensor], keys: Sequence[str]) -> Tensor:
        return torch.stack([known[key] for key in keys]) if keys else torch.empty(0, self.clip.dim)
