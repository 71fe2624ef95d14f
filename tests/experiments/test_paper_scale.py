"""Recipes at the papers' scale: every command parses, small folders in public formats are read, counts are right."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path

import pytest
from PIL import Image

from captioner.config import Decode, Model, Run, Xe
from experiments.paper_scale import RECIPES, cost, measure, plan
from experiments.paper_scale import run as runner
from experiments.paper_scale.outline import captioner_outline, exists, feature_shape, outline

ADDRESS = "http://example.org/a.jpg"


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (8, 8), random.Random(path.name).randbytes(192)).save(path)


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A picture or two of each data set, in its public layout."""
    root = tmp_path_factory.mktemp("data")
    rows = []
    for number, split in enumerate(("train", "restval", "val", "test")):
        folder = "train2014" if split == "train" else "val2014"
        picture(root / "coco" / folder / f"{number}.jpg")
        row = {"filename": f"{number}.jpg", "filepath": folder, "split": split, "cocoid": number}
        rows.append(row | {"sentences": [{"raw": "a dog"}]})
    write(root / "coco" / "dataset_coco.json", {"images": rows})
    said = [{"image_id": 1, "caption": "a dog", "is_rejected": False, "is_precanned": False}]
    shown = [{"id": 1, "file_name": "1.jpg", "domain": "near-domain"}]
    write(root / "nocaps" / "nocaps_val_4500_captions.json", {"images": shown, "annotations": said})
    write(root / "vizwiz" / "val.json", {"images": shown, "annotations": said})
    line = {"image_id": "1", "caption_str": "a sign", "reference_strs": ["a sign"], "image_classes": []}
    write(root / "textcaps" / "TextCaps_0.1_val.json", {"data": [line]})
    write(root / "cc3m" / "Validation_GCC-1.1.0-Validation.tsv", f"a dog\t{ADDRESS}\n")
    for place in ("nocaps/images/1.jpg", "vizwiz/val/1.jpg", "textcaps/train_images/1.jpg"):
        picture(root / place)
    picture(root / "cc3m" / "validation" / f"{zlib.crc32(ADDRESS.encode())}.jpg")
    for place in {place for recipe in RECIPES.values() for place in recipe.data}:
        if not (root / place).exists():
            write(root / place, "")  # of judgements that there is a file is all that is looked at
    return root


@pytest.fixture(autouse=True)
def afresh():
    plan.counts.cache_clear()


