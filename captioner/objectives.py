"""What is minimised in each stage: cross-entropy, then self-critical sequence training on any reward.

Axes: b pictures, k candidates of each, t tokens, p patches, f features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import reduce
from torch import Tensor
from torch.nn import functional as F

from captioner.config import Run
from captioner.generate import Generated, generate, sequence_log_probabilities, true_tokens
from captioner.models.captioner import Captioner
from metric.example import Example
from metric.repetition import repeated
from metric.tokenize import tokenize
from rewards.mix import Mix

Facts = dict[str, float]


@dataclass(frozen=True)
class Batch:
    """What one step sees: `features` is `b p f`, `captions` one reference of each picture, `seed` the step's own."""

    examples: Sequence[Example]
    features: Tensor
    captions: Sequence[str]
    seed: int


def cross_entropy(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> tuple[Tensor, Facts]:
    """Mean negative log-probability of the reference's next token, with label smoothing."""
    longest = run.decode.max_length + 1  # BOS is not said
    tokens = captioner.vocabulary.encode(list(batch.captions), longest).to(batch.features.device)
    said = true_tokens(tokens, captioner.vocabulary.eos)  # not by the id of padding: in CLIP's vocabulary it is a "!"
    states = captioner.states(batch.features, tokens[:, :-1])[said]
    logits = captioner.logits(states).float()
    return F.cross_entropy(logits, tokens[:, 1:][said], label_smoothing=run.xe.label_smoothing), {}


def self_critical(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> tuple[Tensor, Facts]:
    """REINFORCE with a baseline from the model itself (arXiv 1612.00563): -advantage * log p(candidate).

    Log-probabilities are summed over a candidate's tokens and divided by the longest a caption may be, which scales
    the gradient and leaves its direction alone (M2, arXiv 1912.08226). For samples at temperature 1 the gradient is in
    the mean that of the expected reward, for the baseline `mean` (k - 1) / k of it; beams have no such warrant.
    There is no dropout in this stage, neither in the candidates nor in the gradient.
    """
    assert reward is not None
    candidates = sample(captioner, batch, run)
    total, parts = judged(reward, batch, candidates)
    advantage = total - baseline(captioner, batch, reward, run, total)
    torch.clear_autocast_cache()  # weights cast without a gradient by `sample`: older PyTorch uses them again
    log_p = sequence_log_probabilities(captioner, batch.features, candidates.tokens)  # b k t
    spoken = true_tokens(candidates.tokens, captioner.vocabulary.eos)
    log_p = reduce(log_p * spoken, "b k t -> b k", "sum") / run.decode.max_length
    loss = -(advantage * log_p).mean()
    return loss, {"reward": float(total.mean()), **terms(parts), **style(candidates.captions)}


def sample(captioner: Captioner, batch: Batch, run: Run) -> Generated:
    """`k` candidates of each picture, from beam search or by lot."""
    return generate(
        captioner,
        batch.features,
        method=run.scst.candidates,
        k=run.scst.samples,
        max_length=run.decode.max_length,
        temperature=run.scst.temperature,
        generator=torch.Generator(batch.features.device).manual_seed(batch.seed),
    )


def baseline(captioner: Captioner, batch: Batch, reward: Mix, run: Run, total: Tensor) -> Tensor:
    """What each candidate is compared with. Rewards `b k` -> `b k` or `b 1`."""
    if run.scst.baseline == "mean":
        return total.mean(1, keepdim=True)
    if run.scst.baseline == "leave_one_out":
        return (total.sum(1, keepdim=True) - total) / (total.shape[1] - 1)
    greedy = generate(captioner, batch.features, method="greedy", max_length=run.decode.max_length)
    return judged(reward, batch, greedy)[0]


def judged(reward: Mix, batch: Batch, candidates: Generated) -> tuple[Tensor, dict[str, Tensor]]:
    """The total `b k` and its terms: in full precision, whatever the captioner is trained in."""
    device = batch.features.device
    with torch.autocast(device.type, enabled=False):
        total, parts = reward(batch.examples, candidates.captions)
    return total.to(device), parts


def terms(parts: dict[str, Tensor]) -> Facts:
    return {f"reward/{name}": float(part.mean()) for name, part in parts.items()}


def style(captions: Sequence[Sequence[str]]) -> Facts:
    """Length in words and repeated 4-grams of the candidates: where a reward that is being cheated shows first."""
    words = [tokenize(caption) for row in captions for caption in row]
    return {
        "length": sum(map(len, words)) / len(words),
        "rep_4": sum(repeated(caption, 4) for caption in words) / len(words),
    }


OBJECTIVES = {"xe": cross_entropy, "reward": self_critical}
