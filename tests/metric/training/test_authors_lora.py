"""The LoRA of the authors' code: its size, its beginning, and what is saved of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from experiments.paper_scale.outline import outline
from metric.clip.load import load_clip, new_clip, save_clip
from metric.clip.pacs_layout import Lora
from metric.positives.sources import ReferencePositives
from metric.training.authors_lora import PatchLora, add_authors_lora, merged
from metric.training.config import PRESETS, MetricConfig
from metric.training.finetune import train_metric
from tests.metric.training.test_finetune import EXAMPLES

TEXTS = ["a red ball on the beach", "two small cats in a room"]


@pytest.fixture
def base(tmp_path: Path) -> str:
    torch.manual_seed(0)
    save_clip(new_clip("scenes-clip", TEXTS), tmp_path / "base")
    return str(tmp_path / "base")


def test_as_many_parameters_learn_as_in_the_authors_file() -> None:
    """4,141,056 in ViT-B/32, of which 3,158,016 are of the patches."""
    name = "ViT-B-32-quickgelu:openai"
    model = add_authors_lora(outline(name), MetricConfig(clip=name, method="authors"))
    learned = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    assert sum(learned.values()) == 4_141_056
    assert sum(count for name, count in learned.items() if "conv1" in name) == 3_158_016


def test_only_attention_input_differs_before_the_first_step(base: str) -> None:
    plain, config = load_clip(base), MetricConfig(clip=base, method="authors")
    start = dict(merged(add_authors_lora(load_clip(base), config), config).model.named_parameters())
    changed = {name for name, p in plain.model.named_parameters() if not torch.equal(p, start[name])}
    assert changed == {name for name in start if name.endswith("attn.in_proj_weight")}
    block = "visual.transformer.resblocks.0.attn.in_proj_weight"
    drawn = (start[block] - dict(plain.model.named_parameters())[block]).std()
    d, r = 128, 4  # Xavier's variance of A `r d` is 2 / (r + d), of B `3d r` 2 / (3d + r); alpha / r = 1/4
    assert drawn == pytest.approx((r * 2 / (r + d) * 2 / (3 * d + r)) ** 0.5 / 4, rel=0.2)


def test_the_saved_clip_embeds_as_the_trained_one_and_the_patches_as_the_import_reads_them(base: str) -> None:
    clip, config = load_clip(base), MetricConfig(clip=base, method="authors", alpha=2.0)
    plain = clip.model.visual.conv1.weight.detach().clone()
    model = add_authors_lora(clip, config)
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.05)
    (patches,) = (module for module in model.modules() if isinstance(module, PatchLora))
    read = Lora("visual.conv1.weight", patches.a, patches.b, config.rank).delta(plain.shape, config.alpha)
    torch.testing.assert_close(clip.model.visual.conv1.weight, plain + read)
    saved, pixels = merged(model, config), torch.randn(2, 3, 48, 48)
    torch.testing.assert_close(saved.encode_image(pixels), clip.encode_image(pixels), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(saved.encode_text(TEXTS), clip.encode_text(TEXTS), atol=1e-5, rtol=1e-4)


def test_a_run_writes_a_clip_that_differs_from_its_base_and_resumes(base: str, tmp_path: Path) -> None:
    config = MetricConfig(clip=base, method="authors", steps=2, batch_size=4, val_every=0, save_every=1)
    given = EXAMPLES, EXAMPLES[:4], ReferencePositives()
    report = train_metric(config, *given, tmp_path / "run")
    tuned, plain = load_clip(f"{tmp_path}/run"), load_clip(base)
    patches = [clip.model.visual.conv1.weight for clip in (tuned, plain)]
    assert (tmp_path / "run" / "clip").is_dir() and not torch.equal(*patches)
    assert train_metric(config, *given, tmp_path / "run", resume=True) == report
    assert torch.equal(load_clip(f"{tmp_path}/run").model.visual.conv1.weight, patches[0])


def test_the_preset_is_that_of_the_paper_but_for_the_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert PRESETS["pacspp_authors"] == PRESETS["pacspp"] | {"method": "authors"}
    with pytest.raises(ValueError, match="has no dropout, got --dropout 0.1; type --method lora"):
        add_authors_lora(outline("ViT-B-32-quickgelu:openai"), MetricConfig(method="authors", dropout=0.1))
    with pytest.raises(ValueError, match="needs patches, and .* has none; type --method lora"):
        add_authors_lora(outline("RN50-quickgelu:openai"), MetricConfig(method="authors"))
