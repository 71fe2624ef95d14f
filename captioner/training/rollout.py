"""Candidates of a step and what they are worth: where every objective of the reward stage starts.

Axes: b pictures, k candidates of each, t tokens, p patches, f features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from captioner.config import Run
from captioner.decoding.generate import Generated, generate
from captioner.decoding.log_probabilities import true_tokens
from captioner.model.encoder_decoder import Captioner
from metric.example import Example
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import repeated
from rewards.mix import Mix

Facts = dict[str, float]


class Place(NamedTuple):
    """Of a part of a batch: it begins at `first` of `whole` pictures."""

    first: int
    whole: int


@dataclass(frozen=True)
class Rollout:
    """`total` is the reward of each candidate, `b k`, and `parts` its terms, raw and unweighted."""

    candidates: Generated
    total: Tensor
    parts: dict[str, Tensor]

    def facts(self) -> Facts:
        """The mean reward, its terms, and the look of the captions."""
        terms = {f"reward/{name}": float(part.mean()) for name, part in self.parts.items()}
        return {"reward": float(self.total.mean()), **terms, **style(self.candidates.captions)}


@dataclass
class Batch:
    """What one step sees, or a part of it: `features` is `b p f`, `captions` one reference of each picture, `seed` the
    step's own.

    `reference` is the model that the reward stage began with. Of a part, `place` says where it is in the whole batch,
    and `mean_length` how many tokens a caption of that has. The last three are filled at the first update of a step
    and serve its others: the captions' tokens `b t`, or the candidates, and how likely their tokens were when they
    were drawn, `b k t`.
    """

    examples: Sequence[Example]
    features: Tensor
    captions: Sequence[str]
    seed: int
    reference: Captioner | None = None
    place: Place | None = None
    mean_length: float | None = None
    tokens: Tensor | None = None
    rollout: Rollout | None = None
    drawn_with: Tensor | None = None


def references(captioner: Captioner, batch: Batch, run: Run) -> Tensor:
    """The captions' tokens, `b t`."""
    if batch.tokens is None:
        longest = run.decode.max_length + 1  # BOS is not said
        batch.tokens = captioner.vocabulary.encode(list(batch.captions), longest).to(batch.features.device)
    return batch.tokens


def lengths(captioner: Captioner, batch: Batch, run: Run) -> Tensor:
    """How many tokens each caption of the batch has: of each candidate `b k` where there are any, else `b`."""
    tokens = batch.rollout.candidates.tokens if batch.rollout else references(captioner, batch, run)
    return true_tokens(tokens, captioner.vocabulary.eos).sum(-1)


def rollout(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> Rollout:
    """The candidates of the step: drawn and scored once, however many updates they serve."""
    if batch.rollout is None:
        assert reward is not None
        candidates = sample(captioner, batch, run)
        batch.rollout = Rollout(candidates, *judged(reward, batch, candidates))
        torch.clear_autocast_cache()  # weights cast without a gradient by `sample`: older PyTorch uses them again
    return batch.rollout


def sample(captioner: Captioner, batch: Batch, run: Run) -> Generated:
    """`k` candidates of each picture, from beam search or by lot."""
    return generate(
        captioner,
        batch.features,
        method=run.rl.candidates,
        k=run.rl.samples,
        max_length=run.decode.max_length,
        temperature=run.rl.temperature,
        top_p=run.rl.top_p,
        lots=lots(batch, run),
    )


def lots(batch: Batch, run: Run) -> Tensor:
    """The numbers that candidates are drawn by, `b k t`: of the whole batch, so that a picture's are the same whatever
    part of it is worked on at a time."""
    first, whole = batch.place or (0, len(batch.features))
    device = batch.features.device
    generator = torch.Generator(device).manual_seed(batch.seed)
    shape = run.decode.max_length, whole, run.rl.samples
    numbers = torch.rand(shape, generator=generator, dtype=torch.float64, device=device)
    return rearrange(numbers[:, first : first + len(batch.features)], "t b k -> b k t")


def judged(reward: Mix, batch: Batch, candidates: Generated) -> tuple[Tensor, dict[str, Tensor]]:
    """The total `b k` and its terms: in full precision, whatever the captioner is trained in."""
    device = batch.features.device
    with torch.autocast(device.type, enabled=False):
        total, parts = reward(batch.examples, candidates.captions)
    return total.to(device), parts


def baseline(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run, total: Tensor) -> Tensor:
    """What each candidate is compared with. Rewards `b k` -> `b k` or `b 1`."""
    assert reward is not None
    if run.rl.baseline == "mean":
        return total.mean(1, keepdim=True)
    if run.rl.baseline == "leave_one_out":
        return (total.sum(1, keepdim=True) - total) / (total.shape[1] - 1)
    greedy = generate(captioner, batch.features, method="greedy", max_length=run.decode.max_length)
    return judged(reward, batch, greedy)[0]


def style(captions: Sequence[Sequence[str]]) -> Facts:
    """Length in words and repeated 4-grams of the candidates: where a reward that is being cheated shows first."""
    words = [tokenize(caption) for row in captions for caption in row]
    return {
        "length": sum(map(len, words)) / len(words),
        "rep_4": sum(repeated(caption, 4) for caption in words) / len(words),
    }
