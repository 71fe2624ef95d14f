from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from torch import nn

from metric.clip.load import load_clip
from metric.example import Example
from metric.positives.sources import ReferencePositives
from metric.runtime.interrupts import Interrupted
from metric.runtime.schedule import learning_rate
from metric.training import loop
from metric.training.batches import Batches
from metric.training.config import PRESETS, MetricConfig, PretrainConfig
from metric.training.finetune import train_metric
from metric.training.loop import check
from metric.training.pretrain import begin, pretrain

COLOURS = ("red", "green", "blue", "white")


@dataclass(frozen=True)
class Dot:
    colour: str
    ground: str

    @property
    def key(self) -> str:
        return repr(self)

    def draw(self) -> Image.Image:
        image = Image.new("RGB", (48, 48), self.ground)
        ImageDraw.Draw(image).ellipse((8, 8, 40, 40), fill=self.colour)
        return image


EXAMPLES = [
    Example(f"{a}-{b}", Dot(a, b), (f"a {a} ball on a {b} floor", f"the floor is {b} and the ball {a}"))
    for a in COLOURS
    for b in COLOURS
    if a != b
]
PRETRAIN = PretrainConfig(steps=6, batch_size=4, lr=1e-3, warmup=0.2, val_every=3, save_every=3)
METRIC = MetricConfig(steps=4, batch_size=4, val_every=0, save_every=2, dropout=0.1)


class Stop(Exception):
    pass


def broken_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """As if the power failed in the step after."""
    write = loop.Log.step

    def fail(log: loop.Log, step: int, row: dict) -> None:
        if step > after:
            raise Stop
        write(log, step, row)

    monkeypatch.setattr(loop.Log, "step", fail)


def rows(out: Path) -> list[dict]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in lines if "loss" in row]


def test_resumed_pretraining_is_the_unbroken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Stop):
        broken_off(patch, after=4)
        pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path / "broken")
    assert len(rows(tmp_path / "broken")) == 4
    resumed = pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path / "broken", resume=True)
    assert resumed == whole
    assert rows(tmp_path / "broken") == rows(tmp_path / "whole")
    files = [tmp_path / run / "clip" / "open_clip_model.safetensors" for run in ("whole", "broken")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_resumed_lora_training_is_the_unbroken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrain(replace(PRETRAIN, steps=2), EXAMPLES, EXAMPLES, tmp_path / "base")
    config = replace(METRIC, clip=str(tmp_path / "base"))
    given = EXAMPLES, EXAMPLES, ReferencePositives()
    whole = train_metric(config, *given, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Stop):
        broken_off(patch, after=3)
        train_metric(config, *given, tmp_path / "broken")
    assert train_metric(config, *given, tmp_path / "broken", resume=True) == whole
    assert rows(tmp_path / "broken") == rows(tmp_path / "whole")
    files = [tmp_path / run / "adapter" / "adapter_model.safetensors" for run in ("whole", "broken")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_lora_training_lowers_its_loss_and_keeps_the_base(tmp_path: Path) -> None:
    pretrain(replace(PRETRAIN, steps=2), EXAMPLES, EXAMPLES, tmp_path / "base")
    before = load_clip(str(tmp_path / "base")).fingerprint
    config = replace(METRIC, clip=str(tmp_path / "base"), steps=20, batch_size=12, lr=1e-2, dropout=0.0)
    report = train_metric(config, EXAMPLES, EXAMPLES, ReferencePositives(), tmp_path / "run")
    loss = [row["loss"] for row in rows(tmp_path / "run")]
    assert sum(loss[-3:]) < sum(loss[:3]) - 0.3
    assert set(report) == {"before", "after"} and "loss_made_text" in rows(tmp_path / "run")[0]
    assert load_clip(str(tmp_path / "base")).fingerprint == before
    assert torch.equal(
        load_clip(str(tmp_path / "run")).model.logit_scale,
        load_clip(str(tmp_path / "base")).model.logit_scale,
    )


def test_missing_positives_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pretrain(replace(PRETRAIN, steps=1), EXAMPLES, EXAMPLES, tmp_path / "base")
    config = replace(METRIC, clip=str(tmp_path / "base"), steps=1)
    train_metric(config, EXAMPLES, EXAMPLES, ReferencePositives(), tmp_path / "run")
    assert "made pictures: 0 for the first batch's 4" in caplog.text and "made captions" not in caplog.text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_is_saved_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    write = loop.Log.step

    def interrupt(log: loop.Log, step: int, row: dict) -> None:
        write(log, step, row)
        if step == 2:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="step 2 of 6; .*--resume goes on") as stop:
        patch.setattr(loop.Log, "step", interrupt)
        pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path)
    assert stop.value.code == code
    assert signal.getsignal(number) is before  # which a job in the background has set to be ignored
    pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path, resume=True)
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_bf16_learns_what_fp32_learns(tmp_path: Path) -> None:
    for precision in "fp32", "bf16":
        config = replace(PRETRAIN, precision=precision, val_every=0)
        pretrain(config, EXAMPLES, EXAMPLES, tmp_path / precision)
    exact, rounded = (rows(tmp_path / precision)[-1]["loss"] for precision in ("fp32", "bf16"))
    assert rounded == pytest.approx(exact, abs=0.05)
    weights = load_file(tmp_path / "bf16" / "clip" / "open_clip_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_frozen_trunk_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.json").write_text(
        json.dumps(
            {
                "embed_dim": 16,
                "vision_cfg": {"image_size": 32, "timm_model_name": "tf_efficientnet_lite0"},
                "text_cfg": {"context_length": 16, "vocab_size": 270, "hf_tokenizer_name": "local"}
                | {"width": 16, "heads": 2, "layers": 1},
            }
        )
    )
    config = replace(PRETRAIN, config=str(tmp_path / "photo.json"), freeze_trunk=True, steps=2, chunk=2)
    with pytest.raises(ValueError, match="--chunk 2 would normalise parts of a batch; type --freeze-trunk"):
        pretrain(replace(config, freeze_trunk=False), EXAMPLES, EXAMPLES, tmp_path / "learning")
    before = begin(config, EXAMPLES, None).model.state_dict()
    pretrain(config, EXAMPLES, EXAMPLES, tmp_path / "run")
    after = load_clip(str(tmp_path / "run")).model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any(name.startswith("visual.trunk.") for name in changed)
    assert "visual.head.proj.weight" in changed and "token_embedding.weight" in changed


