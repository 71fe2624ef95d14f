"""What is minimised, against sums by hand and over every caption that there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import exp, log
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from captioner import objectives
from captioner.config import Decode, Run, Scst, Xe
from captioner.generate import Generated
from captioner.models.vocabulary import Vocabulary
from captioner.objectives import Batch, cross_entropy, self_critical, style
from metric.example import Cut, Example
from metric.training import mixed

FEATURES = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(1))  # b p f
MAX_LENGTH = 2
BASELINES = ("greedy", "mean", "leave_one_out")


def run(smoothing: float = 0.0, **scst) -> Run:
    decode = Decode(max_length=MAX_LENGTH)
    return Run(rewards=("cider",), decode=decode, xe=Xe(label_smoothing=smoothing), scst=Scst(**scst))


def batch(captions: list[str], features: Tensor | None = None) -> Batch:
    features = torch.zeros(len(captions), 3, 4) if features is None else features
    return Batch([Example(str(i), None) for i in range(len(features))], features, captions, seed=3)


class Table:
    """A captioner whose next token depends on the last one alone: its logits are a literal table."""

    def __init__(self, vocabulary: Vocabulary, table: Tensor) -> None:
        self.vocabulary, self.table = vocabulary, table

    def states(self, features: Tensor, tokens: Tensor) -> Tensor:
        return tokens

    def logits(self, states: Tensor) -> Tensor:
        return self.table[states]


TABLE = [  # after BOS, EOS, PAD, w0, w1: logits of the same five
    [0.0, 1.0, -1.0, 2.0, 0.5],
    [9.0, 9.0, 9.0, 9.0, 9.0],
    [9.0, 9.0, 9.0, 9.0, -9.0],
    [0.3, 1.5, 0.0, -0.5, 1.0],
    [-1.0, 0.0, 0.7, 1.2, 0.1],
]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_mean_over_the_words_and_ends_of_captions(two_words, smoothing):
    def surprise(last: int, following: int) -> float:
        log_p = [logit - log(sum(map(exp, TABLE[last]))) for logit in TABLE[last]]
        return -(1 - smoothing) * log_p[following] - smoothing * sum(log_p) / 5

    steps = [(0, 4), (4, 1), (0, 3), (3, 1)]  # "w1" and its end; "w0 w1 w0", of which two tokens are one and the end
    captioner = Table(two_words().vocabulary, torch.tensor(TABLE))
    loss, facts = cross_entropy(captioner, batch(["w1", "w0 w1 w0"]), None, run(smoothing))
    assert loss.item() == pytest.approx(sum(surprise(*step) for step in steps) / len(steps), rel=1e-5)
    assert facts == {}


def test_padding_has_no_part_in_cross_entropy(two_words):
    captioner = Table(two_words().vocabulary, torch.tensor(TABLE))
    long, short = (cross_entropy(captioner, batch([text]), None, run())[0] for text in ("w0", ""))
    both, _ = cross_entropy(captioner, batch(["w0", ""]), None, run())
    assert both.item() == pytest.approx((2 * long + short).item() / 3, rel=1e-5)


def test_an_exclamation_mark_is_learned_though_it_has_the_id_of_padding():
    vocabulary = Vocabulary.clip()
    assert vocabulary.pad in vocabulary.encode(["!$"], 5)[0, :2]
    unlikely = torch.zeros(vocabulary.size)
    unlikely[vocabulary.pad] = -100.0
    captioner = SimpleNamespace(
        vocabulary=vocabulary,
        states=lambda features, tokens: tokens,
        logits=lambda states: unlikely.expand(*states.shape, -1),
    )
    loss, _ = cross_entropy(captioner, batch(["!$"]), None, replace(run(), decode=Decode(max_length=5)))
    assert loss.item() > 100 / 3


def test_cross_entropy_reads_as_many_tokens_as_are_generated(two_words):
    captioner = two_words(max_length=MAX_LENGTH)
    loss, _ = cross_entropy(captioner, batch(["w0 w1 w0"]), None, run())
    loss.backward()
    assert captioner.position.weight.grad.abs().sum(1).gt(0).all()


# Self-critical training, where all 1 + 4 x 5 captions of at most two tokens can be listed.

SEQUENCES = [[0, 1, 2], *([0, first, second] for first, second in product((0, 2, 3, 4), range(5)))]


def worth(caption: str) -> float:
    """A reward that tells apart words, order and whether the caption came to its end."""
    return caption.count("w0") - 0.5 * caption.count("w1") + 0.7 * (not isinstance(caption, Cut)) + len(caption) ** 2


def total_log_p(captioner, features: Tensor) -> Tensor:
    """Of each of SEQUENCES, summed up to its EOS or to the length limit."""
    tokens = torch.tensor(SEQUENCES)
    log_p = captioner(features.expand(len(tokens), -1, -1), tokens[:, :-1]).log_softmax(-1)
    each = log_p.gather(-1, tokens[:, 1:, None]).squeeze(-1)  # b t
    return torch.stack(
        [row[: (row_tokens[1:].tolist() + [1]).index(1) + 1].sum() for row, row_tokens in zip(each, tokens)]
    )


def gradient(loss: Tensor, captioner) -> Tensor:
    found = torch.autograd.grad(loss, list(captioner.parameters()), allow_unused=True)
    return torch.cat(
        [torch.zeros(p.numel()) if g is None else g.flatten() for g, p in zip(found, captioner.parameters())]
    )


def true_gradient(captioner) -> Tensor:
    """Of minus the expected reward, over the longest caption's length: by the definition of an expectation."""
    captions = captioner.vocabulary.decode(torch.tensor(SEQUENCES)[:, 1:])
    probability = total_log_p(captioner, FEATURES).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-5)
    return gradient(-(probability * torch.tensor([worth(c) for c in captions])).sum() / MAX_LENGTH, captioner)


