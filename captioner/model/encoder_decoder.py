"""The captioner: an encoder-decoder Transformer over the grid features of a frozen CLIP.

Axes: b pictures, k captions of each, p patches, t tokens, n distinct prefixes of the captions, f CLIP features,
d model features, h heads, e features of a head, v vocabulary.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from captioner.config_checks import check_guidance
from captioner.model import pretrained
from captioner.model.attention import AnyCache, Attention, Cache, laid_out
from captioner.model.vocabulary import Vocabulary
from metric.clip.model import Clip
from metric.runtime.prefixes import Prefixes


@dataclass(frozen=True)
class CaptionerConfig:
    """The sizes of a captioner, and the CLIP whose features it reads. The content of config.json."""

    feature_dim: int
    "Size f of a patch's features."
    vocabulary_size: int
    "Number v of tokens."
    clip: str
    "Name of the CLIP that computes the features."
    clip_fingerprint: str
    "Fingerprint of that CLIP. Features of any other CLIP are refused."
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
    "Most tokens that the decoder can read, BOS included."
    drop_features: float = 0.0
    "Share of the pictures that cross-entropy hid. Above 0, the captioner knows captions without a picture."

    @property
    def content(self) -> dict[str, Any]:
        """The content of config.json. A captioner that saw all pictures has the content of earlier versions."""
        return {name: value for name, value in asdict(self).items() if name != "drop_features" or value}

    def refuse_guidance(self, guidance: float) -> None:
        """Raises ValueError for guidance out of range, or of a captioner that was never without a picture."""
        check_guidance("--guidance", guidance)
        if guidance != 1 and not self.drop_features:
            raise ValueError(
                f"--guidance {guidance:g} needs a captioner that knows captions without a picture, and this captioner "
                "saw all pictures; type --guidance 1, or train one by `captioner train --xe.drop-features 0.1`"
            )

    def refuse_longer(self, max_length: int) -> None:
        """Raises ValueError for captions of more tokens than the decoder can read."""
        if max_length > self.max_length:
            raise ValueError(
                f"--max-length must be at most {self.max_length}, the longest caption that the captioner reads, "
                f"got {max_length}"
            )

    def refuse_other_clip(self, clip: Clip) -> None:
        """Raises ValueError unless `clip` is the CLIP that the captioner was trained with."""
        if clip.fingerprint != self.clip_fingerprint:
            raise ValueError(
                f"the captioner was trained on features of {self.clip} ({self.clip_fingerprint}), "
                f"got {clip.name} ({clip.fingerprint}): give it its own CLIP"
            )


def feedforward(config: CaptionerConfig) -> nn.Sequential:
    """The two linear layers after attention, normalised before. `... d` -> `... d`."""
    return nn.Sequential(
        nn.LayerNorm(config.d),
        nn.Linear(config.d, config.feedforward),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.feedforward, config.d),
        nn.Dropout(config.dropout),
    )


class EncoderLayer(nn.Module):
    """A layer of the encoder: attention among patches, then a feed-forward part. Both are normalised before."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(config.d), Attention(config.d, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.feedforward = feedforward(config)

    def forward(self, x: Tensor) -> Tensor:
        """`b p d` -> `b p d`."""
        y = self.norm(x)
        x = x + self.dropout(self.attention(y, self.attention.keys_values(y)))
        return x + self.feedforward(x)