def test_another_clips_image_tower_is_kept_and_only_the_text_tower_is_new(tmp_path: Path) -> None:
    pretrain(replace(PRETRAIN, steps=2), EXAMPLES, EXAMPLES, tmp_path / "first")
    config = replace(PRETRAIN, steps=2, seed=1, image_tower=str(tmp_path / "first"))
    pretrain(config, EXAMPLES, EXAMPLES, tmp_path / "second")
    first, second = (load_clip(str(tmp_path / name)).model.state_dict() for name in ("first", "second"))
    for name in first:
        assert torch.equal(first[name], second[name]) == name.startswith("visual."), name


def test_image_tower_of_another_kind_is_refused(tmp_path: Path) -> None:
    small = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "layers": 1, "head_width": 16},
    }
    text = {"context_length": 16, "vocab_size": 270, "hf_tokenizer_name": "local", "width": 16, "heads": 2, "layers": 1}
    (tmp_path / "small.json").write_text(json.dumps({**small, "text_cfg": text}))
    pretrain(replace(PRETRAIN, config=str(tmp_path / "small.json"), steps=1), EXAMPLES, EXAMPLES, tmp_path / "first")
    with pytest.raises(ValueError, match="--image-tower .* has another kind of tower"):
        pretrain(replace(PRETRAIN, image_tower=str(tmp_path / "first")), EXAMPLES, EXAMPLES, tmp_path / "second")
    other = {"model_cfg": {**small, "quick_gelu": True, "text_cfg": text}, "preprocess_cfg": {"mean": [0.5] * 3}}
    (tmp_path / "other.json").write_text(json.dumps(other))  # the same weights would compute other features
    config = replace(PRETRAIN, config=str(tmp_path / "other.json"), image_tower=str(tmp_path / "first"))
    with pytest.raises(ValueError, match="another kind of tower than --config, by quick_gelu, preprocess_cfg; give"):
        pretrain(config, EXAMPLES, EXAMPLES, tmp_path / "second")


def test_only_a_timm_trunk_can_be_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="timm"):
        pretrain(replace(PRETRAIN, freeze_trunk=True), EXAMPLES, EXAMPLES, tmp_path)


@pytest.mark.parametrize("config", [PretrainConfig(), MetricConfig()], ids=["pretrain", "train"])
def test_each_number_has_a_range(config):
    for name, value in asdict(config).items():
        if type(value) in (int, float) and name != "lambda_n":
            with pytest.raises(ValueError, match=f"^--{name.replace('_', '-')} is .*got -1"):
                check(replace(config, **{name: -1}))


