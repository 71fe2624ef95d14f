"""The pretend accelerator is as strict as a real one, and its counts are right."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from metric.runtime.device import chosen
from metric.runtime.precision import mixed
from tests.pretend.accelerator import Pretend
from tests.pretend.counts import counted

HERE = torch.device("pretend", 0)


def test_auto_takes_the_accelerator():
    assert chosen("auto").device.type == "pretend" and chosen("auto").why == "torch sees 1 pretend device"


def test_tensors_say_their_device_through_a_step_of_training():
    torch.manual_seed(0)
    x, layer = torch.randn(3, 4), nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
    with torch.no_grad():
        plain = layer(x).pow(2).mean()
    layer.to(HERE)
    loss = layer(x.to(HERE)).pow(2).mean()
    loss.backward()
    torch.optim.AdamW(layer.parameters(), fused=True).step()
    assert {value.device for value in (loss, *layer.parameters(), layer[0].weight.grad)} == {HERE}
    assert loss.item() == pytest.approx(plain.item()) and layer(x.to(HERE)).pow(2).mean() < loss


@pytest.mark.parametrize(
    "mix",
    [
        lambda here, there: here @ there,
        lambda here, there: here + there,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: here.gather(0, there.argsort(0)),
        lambda here, there: here.add_(there),
    ],
)
def test_mixed_devices_raise(mix):
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        mix(torch.ones(2, 2, device=HERE), torch.ones(2, 2))


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.ones(2, dtype=torch.float64).to(HERE),
        lambda: torch.ones(2, device=HERE).double(),
        lambda: torch.rand(2, dtype=torch.float64, device=HERE),
        lambda: torch.ones(2, device=HERE).cumsum(0, dtype=torch.float64),
    ],
)
def test_float64_is_refused(make):
    with pytest.raises(TypeError, match="no torch.float64"):
        make()


def test_autocast_casts_products_and_not_norms():
    layer, norm, x = nn.Linear(4, 4).to(HERE), nn.LayerNorm(4).to(HERE), torch.ones(2, 4, device=HERE)
    with mixed(HERE, torch.bfloat16):
        product = layer(x)
        assert (product.dtype, norm(product).dtype) == (torch.bfloat16, torch.float32)
        assert (x @ x.T).softmax(-1).dtype == torch.float32
    assert layer(x).dtype == torch.float32


def test_launches_bytes_copies_and_waits_are_counted():
    x = torch.ones(8, 4)
    with counted() as made:
        here = x.to(HERE)
        total = (here.view(4, 8).T @ here.view(4, 8)).sum()
        float(total)
    assert (made.launches, made.copies, made.held_up, made.waits) == (3, 1, 1, 1)
    assert made.bytes == (2 * 8 * 4 + 8 * 8) * 4 + (8 * 8 + 1) * 4 + 4  # product, sum, the number that is fetched
    with counted() as made:
        x.pin_memory().to(HERE, non_blocking=True)
    assert (made.copies, made.held_up) == (1, 0)


def test_attention_is_one_launch_and_the_numbers_of_a_list_are_a_copy_that_holds_up():
    queries, seen = torch.randn(2, 1, 1, 4), torch.randn(2, 1, 3, 4)
    with counted() as made:
        here = F.scaled_dot_product_attention(queries.to(HERE), seen.to(HERE), seen.to(HERE))
    assert (made.launches, made.bytes) == (1, 4 * (8 + 2 * 24 + 8))
    torch.testing.assert_close(here.cpu(), F.scaled_dot_product_attention(queries, seen, seen))
    with counted() as made:
        numbers = torch.tensor([1, 2], device=HERE)
    assert (made.copies, made.held_up, numbers.tolist()) == (1, 1, [1, 2])


@pytest.mark.parametrize(
    "ask, waits",
    [
        (lambda x: x[x > 0], 1),
        (lambda x: x.nonzero(), 1),
        (lambda x: x.tolist(), 1),
        (lambda x: bool((x > 0).all()), 1),
        (lambda x: x.cpu(), 1),
        (lambda x: x.unique(), 1),
        (lambda x: x.masked_fill(x > 0, 1.0), 0),
        (lambda x: x.__setitem__(x > 0, 1.0), 0),
        (lambda x: x.__setitem__(x > 0, x + 1), 1),
        (lambda x: x[torch.arange(2, device=HERE)], 0),
    ],
)
def test_questions_that_the_host_waits_for_are_told_from_others(ask, waits):
    x = torch.ones(4, device=HERE)
    with counted() as made:
        ask(x)
    assert made.waits == waits and isinstance(x, Pretend)
