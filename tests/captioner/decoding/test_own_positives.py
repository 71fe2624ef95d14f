from __future__ import annotations

import json

import pytest

from captioner.cli import main
from captioner.data.caption_files import read_captions
from metric.positives.shards import read, shards_in


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr("metric.positives.generate.contact_sheet", lambda out, examples: None)


def test_positives_are_made_filtered_anew_and_trained_on(quiet, monkeypatch, tiny_clip, tmp_path, capsys):
    monkeypatch.setattr("metric.training.pairs.VAL_PICTURES", 8)
    out, run, data = str(tmp_path / "positives"), str(tmp_path / "run"), ["--data", "scenes:count=8"]
    renderer = ["--text", "renderer", "--image", "renderer", "--clip", tiny_clip]
    made = ["metric", "positives", *data, *renderer, "--out", out]
    assert main([*made, "--shard", "1/2", "--shard-size", "4"]) == 0
    assert main(["metric", "train", *data, "--positives", out, "--out", run]) == 2
    assert "has 1 of 2 shards" in capsys.readouterr().err
    assert main([*made, "--shard-size", "4", "--min-similarity", "1"]) == 2
    assert "the filter drops all 16 positives" in capsys.readouterr().err
    assert main([*made, "--shard-size", "4", "--drop", "0.25"]) == 0
    assert "pictures v': 8 made, 2 dropped (25.0 %" in capsys.readouterr().out
    assert main([*made, "--shard-size", "4", "--drop", "0.5"]) == 0
    train = ["--clip", tiny_clip, "--batch-size", "4", "--steps", "1", "--out", run]
    assert main(["metric", "train", *data, "--positives", out, *train]) == 0
    assert "of 8 pictures 4 without v' (4 filtered out) and 4 without t' (4 filtered out)" in capsys.readouterr().out
    *_, row = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert row["loss"] > row["loss_vt"]


def test_a_captioner_of_ours_says_what_captioner_caption_says(quiet, tiny_flags, tmp_path):
    run, out = str(tmp_path / "run"), tmp_path / "positives"
    assert main(["train", *tiny_flags, "--xe.steps", "1", "--out", run]) == 0
    data, split = "scenes:count=8", ["--split", "train", "--out"]
    assert main(["caption", "--model", run, "--images", data, *split, str(tmp_path / "captions.jsonl")]) == 0
    beams = ["--beams", "2", "--max-length", "8"]
    assert main(["metric", "positives", "--data", data, "--text", run, *beams, *split, str(out)]) == 0
    said = {sample.record["id"]: sample.text or "" for sample in read(shards_in(out))}
    assert said == read_captions(tmp_path / "captions.jsonl")
