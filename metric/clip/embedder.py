"""Embedder: pictures and texts as unit vectors, each computed once, in fp32 unless half precision is asked for.

Batches have one shape (metric.runtime.fixed_batches): an embedding is the same to the bit in any batch.

Axes: n pictures or texts, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain, compress, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metric.clip.model import Clip, needed_positions
from metric.clip.pixels import prepare
from metric.clip.text_tower import encode_shared, shares
from metric.clip.token_features import cut
from metric.example import Example, Picture, image_key
from metric.runtime.fixed_batches import alike, classes, rows_for
from metric.runtime.precision import only, refuse_precision, tell_unsuited
from metric.runtime.processes import gathered
from metric.runtime.progress import Progress

EMBEDDED_IN = ("fp32", "bf16", "fp16")  # precisions
TOKENS = 16  # of a usual text, and so the rows of a matrix product for one text
Encode = Callable[[Tensor], Tensor]
TEXTS = 100_000  # embeddings of texts that are kept; rewards ask for ever new ones
IMAGES = 500_000  # embeddings of pictures that are kept, 1 GB for 512 features; a server is asked for ever new ones


class Embedder:
    """Embeddings by a CLIP whose weights do not change. Results are fp32 on the CPU.

    `precision` is that of the towers: fp32, or bf16 or fp16 (autocast). Scores in fp16 differ by up to 5e-4.
    `cut` has the texts that were longer than the context of the text tower. Such a text loses its end and keeps EOS.
    """

    def __init__(self, clip: Clip, batch_size: int = 0, precision: str = "fp32") -> None:
        """`batch_size` 0 takes the size for the device. Raises ValueError for a precision that is not to be had."""
        if precision not in EMBEDDED_IN:
            raise ValueError(f"precision must be one of {', '.join(EMBEDDED_IN)}, got {precision!r}")
        refuse_precision(precision, clip.device)
        tell_unsuited(clip.device.type, precision)
        self.clip = clip
        self.batch_size = batch_size or rows_for(clip.device)
        self.precision = precision
        self.cut: dict[str, None] = {}
        self.known_images: dict[str, Tensor] = {}
        self.exchanged = 0
        self.known_texts: dict[str, Tensor] = {}

    @torch.no_grad()
    def images(self, images: Sequence[Path | Picture]) -> Tensor:
        """Embeddings of pictures, n pictures -> `n d`. Pictures with the same `image_key` are computed once."""
        keys = [image_key(image) for image in images]
        missing = {key: image for key, image in zip(keys, images) if key not in self.known_images}
        names, found = list(missing), list[Tensor]()
        with Progress("CLIP embeddings of picture", len(missing), part=True) as progress:
            for batch, filled, _ in alike([0] * len(missing), 0, self.batch_size):
                pixels = prepare([missing[names[item]] for item in batch], self.clip.preprocess)
                pixels = pixels[[batch.index(item) for item in filled]]
                found.append(self.embed(self.clip.encode_image, pixels)[: len(batch)])
                progress.advance(len(batch))
            self.learn(self.known_images, names, found)
        embedded = self.gather(self.known_images, keys)
        self.exchanged = max(0, self.exchanged - forget(self.known_images, IMAGES))
        return embedded

    def exchange_images(self) -> None:
        """Share new embeddings of pictures between processes. All processes have to call this method together."""
        keys = list(self.known_images)[self.exchanged :]
        for names, embedded in gathered((keys, self.gather(self.known_images, keys))):
            self.known_images |= dict(zip(names, embedded))
        self.exchanged = len(self.known_images)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Embeddings of texts, n texts -> `n d`. A prefix is added by the caller."""
        missing = list(dict.fromkeys(str(text) for text in texts if text not in self.known_texts))
        if missing:
            tokens = self.clip.tokenizer(missing)
            self.cut |= dict.fromkeys(compress(missing, cut(self.clip, missing, tokens).tolist()))
            lengths = needed_positions(self.clip.model, tokens).tolist()
            order, found = list[str](), list[Tensor]()
            with Progress("CLIP embeddings of text", len(missing), part=True) as progress:
                for batch, filled, t, encode in self.batches(lengths, tokens.shape[1]):
                    found.append(self.embed(encode, tokens[filled, :t])[: len(batch)])
                    order += [missing[item] for item in batch]
                    progress.advance(len(batch))
                self.learn(self.known_texts, order, found)
        embedded = self.gather(self.known_texts, texts)
        forget(self.known_texts, TEXTS)
        forget(self.cut, IMAGES)
        return embedded

    def batches(self, lengths: list[int], most: int) -> Iterator[tuple[list[int], list[int], int, Encode]]:
        """Batches of texts: items, items with fillers that complete the shape, padded length, encoder."""
        if not shares(self.clip.model):
            for batch, filled, t in alike(lengths, most, self.batch_size):
                yield batch, filled, t, self.clip.encode_tokens
            return
        many = TOKENS * self.batch_size
        for batch, t in classes(lengths, most, many):
            yield batch, batch, t, partial(encode_shared, self.clip, rows=many)

    def computing(self) -> AbstractContextManager:
        """The precision of this embedder, for what is computed with its CLIP."""
        return only(self.clip.device, self.precision)

    def embed(self, encode: Encode, filled: Tensor) -> Tensor:
        """The embeddings of a filled batch, on the device."""
        with self.computing():
            return encode(filled)

    def learn(self, embeddings: dict[str, Tensor], keys: Sequence[str], found: Sequence[Tensor]) -> None:
        """Put the rows of all batches into `embeddings`, one for each key, in one copy from the device."""
        rows = torch.cat([*found]).cpu().split(self.batch_size) if found else ()
        embeddings.update(zip(keys, chain.from_iterable(part.clone() for part in rows)))  # memory goes part by part

    def gather(self, embeddings: dict[str, Tensor], keys: Sequence[str]) -> Tensor:
        return torch.stack([embeddings[key] for key in keys]) if keys else torch.empty(0, self.clip.dim)


def forget(embeddings: dict[str, Any], most: int) -> int:
    """Drops the oldest entries beyond `most`, and returns their number."""
    oldest = list(islice(embeddings, max(0, len(embeddings) - most)))
    for key in oldest:
        del embeddings[key]
    return len(oldest)


def best_reference(embedder: Embedder, texts: Tensor, examples: Sequence[Example], prefix: str) -> Tensor:
    """Cosine of embedded captions to the nearest reference of their image. `b d` -> `b` or `b k d` -> `b k`.

    `prefix` goes before each reference. Every example has at least one (arXiv 2104.08718, RefCLIP-S).
    """
    references = list(chain.from_iterable(example.references for example in examples))
    embedded = embedder.texts([prefix + reference for reference in references])
    by_image = embedded.split([len(example.references) for example in examples])  # r d
    return torch.stack([(captions @ nearby.T).amax(-1) for captions, nearby in zip(texts, by_image)])
