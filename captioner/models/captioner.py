"""The captioner: an encoder-decoder Transformer over the grid features of a frozen CLIP.

Axes: b pictures, k captions of each, p patches, t tokens, f CLIP features, d model features, h heads,
e features of a head, v vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from captioner.models import pretrained
from captioner.models.vocabulary import Vocabulary
from metric.clip import Clip

KeyValue = tuple[Tensor, Tensor]  # b h n e, twice


@dataclass(frozen=True)
class CaptionerConfig:
    """The shape of a captioner and the CLIP it looks through: all that config.json holds."""

    feature_dim: int
    "Size f of a patch's features."
    vocabulary_size: int
    "Number v of tokens."
    clip: str
    "Name of the CLIP the features come from."
    clip_fingerprint: str
    "Its fingerprint: features of any other CLIP are refused."
    d: int = 512
    "Size of the states."
    heads: int = 8
    "Attention heads."
    encoder_layers: int = 3
    "Layers over the patches."
    decoder_layers: int = 3
    "Layers over the tokens."
    feedforward: int = 2048
    "Size of the hidden layer between attentions."
    dropout: float = 0.1
    "Share of states dropped in training."
    max_length: int = 30
    "Tokens the decoder can read, BOS included."

    def refuse_other_clip(self, clip: Clip) -> None:
        """A captioner understands the features of its own CLIP only."""
        if clip.fingerprint != self.clip_fingerprint:
            raise ValueError(
                f"the captioner was trained on features of {self.clip} ({self.clip_fingerprint}), "
                f"got {clip.name} ({clip.fingerprint}): give it its own CLIP"
            )


@dataclass(frozen=True)
class Cache:
    """What the decoder has worked out about the pictures, and about the tokens it has read so far."""

    cross: list[KeyValue]
    "Of each layer, keys and values of the patches, `b h p e`: shared by the k captions."
    own: list[KeyValue]
    "Of each layer, keys and values of the tokens read, `(b k) h t e`; empty before the first."

    @property
    def length(self) -> int:
        return self.own[0][0].shape[2] if self.own else 0

    def select(self, rows: Tensor) -> Cache:
        """The captions numbered `rows`, any of the b·k, in that order."""
        return replace(self, own=[(k.index_select(0, rows), v.index_select(0, rows)) for k, v in self.own])


class Attention(nn.Module):
    """Scaled dot-product attention, its keys and values worked out apart so that they can be kept."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.query = nn.Linear(config.d, config.d)
        self.key_value = nn.Linear(config.d, 2 * config.d)
        self.out = nn.Linear(config.d, config.d)

    def keys_values(self, x: Tensor) -> KeyValue:
        """`b n d` -> `b h n e`, twice."""
        keys, values = rearrange(self.key_value(x), "b n (two h e) -> two b h n e", two=2, h=self.heads)
        return keys, values

    def forward(self, x: Tensor, seen: KeyValue, causal: bool = False) -> Tensor:
        """`(b k) t d` looking at `b h n e` -> `(b k) t d`: k captions of a picture share its keys."""
        b, t = len(seen[0]), x.shape[1]
        queries = rearrange(self.query(x), "(b k) t (h e) -> b h (k t) e", b=b, h=self.heads)
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(queries, *seen, dropout_p=dropout, is_causal=causal)
        return self.out(rearrange(heads, "b h (k t) e -> (b k) t (h e)", t=t))


def feedforward(config: CaptionerConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(config.d),
        nn.Linear(config.d, config.feedforward),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.feedforward, config.d),
        nn.Dropout(config.dropout),
    )


