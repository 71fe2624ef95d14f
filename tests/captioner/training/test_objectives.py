"""What is minimised, against sums by hand and over every caption that there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product
from math import exp, log
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from captioner.config import Decode, Rl, Run, Xe
from captioner.decoding.generate import Generated, nucleus
from captioner.decoding.log_probabilities import sequence_log_probabilities
from captioner.model.vocabulary import Vocabulary
from captioner.training import loop, rollout
from captioner.training.objectives import EPSILON, OBJECTIVES, Loss, direct, group_relative, self_critical
from captioner.training.objectives import cross_entropy as cross_entropy_of
from captioner.training.rollout import Batch, Drawn, Place, roll, style, tokens_a_caption
from metric.example import Cut, Example
from metric.runtime.precision import mixed
from metric.runtime.prefixes import Prefixes

FEATURES = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(1))  # b p f
MAX_LENGTH = 2
BASELINES = ("greedy", "mean", "leave_one_out")


def run(smoothing: float = 0.0, **scst) -> Run:
    decode = Decode(max_length=MAX_LENGTH)
    return Run(rewards=("cider",), decode=decode, xe=Xe(label_smoothing=smoothing), rl=Rl(**scst))


def batch(features: Tensor, references: Tensor | None = None, reference: Any = None) -> Batch:
    b = len(features)
    tokens = torch.zeros(b, 0) if references is None else references
    return Batch([Example(str(i), None) for i in range(b)], features, tokens, 3, Place(0, b), reference)


def cross_entropy(captioner, captions: list[str], settings: Run) -> Loss:
    """Of a batch that has these references, as the loop calls it."""
    tokens = captioner.vocabulary.encode(captions, settings.decode.max_length + 1)
    seen = batch(torch.zeros(len(captions), 3, 4), tokens[:, None])
    return cross_entropy_of(captioner, seen, tokens_a_caption([tokens], captioner), settings)


@dataclass(frozen=True)
class Worth:
    """A reward by a function of one caption; it shares nothing between processes."""

    of: Callable[[str], float]

    def __call__(self, examples, captions):
        total = torch.tensor([[self.of(caption) for caption in row] for row in captions])
        return total, {"worth": total}

    def exchange(self) -> None: ...


def rewarded(captioner, reward, settings: Run, reference=None) -> Loss:
    """An objective of the reward stage on the one picture, with candidates that the captioner draws."""
    seen = batch(FEATURES, reference=reference)
    (drawn,) = roll(captioner, [seen], reward, settings)
    return OBJECTIVES[settings.rl.objective](captioner, seen, drawn, settings)


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

    steps = [(0, 4), (4, 1), (0, 3), (3, 4)]  # "w1" and its end; "w0 w1 w0" is cut without an end
    captioner = Table(two_words().vocabulary, torch.tensor(TABLE))
    loss, facts, _ = cross_entropy(captioner, ["w1", "w0 w1 w0"], run(smoothing))
    assert loss.item() == pytest.approx(sum(surprise(*step) for step in steps) / len(steps), rel=1e-5)
    assert facts == {}


def test_padding_has_no_part_in_cross_entropy(two_words):
    captioner = Table(two_words().vocabulary, torch.tensor(TABLE))
    long, short = (cross_entropy(captioner, [text], run()).value for text in ("w0", ""))
    both = cross_entropy(captioner, ["w0", ""], run()).value
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
    loss = cross_entropy(captioner, ["!$"], replace(run(), decode=Decode(max_length=5))).value
    assert loss.item() > 100 / 3


def test_cross_entropy_reads_as_many_tokens_as_are_generated(two_words):
    captioner = two_words(max_length=MAX_LENGTH)
    loss = cross_entropy(captioner, ["w0 w1 w0"], run()).value
    loss.backward()
    assert captioner.position.weight.grad.abs().sum(1).gt(0).all()


def test_references_of_one_encoded_picture_have_the_loss_and_gradient_of_as_many_rows(two_words):
    """Without dropout. The two pictures' references begin alike, so that the decoder reads beginnings once."""
    captioner, pictures = two_words(max_length=MAX_LENGTH), torch.randn(2, 3, 4, generator=torch.manual_seed(0))
    rows = captioner.vocabulary.encode(["w1 w0", "w1", "", "w1 w0", "w0 w1 w0", ""], MAX_LENGTH + 1)
    mean_length = tokens_a_caption([rows], captioner)

    def learned(features: Tensor, references: Tensor) -> tuple[float, Tensor]:
        captioner.zero_grad()
        value = cross_entropy_of(captioner, batch(features, references), mean_length, run(0.1)).value
        value.backward()
        return value.item(), torch.cat([p.grad.flatten() for p in captioner.parameters() if p.grad is not None])

    loss, gradient = learned(pictures, rows.view(2, 3, -1))
    expected, expected_gradient = learned(pictures.repeat_interleave(3, 0), rows[:, None])
    assert loss == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(gradient, expected_gradient)


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
    generated = Generated(
        torch.tensor(SEQUENCES)[draws], torch.zeros(draws.shape), [[captions[i] for i in row] for row in draws.tolist()]
    )

    class Weighed(Worth):
        def __call__(self, examples, candidates):
            values, parts = super().__call__(examples, candidates)  # b k
            return values * chance[:, None] * len(draws), parts

    monkeypatch.setattr(rollout, "sample", lambda captioner, batch, run: generated)
    everything, settings = batch(FEATURES.expand(len(draws), -1, -1)), run(samples=k, **scst)
    (drawn,) = roll(captioner, [everything], Weighed(worth), settings)
    return gradient(self_critical(captioner, everything, drawn, settings).value, captioner)


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


