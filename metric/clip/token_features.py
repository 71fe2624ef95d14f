"""The tokens of texts in any open_clip text tower: their number, their vectors, and the texts that were cut.

Axes: n texts, t tokens, d features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import open_clip
import torch
from open_clip.hf_model import HFTextEncoder
from open_clip.transformer import TextTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.model import Clip
from metric.runtime.device import sent

Tower: TypeAlias = open_clip.CLIP | TextTransformer


def padding(clip: Clip) -> int:
    """The id of the padding after short texts: that of a Hugging Face tokenizer, else 0."""
    tokenizer = clip.tokenizer
    return int(tokenizer.tokenizer.pad_token_id or 0) if isinstance(tokenizer, open_clip.tokenizer.HFTokenizer) else 0


def cut(clip: Clip, texts: Sequence[str], tokens: Tensor) -> Tensor:
    """For each text whether it is longer than the context of the tower, `n t` -> `n`; `tokens` are those of the texts.

    Only rows without padding can be longer. They are tokenised again with one token more of context.
    """
    t = tokens.shape[1]
    full = tokens[:, t - 2] != padding(clip)
    rows = full.nonzero().flatten().tolist()
    if rows:
        longer = clip.tokenizer([texts[row] for row in rows], context_length=t + 1)  # type: ignore[call-arg]
        full[rows] = (longer[:, :t] != tokens[rows]).any(1) | (longer[:, t] != padding(clip))
    return full


def lengths(clip: Clip, tokens: Tensor) -> Tensor:
    """Number of tokens of each text, with start and end but without padding, `n t` -> `n`."""
    if pool_type(clip) == "argmax":
        return tokens.argmax(1) + 1  # the end has the highest id
    return (tokens != padding(clip)).sum(1).clamp(min=1)


def pool_type(clip: Clip) -> str:
    model = clip.model
    if isinstance(model, open_clip.CLIP):
        return model.text_pool_type
    return "" if isinstance(model.text, HFTextEncoder) else model.text.pool_type


@torch.no_grad()
def token_features(clip: Clip, tokens: Tensor) -> Tensor:
    """Vectors of tokens in the space of pictures, `n t` -> `n t d`, unit length, fp32: final norm, then projection."""
    model, tokens = clip.model, sent(tokens, clip.device)
    tower = model if isinstance(model, open_clip.CLIP) else model.text
    if isinstance(tower, HFTextEncoder):
        mask = (tokens != tower.config.pad_token_id).long()
        features = tower.proj(tower.transformer(input_ids=tokens, attention_mask=mask).last_hidden_state)
    else:
        features = project(tower, tower.ln_final(hidden(tower, tokens)))
    return F.normalize(features.float(), dim=-1)


def hidden(tower: Tower, tokens: Tensor) -> Tensor:
    """The states of tokens after the last layer, `n t` -> `n t d`."""
    if isinstance(tower, TextTransformer):
        if tower.cls_emb is not None:
            raise ValueError("a text tower with a class token (CoCa) has no vectors of tokens beside it")
        embedded, mask = tower._embeds(tokens)
        return tower.transformer(embedded, attn_mask=mask)
    cast = tower.transformer.get_cast_dtype()
    embedded = tower.token_embedding(tokens).to(cast) + tower.positional_embedding.to(cast)
    return tower.transformer(embedded, attn_mask=tower.attn_mask)


def project(tower: Tower, features: Tensor) -> Tensor:
    projection = tower.text_projection
    if isinstance(projection, nn.Linear):
        return projection(features)
    return features if projection is None else features @ projection
