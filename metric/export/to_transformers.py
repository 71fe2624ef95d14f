"""A CLIP as CLIPModel of transformers, with its tokenizer and image processor.

CLIPModel has the architecture of OpenAI's CLIP with a ViT. Other towers (timm, ResNet, SigLIP, a text tower of BERT)
have weights without a place in it, and are refused by name.

Axes: n pictures or texts, c h w pixels, t tokens, d features.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from torch import Tensor
from torch.nn import functional as F

from metric.clip.load import quiet
from metric.clip.model import Clip
from metric.runtime.progress import without_bars

RESAMPLE = {"bicubic": 3, "bilinear": 2}  # PIL's numbers
SPECIAL = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}  # open_clip's names -> transformers'
# name in open_clip -> name in CLIPModel, each a pattern with what stands in its place
NAMES = (
    (r"visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"visual\.conv1\.weight", "vision_model.embeddings.patch_embedding.weight"),
    (r"visual\.ln_pre\.(\w+)", r"vision_model.pre_layrnorm.\1"),
    (r"visual\.ln_post\.(\w+)", r"vision_model.post_layernorm.\1"),
    (r"visual\.proj", "visual_projection.weight"),
    (r"visual\.transformer\.resblocks\.(\d+)\.(.+)", r"vision_model.encoder.layers.\1.\2"),
    (r"token_embedding\.weight", "text_model.embeddings.token_embedding.weight"),
    (r"positional_embedding", "text_model.embeddings.position_embedding.weight"),
    (r"ln_final\.(\w+)", r"text_model.final_layer_norm.\1"),
    (r"text_projection", "text_projection.weight"),
    (r"transformer\.resblocks\.(\d+)\.(.+)", r"text_model.encoder.layers.\1.\2"),
    (r"logit_scale", "logit_scale"),
)
LAYERS = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
LAYERS |= {"attn.out_proj": "self_attn.out_proj"}


def write_transformers(clip: Clip, folder: Path) -> tuple[Any, list[str]]:
    """CLIPModel, tokenizer and image processor. -> the towers as they load, and what to say. Raises ValueError."""
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor

    weights = renamed(clip)
    tokenizer = tokenizer_of(clip)
    with torch.device("meta"):
        model = CLIPModel(CLIPConfig(**config_of(clip, tokenizer)))
    needed = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if needed != {name: tensor.shape for name, tensor in weights.items()}:
        unlike = sorted(needed.keys() ^ weights.keys()) or [n for n in needed if needed[n] != weights[n].shape]
        raise refusal(clip, f"{unlike[0]} has no counterpart")
    model.load_state_dict(weights, assign=True)
    with without_bars():
        model.save_pretrained(folder)
        CLIPProcessor(image_processor_of(clip), tokenizer).save_pretrained(folder)
        towers = loaded(folder)
    return towers, [f"load it: CLIPModel.from_pretrained('{folder}'), AutoProcessor.from_pretrained('{folder}')"]


def loaded(folder: Path) -> tuple[Callable[[Tensor], Tensor], Callable[[list[str]], Tensor]]:
    """The towers of a written folder: pixels `n c h w` -> `n d`, n texts -> `n d`, of unit length."""
    from transformers import AutoProcessor, CLIPModel

    with quiet():
        model, processor = CLIPModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)

    def image(pixels: Tensor) -> Tensor:
        return F.normalize(pooled(model.get_image_features(pixel_values=pixels)), dim=-1)

    def text(texts: list[str]) -> Tensor:
        tokens = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        tokens = {name: tokens[name] for name in ("input_ids", "attention_mask")}
        return F.normalize(pooled(model.get_text_features(**tokens)), dim=-1)

    return image, text


def pooled(output: Any) -> Tensor:
    """The features, which transformers 5 wraps in an output."""
    return output if isinstance(output, Tensor) else output.pooler_output


def refusal(clip: Clip, why: str) -> ValueError:
    return ValueError(
        f"{clip.name} is no CLIP as transformers' CLIPModel computes it: {why}; type --format open_clip or onnx"
    )


def renamed(clip: Clip) -> dict[str, Tensor]:
    """The weights under the names of CLIPModel. Raises ValueError for another architecture."""
    visual = clip.model.visual
    if not isinstance(visual, VisionTransformer):
        raise refusal(clip, f"its image tower is a {type(visual).__name__}, not a ViT")
    if not isinstance(clip.model, open_clip.CLIP):
        raise refusal(clip, f"its text tower is a {type(clip.model.text).__name__}")
    weights: dict[str, Tensor] = {}
    for name, tensor in clip.model.state_dict().items():
        if name != "attn_mask":
            weights |= placed(clip, name, tensor)
    return weights


def placed(clip: Clip, name: str, tensor: Tensor) -> dict[str, Tensor]:
    """A weight under its name in CLIPModel. The input projection of attention becomes three."""
    for pattern, target in NAMES:
        if re.fullmatch(pattern, name):
            new = re.sub(pattern, target, name)
            break
    else:
        raise refusal(clip, f"{name} has no counterpart")
    for old, other in LAYERS.items():
        new = new.replace(f".{old}.", f".{other}.")
    if ".attn.in_proj_" in new:
        stem, kind = new.split(".attn.in_proj_")
        return {f"{stem}.self_attn.{one}_proj.{kind}": part for one, part in zip("qkv", tensor.float().chunk(3))}
    turned = name in ("visual.proj", "text_projection")  # x @ w there, a linear layer here
    return {new: (tensor.T if turned else tensor).float().contiguous()}


def config_of(clip: Clip, tokenizer: Any) -> dict[str, Any]:
    """The settings of CLIPModel, read off the layers of the model."""
    model, visual = clip.model, clip.model.visual
    tokens = {kind: getattr(tokenizer, f"{kind}_token_id") for kind in ("bos", "eos", "pad")}
    text = layers_of(model.transformer) | {f"{kind}_token_id": number for kind, number in tokens.items()}
    text |= {
        "vocab_size": model.token_embedding.num_embeddings,
        "max_position_embeddings": len(model.positional_embedding),
    }
    patch, side = visual.conv1.kernel_size[0], visual.image_size[0]
    image = layers_of(visual.transformer) | {"image_size": side, "patch_size": patch}
    shared = {"projection_dim": clip.dim}
    return {"text_config": text | shared, "vision_config": image | shared, **shared}


def layers_of(transformer: Any) -> dict[str, Any]:
    block = transformer.resblocks[0]
    return {
        "hidden_size": block.attn.embed_dim,
        "num_attention_heads": block.attn.num_heads,
        "num_hidden_layers": len(transformer.resblocks),
        "intermediate_size": block.mlp.c_fc.out_features,
        "hidden_act": "quick_gelu" if isinstance(block.mlp.gelu, QuickGELU) else "gelu",
        "layer_norm_eps": block.ln_1.eps,
    }


def tokenizer_of(clip: Clip) -> Any:
    """The tokenizer of transformers with the same tokens: the one inside open_clip's, or CLIP's byte pairs."""
    from transformers import CLIPTokenizer

    tokenizer, context = clip.tokenizer, len(clip.model.positional_embedding)
    if isinstance(tokenizer, open_clip.tokenizer.HFTokenizer):
        tokenizer.tokenizer.model_max_length = context
        return tokenizer.tokenizer
    if not isinstance(tokenizer, open_clip.tokenizer.SimpleTokenizer):
        raise refusal(clip, f"its tokenizer is a {type(tokenizer).__name__}")
    vocabulary = {SPECIAL.get(token, token): number for token, number in tokenizer.encoder.items()}
    return CLIPTokenizer(vocab=vocabulary, merges=list(tokenizer.bpe_ranks), model_max_length=context)


def image_processor_of(clip: Clip) -> Any:
    """The preparation of pictures. transformers resizes with torchvision, so that pixels differ in rounding."""
    from transformers import CLIPImageProcessor

    settings: dict[str, Any] = {**clip.model.visual.preprocess_cfg}
    side, how = clip.model.visual.image_size[0], settings.get("resize_mode", "shortest")
    if how not in ("shortest", "squash") or settings.get("interpolation", "bicubic") not in RESAMPLE:
        raise refusal(clip, f"its pictures are resized by {how} and {settings.get('interpolation')}")
    square = {"height": side, "width": side}
    return CLIPImageProcessor(
        size={"shortest_edge": side} if how == "shortest" else square,
        crop_size=square,
        do_center_crop=how == "shortest",
        resample=RESAMPLE[settings.get("interpolation", "bicubic")],
        image_mean=list(settings["mean"]),
        image_std=list(settings["std"]),
    )
