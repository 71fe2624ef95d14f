"""EMScore: captions of videos, as a whole and word by frame (Shi et al. 2022, arXiv 2111.08919).

Coarse is the cosine of the caption and the mean frame. Fine is an F1: each word is matched with its nearest frame,
where rare words weigh more, and each frame with its nearest word. The score is the mean of both. Captions have no
prefix, and scores no scale.

Axes: n captions, f frames, t tokens, d features.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional as F

from metric.clip.embedder import Embedder
from metric.clip.model import Clip
from metric.clip.token_features import lengths, token_features
from metric.runtime.progress import watched
from metric.video import FRAMES, Video, as_pictures

PARTS = ("full", "coarse", "fine")


@dataclass(frozen=True)
class Words:
    """A text: the vectors of its tokens `t d`, their weights `t`, and the vector of the whole text `d`."""

    local: Tensor
    weights: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class Rarity:
    """Weights of tokens: log((N + 1) / (texts with the token + 1)) for N texts, as in the authors' code.

    The end of text, which all texts have, weighs the mean. Padding counts as a token of every text.
    """

    by_token: Mapping[int, float]
    texts: int

    @classmethod
    def from_texts(cls, clip: Clip, texts: Sequence[str]) -> Rarity:
        counts: Counter[int] = Counter()
        for start in range(0, len(texts), 1024):
            for row in clip.tokenizer(list(texts[start : start + 1024])).tolist():
                counts.update(set(row))
        by_token = {token: math.log((len(texts) + 1) / (count + 1)) for token, count in counts.items()}
        return cls(by_token | ({max(by_token): sum(by_token.values()) / len(by_token)} if by_token else {}), len(texts))

    def weights(self, tokens: Iterable[int]) -> Tensor:
        """Weights of t tokens, `t`. Where all are 0, as with a corpus of one text, all are 1."""
        weights = torch.tensor([self.by_token.get(token, math.log(self.texts + 1)) for token in tokens])
        return weights if weights.any() else torch.ones_like(weights)


def coarse(frames: Tensor, text: Tensor) -> float:
    """Cosine of the mean frame and the text. `f d`, `d` -> number."""
    return float(F.normalize(frames.mean(0), dim=0) @ text)


def fine(similarity: Tensor, words: Tensor, others: Tensor) -> tuple[float, float, float]:
    """Precision, recall and F1 of greedy matching. Cosines `t f`, weights `t` and `f` -> three numbers."""
    precision = float((similarity.amax(1) * words).sum() / words.sum())
    recall = float((similarity.amax(0) * others).sum() / others.sum())
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def of_video(frames: Tensor, caption: Words) -> dict[str, float]:
    """The parts of EMScore(X, V). `f d`."""
    _, _, f1 = fine(caption.local @ frames.T, caption.weights, torch.ones(len(frames)))
    return together(coarse(frames, caption.pooled), f1)


def of_references(references: Sequence[Words], caption: Words) -> dict[str, float]:
    """The parts of EMScore(X, X*): the best over all references, for each part."""
    f1 = max(fine(caption.local @ other.local.T, caption.weights, other.weights)[2] for other in references)
    return together(max(float(other.pooled @ caption.pooled) for other in references), f1)


def together(coarse_score: float, fine_score: float) -> dict[str, float]:
    return {"full": (coarse_score + fine_score) / 2, "coarse": coarse_score, "fine": fine_score}


class EmScore:
    """EMScore with any CLIP. Tokens that are rare in `corpus` weigh most. `frames` frames of a video are used."""

    def __init__(self, embedder: Embedder, corpus: Sequence[str], frames: int = FRAMES) -> None:
        self.embedder = embedder
        self.rarity = Rarity.from_texts(embedder.clip, corpus)
        self.frames = frames
        self.known_words: dict[str, Words] = {}
        self.known_frames: dict[str, Tensor] = {}

    def with_video(self, videos: Sequence[Video], captions: Sequence[str]) -> list[dict[str, float]]:
        """The parts of EMScore(X, V), one dictionary a caption."""
        self.learn(captions)
        pairs = watched(list(zip(videos, captions)), "EMScore of video")
        return [of_video(self.look(video), self.known_words[caption]) for video, caption in pairs]

    def with_references(self, captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """The parts of EMScore(X, X*)."""
        self.learn([*captions, *chain.from_iterable(references)])
        return [
            of_references([self.known_words[text] for text in texts], self.known_words[caption])
            for caption, texts in zip(captions, references)
        ]

    def look(self, video: Video) -> Tensor:
        """The embedded frames of a video, `f d`. Each video is decoded once."""
        if video.key not in self.known_frames:
            self.known_frames[video.key] = self.embedder.images(as_pictures(video, self.frames))
        return self.known_frames[video.key]

    def learn(self, texts: Sequence[str]) -> None:
        """Embed the texts and their tokens. A text is embedded once."""
        clip, size = self.embedder.clip, self.embedder.batch_size
        missing = sorted({text for text in texts if text not in self.known_words}, key=len)
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            tokens = clip.tokenizer(batch)
            with self.embedder.computing():
                local = token_features(clip, tokens).cpu()
            pooled_texts = self.embedder.texts(batch)
            for text, row, length, vectors, pooled in zip(
                batch, tokens, lengths(clip, tokens).tolist(), local, pooled_texts
            ):
                weights = self.rarity.weights(row[:length].tolist())
                self.known_words[text] = Words(vectors[:length].clone(), weights, pooled)


def both(by_video: Sequence[dict[str, float]], by_text: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """The parts of EMScore(X, V, X*): the means of the parts by video and by references."""
    return [{part: (one[part] + other[part]) / 2 for part in PARTS} for one, other in zip(by_video, by_text)]
