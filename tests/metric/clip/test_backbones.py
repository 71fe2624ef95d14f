"""Towers of every kind, tiny and untrained: LoRA finds their layers, trains all of them, and merges back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from open_clip.loss import ClipLoss, SigLipLoss
from peft import PeftModel
from PIL import Image
from torch import nn

from metric.clip.load import load_clip, new_clip, save_clip
from metric.clip.model import Clip
from metric.training.config import MetricConfig
from metric.training.loop import bound_scale
from metric.training.lora import add_adapter, save_adapter
from metric.training.lora_layers import targets
from metric.training.own_weights import train_projections
from metric.training.pairs import pair_loss

TEXTS = ["a red ball on the beach", "two small cats in a room"]
TEXT = {"context_length": 16, "vocab_size": 270, "hf_tokenizer_name": "local", "width": 32, "heads": 2, "layers": 1}
SIGLIP_TEXT = {"tokenizer_kwargs": {"clean": "canonicalize"}, "no_causal_mask": True, "proj_bias": True}
SIGLIP_TEXT |= {"pool_type": "last", "norm_kwargs": {"eps": 1e-6}}
SIGLIP = {"embed_dim": 64, "init_logit_bias": -10, "custom_text": True} | {
    "vision_cfg": {"image_size": 160, "timm_model_name": "test_vit", "timm_pool": "map", "timm_proj": "none"}
}
CONFIGS = {
    "openai-vit": {"embed_dim": 16, "quick_gelu": True, "text_cfg": TEXT}
    | {"vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2}},
    "rn": {"embed_dim": 16, "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8}, "text_cfg": TEXT},
    "siglip": {**SIGLIP, "text_cfg": TEXT | SIGLIP_TEXT},
    "siglip2": {**SIGLIP, "text_cfg": TEXT | SIGLIP_TEXT | {"act_kwargs": {"approximate": "tanh"}}},
    "timm-cnn": {"embed_dim": 16, "text_cfg": TEXT}
    | {"vision_cfg": {"image_size": 160, "timm_model_name": "test_efficientnet", "timm_proj": "linear"}},
}
# layers of the image tower and of the text tower
COUNTS = {"openai-vit": (9, 4), "rn": (19, 4)}


def made(name: str, folder: Path) -> Clip:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[name]))
    torch.manual_seed(0)
    clip = new_clip(folder / "config.json", TEXTS)
    for module in clip.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)  # an untrained ResNet's branches are shut: their last gain is 0
    save_clip(clip, folder / "base")
    return load_clip(str(folder / "base"))


def pixels(clip: Clip) -> torch.Tensor:
    shape = clip.preprocess(Image.new("RGB", (8, 8))).shape
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))


def learning(model: PeftModel) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("name", CONFIGS)
def test_lora_trains_every_layer_it_is_put_into_and_merges(name: str, tmp_path: Path) -> None:
    clip = made(name, tmp_path)
    fingerprint, before = clip.fingerprint, clip.encode_image(pixels(clip))
    model = add_adapter(clip, MetricConfig(clip=str(tmp_path / "base")))
    torch.testing.assert_close(clip.encode_image(pixels(clip)), before)  # B is zero
    for parameter in (parameter for key, parameter in learning(model).items() if "lora_B" in key):
        nn.init.normal_(parameter, std=0.05)
    image, text = clip.encode_image(pixels(clip)), clip.encode_text(TEXTS)
    pair_loss(clip, "auto")(image, text).backward()
    idle = [key for key, parameter in learning(model).items() if parameter.grad is None or not parameter.grad.any()]
    assert not idle and all("lora_" in key for key in learning(model))
    save_adapter(model, fingerprint, tmp_path / "adapter")
    merged = load_clip(str(tmp_path / "adapter"))
    torch.testing.assert_close(merged.encode_image(pixels(clip)), image.detach(), rtol=0, atol=2e-5)
    torch.testing.assert_close(merged.encode_text(TEXTS), text.detach(), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", COUNTS)
def test_layers_are_counted_by_tower(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    model = add_adapter(made(name, tmp_path), MetricConfig())
    layers = [key for key in learning(model) if "lora_A" in key]
    image = sum(".visual." in key for key in layers)
    assert (image, len(layers) - image) == COUNTS[name]
    told = capsys.readouterr().out
    assert f"in {len(layers)} layers" in told and "text tower: 2 attention, 2 linear" in told


def test_tower_patches_and_targets_choose(tmp_path: Path) -> None:
    clip = made("openai-vit", tmp_path)
    some = {
        "both": targets(clip, MetricConfig()),
        "text": targets(clip, MetricConfig(tower="text")),
        "plain": targets(clip, MetricConfig(tower="image", patches=False)),
        "given": targets(clip, MetricConfig(targets=r".*c_fc")),
    }
    assert "visual.conv1" in some["both"] and len(some["plain"]) == 4 and "visual.conv1" not in some["plain"]
    assert set(some["text"]) == {"transformer.resblocks.0.mlp.c_fc", "transformer.resblocks.0.mlp.c_proj"}
    assert len(some["given"]) == 3
    for wrong, said in (("nothing", "try visual.conv1"), ("(", "regular expression")):
        with pytest.raises(ValueError, match=said):
            targets(clip, MetricConfig(targets=wrong))


def test_each_clip_is_trained_with_the_loss_it_was_made_with(tmp_path: Path) -> None:
    for name, theirs in (("openai-vit", ClipLoss()), ("siglip", SigLipLoss())):
        clip = made(name, tmp_path / name)
        given = clip.model(pixels(clip), clip.tokenizer(TEXTS))
        ours = pair_loss(clip, "auto")(clip.encode_image(pixels(clip)), clip.encode_text(TEXTS))
        torch.testing.assert_close(ours, theirs(*given))
    with pytest.raises(ValueError, match="needs a logit bias"):
        pair_loss(made("openai-vit", tmp_path), "sigmoid")


def test_temperature_is_bounded_for_softmax_alone(tmp_path: Path) -> None:
    for name, kept in (("openai-vit", False), ("siglip", True)):
        model = made(name, tmp_path / name).model.requires_grad_(True)
        model.logit_scale.data.fill_(4.765)  # SigLIP's, ln 117.3
        bound_scale(model)
        assert (model.logit_scale.item() == pytest.approx(4.765)) == kept


@pytest.mark.parametrize("name", ["openai-vit", "rn", "timm-cnn"])
def test_projections_alone_ask_for_gradients(name: str, tmp_path: Path) -> None:
    clip = made(name, tmp_path)
    model = train_projections(clip)
    clip.encode_image(pixels(clip)).sum().backward()
    clip.encode_text(TEXTS).sum().backward()
    learned = {key for key, parameter in model.named_parameters() if parameter.grad is not None}
    image = {"openai-vit": {"visual.proj"}, "timm-cnn": {"visual.head.proj.weight"}}
    assert learned == image.get(name, {f"visual.attnpool.c_proj.{part}" for part in ("weight", "bias")}) | {
        "text_projection"
    }


def test_tower_without_a_projection_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image tower .* --method lora"):
        train_projections(made("siglip", tmp_path))


def test_adapter_of_another_clip_is_refused_in_one_line(tmp_path: Path) -> None:
    clip = made("openai-vit", tmp_path)
    save_adapter(add_adapter(clip, MetricConfig(clip=str(tmp_path / "base"))), clip.fingerprint, tmp_path / "adapter")
    made("rn", tmp_path / "other")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = str(tmp_path / "other" / "base")
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="was trained on a CLIP with fingerprint"):
        load_clip(str(tmp_path / "adapter"))
    (tmp_path / "adapter" / "base.json").unlink()
    with pytest.raises(ValueError, match="does not fit") as error:
        load_clip(str(tmp_path / "adapter"))
    assert "\n" not in str(error.value)
