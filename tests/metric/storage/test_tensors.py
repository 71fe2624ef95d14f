import pytest
import torch
from torch import nn

from metric.storage.tensors import load_optimizer, save_optimizer


def learner() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 1))
    idle = nn.Parameter(torch.zeros(3))  # never has a gradient, so never a state
    return model, torch.optim.AdamW([idle, *model.parameters()], lr=0.1, betas=(0.9, 0.98))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        x = torch.randn(5, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()


def test_adam_goes_on_as_if_never_stopped(tmp_path):
    unbroken, optimizer = learner()
    train(unbroken, optimizer, range(10))
    first, optimizer = learner()
    train(first, optimizer, range(6))
    save_optimizer(optimizer, tmp_path / "state.safetensors")
    second, optimizer = learner()
    second.load_state_dict(first.state_dict())
    load_optimizer(optimizer, tmp_path / "state.safetensors")
    train(second, optimizer, range(6, 10))
    for one, other in zip(unbroken.parameters(), second.parameters()):
        assert torch.equal(one, other)


def test_learning_rate_stays_the_new_optimizers_own(tmp_path):
    model, optimizer = learner()
    train(model, optimizer, range(1))
    save_optimizer(optimizer, tmp_path / "state.safetensors")
    model, fresh = learner()
    fresh.param_groups[0]["lr"] = 0.5
    load_optimizer(fresh, tmp_path / "state.safetensors")
    assert fresh.param_groups[0]["lr"] == 0.5


def test_an_optimizer_that_has_not_moved_is_saved_too(tmp_path):
    _, optimizer = learner()
    save_optimizer(optimizer, tmp_path / "state.safetensors")
    model, fresh = learner()
    load_optimizer(fresh, tmp_path / "state.safetensors")
    assert not fresh.state
    train(model, fresh, range(2))
    assert all(values["step"] == 2 for values in fresh.state.values())


@pytest.mark.parametrize("amsgrad", [False, True])
def test_state_is_bit_equal_after_a_round_trip(tmp_path, amsgrad):
    model, _ = learner()
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=amsgrad)
    train(model, optimizer, range(3))
    save_optimizer(optimizer, tmp_path / "state.safetensors")
    fresh = torch.optim.AdamW(model.parameters(), amsgrad=amsgrad)
    load_optimizer(fresh, tmp_path / "state.safetensors")
    before, after = optimizer.state_dict()["state"], fresh.state_dict()["state"]
    assert before.keys() == after.keys()
    assert all(torch.equal(before[n][name], after[n][name]) for n in before for name in before[n])
