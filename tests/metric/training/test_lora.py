from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import nn

from metric.clip.load import load_clip, new_clip, save_clip
from metric.clip.merged_lora import LinearAttention, open_attention
from metric.clip.model import Clip
from metric.training.config import MetricConfig
from metric.training.lora import add_adapter, save_adapter
from metric.training.lora_layers import targets

TEXTS = ["a red ball on the beach", "two small cats in a room"]
PHOTO = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "timm_model_name": "tf_efficientnet_lite0", "timm_proj": "linear"},
    "text_cfg": {"context_length": 16, "vocab_size": 270, "hf_tokenizer_name": "local", "width": 16}
    | {"heads": 2, "layers": 1},
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_clip(new_clip("scenes-clip", TEXTS), tmp_path / "base")
    return tmp_path / "base"


def adapted(base: Path) -> tuple[Clip, PeftModel]:
    """With matrices B that do something."""
    clip = load_clip(str(base))
    model = add_adapter(clip, MetricConfig(clip=str(base)))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    return clip, model


def test_linear_attention_is_multihead_attention() -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    x, mask = torch.randn(2, 5, 12), torch.full((5, 5), -torch.inf).triu(1)
    ours = LinearAttention(theirs)
    for masked in mask, None:
        expected = theirs(x, x, x, need_weights=False, attn_mask=masked)[0]
        torch.testing.assert_close(ours(x, x, x, need_weights=False, attn_mask=masked)[0], expected)


def test_before_the_first_step_nothing_has_changed(base: Path) -> None:
    clip, plain = load_clip(str(base)), load_clip(str(base))
    pixels = torch.randn(2, 3, 48, 48)
    add_adapter(clip, MetricConfig(clip=str(base)))
    torch.testing.assert_close(clip.encode_image(pixels), plain.encode_image(pixels))
    torch.testing.assert_close(clip.encode_text(TEXTS), plain.encode_text(TEXTS))


def test_both_towers_learn_and_nothing_else_does(base: Path) -> None:
    clip = load_clip(str(base))
    model = add_adapter(clip, MetricConfig(clip=str(base)))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all("lora_" in name for name in trained)
    # A and B of four layers in each of 4 + 2 blocks, and of the patches
    assert len(trained) == 2 * (4 * (4 + 2) + 1)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters() if name in trained}
    block = "base_model.model.visual.transformer.resblocks.0.attn.in_proj"
    assert shapes[f"{block}.lora_A.default.weight"] == (4, 128)
    assert shapes[f"{block}.lora_B.default.weight"] == (384, 4)


def test_timm_tower_learns_in_its_head_and_the_text_tower(tmp_path: Path) -> None:
    (tmp_path / "photo.json").write_text(json.dumps(PHOTO))
    clip = new_clip(tmp_path / "photo.json", TEXTS)
    model = add_adapter(clip, MetricConfig(clip="photo", targets=r".*resblocks.*|visual\.head\..*"))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(trained) == 2 * (4 + 1)
    assert any(".visual.head.proj." in name for name in trained)


def test_the_last_projections_of_both_towers_learn_only_where_they_are_named(tmp_path: Path) -> None:
    """CLIP's own towers end in a matrix, which has no LoRA. A layer of timm at that place is treated alike."""
    (tmp_path / "photo.json").write_text(json.dumps(PHOTO))
    clip = new_clip(tmp_path / "photo.json", TEXTS)
    chosen = targets(clip, MetricConfig(clip="photo"))
    assert any("visual.trunk" in name for name in chosen) and any("resblocks" in name for name in chosen)
    assert not any(name.startswith("visual.head") or "text_projection" in name for name in chosen)
    assert list(targets(clip, MetricConfig(clip="photo", targets=r"visual\.head\.proj"))) == ["visual.head.proj"]


def test_merged_adapter_scores_like_the_unmerged(base: Path, tmp_path: Path) -> None:
    clip, model = adapted(base)
    save_adapter(model, load_clip(str(base)).fingerprint, tmp_path / "adapter")
    merged = load_clip(str(tmp_path / "adapter"))
    assert not any("lora" in name for name, _ in merged.model.named_parameters())
    pixels, plain = torch.randn(2, 3, 48, 48), load_clip(str(base))
    assert (merged.encode_image(pixels) - plain.encode_image(pixels)).abs().max() > 1e-3
    torch.testing.assert_close(merged.encode_image(pixels), clip.encode_image(pixels), rtol=0, atol=1e-5)
    torch.testing.assert_close(merged.encode_text(TEXTS), clip.encode_text(TEXTS), rtol=0, atol=1e-5)


def test_merged_weights_are_base_plus_scaled_product(base: Path, tmp_path: Path) -> None:
    _, model = adapted(base)
    save_adapter(model, load_clip(str(base)).fingerprint, tmp_path)
    merged = load_clip(str(tmp_path)).model.state_dict()
    plain = load_clip(str(base)).model.state_dict()
    lora = dict(model.base_model.model.named_parameters())
    block = "transformer.resblocks.1.attn"
    for layer, weight in (f"{block}.in_proj", f"{block}.in_proj_weight"), (f"{block}.out_proj",) * 2:
        key = weight if weight in plain else f"{weight}.weight"
        product = lora[f"{layer}.lora_B.default.weight"] @ lora[f"{layer}.lora_A.default.weight"]
        torch.testing.assert_close(merged[key], plain[key] + product.detach() / 4)  # alpha 1 / rank 4


def test_merged_clip_is_an_ordinary_one(base: Path, tmp_path: Path) -> None:
    _, model = adapted(base)
    save_adapter(model, load_clip(str(base)).fingerprint, tmp_path / "adapter")
    merged = load_clip(str(tmp_path / "adapter"))
    save_clip(merged, tmp_path / "whole")
    assert load_clip(str(tmp_path / "whole")).fingerprint == merged.fingerprint


def test_adapter_is_peft_s_own_format(base: Path, tmp_path: Path) -> None:
    clip, model = adapted(base)
    save_adapter(model, load_clip(str(base)).fingerprint, tmp_path / "adapter")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(base.resolve())
    again = load_clip(str(base))
    open_attention(again.model)
    PeftModel.from_pretrained(again.model, str(tmp_path / "adapter"))
    torch.testing.assert_close(again.encode_text(TEXTS), clip.encode_text(TEXTS))


def test_adapter_refuses_another_base(base: Path, tmp_path: Path) -> None:
    _, model = adapted(base)
    save_adapter(model, "0123456789ab", tmp_path / "adapter")
    with pytest.raises(ValueError, match="0123456789ab"):
        load_clip(str(tmp_path / "adapter"))