@pytest.mark.parametrize("name", RECIPES)
def test_dry_run_reads_checks_counts_and_prints(name, root, tmp_path, capsys):
    assert runner.main([name, "--root", str(root), "--out", str(tmp_path / "runs"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    for words in RECIPES[name].words(root, tmp_path / "runs"):
        assert f"captioner {' '.join(words)}" in said
    for part in (RECIPES[name].source, "not run by us at this size", "GPU hours", "core hours", *RECIPES[name].data):
        assert part in said
    assert not (tmp_path / "runs").exists(), "a dry run leaves nothing behind"


def test_what_is_missing_is_named_and_nothing_is_run(tmp_path, capsys):
    assert runner.main(["coco-rn50", "--root", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert f"missing: {tmp_path}/coco/dataset_coco.json does not exist: Karpathy's splits" in said


def test_recipes_follow_one_another():
    """What a recipe reads of another is made by one that it names."""
    for name, recipe in RECIPES.items():
        assert set(recipe.after) <= RECIPES.keys()
        made = " ".join(word for each in (name, *recipe.after) for word in RECIPES[each].commands)
        for command in recipe.commands:
            for word in command.split():
                if word.startswith("{out}") and "--out" not in word:
                    assert f"--out {word}" in made or f"--features {word}" in made, (name, word)


def test_own_seconds_replace_the_assumption(root, tmp_path, capsys):
    words = ["coco-vit-b-32", "--root", str(root), "--out", str(tmp_path), "--dry-run"]
    assert runner.main([*words, "--seconds", "xe=0.36", "reward=3.6"]) == 0
    said = capsys.readouterr().out
    (xe,) = (line for line in said.splitlines() if line.strip().startswith("xe: 50,000"))
    assert ": 5.0 GPU hours" in xe  # 50,000 x .36 s
    assert ", 1250000.0 passes over the data (published: 10 to 35)" in xe  # 50,000 x 50 captions, of which there are 2
    assert said.count(", 250000.0 passes over the data (published: 9 to 60)") == 3  # 10,000 x 50 of 2 pictures
    assert said.count(": 10.0 GPU hours") == 3  # 10,000 x 3.6 s, of each reward


@pytest.mark.parametrize(
    "name, parameters, shape",  # published sizes of CLIP and SigLIP
    [
        ("RN50-quickgelu:openai", 102_007_137, (49, 2048)),
        ("ViT-B-32-quickgelu:openai", 151_277_313, (49, 768)),
        ("ViT-L-14-quickgelu:openai", 427_616_513, (256, 1024)),
        ("ViT-B-16-SigLIP:webli", 203_155_970, (196, 768)),
    ],
)
def test_clips_have_their_published_sizes(name, parameters, shape):
    assert exists(name) and not exists(name + "x") and not exists("ViT:openai")
    assert sum(parameter.numel() for parameter in outline(name).model.parameters()) == parameters
    assert feature_shape(name) == shape


def test_flops_and_parameters_are_those_of_the_matrices():
    """Teacher forcing of a model of one layer each, counted by hand."""
    clip, n, t, d, inner = "ViT-B-32-quickgelu:openai", 2, 5, 16, 32
    run = Run(clip=clip, model=Model(d, 2, 1, 1, inner, 0.0), decode=Decode(max_length=t), xe=Xe(batch_size=n))
    p, f, v = 49, 768, 49_408
    encoder = p * (4 * d * d + 2 * d * inner) + 2 * p * p * d
    decoder = t * (4 * d * d + 2 * d * d + 2 * d * inner) + 2 * t * t * d + p * 2 * d * d + 2 * t * p * d
    forward = 2 * n * (p * f * d + encoder + decoder + t * d * v)
    found = cost.xe(run)
    assert (
        found.parameters
        == found.trained
        == sum(each.numel() for each in captioner_outline(clip, run.model, t).parameters())
    )
    backward = 2 * forward - 2 * n * p * f * d  # no gradient of what goes in
    assert found.flops == pytest.approx(forward + backward, rel=0.01)
    assert found.kept > 4 * n * t * v, "the logits wait for the backward pass"


def test_one_model_on_a_device_and_without_one_costs_the_same():
    sizes = Model(16, 2, 1, 1, 32)
    one, other = (
        cost.teacher_forced("ViT-B-32-quickgelu:openai", sizes, 4, 2, device=device).cost()
        for device in ("cpu", "meta")
    )
    assert one.flops == pytest.approx(other.flops, rel=0.02) and one.trained == other.trained


def test_hours_here_are_the_measured_step_scaled(monkeypatch, tmp_path):
    monkeypatch.setattr(plan, "MEASURED", tmp_path / "m.json")
    core = {"hardware": "a core", "steps": {"xe": {"seconds": {"fp32": 2}, "flops": 10}}}
    (tmp_path / "m.json").write_text(json.dumps({"cpu": core}))
    work = plan.Work("xe", 3600, cost.Cost(flops=30), "bf16")  # three times the measured step
    assert plan.core_hours(work) == 6 and plan.hours(work, 1e-12, {}) == pytest.approx(30)
    gpu = {"hardware": "a GPU", "steps": {"xe": {"seconds": {"fp32": 0.5, "bf16": 0.25}, "flops": 10}}}
    (tmp_path / "m.json").write_text(json.dumps({"cpu": core, "cuda": gpu}))
    assert plan.hours(work, 1e-12, {}) == 0.75 and plan.source_of_hours(plan.machines(), 20)[0].startswith(
        "  GPU hours are of a GPU"
    )
    assert plan.hours(work, 1e-12, {"xe": 0.5}) == 0.5


@pytest.mark.slow
def test_steps_of_each_kind_are_timed_with_their_costs(monkeypatch, tmp_path):
    """On a core, with a captioner of the paper's size in a batch of one."""
    monkeypatch.setattr(measure, "MEASURED", tmp_path / "m.json")
    monkeypatch.setattr(measure, "FEW", dict.fromkeys(measure.FEW, 2))
    (tmp_path / "m.json").write_text(json.dumps({"cuda": {"hardware": "a GPU"}}))
    measure.measure("cpu")
    made = json.loads((tmp_path / "m.json").read_text())
    assert made["cuda"] == {"hardware": "a GPU"} and made["cpu"]["hardware"].startswith("one core of ")
    for kind, step in made["cpu"]["steps"].items():
        assert step["seconds"]["fp32"] > 0 and step["flops"] > 1e9 and step["pictures"] == 2, kind