def rolled(captioner, rows: list[list[int]], reference=None) -> tuple[Batch, Drawn]:
    """A batch of the one picture whose candidates, numbers of SEQUENCES, have been drawn and judged."""
    captions, values = worths(captioner)
    tokens, total = torch.tensor(SEQUENCES)[torch.tensor(rows)], values[torch.tensor(rows)]
    drawn = Drawn(
        tokens, [[captions[i] for i in row] for row in rows], total, {}, tokens_a_caption([tokens], captioner)
    )
    return batch(FEATURES.expand(len(rows), -1, -1), reference=reference), drawn


def mean_gradient(captioner, settings: Run, **draw) -> Tensor:
    """Of any objective, over every pair of draws, a batch each."""
    log_p = total_log_p(captioner, FEATURES, **draw).detach()
    objective, loss = OBJECTIVES[settings.rl.objective], torch.zeros(())
    for i, j in combinations_with_replacement(range(len(SEQUENCES)), 2):
        chance = (log_p[i] + log_p[j]).exp() * (1 if i == j else 2)
        if chance > 0:
            loss = loss + chance * objective(captioner, *rolled(captioner, [[i, j]], captioner), settings).value
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
    loss = rewarded(captioner, Worth(worth), run(candidates="beam", samples=4)).value
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
        loss = self_critical(captioner, *rolled(captioner, [ids]), run(normalise=name)).value
        torch.testing.assert_close(loss, value)


def test_first_update_of_grpo_is_reinforce_with_normalised_rewards(two_words):
    captioner, ids = two_words(), [3, 8, 11]
    loss, facts, _ = group_relative(captioner, *rolled(captioner, [ids]), run(objective="grpo", normalise="sum"))
    reward = worths(captioner)[1][ids]
    advantage = (reward - reward.mean()) / (reward.std() + 1e-4)
    expected = -(advantage * by_hand(captioner, ids).sum(-1)).mean()
    torch.testing.assert_close(gradient(loss, captioner), gradient(expected, captioner), atol=1e-5, rtol=1e-3)
    assert facts["clipped"] == 0


@pytest.mark.parametrize("change", [2.0, 0.5, 1 + EPSILON / 2])
def test_later_updates_of_grpo_are_clipped_where_they_went_far_enough(two_words, change):
    """Tokens are `change` times as likely as when drawn. Good ones rise to 1 + EPSILON, bad ones fall as far."""
    captioner, ids = two_words(), [3, 8]
    seen, drawn = rolled(captioner, [ids])
    log_p = by_hand(captioner, ids)
    later = replace(drawn, log_p_then=log_p.detach()[None] - log(change))
    loss, facts, _ = group_relative(captioner, seen, later, run(objective="grpo", normalise="sum"))
    reward = worths(captioner)[1][ids]
    advantage = (reward - reward.mean()) / (reward.std() + 1e-4)
    free = [change < 1 + EPSILON if a > 0 else change > 1 - EPSILON for a in advantage.tolist()]
    expected = -(advantage * torch.tensor(free) * change * log_p.sum(-1)).mean()
    torch.testing.assert_close(gradient(loss, captioner), gradient(expected, captioner), atol=1e-5, rtol=1e-3)
    assert facts["clipped"] == float(abs(change - 1) > EPSILON)