@pytest.mark.parametrize(
    "change, said",
    [
        ({"warmup": 1.0}, "--warmup is a share"),
        ({"precision": "fp8"}, "fp32, tf32, bf16, fp16"),
        ({"steps": 0}, "--steps is 1 or more, got 0"),
        ({"patience": 2, "val_every": 0}, "--patience 2 .* --val-every"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        pretrain(replace(PRETRAIN, **change), EXAMPLES, EXAMPLES, tmp_path)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"method": "adapter"}, "--method must be one of lora, authors, projections, all"),
        ({"tower": "left"}, "--tower must be one of both, image, text"),
        ({"loss": "triplet"}, "--loss must be one of auto, infonce, sigmoid"),
        ({"rank": 0}, "--rank is 1 or more, got 0"),
        (
            {"method": "all", "dropout": 0.0, "targets": ".*mlp.*"},
            "--targets .* does nothing with --method all; type --method lora",
        ),
        (
            {"method": "projections", "tower": "text", "dropout": 0.0},
            "--tower text does nothing with --method projections",
        ),
        ({"loss": "sigmoid"}, "which scenes-clip lacks; type --loss infonce"),
    ],
)
def test_metric_that_cannot_be_is_refused(change: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        train_metric(replace(METRIC, **change), EXAMPLES, EXAMPLES, ReferencePositives(), tmp_path)


def test_run_is_neither_overwritten_nor_resumed_with_other_settings(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run to resume"):
        pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path, resume=True)
    pretrain(replace(PRETRAIN, steps=1), EXAMPLES, EXAMPLES, tmp_path)
    with pytest.raises(ValueError, match="type --resume to go on"):
        pretrain(replace(PRETRAIN, steps=1), EXAMPLES, EXAMPLES, tmp_path)
    with pytest.raises(ValueError, match="steps 1"):
        pretrain(PRETRAIN, EXAMPLES, EXAMPLES, tmp_path, resume=True)


def test_pictures_without_captions_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 0"):
        pretrain(PRETRAIN, [replace(example, references=()) for example in EXAMPLES], EXAMPLES, tmp_path)


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    rates = [learning_rate(step, replace(PRETRAIN, steps=100, warmup=0.1, lr=1.0)) for step in range(100)]
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[10] == 1.0 and 0 < rates[0] < 0.1 and rates[-1] < 0.001
    assert rates[55] == pytest.approx(0.5)  # half way down


def test_epoch_sees_every_picture_once() -> None:
    batches = Batches(EXAMPLES, batch_size=5, seed=1)  # 12 pictures: two batches, two pictures left over
    first, second, third = (batches.order.indices(step) for step in range(3))
    assert len(set(first + second)) == 10 and len(set(third)) == 5
    assert first == Batches(EXAMPLES, 5, seed=1).order.indices(0) != Batches(EXAMPLES, 5, seed=2).order.indices(0)


def test_batch_is_never_larger_than_the_data() -> None:
    assert sorted(Batches(EXAMPLES, 100, seed=0).order.indices(7)) == list(range(12))


def test_prefix_comes_in_its_share() -> None:
    batches = Batches(EXAMPLES, 4, seed=0, prefix=0.25)
    rng = batches.order.rng(0)
    counts = Counter(batches.prefixed("x", rng) for _ in range(2000))
    assert set(counts) == {"x", "A photo depicts x"} and 400 < counts["A photo depicts x"] < 600


def test_training_in_chunks_is_training_on_the_whole_batch(tmp_path: Path) -> None:
    pretrain(replace(PRETRAIN, steps=1), EXAMPLES, EXAMPLES, tmp_path / "base")
    config = replace(METRIC, clip=str(tmp_path / "base"), batch_size=7, steps=2, dropout=0.0)
    for chunk in 0, 3:
        train_metric(replace(config, chunk=chunk), EXAMPLES, EXAMPLES, ReferencePositives(), tmp_path / str(chunk))
    whole, parts = rows(tmp_path / "0"), rows(tmp_path / "3")
    for name in "loss", "grad_norm", "loss_made_text":
        assert [row[name] for row in parts] == pytest.approx([row[name] for row in whole], rel=1e-4)


def test_pac_s_changes_the_two_projections_alone(tmp_path: Path) -> None:
    pretrain(replace(PRETRAIN, steps=1), EXAMPLES, EXAMPLES, tmp_path / "base")
    config = replace(MetricConfig(**PRESETS["pacs"]), clip=str(tmp_path / "base"), steps=2, batch_size=4, val_every=0)
    train_metric(config, EXAMPLES, EXAMPLES, ReferencePositives(), tmp_path / "run")
    before, after = (load_clip(str(tmp_path / name)).model.state_dict() for name in ("base", "run"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"visual.proj", "text_projection"}


@pytest.mark.parametrize(("tower", "learns"), [("both", ("visual.", "")), ("image", ("visual.",)), ("text", ("",))])
def test_all_weights_of_the_named_towers_change_but_the_temperature(tower: str, learns: tuple, tmp_path: Path) -> None:
    pretrain(replace(PRETRAIN, steps=1), EXAMPLES, EXAMPLES, tmp_path / "base")
    config = MetricConfig(method="all", tower=tower, clip=str(tmp_path / "base"), steps=2, batch_size=4, val_every=0)
    train_metric(config, EXAMPLES, EXAMPLES, ReferencePositives(), tmp_path / "run")
    before, after = (load_clip(str(tmp_path / name)).model.state_dict() for name in ("base", "run"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    towers = {name: "visual." if name.startswith("visual.") else "" for name in before if name != "logit_scale"}
    named = {name for name, side in towers.items() if side in learns}
    assert changed <= named and len(changed) > 0.9 * len([name for name in named if "mask" not in name])


class Climber(torch.nn.Module):
    """One weight that every step raises by its learning rate, and a temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.logit_scale = torch.nn.Parameter(torch.zeros(()), requires_grad=False)


def stopped_early(
    out: Path, resume: bool = False, figures: tuple[float, ...] = (4.0, 3.0, 1.0, 2.0, 5.0, 0.5, 0.5)
) -> Climber:
    """Validation gives `figures`, the first before any step, then one a step."""
    model = Climber()
    seen = iter(figures[1 + len(rows(out)) if resume else 0 :])

    def loss(step: int) -> tuple[torch.Tensor, dict]:
        return -model.weight.sum(), {}

    config = replace(METRIC, steps=6, val_every=1, patience=2, save_every=1, lr=1.0)
    loop.train(model, loss, config, out, resume, lambda: {"val_loss": next(seen)})
    return model


def test_training_ends_when_validation_no_longer_improves_and_the_best_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = stopped_early(tmp_path / "whole").weight.item()
    log = rows(tmp_path / "whole")
    assert [row["val_loss"] for row in log] == [3, 1, 2, 5]  # two in a row no lower than 1
    assert kept == pytest.approx(log[0]["lr"] + log[1]["lr"], rel=1e-3)  # Adam's step is the learning rate
    assert stopped_early(tmp_path / "whole", resume=True).weight.item() == kept and len(rows(tmp_path / "whole")) == 4
    with monkeypatch.context() as patch, pytest.raises(Stop):
        broken_off(patch, after=3)
        stopped_early(tmp_path / "broken")
    assert stopped_early(tmp_path / "broken", resume=True).weight.item() == kept
    assert rows(tmp_path / "broken") == log


def test_a_training_that_only_harms_keeps_what_it_began_with(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    model = stopped_early(tmp_path, figures=(1.0, 2.0, 3.0, 0.1))
    assert model.weight.item() == 0 and [row["val_loss"] for row in rows(tmp_path)] == [2, 3]
    assert (
        "no step lowered the val_loss of 1.000 before the first: the weights are untouched" in capsys.readouterr().out
    )
    assert stopped_early(tmp_path, resume=True, figures=(1.0, 2.0, 3.0, 0.1)).weight.item() == 0


def test_steps_that_overflow_in_fp16_are_counted_in_each_row_and_at_the_end(tmp_path: Path, capfd) -> None:
    """The gradient 1e34 times the first scale, 65,536, is infinite. The halved scale of the next step is not."""
    model = nn.Linear(1, 1, bias=False)
    model.logit_scale = nn.Parameter(torch.zeros(()), requires_grad=False)

    def loss(step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return 1e34 * model.weight.sum() * (step != 2), {}

    config = MetricConfig(steps=4, precision="fp16", batch_size=2, warmup=0, save_every=0)
    loop.train(model, loss, config, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["skipped"] for row in rows if "loss" in row] == [1, 1, 1, 1]
    assert [row["grad_norm"] for row in rows if "loss" in row][0] is None
    assert "1 of 4 steps were left out: their gradient overflowed in fp16" in capfd.readouterr().out
    loop.train(model, loss, replace(config, precision="fp32"), tmp_path / "plain")
    assert "skipped" not in (tmp_path / "plain" / "metrics.jsonl").read_text()
    assert "left out" not in capfd.readouterr().out
