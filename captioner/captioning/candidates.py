"""Captions of a batch of pictures: candidates are scored by the reward, and the best are kept.

Axes: b pictures, k candidates of each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.captioning.journal import Row
from captioner.decoding.best_of import order
from captioner.sources.protocol import Candidates, CaptionMaker, Seen
from captioner.sources.settings import CandidateSettings
from rewards.mix import Mix


def candidates(maker: CaptionMaker, seen: Seen, settings: CandidateSettings, reward: Mix | None) -> list[Row]:
    """Makes one row for each example of a block. The caller fills in the field `order`."""
    made = maker.make(seen)
    total, columns = scored(made, seen, reward)
    chosen = order(total, settings.best)[:, : settings.n].tolist()
    return [
        Row(
            example.id,
            captions=[str(made.captions[i][j]) for j in chosen[i]],
            scores={name: [round(float(values[i, j]), 6) for j in chosen[i]] for name, values in columns.items()}
            if settings.scores
            else {},
        )
        for i, example in enumerate(seen.examples)
    ]


def scored(made: Candidates, seen: Seen, reward: Mix | None) -> tuple[Tensor, dict[str, Tensor]]:
    """What candidates are chosen by, `b k`, and the columns of scores, each `b k`: log-probability and rewards."""
    total = torch.zeros(len(made.captions), len(made.captions[0]))
    columns = {} if made.log_probabilities is None else {"log_probability": made.log_probabilities}
    if reward:
        total, parts = reward(seen.examples, made.captions)
        columns |= {"reward": total, **parts} if len(parts) > 1 else parts
    return total, columns