class DecoderLayer(nn.Module):
    """A layer of the decoder: attention to earlier tokens, attention to patches, then a feed-forward part."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.own_norm, self.own = nn.LayerNorm(config.d), Attention(config.d, config.heads, config.dropout)
        self.cross_norm, self.cross = nn.LayerNorm(config.d), Attention(config.d, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.feedforward = feedforward(config)

    def forward(self, x: Tensor, memory: Tensor, prefixes: Prefixes) -> Tensor:
        """Computes all prefixes at once. Prefixes `n d` and memory `b p d` -> `n d`."""
        patches = self.cross.keys_values(memory)
        y = self.own_norm(x)
        x = x + self.dropout(self.own(y, self.own.keys_values(y, prefixes), causal=True, prefixes=prefixes))
        x = x + self.dropout(self.cross(self.cross_norm(x), patches, prefixes=prefixes))
        return x + self.feedforward(x)

    def step(self, x: Tensor, layer: int, cache: AnyCache) -> tuple[Tensor, Tensor]:
        """Computes the next token of each caption, `n d` -> `n d`, and the keys and values of all tokens, `t n 2d`."""
        y = self.own_norm(x)
        seen = cache.joined(layer, self.own.key_value(y))
        x = x + self.own.follow(y, seen, cache.real)
        x = x + self.cross.glance(self.cross_norm(x), *cache.cross[layer])
        return x + self.feedforward(x), seen


def check(config: CaptionerConfig, vocabulary: Vocabulary) -> None:
    """Raises ValueError for sizes that do not fit each other."""
    if config.d % config.heads:
        raise ValueError(f"d is divided among the heads, got d {config.d} and {config.heads} heads")
    if config.vocabulary_size != vocabulary.size:
        raise ValueError(f"the captioner has {config.vocabulary_size} tokens, its tokenizer {vocabulary.size}")


class Captioner(nn.Module):
    """A Transformer that reads the grid features of a CLIP and writes captions, token by token.

    `Captioner.from_pretrained(NAME)` loads one. `vocabulary` turns its tokens into text, and `Describer` adds the CLIP.
    """

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
        """The encoder: features `b p f` -> memory `b p d`."""
        return self.encoder_norm(self.encoder(self.look(features)))

    def encode_nothing(self) -> Tensor:
        """The memory of no picture, `1 1 d`: that of one patch of zeros.

        Cross-entropy hides a picture by zeros in all patches. Equal patches have one memory, however many there are.
        """
        return self.encode(self.token.weight.new_zeros(1, 1, self.config.feature_dim))

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing: features `b p f` and tokens `b ... t` -> logits `b ... t v` of the token after each."""
        prefixes = Prefixes.apart(tokens.reshape(len(tokens), -1, tokens.shape[-1]))
        return self.logits(self.states(features, prefixes)).view(*tokens.shape, -1)

    def states(self, features: Tensor, prefixes: Prefixes) -> Tensor:
        """The last states of the decoder, which `logits` reads. Features `b p f` -> `n d`.

        The encoder runs once a picture, the decoder once a distinct prefix.
        """
        return self.read(self.encode(features), prefixes)

    def read(self, memory: Tensor, prefixes: Prefixes) -> Tensor:
        """The decoder: memory `b p d` and n prefixes -> states `n d`."""
        x = self.dropout(self.token(prefixes.last) + self.position(prefixes.positions))
        for layer in self.layers:
            x = layer(x, memory, prefixes)
        return self.decoder_norm(x)

    def logits(self, states: Tensor) -> Tensor:
        """The output projection: states `... d` -> logits `... v`."""
        return F.linear(states, self.token.weight)

    @property
    def layers(self) -> list[DecoderLayer]:
        """The layers of the decoder."""
        return cast("list[DecoderLayer]", list(self.decoder))  # a string, which the compiler of PyTorch 2.6 can read

    def start(self, memory: Tensor) -> Cache:
        """The cache of a decoder that has read no token yet. Memory `b p d` -> Cache."""
        cross = [laid_out(layer.cross.keys_values(memory)) for layer in self.layers]
        return Cache(cross, [None] * len(cross))

    def step(self, tokens: Tensor, cache: AnyCache) -> tuple[Tensor, AnyCache]:
        """Reads one more token of each caption. Tokens `b k` -> logits `b k v` of the next tokens, and the new cache.

        Call it without dropout and gradients, see `captioner.decoding.generate.at_rest`.
        """
        x = (self.token(tokens) + cache.place(self.position.weight)).flatten(0, 1)
        keys_values: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            x, seen = layer.step(x, i, cache)
            keys_values.append(seen)
        logits = rearrange(self.logits(self.decoder_norm(x)), "(b k) v -> b k v", b=len(tokens))
        return logits, cache.grown(keys_values)

    def save_pretrained(self, folder: Path) -> None:
        """Writes config.json, model.safetensors and tokenizer.json into `folder`, in Hugging Face's layout."""
        pretrained.write(Path(folder), self.config.content, self.state_dict())
        self.vocabulary.save(Path(folder) / pretrained.TOKENIZER)

    @classmethod
    def from_pretrained(cls, name: str | Path) -> Captioner:
        """Loads a captioner, on the CPU and in eval mode.

        `name` is a run folder (its last checkpoint is loaded), a model folder, or a hub id such as OWNER/NAME. A folder
        `clip` inside the model's folder is the captioner's own CLIP. Raises ValueError when there is no such captioner.
        """
        folder = pretrained.fetch(str(name))
        config = CaptionerConfig(**pretrained.read_config(folder / pretrained.CONFIG, CaptionerConfig))
        if (folder / pretrained.CLIP).is_dir():
            config = replace(config, clip=str(folder / pretrained.CLIP))
        captioner = cls(config, Vocabulary.load(folder / pretrained.TOKENIZER))
        captioner.load_state_dict(pretrained.read_weights(folder / pretrained.WEIGHTS, captioner.state_dict()))
        return captioner.eval()
