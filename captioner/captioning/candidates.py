"""Captions of a batch of pictures: candidates are scored by the reward, and the best are kept.

Axes: b pictures, k candidates of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captioner.captioning.journal import Row
from captioner.captioning.phrases import without_head
from captioner.decoding.best_of import order
from captioner.sources.protocol import CaptionMaker, Seen
from captioner.sources.settings import CandidateSettings
from metric.example import Cut, Example
from rewards.mix import Mix

Captions = Sequence[Sequence[str]]
Columns = dict[str, Tensor]


def candidates(maker: CaptionMaker, seen: Seen, settings: CandidateSettings, reward: Mix | None) -> list[Row]:
    """Makes one row for each example of a block. The caller fills in the field `order`.

    Phrases are removed before the reward scores, so that the captions that are written are those that were scored.
    """
    made = maker.make(seen)
    captions = [[without_head(text, settings.drop_phrases) for text in texts] for texts in made.captions]
    columns: Columns = {} if made.log_probabilities is None else {"log_probability": made.log_probabilities}
    total, rewarded = scored(captions, seen.examples, reward)
    columns |= rewarded
    least = -torch.inf if settings.least_score is None else settings.least_score
    rows = []
    for i, (example, ranked) in enumerate(zip(seen.examples, order(total, settings.best).tolist())):
        chosen = [j for j in ranked if j < len(captions[i])][: settings.n]
        kept = [j for j in chosen if float(total[i, j]) >= least]
        texts = [str(captions[i][j]) for j in kept]
        scores = {name: [round(float(values[i, j]), 6) for j in kept] for name, values in columns.items()}
        counts = {
            "under": len(chosen) - len(kept),
            "shortened": sum(captions[i][j] != made.captions[i][j] for j in kept),
            "cut": sum(isinstance(captions[i][j], Cut) for j in kept),
        }
        rows.append(Row(example.id, 0, texts, scores if settings.scores else {}, **counts))
    return rows


def scored(captions: Captions, examples: Sequence[Example], reward: Mix | None) -> tuple[Tensor, Columns]:
    """What candidates are chosen by, `b k`, and the rewards as columns, each `b k`.

    Where a picture has fewer candidates than others, its last one fills the row. Without a reward all are equal.
    """
    k = max(map(len, captions))
    if reward is None:
        return torch.zeros(len(captions), k), {}
    total, parts = reward(examples, [[*texts, *([texts[-1]] * (k - len(texts)))] for texts in captions])
    return total, {"reward": total, **parts} if len(parts) > 1 else parts
