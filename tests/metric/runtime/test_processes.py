"""Two processes over gloo against one with the whole batch."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.functional import normalize

from metric.clip.embedder import Embedder
from metric.runtime.gradients import data_parallel, delayed_averaging, encode_in_shares
from metric.runtime.processes import (
    ENDED,
    WAITS,
    any_of,
    gathered,
    joined,
    mean,
    own_share,
    rank,
    refuse_other_settings,
    shared,
    world,
)
from metric.training.losses import Made, info_nce, positive_augmented
from tests.ports import free_ports

PICTURES, TEXTS = torch.randn(2, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
ROWS = torch.tensor([0, 2, 3])  # pictures that have a made caption: fewer than a share
CPU = torch.device("cpu")


def gradients() -> tuple[Tensor, list[Tensor]]:
    """Of the augmented loss, with a learned temperature; seven pairs do not divide by two."""
    torch.manual_seed(0 if rank() == 0 else 5)  # all begin with the first one's weights
    model = nn.ModuleDict({"tower": nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 4))}).double()
    model.scale = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    def embed(rows: list[Tensor]) -> Tensor:
        return normalize(model["tower"](torch.stack(rows)), dim=-1)

    def loss(added: int) -> Tensor:
        image, text = encode_in_shares(embed, list(PICTURES)), encode_in_shares(embed, list(TEXTS + added))
        made = Made(encode_in_shares(embed, list(TEXTS[ROWS] + 1)), ROWS)
        return positive_augmented(image, text, None, made, lambda a, b: info_nce(a, b, model.scale.exp()), 0.0, 0.1)[0]

    apply = data_parallel(model)
    for added in range(2):  # gradients are added up over two parts, and averaged once
        with delayed_averaging(apply, more=added == 0):
            value = apply(loss, added)
            value.backward()
    return value.detach(), [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


def refused(where: int | None) -> str:
    """What is said when process `where`, or all of them, cannot use the first one's input."""

    def compute() -> None:
        raise ValueError("no such file")

    with pytest.raises(ValueError) as error:
        shared(compute) if where is None else refuse_other_settings({"seed": 0, "steps": 3 + (rank() == where)})
    return str(error.value)


def known_pictures(number: int) -> dict[str, Tensor]:
    """What an embedder of process `number` knows after each has embedded one of its own and one that both have."""
    embedder = Embedder(SimpleNamespace(dim=2, device=CPU))
    embedder.known_images = {"both": torch.ones(2), f"of {number}": torch.full((2,), float(number))}
    embedder.exchange_images()
    embedder.exchange_images()  # nothing new
    return embedder.known_images


def work(number: int, folder: Path) -> None:
    """As torchrun would start it."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(number), "WORLD_SIZE": "2", "LOCAL_RANK": str(number)}
    first, second = (folder / "ports").read_text().split()
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": first}
    with joined():
        loss, found = gradients()
        told = {"world": world(), "rank": rank(), "loss": loss, "gradients": found}
        told |= {
            "stop": any_of(number == 1),
            "figure": shared(lambda: number + 0.5),
            "own": list(own_share(range(5))),
        }
        told |= {"gathered": gathered(f"of {number}"), "mean": mean([{"a": 1.0}, {"a": number + 2.0}])}
        told |= {"pictures": known_pictures(number)}
        told |= {"shared error": refused(None), "unlike": refused(1)}
        torch.save(told, folder / f"{number}.pt")
    assert len(ENDED) == WAITS and not distributed.is_initialized()  # where freeing could wait for ever
    os.environ["MASTER_PORT"] = second  # a process could still find the first group at its port, and wait for ever
    try:
        with joined():
            raise ValueError("no batch of 3 for 2 processes")
    except ValueError as error:
        (folder / f"said by {number}").write_text(str(error))
    except SystemExit as ended:
        assert ended.code == 2


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> list[dict]:
    """What two processes found and heard; `said` is who reported the error that both met."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "ports").write_text(" ".join(map(str, free_ports(2))))
    multiprocessing.spawn(work, (folder,), nprocs=2)
    said = [path.read_text() for path in folder.glob("said by *")]
    return [torch.load(folder / f"{number}.pt") | {"said": said} for number in range(2)]


def test_gradients_of_two_processes_are_those_of_one(told) -> None:
    loss, expected = gradients()
    for number in range(2):
        assert (told[number]["world"], told[number]["rank"]) == (2, number)
        torch.testing.assert_close(told[number]["loss"], loss)
        torch.testing.assert_close(told[number]["gradients"], expected)


def test_processes_tell_each_other(told) -> None:
    for number in range(2):
        assert told[number]["stop"] is True and told[number]["figure"] == 0.5
        assert told[number]["gathered"] == ["of 0", "of 1"]
        assert told[number]["mean"] == {"a": 1.75}  # of 1, 2, 1 and 3
    assert [told[number]["own"] for number in range(2)] == [[0, 2, 4], [1, 3]]


def test_a_picture_is_embedded_once_for_all(told) -> None:
    for number in range(2):
        known = told[number]["pictures"]
        assert {name: row.tolist() for name, row in known.items()} == {"both": [1, 1], "of 0": [0, 0], "of 1": [1, 1]}


def test_what_one_refuses_all_refuse_and_one_says(told) -> None:
    for number in range(2):
        assert told[number]["shared error"] == "no such file"
        assert "process 1 has other --steps than process 0: 4, not 3" in told[number]["unlike"]
        assert told[number]["said"] == ["no batch of 3 for 2 processes"]


def test_one_process_needs_no_group() -> None:
    assert (world(), rank()) == (1, 0)
    assert any_of(False) is False and shared(lambda: 0.5) == 0.5 and gathered("a") == ["a"]
    assert mean([{"a": 1.0}, {"a": 2.0}]) == {"a": 1.5} and own_share(range(3)) == range(3)
