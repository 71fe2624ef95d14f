"""The hard text negatives of a training step: their settings, their texts, and what is told of them.

Axes: b captions of a step, m negatives of them.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from metric.clip.model import Clip
from metric.example import Example
from metric.negatives.drawing import draw, kinds_of
from metric.negatives.pool import Caption
from metric.negatives.words import reading, split
from metric.runtime.processes import rank
from metric.similarity import PREFIX
from metric.training.batches import Batches
from metric.training.config import MetricConfig, refuse_idle
from metric.training.found_file import Found, read_found
from metric.training.negative_losses import FORMS, Negatives

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spoiled:
    """The negatives of a batch: their texts with tokens, the rows of their captions, and `right` (see `Negatives`)."""

    texts: list[str]
    tokens: Tensor
    "`m t`"
    rows: list[int]
    right: Tensor
    "`b m`"


def check_negatives(config: MetricConfig) -> None:
    """Raises ValueError for settings of the negatives that cannot be, or that would do nothing."""
    defaults = MetricConfig()
    changed = {field.name for field in fields(config) if getattr(config, field.name) != getattr(defaults, field.name)}
    refuse_idle(config, changed)
    if config.negatives_form not in FORMS:
        raise ValueError(f"--negatives-form is one of {', '.join(FORMS)}, got {config.negatives_form!r}")
    if config.negatives and not 0 < config.lambda_n < float("inf"):
        raise ValueError(
            f"--lambda-n is above 0, got {config.lambda_n:g}; type --negatives 0 for the paper's loss without the term"
        )
    kinds_of(config.negative_kinds)


def check_captions(config: MetricConfig, training: Sequence[Example], clip: Clip, resume: bool) -> None:
    """Raises ValueError when no caption, or none of the first batch, has a negative; else tells how many have none."""
    if not config.negatives:
        return
    texts = [text for example in training for text in example.references]
    alone = sum(len(split(text)) < 2 for text in texts)
    if alone == len(texts):
        raise ValueError(f"--negatives {config.negatives}: all {alone} captions are of one word, which has no negative")
    if alone and not resume and rank() == 0:
        log.warning("negatives: %d of %d captions are of one word and have none", alone, len(texts))
    batches = Batches(training, config.batch_size, config.seed)
    drawn = [(row, batches.caption(row, random.Random(row))) for row in batches.order.indices(0)]
    found = found_of(config, training)
    captions = [said_of(training[row], text, found) for row, text in drawn]
    said = [PREFIX * (config.prefix > 0) + caption.text for caption in captions]
    tokens, rng = clip.tokenizer(said), batches.order.rng(0, "negatives")
    if not spoil(captions, said, tokens, config, rng, clip.tokenizer).texts:
        raise ValueError(
            f"--negative-kinds {config.negative_kinds} makes no negative of the first batch's {len(said)} captions "
            f"that {clip.name} could tell from them, within its context; type --negative-kinds all or another --clip"
        )


def found_of(config: MetricConfig, training: Sequence[Example]) -> Found:
    """What captioners were found to say of training pictures; nothing without a file."""
    if not config.negatives_from:
        return {}
    return read_found(Path(config.negatives_from), {example.id for example in training})


def said_of(example: Example, text: str, found: Found) -> Caption:
    """A caption of an example, with all that is said of its picture."""
    return Caption(text, example.references, found.get(example.id, ()))


def spoil(
    captions: Sequence[Caption],
    texts: Sequence[str],
    own: Tensor,
    config: MetricConfig,
    rng: random.Random,
    tokenize: Callable[[list[str]], Tensor],
) -> Spoiled:
    """The negatives of a batch's captions. `texts` are the captions as they are encoded, with their prefix or without.

    `own` are the tokens of these texts, `b t`.

    A negative has the prefix of its caption. One that the text tower cannot tell from its caption, since both lose
    their end beyond the context, is left out.
    """
    drawn = draw(captions, kinds_of(config.negative_kinds, bool(config.negatives_from)), config.negatives, rng)
    prefixes = [text.removesuffix(caption.text) for caption, text in zip(captions, texts)]
    pairs = [(row, text) for row, made in enumerate(drawn) for _, text in made]
    whole = [prefixes[row] + text for row, text in pairs]
    tokens = tokenize(whole) if whole else own[:0]
    heard = (tokens != own[[row for row, _ in pairs]]).any(1).nonzero().flatten().tolist()
    pairs = [pairs[place] for place in heard]
    right = right_of(captions, [text for _, text in pairs])
    return Spoiled([whole[place] for place in heard], tokens[heard], [row for row, _ in pairs], right)


def right_of(captions: Sequence[Caption], texts: Sequence[str]) -> Tensor:
    """Whether a reference of the picture says just what a text says, signs apart: b captions, m texts -> `b m`."""
    right = torch.zeros(len(captions), len(texts), dtype=torch.bool)
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, caption in enumerate(captions):
        for said in caption.readings:
            rows.setdefault(said, []).append(row)
    for column, said in enumerate(map(reading, texts)):
        right[rows.get(said, []), column] = True
    return right


def tell_few(config: MetricConfig, wrong: Negatives | None, b: int) -> None:
    """Warn when captions of the first batch have fewer negatives than were asked for."""
    rows = [] if wrong is None else wrong.rows.tolist()
    if len(rows) < config.negatives * b:
        log.warning(
            "negatives: %d of %d for the first batch; %d of its %d captions have none",
            *(len(rows), config.negatives * b, b - len(set(rows)), b),
        )