def expected_gradient(captioner, baseline: str, k: int, monkeypatch) -> Tensor:
    """The mean of self_critical's gradient over every draw of k captions, each as often as it is drawn.

    All draws are one batch. The loss is its mean and linear in the reward, so a draw's chance is a factor of the
    reward.
    """
    draws = torch.tensor(list(product(range(len(SEQUENCES)), repeat=k)))  # b k
    chance = total_log_p(captioner, FEATURES).detach()[draws].sum(1).exp()  # b
    captions = captioner.vocabulary.decode(torch.tensor(SEQUENCES)[:, 1:])
    drawn = Generated(
        torch.tensor(SEQUENCES)[draws], torch.zeros(draws.shape), [[captions[i] for i in row] for row in draws.tolist()]
    )

    def reward(examples, candidates):
        values = torch.tensor([[worth(caption) for caption in row] for row in candidates])  # b k
        return values * chance[:, None] * len(draws), {}

    monkeypatch.setattr(objectives, "sample", lambda captioner, batch, run: drawn)
    everything = batch([], FEATURES.expand(len(draws), -1, -1))
    loss, _ = self_critical(captioner, everything, reward, run(baseline=baseline, samples=k))
    return gradient(loss, captioner)


@pytest.mark.parametrize(("baseline", "k"), [("greedy", 2), ("leave_one_out", 2), ("mean", 2), ("mean", 3)])
def test_the_mean_gradient_is_that_of_the_expected_reward(two_words, monkeypatch, baseline, k):
    captioner = two_words()
    share = (k - 1) / k if baseline == "mean" else 1.0
    found, expected = expected_gradient(captioner, baseline, k, monkeypatch), share * true_gradient(captioner)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-3)
    assert expected.norm() > 0.05


class Wanted:
    """1 for one caption, 0 for all others."""

    def __init__(self, caption: str) -> None:
        self.caption = caption

    def __call__(self, examples, captions):
        total = torch.tensor([[float(caption == self.caption) for caption in row] for row in captions])
        return total, {"wanted": total}


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("candidates", ["sample", "beam"])
def test_a_rewarded_caption_becomes_likelier(two_words, baseline, candidates):
    captioner = two_words()
    wanted = SEQUENCES.index([0, 3, 1])  # "w0" and its end
    before = total_log_p(captioner, FEATURES)[wanted].item()
    settings = run(baseline=baseline, candidates=candidates, samples=64 if candidates == "sample" else 5)
    loss, facts = self_critical(captioner, batch([], FEATURES), Wanted("w0"), settings)
    assert 0 < facts["reward"] < 1 and facts["reward/wanted"] == facts["reward"]
    step = gradient(loss, captioner)
    torch.nn.utils.vector_to_parameters(
        torch.nn.utils.parameters_to_vector(captioner.parameters()) - 0.1 * step, captioner.parameters()
    )
    assert total_log_p(captioner, FEATURES)[wanted].item() > before


def test_equal_rewards_teach_nothing(two_words):
    captioner = two_words()
    for baseline in BASELINES:
        settings = run(baseline=baseline, candidates="sample")
        loss, _ = self_critical(captioner, batch([], FEATURES), Wanted("never said"), settings)
        assert gradient(loss, captioner).abs().max() == 0


def test_every_weight_learns_under_bf16_although_candidates_are_made_without_gradients(two_words):
    def learning(dtype: torch.dtype) -> set[str]:
        captioner = two_words()
        with mixed(torch.device("cpu"), dtype):
            loss, _ = self_critical(captioner, batch([], FEATURES), Wanted("w0"), run(candidates="sample", samples=32))
        assert loss.isfinite()
        loss.backward()
        return {name for name, p in captioner.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-6}

    assert learning(torch.bfloat16) == learning(torch.float32)


def test_style_counts_words_and_repeated_4_grams():
    # 8 words with five 4-grams of which "a b a b" occurs three times and "b a b a" twice; 2 words with none
    assert style([["a b a b a b a b", "a dog."]]) == {"length": 5.0, "rep_4": 1.5}
