"""Two processes over gloo against one with the whole batch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.functional import normalize

from metric.contrastive import Made, info_nce, positive_augmented
from metric.processes import any_of, average_gradients, from_first, rank, spread, world

PICTURES, TEXTS = torch.randn(2, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
ROWS = torch.tensor([0, 2, 3])  # pictures that have a made caption: fewer than a share


def gradients() -> tuple[Tensor, list[Tensor]]:
    """Of the augmented loss, with a learned temperature; seven pairs do not divide by two."""
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 4)).double()
    scale = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    def embed(rows: list[Tensor]) -> Tensor:
        return normalize(tower(torch.stack(rows)), dim=-1)

    image, text = spread(embed, list(PICTURES)), spread(embed, list(TEXTS))
    made = Made(spread(embed, list(TEXTS[ROWS] + 1)), ROWS)
    loss, _ = positive_augmented(image, text, None, made, lambda a, b: info_nce(a, b, scale.exp()), 0.0, 0.1)
    loss.backward()
    learned = [scale, *tower.parameters()]
    average_gradients(learned)
    return loss.detach(), [parameter.grad for parameter in learned if parameter.grad is not None]


def work(number: int, folder: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=number, world_size=2)
    loss, found = gradients()
    told = {"world": world(), "rank": rank(), "loss": loss, "gradients": found}
    told |= {"stop": any_of(number == 1, torch.device("cpu")), "figure": from_first(number + 0.5, torch.device("cpu"))}
    torch.save(told, folder / f"{number}.pt")
    distributed.destroy_process_group()


def test_gradients_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    multiprocessing.spawn(work, (tmp_path,), nprocs=2)
    loss, expected = gradients()
    for number in range(2):
        told = torch.load(tmp_path / f"{number}.pt")
        assert (told["world"], told["rank"]) == (2, number)
        torch.testing.assert_close(told["loss"], loss)
        torch.testing.assert_close(told["gradients"], expected)
        assert told["stop"] is True and told["figure"] == 0.5


def test_one_process_needs_no_group() -> None:
    assert (world(), rank()) == (1, 0)
    assert any_of(False, torch.device("cpu")) is False and from_first(0.5, torch.device("cpu")) == 0.5
