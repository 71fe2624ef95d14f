"""Vocabulary: captions to token ids and back, by CLIP's byte-pair encoding or a smaller one of the same kind.

Axes: n captions, t tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
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
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # as in openai/CLIP, simple_tokenizer.py
# CLIP's words lose where a word went on behind a mark (İ in lower case, Hindi, Thai) or behind an apostrophe (l'herbe).
# In these words a mark is a part of its word, and what follows an apostrophe within a word begins with the apostrophe.
WORDS = (
    r"(?<=[\p{L}\p{M}\p{N}])'[\p{L}\p{M}]+|'(?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}])|[\p{L}\p{M}]+|[\p{N}]"
    r"|[^\s\p{L}\p{M}\p{N}]+"
)

# CLIP's tokens do not record the spaces around punctuation. These rules restore the spaces of English.
SPACING = [
    (re.compile(r"(?<=\d) (?=\d)"), ""),  # 1 0 -> 10
    (re.compile(r"(?<=\d) (?=(?:st|nd|rd|th|d)\b)"), ""),  # 2 nd -> 2nd
    (re.compile(r"(?<=\w) ([-/]) (?=\w)"), r"\1"),  # t - shirt -> t-shirt
    (re.compile(r" (?=[,.;:!?%)]|'\w)"), ""),  # dog 's -> dog's, l 'herbe -> l'herbe
    (re.compile(r"(?<=[(#$]) "), ""),
    (re.compile(r'" ([^"]+) "'), r'"\1"'),
]

INSIDE = re.compile(r"[^\W\d_]'[^\W\d_]")  # an apostrophe within a word
AROUND = ".,;:!?()[]\"'“”‘’«»…-"  # signs around a word


class Vocabulary:
    """A tokenizer with ids for start, end and padding. `tokenizer` is an object of the library tokenizers."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        bos, eos = tokenizer.token_to_id(BOS), tokenizer.token_to_id(EOS)
        if bos is None or eos is None:
            raise ValueError(f"the tokenizer has no {BOS} or no {EOS}, with which every caption begins and ends")
        self.tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size()
        self.bos, self.eos = bos, eos
        self.pad: int = tokenizer.token_to_id(PAD) or 0  # CLIP's tokenizer has no padding token and fills with 0

    @classmethod
    def clip(cls) -> Vocabulary:
        """The 49,408 tokens of CLIP, with the ids of open_clip's SimpleTokenizer."""
        source = SimpleTokenizer()
        return cls(byte_pairs(source.encoder, list(source.bpe_ranks), [BOS, EOS], CLIP_WORDS))

    @classmethod
    def train(cls, captions: Iterable[str], size: int) -> Vocabulary:
        """Learns a vocabulary of at most `size` tokens from captions.

        512 tokens are bytes, within a word and at the end of a word. Three are BOS, EOS and PAD. The rest are merges.
        Raises ValueError for a size below 515.
        """
        letters = list(bytes_to_unicode().values())
        tokens = letters + [letter + END for letter in letters]
        specials = [BOS, EOS, PAD]
        room = size - len(tokens) - len(specials)
        if room < 0:
            raise ValueError(f"a vocabulary has {size - room} tokens or more, two for each byte and 3 more, got {size}")
        merges = learned_merges(captions, size)[:room]
        tokens += dict.fromkeys(first + second for first, second in merges)
        return cls(byte_pairs({token: i for i, token in enumerate(tokens + specials)}, merges, specials))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Reads a tokenizer.json. Raises ValueError when the file holds no tokenizer."""
        text = Path(path).read_text(encoding="utf-8")
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} holds no tokenizer ({error})") from error
        return cls(Tokenizer.from_str(text))

    def save(self, path: Path) -> None:
        """Writes a tokenizer.json, which the libraries tokenizers and transformers read."""
        write(path, self.tokenizer.to_str(pretty=True))

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over the tokens, their ids and the merges."""
        return hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest()[:12]

    def encode(self, captions: Sequence[str], max_length: int) -> Tensor:
        """Token ids of captions, BOS ... EOS, `n t`, padded to the longest caption.

        A caption of more than `max_length` tokens loses its end, and EOS with it: a captioner that learns EOS after the
        cut learns to end anywhere.
        """
        rows = [[self.bos, *ids, self.eos][:max_length] for ids in self.ids(captions)]
        t = max(map(len, rows), default=0)
        padded = [row + [self.pad] * (t - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.long).reshape(len(rows), t)

    def lengths(self, captions: Sequence[str]) -> list[int]:
        """The number of tokens of each caption, EOS included."""
        return [len(ids) + 1 for ids in self.ids(captions)]

    def ids(self, captions: Sequence[str]) -> list[list[int]]:
        """The token ids of each caption, without BOS and EOS."""
        whole = [repair_unicode(caption) for caption in captions]
        return [piece.ids for piece in self.tokenizer.encode_batch_fast(whole, add_special_tokens=False)]

    def broken(self, caption: str) -> list[tuple[str, str]]:
        """The words of a caption with a mark or an apostrophe that do not come back, and the caption that does."""
        whole = unicodedata.normalize("NFC", repair_unicode(caption).lower())
        inside = [word.strip(AROUND) for word in whole.split() if INSIDE.search(word) or has_mark(word)]
        if not inside:
            return []
        (back,) = self.decode(self.encode([caption], len(whole.encode()) + 2))
        return [(word, back) for word in inside if word not in back]

    def decode(self, tokens: Tensor) -> list[str]:
        """Captions of token ids, `n t` -> n strings up to EOS. A caption without EOS becomes a Cut."""
        rows = tokens.tolist()
        texts = self.tokenizer.decode_batch([[*takewhile(lambda i: i != self.eos, row)] for row in rows])
        return [spaced(text) if self.eos in row else Cut(spaced(text)) for text, row in zip(texts, rows)]


def byte_pairs(
    tokens: Mapping[str, int], merges: Sequence[tuple[str, str]], specials: list[str], pieces: str = WORDS
) -> Tokenizer:
    """A tokenizer that works like CLIP's, with other tokens and merges. `pieces` is the pattern of a word."""
    model = models.BPE(vocab=dict(tokens), merges=list(merges), end_of_word_suffix=END)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = words(pieces)
    space = pre_tokenizers.ByteLevel.alphabet()
    assert "Ġ" in space  # the byte alphabet writes a space as Ġ
    tokenizer.decoder = decoders.Sequence([decoders.Replace(END, "Ġ"), decoders.ByteLevel()])
    tokenizer.add_special_tokens(specials)
    ends = [(token, tokenizer.token_to_id(token)) for token in (BOS, EOS)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A {EOS}", special_tokens=ends)
    return tokenizer


def words(pieces: str) -> pre_tokenizers.PreTokenizer:
    """Splits a text into words, single digits and runs of punctuation, written in the byte alphabet."""
    split = pre_tokenizers.Split(Regex(pieces), behavior="removed", invert=True)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def learned_merges(captions: Iterable[str], size: int) -> list[tuple[str, str]]:
    """The most frequent pairs of pieces, most frequent first. There are enough for a vocabulary of `size` tokens."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=END))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = words(WORDS)
    trainer = trainers.BpeTrainer(vocab_size=size, end_of_word_suffix=END, show_progress=False)
    tokenizer.train_from_iterator(map(repair_unicode, captions), trainer)
    return [(first, second) for first, second in json.loads(tokenizer.to_str())["model"]["merges"]]


def lowercased(caption: str) -> str:
    """A caption in the form that a captioner learns: lower-case, single spaces, no final stop."""
    words = caption.lower().replace(" ,", ",").split()
    return " ".join(words).rstrip(" .")


def repair_unicode(caption: str) -> str:
    """Repairs broken Unicode and HTML entities as open_clip does. Plain ASCII comes back unchanged."""
    plain = caption.isascii() and caption.isprintable() and "&" not in caption
    return caption if plain else basic_clean(caption)


def has_mark(word: str) -> bool:
    """Whether a word has a combining mark, as Hindi's vowels are."""
    return not word.isascii() and any(unicodedata.category(letter).startswith("M") for letter in word)


def spaced(text: str) -> str:
    """Sets spaces as in written English: `a dog 's t - shirt .` -> `a dog's t-shirt.`"""
    text = " ".join(text.split())
    for pattern, replacement in SPACING:
        text = pattern.sub(replacement, text)
    return text
