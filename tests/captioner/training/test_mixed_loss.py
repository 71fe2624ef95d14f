"""Cross-entropy in the reward stage, and the updates that fp16 leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from captioner.config import Decode, Rl, Run, Xe
from captioner.config_checks import check
from captioner.runs.signature import signature
from captioner.training.objectives import OBJECTIVES, cross_entropy, rewarded
from captioner.training.rollout import Batch, Place, roll, tokens_a_caption
from captioner.training.stage import Stage
from metric.example import Example

FEATURES = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))  # b p f
LENGTH = 3


class Words:
    """The number of words."""

    weights = {"words": 1.0}

    def __call__(self, examples, captions):
        total = torch.tensor([[float(text.count("w1") - 2 * text.count("w0")) for text in row] for row in captions])
        return total, {"words": total}

    def exchange(self) -> None: ...


def gradients(captioner, run: Run, objective) -> torch.Tensor:
    """The gradient of an objective on two pictures, with references of one and of two words."""
    references = captioner.vocabulary.encode(["w1", "w0 w1"], LENGTH + 1)[:, None]
    batch = Batch([Example(str(i), None) for i in range(2)], FEATURES, references, 3, Place(0, 2), captioner)
    (drawn,) = roll(captioner, [batch], Words(), run)
    captioner.zero_grad()
    objective(captioner, batch, drawn, run).value.backward()
    return torch.cat([p.grad.flatten() if p.grad is not None else p.flatten() * 0 for p in captioner.parameters()])


@pytest.mark.parametrize("objective", ["scst", "grpo", "dico"])
def test_the_gradient_is_that_of_the_weighted_sum(two_words, objective):
    captioner = two_words(max_length=LENGTH)
    rl = Rl(objective=objective, candidates="sample", samples=3, kl=0.1 if objective == "dico" else 0.0, xe_weight=0.7)
    run = Run(rewards=("words",), decode=Decode(max_length=LENGTH), rl=rl, xe=Xe(label_smoothing=0.1))
    mixed = gradients(captioner, run, rewarded)
    alone = gradients(captioner, run, OBJECTIVES[objective])

    def held(captioner, batch, drawn, run):
        return cross_entropy(captioner, batch, tokens_a_caption([batch.references], captioner), run)

    xe = gradients(captioner, run, held)
    torch.testing.assert_close(mixed, alone + 0.7 * xe)
    assert xe.norm() > 0.01 and alone.norm() > 0.001
    without = replace(run, rl=replace(rl, xe_weight=0.0))
    assert torch.equal(gradients(captioner, without, rewarded), alone)


def test_the_weight_is_signed_and_silent_without_one():
    config = {"rewards": ["words"], "reward_signatures": ["words"], "init": "runs/xe", "versions": {"captioner": "1"}}
    config |= {"xe": {"label_smoothing": 0.1}, "decode": {"max_length": 20}, "rl": {"kl": 0.0, "xe_weight": 0.5}}
    assert signature(config) == "1*words+scst[kl=0.0,xe_weight=0.5]+init+xe[label_smoothing=0.1]+max_length=20+1"
    config["rl"]["xe_weight"] = 0.0
    assert signature(config) == "1*words+scst[kl=0.0]+init+max_length=20+1"


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(ValueError, match="--rl.xe-weight is 0 or more, got"):
        check(Run(rewards=("cider",), rl=Rl(xe_weight=weight)))


def test_updates_that_overflowed_are_counted_also_by_a_loaded_optimizer():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", enabled=True)
    stage = Stage("reward", Rl(updates=2), optimizer, scaler, read=lambda step: [])
    for number, factor in enumerate((1.0, float("inf"), 1.0, float("inf"))):
        optimizer.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        if number % 2:
            assert stage.skipped((number + 1) // 2) == {"skipped": (number + 1) / 2}
    other = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert replace(stage, optimizer=other).skipped(2) == {"skipped": 2.0}
    assert replace(stage, scaler=torch.amp.GradScaler("cpu", enabled=False)).skipped(2) == {}
