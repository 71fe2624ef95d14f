from __future__ import annotations

import pytest

from captioner.cli import main


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # ray's own
def test_two_workers_of_ray_caption_as_one_process_does(model, pictures, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    where = ["--model", str(model), "--images", str(pictures), "--batch-size", "2", "--checker", "none"]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        assert main(["caption", *where, "--out", str(tmp_path / "ray.jsonl"), "--engine", "ray"]) == 0
    finally:
        ray.shutdown()
    assert main(["caption", *where, "--out", str(tmp_path / "here.jsonl")]) == 0
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()
