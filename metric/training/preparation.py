"""What a step of training needs of its host: the batch, its positives and negatives, as tokens and bytes.

It depends on the number of the step alone, so that other processes can make it ahead of the step.

Axes: b pictures of a step, s of them that this process encodes, n positives, t tokens, c h w pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from metric.clip.pixels import as_bytes
from metric.example import Example, Picture
from metric.negatives.pool import Caption
from metric.positives.sources import Positives
from metric.runtime.gradients import share_of
from metric.training.batches import Batches
from metric.training.config import MetricConfig
from metric.training.found_file import Found
from metric.training.negatives import Spoiled, said_of, spoil


@dataclass(frozen=True)
class Drawn:
    """The data of a step: rows of pictures, texts, and the positives made for them, or None for each without."""

    rows: list[int]
    texts: list[str]
    made_images: list[Path | Picture | None]
    made_texts: list[str | None]
    captions: list[Caption]
    """the texts without their prefix, and what else is said of their pictures"""


class MadeFor(NamedTuple):
    """Positives as numbers, and the rows of their pairs. Numbers are tokens `n t`, or bytes `s c h w` of a share."""

    numbers: Tensor
    rows: list[int]


@dataclass(frozen=True)
class Prepared:
    """The data of a step as numbers."""

    rows: list[int]
    """rows of the pictures in the data set"""
    images: Tensor | None
    """bytes of this process's share of the pictures, `s c h w`; None where they stay in memory"""
    texts: Tensor
    """tokens, `b t`"""
    made_images: MadeFor | None
    made_texts: MadeFor | None
    wrong: Spoiled | None
    """negatives; None in a training without"""


@dataclass(frozen=True)
class Preparation:
    """Makes the data of steps. `too_large`: whether the pictures of the data set have to be read for every step."""

    config: MetricConfig
    training: Sequence[Example]
    positives: Positives
    found: Found
    tokenize: Callable[[list[str]], Tensor]
    preprocess: Any
    too_large: bool

    @property
    def batches(self) -> Batches:
        return Batches(self.training, self.config.batch_size, self.config.seed, self.config.prefix)

    def __call__(self, step: int) -> Prepared:
        drawn = draw(step, self.batches, self.config, self.training, self.positives, self.found)
        texts, rng, wrong = self.tokenize(drawn.texts), self.batches.order.rng(step, "negatives"), None
        if self.config.negatives:
            wrong = spoil(drawn.captions, drawn.texts, texts, self.config, rng, self.tokenize)
        return Prepared(
            drawn.rows,
            self.pixels([self.training[row].image for row in drawn.rows]) if self.too_large else None,
            texts,
            made_for(drawn.made_images, self.pixels),
            made_for(drawn.made_texts, self.tokenize),
            wrong,
        )

    def pixels(self, images: Sequence[Path | Picture]) -> Tensor:
        """The bytes of this process's share of pictures."""
        return as_bytes([images[place] for place in share_of(len(images))], self.preprocess)


def draw(
    step: int,
    batches: Batches,
    config: MetricConfig,
    training: Sequence[Example],
    positives: Positives,
    found: Found,
) -> Drawn:
    """The data of a step. All processes draw the same, and each encodes its share."""
    rows, rng = batches.order.indices(step), batches.order.rng(step)
    captions = [batches.caption(row, rng) for row in rows]
    pairs = list(zip((training[row] for row in rows), captions))
    pictures = [positives.image(*pair, rng) for pair in pairs] if config.lambda_v else []
    wordings = [positives.text(*pair, rng) for pair in pairs] if config.lambda_t else []
    texts = [batches.prefixed(caption, rng) for caption in captions]
    said = [said_of(training[row], caption, found) for row, caption in zip(rows, captions)]
    return Drawn(rows, texts, pictures, [text and batches.prefixed(text, rng) for text in wordings], said)


def made_for(positives: Sequence, numbers: Callable[[list], Tensor]) -> MadeFor | None:
    """The positives that are not None. None without any."""
    rows = [row for row, positive in enumerate(positives) if positive is not None]
    return MadeFor(numbers([positives[row] for row in rows]), rows) if rows else None
