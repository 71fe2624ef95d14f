"""A CLIP: its towers, its tokenizer, and the positions of a text that its features depend on.

Axes: n images or texts, d features, t tokens, c h w pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import open_clip
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from metric.runtime.device import sent
from metric.storage.tensors import fingerprint

Model: TypeAlias = open_clip.CLIP | open_clip.CustomTextCLIP
# the files of a CLIP's folder
CONFIG, WEIGHTS, ADAPTER = "open_clip_config.json", "open_clip_model.safetensors", "adapter_config.json"


@dataclass
class Clip:
    """A frozen model in eval mode, with its preprocessing of pictures and its tokenizer.

    `config` is the content of open_clip_config.json. `negatives` is the number of hard text negatives a caption that
    `captioner metric train` gave it, as its run has recorded; None where nothing is recorded. `negative_kinds` are
    their kinds. `origin` says whose weights an imported CLIP has, "" for another.
    """

    name: str
    model: Model
    preprocess: Callable[[Image.Image], Tensor]
    tokenizer: Callable[[list[str]], Tensor]
    config: dict[str, Any]
    negatives: int | None = None
    negative_kinds: str = ""
    origin: str = ""

    @property
    def dim(self) -> int:
        return int(self.config["model_cfg"]["embed_dim"])

    @property
    def device(self) -> torch.device:
        return self.model.logit_scale.device

    def to(self, device: str | torch.device) -> Clip:
        self.model.to(device)
        return self

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over configuration and weights. Models with equal digits score equally."""
        return fingerprint(self.config, self.model.state_dict())

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Embeddings of pictures, `n c h w` -> `n d`, unit length, fp32."""
        return F.normalize(self.model.encode_image(sent(pixels, self.device)).float(), dim=-1)

    def encode_text(self, texts: list[str]) -> Tensor:
        """Embeddings of texts, n texts -> `n d`, unit length, fp32."""
        return self.encode_needed(self.tokenizer(texts))

    def encode_needed(self, tokens: Tensor) -> Tensor:
        """Embeddings of tokens, `n t` -> `n d`. Positions that no text of them needs are left out."""
        return self.encode_tokens(tokens[:, : int(needed_positions(self.model, tokens).max())])

    def encode_tokens(self, tokens: Tensor) -> Tensor:
        """Embeddings of tokens, `n t` -> `n d`, unit length, fp32. All t positions are computed."""
        return F.normalize(text_features(self.model, sent(tokens, self.device)).float(), dim=-1)


def idle_padding(model: Model) -> bool:
    """Whether features do not depend on positions after EOS: the mask is causal, and features are read at EOS."""
    return isinstance(model, open_clip.CLIP) and model.text_pool_type == "argmax" and model.attn_mask is not None


def needed_positions(model: Model, tokens: Tensor) -> Tensor:
    """Number of positions that the features of each text depend on, `n t` -> `n`: up to EOS, the highest id."""
    return tokens.argmax(dim=-1) + 1 if idle_padding(model) else torch.full((len(tokens),), tokens.shape[1])


def text_features(model: Model, tokens: Tensor) -> Tensor:
    """The text tower, `n t` -> `n d`. Unlike open_clip's, it can run on fewer positions than the context has."""
    if not idle_padding(model):
        return model.encode_text(tokens)
    t = tokens.shape[1]
    x = model.token_embedding(tokens) + model.positional_embedding[:t]
    x = model.transformer(x, attn_mask=model.attn_mask[:t, :t])
    return projected(model, x[torch.arange(len(x), device=x.device), tokens.argmax(dim=-1)])


def projected(model: Model, pooled: Tensor) -> Tensor:
    """The end of the text tower, from its states at EOS: `n d` -> `n d`."""
    pooled = model.ln_final(pooled)
    if isinstance(model.text_projection, nn.Linear):
        return model.text_projection(pooled)
    return pooled if model.text_projection is None else pooled @ model.text_projection


def frozen(model: Model) -> Model:
    return model.eval().requires_grad_(False)
