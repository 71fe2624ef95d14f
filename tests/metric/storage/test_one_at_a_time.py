"""A folder has one training at a time, and is free when that ends, however it ends."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from metric.storage.one_at_a_time import alone_in


def train(folder: Path, begun, end) -> None:
    with alone_in(folder):
        begun.set()
        end.wait()


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    begun, end = context.Event(), context.Event()
    other = context.Process(target=train, args=(tmp_path / "run", begun, end))
    other.start()
    assert begun.wait(60)
    with pytest.raises(ValueError, match="another process trains in .*run now; wait for its end, or type another"):
        with alone_in(tmp_path / "run"):
            pass
    with alone_in(tmp_path / "another"):
        pass
    other.kill()
    other.join()
    with alone_in(tmp_path / "run"):
        pass
    assert not [*(tmp_path / "run").iterdir()]


def test_a_training_that_fails_leaves_the_folder_free(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), alone_in(tmp_path):
        raise KeyboardInterrupt
    with alone_in(tmp_path):
        pass