class EncoderLayer(nn.Module):
    """Patches look at each other; normalised before, not after, each part."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(config.d), Attention(config)
        self.dropout = nn.Dropout(config.dropout)
        self.feedforward = feedforward(config)

    def forward(self, x: Tensor) -> Tensor:
        """`b p d` -> `b p d`."""
        y = self.norm(x)
        x = x + self.dropout(self.attention(y, self.attention.keys_values(y)))
        return x + self.feedforward(x)


class DecoderLayer(nn.Module):
    """Tokens look at those before them, then at the patches."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.own_norm, self.own = nn.LayerNorm(config.d), Attention(config)
        self.cross_norm, self.cross = nn.LayerNorm(config.d), Attention(config)
        self.dropout = nn.Dropout(config.dropout)
        self.feedforward = feedforward(config)

    def forward(self, x: Tensor, patches: KeyValue, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """`(b k) t d` -> the same, and the keys and values of all tokens up to the last of x."""
        y = self.own_norm(x)
        seen = self.own.keys_values(y)
        if past is not None:
            seen = torch.cat([past[0], seen[0]], dim=2), torch.cat([past[1], seen[1]], dim=2)
        x = x + self.dropout(self.own(y, seen, causal=past is None))
        x = x + self.dropout(self.cross(self.cross_norm(x), patches))
        return x + self.feedforward(x), seen


def check(config: CaptionerConfig, vocabulary: Vocabulary) -> None:
    if config.d % config.heads:
        raise ValueError(f"d is divided among the heads, got d {config.d} and {config.heads} heads")
    if config.vocabulary_size != vocabulary.size:
        raise ValueError(f"the captioner has {config.vocabulary_size} tokens, its tokenizer {vocabulary.size}")


class Captioner(nn.Module):
    """Grid features in, caption tokens out; `vocabulary` says what the tokens mean."""

    def __init__(self, config: CaptionerConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        check(config, vocabulary)
        self.config, self.vocabulary = config, vocabulary
        self.look = nn.Sequential(
            nn.Linear(config.feature_dim, config.d), nn.LayerNorm(config.d), nn.Dropout(config.dropout)
        )
        self.encoder = nn.Sequential(*(EncoderLayer(config) for _ in range(config.encoder_layers)))
        self.encoder_norm = nn.LayerNorm(config.d)
        self.token = nn.Embedding(config.vocabulary_size, config.d)  # also the output projection
        self.position = nn.Embedding(config.max_length, config.d)
        self.dropout = nn.Dropout(config.dropout)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(config.d)
        for embedding in (self.token, self.position):
            nn.init.normal_(embedding.weight, std=0.02)  # so that the first logits are near 0

    def encode(self, features: Tensor) -> Tensor:
        """`b p f` -> memory `b p d`."""
        return self.encoder_norm(self.encoder(self.look(features)))

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing: `b p f` and `b ... t` -> logits `b ... t v` of the token after each."""
        return self.logits(self.states(features, tokens))

    def states(self, features: Tensor, tokens: Tensor) -> Tensor:
        """`b p f` and `b ... t` -> `b ... t d`, what `logits` reads; the encoder runs once a picture."""
        b, t = len(tokens), tokens.shape[-1]
        states, _ = self.read(tokens.reshape(b, -1, t), self.start(self.encode(features)))
        return states.reshape(*tokens.shape, -1)

    def logits(self, states: Tensor) -> Tensor:
        """`... d` -> `... v`."""
        return F.linear(states, self.token.weight)

    def start(self, memory: Tensor) -> Cache:
        """Memory `b p d` -> the cache of a decoder that has read nothing yet."""
        layers = cast(list[DecoderLayer], list(self.decoder))
        return Cache(cross=[layer.cross.keys_values(memory) for layer in layers], own=[])

    def step(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """One more token of each caption, `b k` -> logits `b k v` of the next, and the cache grown by one."""
        states, cache = self.read(rearrange(tokens, "b k -> b k 1"), cache)
        return self.logits(rearrange(states, "b k 1 d -> b k d")), cache

    def read(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """All tokens `b k t` at once from an empty cache, else one -> states `b k t d`, the cache grown."""
        b, _, t = tokens.shape
        positions = torch.arange(cache.length, cache.length + t, device=tokens.device)
        x = self.dropout(self.token(tokens) + self.position(positions))
        x = rearrange(x, "b k t d -> (b k) t d")
        own: list[KeyValue] = []
        for i, layer in enumerate(self.decoder):
            x, seen = layer(x, cache.cross[i], cache.own[i] if cache.own else None)
            own.append(seen)
        return rearrange(self.decoder_norm(x), "(b k) t d -> b k t d", b=b), replace(cache, own=own)

    def save_pretrained(self, folder: Path) -> None:
        """In Hugging Face's layout: config.json, model.safetensors, tokenizer.json."""
        pretrained.write(Path(folder), self.config, self.state_dict())
        self.vocabulary.save(Path(folder) / pretrained.TOKENIZER)

    @classmethod
    def from_pretrained(cls, name: str | Path) -> Captioner:
        """From such a folder or a hub id, on the CPU, in eval mode; a CLIP that lies beside it is its own."""
        folder = pretrained.fetch(str(name))
        config = CaptionerConfig(**pretrained.read_config(folder / pretrained.CONFIG, CaptionerConfig))
        if (folder / pretrained.CLIP).is_dir():
            config = replace(config, clip=str(folder / pretrained.CLIP))
        captioner = cls(config, Vocabulary.load(folder / pretrained.TOKENIZER))
        captioner.load_state_dict(pretrained.read_weights(folder / pretrained.WEIGHTS, captioner.state_dict()))
        return captioner.eval()