@pytest.mark.parametrize("tau", [0.7, 0.0])  # at 0 all losers count alike
def test_dico_is_the_classification_of_its_paper(two_words, tau):
    """-log sigmoid(beta (log-ratio of the winner - sum over losers of gamma log-ratio)), with loops; two pictures."""
    captioner, reference = two_words(), two_words()
    for parameter in reference.parameters():
        parameter.data.mul_(0.9)
    rows, beta = [[3, 8, 11], [20, 0, 14]], 0.2
    settings = run(objective="dico", normalise="sum", kl=beta, tau=tau)
    loss, facts, _ = direct(captioner, *rolled(captioner, rows, reference), settings)
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
        losses[kl], facts, _ = OBJECTIVES[objective](captioner, *seen, settings)
    assert facts["kl"] > 1e-3
    assert (losses[2.0] - losses[0.0]).item() == pytest.approx(2 * float(facts["kl"]), rel=1e-4)


def test_candidates_serve_all_updates_of_a_step_and_the_first_says_how_likely_they_were(two_words):
    captioner, ids = two_words(), [3, 8]
    drawn = Drawn(torch.tensor(SEQUENCES)[ids][None], [["", ""]], torch.ones(1, 2), {}, 2.0)
    first, later = torch.zeros(1, 2, 2), torch.ones(1, 2, 2)
    target: Any = drawn
    for log_p in (first, later):
        target = loop.after(target, Loss(torch.zeros(()), {}, log_p))
    assert target.tokens is drawn.tokens and target.log_p_then is first
    assert loop.after(2.5, Loss(torch.zeros(()), {})) == 2.5
    assert torch.equal(by_hand(captioner, ids)[None], group_relative(captioner, batch(FEATURES), drawn, run()).log_p)


def wanted(caption: str) -> Worth:
    """1 for one caption, 0 for all others."""
    return Worth(lambda other: float(other == caption))


WAYS = [*({"baseline": name} for name in BASELINES), {"objective": "grpo"}, {"objective": "dico", "kl": 0.2}]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
@pytest.mark.parametrize("candidates", ["sample", "beam"])
def test_a_rewarded_caption_becomes_likelier(two_words, way, candidates):
    captioner = two_words()
    place = SEQUENCES.index([0, 3, 1])  # "w0" and its end
    before = total_log_p(captioner, FEATURES)[place].item()
    settings = run(candidates=candidates, samples=64 if candidates == "sample" else 5, **way)
    loss, facts, _ = rewarded(captioner, wanted("w0"), settings, reference=two_words())
    assert 0 < facts["reward"] < 1 and facts["reward/worth"] == facts["reward"]
    step = gradient(loss, captioner)
    torch.nn.utils.vector_to_parameters(
        torch.nn.utils.parameters_to_vector(captioner.parameters()) - 0.1 * step, captioner.parameters()
    )
    assert total_log_p(captioner, FEATURES)[place].item() > before


@pytest.mark.parametrize("value", [0.0, 1.234])  # the mean of several 1.234 is another number
@pytest.mark.parametrize("way", [*({"baseline": name} for name in BASELINES), {"objective": "grpo"}], ids=str)
@pytest.mark.parametrize("samples", [3, 5, 6, 7, 8])
def test_equal_rewards_teach_nothing(two_words, value, way, samples):
    captioner = two_words()
    settings = run(candidates="sample", samples=samples, **way)
    loss = rewarded(captioner, Worth(lambda caption: value), settings).value
    assert gradient(loss, captioner).abs().max() == 0


def test_every_weight_learns_under_bf16_although_candidates_are_made_without_gradients(two_words):
    def learning(dtype: torch.dtype) -> set[str]:
        captioner = two_words()
        with mixed(torch.device("cpu"), dtype):
            loss = rewarded(captioner, wanted("w0"), run(candidates="sample", samples=32)).value
        assert loss.isfinite()
        loss.backward()
        return {name for name, p in captioner.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-6}

    assert learning(torch.bfloat16) == learning(torch.float32)


def test_style_counts_words_and_repeated_4_grams():
    # 8 words with five 4-grams of which "a b a b" occurs three times and "b a b a" twice; 2 words with none
    assert style([["a b a b a b a b", "a dog."]]) == {"length": 5.0, "rep_4": 1.5}
