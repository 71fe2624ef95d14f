"""Candidates of a step and their rewards: the start of every objective of the reward stage.

Axes: b pictures, k candidates of each, t tokens, p patches, f features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from captioner.config import Run
from captioner.decoding.generate import Generated, generate
from captioner.decoding.log_probabilities import true_tokens
from captioner.model.encoder_decoder import Captioner
from captioner.training import term_scales
from metric.example import Example
from metric.runtime.precision import autocast
from metric.runtime.processes import alike
from metric.runtime.processes import total as total_of_processes
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import repeated
from rewards.mix import Mix, RewardFailed

Facts = dict[str, float | Tensor]
"""Numbers for the log. Those on a device are fetched together, `metric.runtime.device.fetched`."""


class Place(NamedTuple):
    """The place of a part in its batch: the part begins at picture `first` of `size`."""

    first: int
    size: int


@dataclass(frozen=True)
class Batch:
    """The pictures of one step, or of an equal part of the step."""

    examples: Sequence[Example]
    features: Tensor
    "`b p f`"
    references: Tensor
    "`b r t`: the tokens of r references of each picture, BOS first, on the CPU."
    seed: int
    "of the step"
    place: Place
    reference: Captioner | None = None
    "the model that the reward stage began with, where an objective asks for it"


@dataclass(frozen=True)
class Drawn:
    """The candidates of a batch. They are drawn and scored once, however many updates they serve.

    All but `log_p_then` is on the CPU, where rewards are computed and prefixes are found.
    """

    tokens: Tensor
    "`b k t`, BOS first."
    captions: Sequence[Sequence[str]]
    "b lists of k."
    total: Tensor
    "`b k`: the reward of each candidate."
    parts: dict[str, Tensor]
    "The terms of the reward by name, raw and unweighted."
    mean_length: float
    "Tokens of a candidate in the whole batch, over all its parts and processes."
    greedy: Tensor | None = None
    "`b 1`: the worth of the greedy captions, where these are the baseline."
    log_p_then: Tensor | None = None
    "`b k t`: the log-probabilities of the tokens when they were drawn. The first update of a step finds them."
    reference_length: float = 0.0
    "Tokens of a reference in the whole batch, where `rl.xe_weight` asks for cross-entropy."
    spreads: term_scales.Spreads = field(default_factory=dict)
    "Of a mix, the spread of each term inside a picture of the whole batch. In a raw mix it is a term's say."
    normalised: Tensor | None = None
    "`b k`: the weighted sum of terms on one scale, where `rl.mix` asks for it."

    @property
    def worth(self) -> Tensor:
        """What an objective compares the candidates by, `b k`."""
        return self.total if self.normalised is None else self.normalised

    def facts(self) -> Facts:
        """The mean reward, the means and spreads of its terms, and the style of the captions. All rewards are raw."""
        terms = {f"reward/{name}": float(part.mean()) for name, part in self.parts.items()}
        spreads = {f"spread/{name}": float(spread) for name, spread in self.spreads.items()}
        return {"reward": float(self.total.mean()), **terms, **spreads, **style(self.captions)}


def roll(captioner: Captioner, parts: Sequence[Batch], reward: Mix, run: Run) -> list[Drawn]:
    """Draw and score the candidates of all parts of a step. Processes share the embeddings of rewards."""
    rolled = alike(lambda: [scored_candidates(captioner, part, reward, run) for part in parts], RewardFailed)
    reward.exchange()
    mean_length = tokens_a_caption([candidates.tokens for candidates, *_ in rolled], captioner)
    terms = [of_part for _, _, of_part in rolled]
    spreads = term_scales.of_batch(terms) if len(terms[0]) > 1 and run.rl.samples > 1 else {}
    drawn = [
        Drawn(candidates.tokens, candidates.captions, total, of_part, mean_length, spreads=spreads)
        for candidates, total, of_part in rolled
    ]
    if run.rl.xe_weight:
        length = tokens_a_caption([part.references for part in parts], captioner)
        drawn = [replace(part, reference_length=length) for part in drawn]
    greedy = []
    if run.rl.objective == "scst" and run.rl.baseline == "greedy":
        greedy = alike(lambda: [greedy_reward(captioner, part, reward, run) for part in parts], RewardFailed)
        drawn = [replace(part, greedy=total) for part, (total, _) in zip(drawn, greedy)]
    return drawn if run.rl.mix == "raw" else rescaled(drawn, [terms for _, terms in greedy], reward, run)


def rescaled(drawn: Sequence[Drawn], greedy: Sequence[term_scales.Terms], reward: Mix, run: Run) -> list[Drawn]:
    """The candidates with a worth whose terms are on one scale. `greedy` has the terms of greedy captions, if any."""
    weights = reward.weights
    scales = term_scales.spreads([part.parts for part in drawn], run.rl.mix)
    worth = [term_scales.normalised(part.parts, part.parts, scale, weights) for part, scale in zip(drawn, scales)]
    changed = [replace(part, normalised=values) for part, values in zip(drawn, worth)]
    if not greedy:
        return changed
    baselines = [
        term_scales.normalised(terms, part.parts, scale, weights) for terms, part, scale in zip(greedy, drawn, scales)
    ]
    return [replace(part, greedy=values) for part, values in zip(changed, baselines)]


def scored_candidates(
    captioner: Captioner, batch: Batch, reward: Mix, run: Run
) -> tuple[Generated, Tensor, dict[str, Tensor]]:
    candidates = sample(captioner, batch, run)
    total, terms = judged(reward, batch, candidates)
    return candidates, total, terms


def greedy_reward(captioner: Captioner, batch: Batch, reward: Mix, run: Run) -> tuple[Tensor, dict[str, Tensor]]:
    """The rewards of the greedy captions, `b 1`, and their terms."""
    greedy = generate(captioner, batch.features, method="greedy", max_length=run.decode.max_length)
    return judged(reward, batch, greedy)


def tokens_a_caption(parts: Sequence[Tensor], captioner: Captioner) -> float:
    """The mean number of tokens, EOS included, of the captions `... t` of all parts in all processes."""
    lengths = torch.cat([true_tokens(tokens, captioner.vocabulary.eos).sum(-1).flatten() for tokens in parts])
    tokens, captions = total_of_processes([float(lengths.sum()), float(len(lengths))])
    return tokens / captions


def sample(captioner: Captioner, batch: Batch, run: Run) -> Generated:
    """`run.rl.samples` candidates of each picture, by beam search or by sampling."""
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
    """The random numbers in [0, 1) that choose the tokens of the candidates, `b k t`.

    They are drawn for the whole batch, so that a picture has the same numbers in any division of the batch. They are
    drawn on the CPU, so that every device has the same.
    """
    generator = torch.Generator().manual_seed(batch.seed)
    shape = run.decode.max_length, batch.place.size, run.rl.samples
    numbers = torch.rand(shape, generator=generator, dtype=torch.float64)
    first = batch.place.first
    return rearrange(numbers[:, first : first + len(batch.features)], "t b k -> b k t")


def judged(reward: Mix, batch: Batch, candidates: Generated) -> tuple[Tensor, dict[str, Tensor]]:
    """The total reward `b k` and its terms, in full precision whatever the precision of the captioner."""
    with autocast(batch.features.device, torch.float32):
        return reward(batch.examples, candidates.captions)


def style(captions: Sequence[Sequence[str]]) -> Facts:
    """The length in words and the repeated 4-grams of a caption. A cheated reward shows here first."""
    words = [tokenize(caption) for row in captions for caption in row]
    return {
        "length": sum(map(len, words)) / len(words),
        "rep_4": sum(repeated(caption, 4) for caption in words) / len(words),
    }
