"""Candidates of a step and what they are worth: where every objective of the reward stage starts.

Axes: b pictures, k candidates of each, t tokens, p patches, f features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captioner.config import Run
from captioner.generate import Generated, generate
from captioner.models.captioner import Captioner
from metric.example import Example
from metric.repetition import repeated
from metric.tokenize import tokenize
from rewards.mix import Mix

Facts = dict[str, float]


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
    """What one step sees: `features` is `b p f`, `captions` one reference of each picture, `seed` the step's own.

    `reference` is the model that the reward stage began with. The last two are filled at the first update of a step
    and serve its others: the candidates, and how likely their tokens were when they were drawn, `b k t`.
    """

    examples: Sequence[Example]
    features: Tensor
    captions: Sequence[str]
    seed: int
    reference: Captioner | None = None
    rollout: Rollout | None = None
    drawn_with: Tensor | None = None


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
        method=run.scst.candidates,
        k=run.scst.samples,
        max_length=run.decode.max_length,
        temperature=run.scst.temperature,
        top_p=run.scst.top_p,
        generator=torch.Generator(batch.features.device).manual_seed(batch.seed),
    )


def judged(reward: Mix, batch: Batch, candidates: Generated) -> tuple[Tensor, dict[str, Tensor]]:
    """The total `b k` and its terms: in full precision, whatever the captioner is trained in."""
    device = batch.features.device
    with torch.autocast(device.type, enabled=False):
        total, parts = reward(batch.examples, candidates.captions)
    return total.to(device), parts


def baseline(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run, total: Tensor) -> Tensor:
    """What each candidate is compared with. Rewards `b k` -> `b k` or `b 1`."""
    assert reward is not None
    if run.scst.baseline == "mean":
        return total.mean(1, keepdim=True)
    if run.scst.baseline == "leave_one_out":
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
