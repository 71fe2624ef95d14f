"""Terms of a mix on one scale, against the formula by hand, and under every division of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, stdev

import pytest
import torch
from torch import Tensor

from captioner.config import Decode, Rl, Run
from captioner.config_checks import check
from captioner.training.objectives import self_critical
from captioner.training.rollout import Batch, Place, roll
from captioner.training.term_scales import LEAST_SPREAD, normalised, of_batch, spreads
from metric.example import Example

CPU = torch.device("cpu")
RAW = {
    "pacspp": torch.tensor([[0.71, 0.74, 0.77], [0.60, 0.60, 0.66]]),
    "cider": torch.tensor([[1.0, 0.4, 0.7], [0.2, 0.9, 0.1]]),
}
WEIGHTS = {"pacspp": 1.0, "cider": 0.5}


def worth(parts, mix: str, weights=WEIGHTS) -> list[Tensor]:
    return [normalised(part, part, scale, weights) for part, scale in zip(parts, spreads(parts, mix))]


def by_hand(row: list[float], scale: float) -> list[float]:
    return [(value - mean(row)) / (scale + LEAST_SPREAD) for value in row]


def test_a_picture_is_normalised_as_in_trl_and_then_summed():
    """TRL, normalize_then_sum: (r - mean) / (std + 1e-4) inside the group, times the weight, summed over rewards."""
    rows = [
        [p + 0.5 * c for p, c in zip(by_hand(pacspp, stdev(pacspp)), by_hand(cider, stdev(cider)))]
        for pacspp, cider in zip(RAW["pacspp"].tolist(), RAW["cider"].tolist())
    ]
    torch.testing.assert_close(worth([RAW], "picture")[0], torch.tensor(rows), rtol=1e-4, atol=1e-5)


def test_a_batch_has_one_spread_of_each_term():
    def pooled(rows: list[list[float]]) -> float:  # the root of the mean of the variances inside pictures
        return mean(stdev(row) ** 2 for row in rows) ** 0.5

    scales = {name: pooled(values.tolist()) for name, values in RAW.items()}
    assert spreads([RAW], "batch")[0] == pytest.approx(scales, rel=1e-5)
    halves = [{name: values[rows] for name, values in RAW.items()} for rows in (slice(0, 1), slice(1, None))]
    assert of_batch(halves) == pytest.approx(scales, rel=1e-5)  # a division of the batch changes nothing
    first = [by_hand(RAW[name][0].tolist(), scales[name]) for name in RAW]
    expected = [p + 0.5 * c for p, c in zip(*first)]
    torch.testing.assert_close(worth([RAW], "batch")[0][0], torch.tensor(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mix", ["picture", "batch"])
def test_the_scale_of_a_term_has_no_say(mix):
    larger = RAW | {"cider": RAW["cider"] * 100}
    torch.testing.assert_close(worth([larger], mix)[0], worth([RAW], mix)[0], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("mix", ["picture", "batch"])
def test_parts_of_a_batch_are_normalised_as_the_batch(mix):
    halves = [{name: values[i : i + 1] for name, values in RAW.items()} for i in range(2)]
    torch.testing.assert_close(torch.cat(worth(halves, mix)), worth([RAW], mix)[0])


@pytest.mark.parametrize("mix", ["picture", "batch"])
def test_a_term_that_is_the_same_for_all_candidates_has_no_say(mix):
    same = RAW | {"cider": torch.full((2, 3), 3.0)}
    alone = worth([{"pacspp": RAW["pacspp"]}], mix)[0]
    torch.testing.assert_close(worth([same], mix)[0], alone)


@dataclass(frozen=True)
class Two:
    """A mix of the number of words, and of letters times 100."""

    weights = {"words": 1.0, "letters": 1.0}

    def __call__(self, examples, captions):
        words = torch.tensor([[float(len(text.split())) for text in row] for row in captions])
        letters = torch.tensor([[100.0 * len(text) for text in row] for row in captions])
        return words + letters, {"words": words, "letters": letters}

    def exchange(self) -> None: ...


def rolled(captioner, **rl):
    run = Run(rewards=("words", "letters"), decode=Decode(max_length=3), rl=Rl(candidates="sample", samples=3, **rl))
    features = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    batch = Batch([Example(str(i), None) for i in range(2)], features, torch.zeros(2, 0), 3, Place(0, 2))
    (drawn,) = roll(captioner, [batch], Two(), run)
    return batch, drawn, run


def test_a_raw_mix_compares_by_the_weighted_sum(two_words):
    _, drawn, _ = rolled(two_words(max_length=3))
    assert torch.equal(drawn.worth, drawn.total) and torch.equal(drawn.total, sum(drawn.parts.values()))


def test_a_normalised_mix_trains_on_its_scale_and_logs_raw_rewards(two_words):
    _, raw, _ = rolled(two_words(max_length=3))
    _, drawn, _ = rolled(two_words(max_length=3), mix="picture")
    torch.testing.assert_close(drawn.worth, worth([raw.parts], "picture", Two.weights)[0])
    assert drawn.facts() == raw.facts() and {"spread/words", "spread/letters"} <= raw.facts().keys()


def test_the_greedy_caption_is_normalised_as_the_candidates_are(two_words):
    batch, raw, _ = rolled(two_words(max_length=3), baseline="greedy")
    seen, drawn, run = rolled(two_words(max_length=3), baseline="greedy", mix="batch")
    scale = spreads([raw.parts], "batch")[0]
    difference = {name: part - raw.parts[name][:, :1] for name, part in raw.parts.items()}
    expected = sum(difference[name] / (scale[name] + LEAST_SPREAD) for name in scale)
    torch.testing.assert_close(drawn.worth - drawn.worth[:, :1], expected)
    captioner = two_words(max_length=3)
    assert self_critical(captioner, seen, drawn, run).value.isfinite() and drawn.greedy.shape == (2, 1)
    assert not torch.equal(drawn.greedy, raw.greedy)


@pytest.mark.parametrize(
    ("rl", "said"),
    [
        ({"mix": "group"}, "--rl.mix is one of raw, picture, batch, got 'group'"),
        ({"mix": "picture", "baseline": "greedy"}, "--rl.mix picture divides by the spread of a picture's candidates"),
        ({"mix": "batch", "baseline": "greedy", "samples": 1}, "got --rl.samples 1 and --rl.baseline greedy"),
    ],
)
def test_a_mix_without_a_spread_is_refused(rl, said):
    with pytest.raises(ValueError, match=said):
        check(Run(rewards=("cider",), rl=Rl(**rl)))


@pytest.mark.parametrize("mix", ["picture", "batch"])
def test_equal_values_of_a_term_have_no_part_in_the_sum(mix):
    """The mean of six 1.234 is another number, and its rounding is no advantage."""
    parts = {"pacspp": torch.full((2, 6), 1.234)}
    assert torch.equal(worth([parts], mix, {"pacspp": 1.0})[0], torch.zeros(2, 6))
