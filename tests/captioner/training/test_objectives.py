"""What is minimised, against sums by hand and over every caption that there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement, product
from math import exp, log
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from captioner.config import Decode, Rl, Run, Xe
from captioner.decoding.generate import Generated, nucleus
from captioner.decoding.log_probabilities import sequence_log_probabilities
from captioner.model.vocabulary import Vocabulary
from captioner.training import rollout
from captioner.training.objectives import CLIP, OBJECTIVES, cross_entropy, direct, group_relative, self_critical
from captioner.training.rollout import Batch, Rollout, style
from metric.example import Cut, Example
from metric.runtime.precision import mixed
from metric.runtime.prefixes import Prefixes

FEATURES = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(1))  # b p f
MAX_LENGTH = 2
BASELINES = ("greedy", "mean", "leave_one_out")


def run(smoothing: float = 0.0, **scst) -> Run:
    decode = Decode(max_length=MAX_LENGTH)
    return Run(rewards=("cider",), decode=decode, xe=Xe(label_smoothing=smoothing), rl=Rl(**scst))


def batch(captions: list[str], features: Tensor | None = None) -> Batch:
    features = torch.zeros(len(captions), 3, 4) if features is None else features
    return Batch([Example(str(i), None) for i in range(len(features))], features, captions, seed=3)


class Table:
    """A captioner whose next token depends on the last one alone: its logits are a literal table."""

    def __init__(self, vocabulary: Vocabulary, table: Tensor) -> None:
        self.vocabulary, self.table = vocabulary, table

    def states(self, features: Tensor, prefixes: Prefixes) -> Tensor:
        return prefixes.last

    def logits(self, states: Tensor) -> Tensor:
        return self.table[states]

    def __call__(self, features: Tensor, tokens: Tensor) -> Tensor:
        return self.logits(tokens)

    def parameters(self) -> list[Tensor]:
        return [self.table]


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
        states=lambda features, prefixes: prefixes.last,
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


def total_log_p(captioner, features: Tensor, temperature: float = 1.0, top_p: float = 1.0) -> Tensor:
    """Of each of SEQUENCES, summed up to its EOS or to the length limit, as it is drawn."""
    tokens = torch.tensor(SEQUENCES)
    logits = captioner(features.expand(len(tokens), -1, -1), tokens[:, :-1]) / temperature
    log_p = nucleus(logits.softmax(-1), top_p) if top_p < 1 else logits.softmax(-1)
    log_p = (log_p / log_p.sum(-1, keepdim=True)).log()
    each = log_p.gather(-1, tokens[:, 1:, None]).squeeze(-1)  # b t
    return torch.stack(
        [row[: (row_tokens[1:].tolist() + [1]).index(1) + 1].sum() for row, row_tokens in zip(each, tokens)]
    )


def gradient(loss: Tensor, captioner) -> Tensor:
    found = torch.autograd.grad(loss, list(captioner.parameters()), allow_unused=True)
    return torch.cat(
        [torch.zeros(p.numel()) if g is None else g.flatten() for g, p in zip(found, captioner.parameters())]
    )


def worths(captioner) -> tuple[list[str], Tensor]:
    captions = captioner.vocabulary.decode(torch.tensor(SEQUENCES)[:, 1:])
    return captions, torch.tensor([worth(caption) for caption in captions])


def true_gradient(captioner) -> Tensor:
    """Of minus the expected reward: by the definition of an expectation."""
    probability = total_log_p(captioner, FEATURES).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-5)
    return gradient(-(probability * worths(captioner)[1]).sum(), captioner)


def expected_gradient(captioner, k: int, monkeypatch, **scst) -> Tensor:
    """The mean of self_critical's gradient over every draw of k captions, each as often as it is drawn.

    All draws are one batch. The loss is its mean and linear in the reward, so a draw's chance is a factor of the
    reward.
    """
    draws = torch.tensor(list(product(range(len(SEQUENCES)), repeat=k)))  # b k
    chance = total_log_p(captioner, FEATURES).detach()[draws].sum(1).exp()  # b
    captions, _ = worths(captioner)
    drawn = Generated(
        torch.tensor(SEQUENCES)[draws], torch.zeros(draws.shape), [[captions[i] for i in row] for row in draws.tolist()]
    )

    def reward(examples, candidates):
        values = torch.tensor([[worth(caption) for caption in row] for row in candidates])  # b k
        return values * chance[:, None] * len(draws), {}

    monkeypatch.setattr(rollout, "sample", lambda captioner, batch, run: drawn)
    everything = batch([], FEATURES.expand(len(draws), -1, -1))
    loss, _ = self_critical(captioner, everything, reward, run(samples=k, **scst))
    return gradient(loss, captioner)


@pytest.mark.parametrize(
    ("baseline", "k", "normalise", "divisor"),
    [
        ("greedy", 1, "sum", 1),
        ("leave_one_out", 2, "sum", 1),
        ("mean", 2, "max_length", MAX_LENGTH),
        ("mean", 3, "sum", 1),
    ],
)
def test_the_mean_gradient_is_that_of_the_expected_reward(two_words, monkeypatch, baseline, k, normalise, divisor):
    captioner = two_words()
    share = (k - 1) / k if baseline == "mean" else 1.0
    found = expected_gradient(captioner, k, monkeypatch, baseline=baseline, normalise=normalise)
    expected = share * true_gradient(captioner) / divisor
    torch.testing.assert_close(found, expected, atol=4e-5, rtol=1e-3)
    assert expected.norm() > 0.05


def rolled(captioner, rows: list[list[int]], reference=None) -> Batch:
    """A batch of the one picture whose candidates, numbers of SEQUENCES, have been drawn and judged."""
    captions, values = worths(captioner)
    candidates = Generated(
        torch.tensor(SEQUENCES)[torch.tensor(rows)], torch.zeros(0), [[captions[i] for i in row] for row in rows]
    )
    features = FEATURES.expand(len(rows), -1, -1)
    found = batch([], features)
    return replace(found, reference=reference, rollout=Rollout(candidates, values[torch.tensor(rows)], {}))


def worth_of_each(examples, captions):
    return torch.tensor([[worth(caption) for caption in row] for row in captions]), {}


def mean_gradient(captioner, settings: Run, **draw) -> Tensor:
    """Of any objective, over every pair of draws, a batch each."""
    log_p = total_log_p(captioner, FEATURES, **draw).detach()
    objective, loss = OBJECTIVES[settings.rl.objective], torch.zeros(())
    for i, j in combinations_with_replacement(range(len(SEQUENCES)), 2):
        chance = (log_p[i] + log_p[j]).exp() * (1 if i == j else 2)
        if chance > 0:
            seen = rolled(captioner, [[i, j]], reference=captioner)
            loss = loss + chance * objective(captioner, seen, worth_of_each, settings)[0]
    return gradient(loss, captioner)


def alike(one: Tensor, other: Tensor) -> float:
    """Cosine of two gradients: 1 when one is a multiple of the other."""
    return torch.nn.functional.cosine_similarity(one, other, dim=0).item()


@pytest.fixture
def table(two_words) -> Table:
    return Table(two_words().vocabulary, torch.tensor(TABLE).requires_grad_())


def test_enumeration_draw_by_draw_agrees_with_enumeration_as_one_batch(table):
    captioner = table
    found = mean_gradient(captioner, run(baseline="leave_one_out", normalise="sum"))
    torch.testing.assert_close(found, true_gradient(captioner), atol=4e-5, rtol=1e-3)


@pytest.mark.parametrize(
    ("scst", "draw"),
    [
        ({"normalise": "length"}, {}),
        ({"normalise": "token"}, {}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.7}, {"top_p": 0.7}),
        ({"objective": "grpo", "baseline": "mean"}, {}),
        ({"objective": "dico", "baseline": "mean", "kl": 0.2, "tau": 1.0}, {}),
    ],
    ids=["length", "token", "temperature", "top_p", "grpo", "dico"],
)
def test_what_is_documented_as_biased_is(table, scst, draw):
    """The mean gradient is no multiple of the true one, though still a way up."""
    settings = run(**{"baseline": "leave_one_out", "normalise": "sum", "candidates": "sample", **scst})
    assert 0.3 < alike(mean_gradient(table, settings, **draw), true_gradient(table)) < 0.999


def test_beams_are_no_draws(two_words):
    captioner = two_words()
    loss, _ = self_critical(captioner, batch([], FEATURES), worth_of_each, run(candidates="beam", samples=4))
    assert alike(gradient(loss, captioner), true_gradient(captioner)) < 0.98


# The other objectives by hand.


def by_hand(captioner, ids: list[int]) -> Tensor:
    return sequence_log_probabilities(captioner, FEATURES, torch.tensor(SEQUENCES)[ids][None])[0]  # k t


def test_normalisations_differ_by_lengths(two_words):
    captioner, ids = two_words(), [0, 8, 11]  # captions of 1, 2 and 2 tokens
    log_p, reward = by_hand(captioner, ids).sum(-1), worths(captioner)[1][ids]
    terms = -(reward - reward.mean()) * log_p
    lengths = torch.tensor([1.0, 2.0, 2.0])
    expected = {"sum": terms.mean(), "length": (terms / lengths).mean(), "token": terms.sum() / lengths.sum()}
    for name, value in (expected | {"max_length": terms.mean() / MAX_LENGTH}).items():
        loss, _ = self_critical(captioner, rolled(captioner, [ids]), worth_of_each, run(normalise=name))
        torch.testing.assert_close(loss, value)


def test_first_update_of_grpo_is_reinforce_with_normalised_rewards(two_words):
    captioner, ids = two_words(), [3, 8, 11]
    loss, facts = group_relative(captioner, rolled(captioner, [ids]), None, run(objective="grpo", normalise="sum"))
    reward = worths(captioner)[1][ids]
    advantage = (reward - reward.mean()) / (reward.std() + 1e-4)
    expected = -(advantage * by_hand(captioner, ids).sum(-1)).mean()
    torch.testing.assert_close(gradient(loss, captioner), gradient(expected, captioner), atol=1e-5, rtol=1e-3)
    assert facts["clipped"] == 0


@pytest.mark.parametrize("change", [2.0, 0.5, 1 + CLIP / 2])
def test_later_updates_of_grpo_are_clipped_where_they_went_far_enough(two_words, change):
    """Tokens `change` times as likely as when drawn: a good caption rises to 1 + CLIP, a bad one falls to 1 - CLIP."""
    captioner, ids = two_words(), [3, 8]
    seen = rolled(captioner, [ids])
    log_p = by_hand(captioner, ids)
    seen.drawn_with = log_p.detach()[None] - log(change)
    loss, facts = group_relative(captioner, seen, None, run(objective="grpo", normalise="sum"))
    reward = worths(captioner)[1][ids]
    advantage = (reward - reward.mean()) / (reward.std() + 1e-4)
    free = [change < 1 + CLIP if a > 0 else change > 1 - CLIP for a in advantage.tolist()]
    expected = -(advantage * torch.tensor(free) * change * log_p.sum(-1)).mean()
    torch.testing.assert_close(gradient(loss, captioner), gradient(expected, captioner), atol=1e-5, rtol=1e-3)
    assert facts["clipped"] == float(abs(change - 1) > CLIP)


def test_dico_is_the_classification_of_its_paper(two_words):
    """-log sigmoid(beta (log-ratio of the winner - sum over losers of gamma log-ratio)), with loops; two pictures."""
    captioner, reference = two_words(), two_words()
    for parameter in reference.parameters():
        parameter.data.mul_(0.9)
    rows, beta, tau = [[3, 8, 11], [20, 0, 14]], 0.2, 0.7
    settings = run(objective="dico", normalise="sum", kl=beta, tau=tau)
    loss, facts = direct(captioner, rolled(captioner, rows, reference), None, settings)
    expected, values = torch.zeros(()), worths(captioner)[1].tolist()
    for ids in rows:
        ratio = (by_hand(captioner, ids) - by_hand(reference, ids).detach()).sum(-1)
        winner = max(range(3), key=lambda i: values[ids[i]])
        weight = {i: exp(tau * (values[ids[winner]] - values[ids[i]])) for i in range(3) if i != winner}
        losers = sum(weight[i] / sum(weight.values()) * ratio[i] for i in weight)
        expected = expected + torch.log1p(torch.exp(-beta * (ratio[winner] - losers))) / len(rows)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient(loss, captioner), gradient(expected, captioner), atol=1e-6, rtol=1e-4)
    assert facts["reward"] == pytest.approx(sum(values[i] for ids in rows for i in ids) / 6)


@pytest.mark.parametrize("objective", ["scst", "grpo"])
def test_divergence_from_the_first_model_is_added_with_its_weight(two_words, objective):
    captioner, reference = two_words(), two_words()
    for parameter in reference.parameters():
        parameter.data.mul_(0.9)
    losses = {}
    for kl in (0.0, 2.0):
        settings = run(objective=objective, normalise="sum", kl=kl)
        seen = rolled(captioner, [[3, 8, 11]], reference)
        losses[kl], facts = OBJECTIVES[objective](captioner, seen, worth_of_each, settings)
    assert facts["kl"] > 1e-3
    assert (losses[2.0] - losses[0.0]).item() == pytest.approx(2 * facts["kl"], rel=1e-4)


def test_candidates_serve_all_updates_of_a_step(two_words):
    captioner = two_words()
    seen = batch([], FEATURES)
    settings = run(objective="grpo", candidates="sample", updates=2)
    drawn = [rollout.rollout(captioner, seen, worth_of_each, settings) for _ in range(2)]
    assert drawn[0] is drawn[1]


class Wanted:
    """1 for one caption, 0 for all others."""

    def __init__(self, caption: str) -> None:
        self.caption = caption

    def __call__(self, examples, captions):
        total = torch.tensor([[float(caption == self.caption) for caption in row] for row in captions])
        return total, {"wanted": total}


WAYS = [*({"baseline": name} for name in BASELINES), {"objective": "grpo"}, {"objective": "dico", "kl": 0.2}]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
@pytest.mark.parametrize("candidates", ["sample", "beam"])
def test_a_rewarded_caption_becomes_likelier(two_words, way, candidates):
    captioner = two_words()
    wanted = SEQUENCES.index([0, 3, 1])  # "w0" and its end
    before = total_log_p(captioner, FEATURES)[wanted].item()
    settings = run(candidates=candidates, samples=64 if candidates == "sample" else 5, **way)
    seen = replace(batch([], FEATURES), reference=two_words())
    loss, facts = OBJECTIVES[settings.rl.objective](captioner, seen, Wanted("w0"), settings)
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
