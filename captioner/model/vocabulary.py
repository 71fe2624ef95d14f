"""Captions to token ids and back: CLIP's own byte-pair encoding, or a small one of the same kind.

Axes: n captions, t tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

import torch
from open_clip.tokenizer import SimpleTokenizer, basic_clean, bytes_to_unicode
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from metric.example import Cut
from metric.storage.atomic_files import write

BOS, EOS, PAD = "<start_of_text>", "<end_of_text>", "<pad>"
END = "</w>"  # marks the last piece of a word
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # as in openai/CLIP, simple_tokenizer.py

# CLIP's words forget the spaces around punctuation; English has them here.
SPACING = [
    (re.compile(r"(?<=\d) (?=\d)"), ""),  # 1 0 -> 10
    (re.compile(r"(?<=\d) (?=(?:st|nd|rd|th|d)\b)"), ""),  # 2 nd -> 2nd
    (re.compile(r"(?<=\w) ([-/]) (?=\w)"), r"\1"),  # t - shirt -> t-shirt
    (re.compile(r" (?=[,.;:!?%)]|'(?:s|t|re|ve|m|ll|d)\b)"), ""),  # dog 's -> dog's
    (re.compile(r"(?<=[(#$]) "), ""),
    (re.compile(r'" ([^"]+) "'), r'"\1"'),
]


class Vocabulary:
    """A tokenizer with ids for start, end and padding; `tokenizer` is the library's object."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        bos, eos = tokenizer.token_to_id(BOS), tokenizer.token_to_id(EOS)
        if bos is None or eos is None:
            raise ValueError(f"the tokenizer has no {BOS} or no {EOS}, which captions begin and end with")
        self.tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size()
        self.bos, self.eos = bos, eos
        self.pad: int = tokenizer.token_to_id(PAD) or 0  # CLIP has no padding of its own and fills with 0

    @classmethod
    def clip(cls) -> Vocabulary:
        """CLIP's 49,408 tokens, with the ids of open_clip's SimpleTokenizer."""
        source = SimpleTokenizer()
        return cls(byte_pairs(source.encoder, list(source.bpe_ranks), [BOS, EOS]))

    @classmethod
    def train(cls, captions: Iterable[str], size: int) -> Vocabulary:
        """At most `size` tokens: 512 for bytes (within a word, at its end), three specials, merges."""
        letters = list(bytes_to_unicode().values())
        tokens = letters + [letter + END for letter in letters]
        specials = [BOS, EOS, PAD]
        room = size - len(tokens) - len(specials)
        if room < 0:
            raise ValueError(f"a vocabulary has {size - room} tokens or more (every byte has two), got {size}")
        merges = learned_merges(captions, size)[:room]
        tokens += dict.fromkeys(first + second for first, second in merges)
        return cls(byte_pairs({token: i for i, token in enumerate(tokens + specials)}, merges, specials))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """From a tokenizer.json."""
        text = Path(path).read_text(encoding="utf-8")
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} holds no tokenizer ({error})") from error
        return cls(Tokenizer.from_str(text))

    def save(self, path: Path) -> None:
        """As a tokenizer.json, which the tokenizers and transformers libraries read."""
        write(path, self.tokenizer.to_str(pretty=True))

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over the tokens, their ids and the merges."""
        return hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest()[:12]

    def encode(self, captions: Sequence[str], max_length: int) -> Tensor:
        """BOS ... EOS, `n t`, padded to the longest; longer captions than `max_length` are cut before EOS."""
        pieces = self.tokenizer.encode_batch_fast([clean(caption) for caption in captions], add_special_tokens=False)
        rows = [[self.bos, *piece.ids[: max_length - 2], self.eos] for piece in pieces]
        t = max(map(len, rows), default=0)
        padded = [row + [self.pad] * (t - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.long).reshape(len(rows), t)

    def decode(self, tokens: Tensor) -> list[str]:
        """`n t` -> n captions up to EOS; one that has no EOS comes back as a Cut."""
        rows = tokens.tolist()
        texts = self.tokenizer.decode_batch([[*takewhile(lambda i: i != self.eos, row)] for row in rows])
        return [spaced(text) if self.eos in row else Cut(spaced(text)) for text, row in zip(texts, rows)]


def byte_pairs(tokens: Mapping[str, int], merges: Sequence[tuple[str, str]], specials: list[str]) -> Tokenizer:
    """CLIP's tokenizer with these tokens."""
    model = models.BPE(vocab=dict(tokens), merges=list(merges), end_of_word_suffix=END)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = words()
    space = pre_tokenizers.ByteLevel.alphabet()
    assert "Ġ" in space  # how a space is spelt in the byte alphabet
    tokenizer.decoder = decoders.Sequence([decoders.Replace(END, "Ġ"), decoders.ByteLevel()])
    tokenizer.add_special_tokens(specials)
    ends = [(token, tokenizer.token_to_id(token)) for token in (BOS, EOS)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A {EOS}", special_tokens=ends)
    return tokenizer


def words() -> pre_tokenizers.PreTokenizer:
    """Words, single digits and runs of punctuation, in the byte alphabet."""
    split = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def learned_merges(captions: Iterable[str], size: int) -> list[tuple[str, str]]:
    """The pairs that occur most, commonest first, as many as a vocabulary of `size` can hold."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=END))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = words()
    trainer = trainers.BpeTrainer(vocab_size=size, end_of_word_suffix=END, show_progress=False)
    tokenizer.train_from_iterator(map(clean, captions), trainer)
    return [(first, second) for first, second in json.loads(tokenizer.to_str())["model"]["merges"]]


def clean(caption: str) -> str:
    """Broken Unicode and HTML mended, as open_clip does; plain ASCII has nothing to mend."""
    plain = caption.isascii() and caption.isprintable() and "&" not in caption
    return caption if plain else basic_clean(caption)


def spaced(text: str) -> str:
    """`a dog ' s t - shirt .` with the spaces of written English."""
    text = " ".join(text.split())
    for pattern, replacement in SPACING:
        text = pattern.sub(replacement, text)
    return text
