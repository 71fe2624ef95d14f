"""The commands of learned metrics on an accelerator, and every kind of tower."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from captioner.cli import main
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.token_features import token_features
from metric.training.config import MetricConfig
from metric.training.lora import add_adapter
from metric.training.pairs import pair_loss
from tests.captioner.conftest import CLIP
from tests.metric.clip.test_backbones import CONFIGS, TEXTS, made
from tests.pretend.measured import COLOURS
from tests.pretend.plugin import HERE

SMALL = "--batch-size 4 --steps 2 --val-every 1 --warmup 0".split()
WAYS = {
    "lora": "--dropout 0.1 --save-every 1",
    "bf16": "--precision bf16 --chunk 2 --loss infonce",
    "fp16": "--precision fp16 --negatives 1",
    "projections": "--preset pacs --patience 1",
    "all": "--method all --tower text",
    "negatives": "--negatives 2 --negatives-form fsc --negative-kinds all",
}


def metric(command: str, out: Path, data: str, *more: str) -> list[dict]:
    """The steps of a run of `captioner metric train` or `pretrain`."""
    assert main(["metric", command, *SMALL, "--data", data, "--out", str(out), *more]) == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if "loss" in row]


@pytest.mark.parametrize("way", WAYS)
def test_a_metric_is_trained_in_every_way(way, tiny_clip, squares_data, tmp_path):
    steps = metric("train", tmp_path / "run", squares_data, "--clip", tiny_clip, *WAYS[way].split())
    assert len(steps) == 2 and load_clip(str(tmp_path / "run"), HERE).device.type == HERE


def test_pretraining_saves_what_the_cpu_saves(squares_data, tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(CLIP))
    runs = {}
    for device in ("auto", "cpu"):
        runs[device] = metric(
            "pretrain", tmp_path / device, squares_data, "--config", str(tmp_path / "model.json"), "--device", device
        )
    assert [row["loss"] for row in runs["auto"]] == pytest.approx([row["loss"] for row in runs["cpu"]], rel=1e-4)
    saved = [load_file(tmp_path / device / "clip" / "open_clip_model.safetensors") for device in runs]
    assert saved[0].keys() == saved[1].keys()
    for name in saved[0]:
        torch.testing.assert_close(saved[0][name], saved[1][name], rtol=1e-2, atol=1e-4)


def test_a_resumed_metric_is_the_unbroken_one(tiny_clip, squares_data, tmp_path):
    words = ["--clip", tiny_clip, "--save-every", "1", "--keep", "9", "--dropout", "0.1"]
    metric("train", tmp_path / "whole", squares_data, *words)
    shutil.copytree(tmp_path / "whole", tmp_path / "broken")
    kept = tmp_path / "broken" / "checkpoints"
    shutil.rmtree(kept / "last")
    (kept / "step-000001").rename(kept / "last")
    metric("train", tmp_path / "broken", squares_data, *words, "--resume")
    whole, broken = (load_file(tmp_path / run / "adapter" / "adapter_model.safetensors") for run in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_audit_judge_and_video(tiny_clip, squares_data, tmp_path):
    tuned = f"clip_s,pac_s:checkpoint={tiny_clip}"
    words = ["--metrics", tuned, "--reward", "clips", "--clip", tiny_clip]
    assert (
        main(["metric", "audit", "--data", squares_data, "--count", "4", *words, "--out", str(tmp_path / "audit")]) == 0
    )
    (tmp_path / "Images").mkdir()
    for name in "ab":
        Image.new("RGB", (16, 16), "red").save(tmp_path / "Images" / f"{name}.jpg")
    tokens = [f"{name}.jpg#{n}\tA square , {n} of {name} ." for name in "ab" for n in range(5)]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(tokens))
    rows = [f"{one}.jpg\t{other}.jpg#{n}\t{n}\t{n}\t{n + 1}" for n in range(4) for one in "ab" for other in "ab"]
    (tmp_path / "ExpertAnnotations.txt").write_text("\n".join(rows))
    judged = ["--benchmark", "flickr8k-expert", "--root", str(tmp_path), "--resamples", "5"]
    assert main(["metric", "judge", *judged, *words, "--out", str(tmp_path / "judged.json")]) == 0
    frames = tmp_path / "videos" / "film"
    frames.mkdir(parents=True)
    for n in range(3):
        Image.new("RGB", (8, 8), (60 * n,) * 3).save(frames / f"{n}.png")
    (tmp_path / "captions.json").write_text(json.dumps({"film": "a grey film"}))
    (tmp_path / "references.json").write_text(json.dumps({"film": ["a film", "grey frames"]}))
    words = ["--captions", str(tmp_path / "captions.json"), "--references", str(tmp_path / "references.json")]
    assert main(["metric", "video", *words, "--videos", str(frames.parent), "--clip", tiny_clip]) == 0


def test_scores_of_files_are_those_of_the_cpu(tiny_clip, squares_data, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({f"{colour}.png": f"a {colour} square" for colour in COLOURS}))
    words = ["score", "--captions", str(tmp_path / "c.json"), "--references", squares_data, "--scores"]
    scores = []
    for device in ("auto", "cpu"):
        table = tmp_path / f"{device}.csv"
        assert main([*words, f"clip_s:clip={tiny_clip}", "--device", device, "--per-caption", str(table)]) == 0
        rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
        scores.append([float(cell) for row in rows for cell in row if cell.replace(".", "").isdigit()])
    assert len(scores[0]) >= 8 and scores[0] == pytest.approx(scores[1], rel=1e-4)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_tower_embeds_and_learns_as_on_the_cpu(name, tmp_path):
    clip = made(name, tmp_path)
    picture = [Image.new("RGB", (40, 40), "red"), Image.new("RGB", (40, 40), "blue")]
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, image in zip(paths, picture):
        image.save(path)
    here = load_clip(str(tmp_path / "base"), HERE)
    for ours, theirs in ((Embedder(here), Embedder(clip)),):
        torch.testing.assert_close(ours.images(paths), theirs.images(paths), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(ours.texts(TEXTS), theirs.texts(TEXTS), rtol=1e-3, atol=1e-4)
    assert token_features(here, here.tokenizer(TEXTS)).device.type == HERE
    model = add_adapter(here, MetricConfig(clip=str(tmp_path / "base")))
    pixels = torch.stack([here.preprocess(image) for image in picture])
    pair_loss(here, "auto")(here.encode_image(pixels), here.encode_text(TEXTS)).backward()
    assert {p.grad.device.type for p in model.parameters() if p.requires_grad} == {HERE}
