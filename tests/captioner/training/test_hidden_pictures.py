"""--xe.drop-features: which pictures of a batch are hidden, and what stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from captioner.config import Decode, Run, Xe, override
from captioner.config_checks import check
from captioner.training.step_batches import Reader
from metric.example import Example

COUNT = 40


class Ones:
    """Features that are 1 everywhere."""

    def __getitem__(self, ids: list[str]) -> Tensor:
        return torch.ones(len(ids), 3, 4)


@pytest.fixture
def reader(two_words):
    """A maker of readers of batches of ten pictures."""
    examples = [Example(str(i), None, ("w0", "w1", "w0 w1")) for i in range(COUNT)]

    def make(share: float, stage: str = "xe", **changes) -> Reader:
        run = override(Run(xe=Xe(batch_size=10, drop_features=share), decode=Decode(max_length=3)), changes)
        return Reader(run, stage, examples, Ones(), two_words().vocabulary, torch.device("cpu"))

    return make


def hidden(reader: Reader, steps: int) -> list[bool]:
    """Whether each picture of each step is hidden. All its features are then 0, and else none."""
    features = torch.cat([part.features for step in range(steps) for part in reader(step)]).flatten(1)
    assert ((features == 0).all(1) | (features == 1).all(1)).all()
    return (features == 0).all(1).tolist()


def test_the_share_of_the_pictures_is_hidden(reader):
    found = hidden(reader(0.2), 100)
    assert 140 < sum(found) < 260 and len(found) == 1000  # 200 expected, with a deviation of 13


def test_parts_of_a_batch_hide_the_pictures_of_the_batch(reader):
    assert hidden(reader(0.5), 5) == hidden(reader(0.5, accumulate=5), 5) != hidden(reader(0.5, seed=1), 5)


def test_pictures_and_references_of_a_step_are_those_of_a_run_that_sees_all(reader):
    for step in range(4):
        (one,), (other,) = reader(0.0)(step), reader(0.5)(step)
        assert one.examples == other.examples and torch.equal(one.references, other.references)
        assert one.seed == other.seed and (one.features == 1).all()


def test_the_reward_stage_hides_nothing(reader):
    assert not any(hidden(reader(0.9, "reward", **{"rl.batch_size": 10}), 3))


def test_a_store_keeps_its_features(reader):
    class Kept(Ones):
        kept = torch.ones(10, 3, 4)

        def __getitem__(self, ids: list[str]) -> Tensor:
            return self.kept

    assert any(hidden(replace(reader(0.9), features=Kept()), 1)) and (Kept.kept == 1).all()


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=f"--xe.drop-features is a share of 0 or more and below 1, got {share:g}"):
        check(Run(xe=Xe(drop_features=share)))


def test_guidance_is_refused_where_training_could_not_keep_it():
    guided = Run(decode=Decode(guidance=2.0))
    with pytest.raises(ValueError, match="--decode.guidance 2 needs .*; type --xe.drop-features 0.1, or leave it out"):
        check(guided)
    check(replace(guided, xe=Xe(drop_features=0.1)))
    with pytest.raises(
        ValueError, match="--decode.guidance 2 .* --reward learns from .* without it; leave it out, and"
    ):
        check(replace(guided, xe=Xe(drop_features=0.1), rewards=("cider",)))
    with pytest.raises(ValueError, match="--decode.guidance is 0 or more, where 1 .* got -1"):
        check(Run(decode=Decode(guidance=-1.0)))
