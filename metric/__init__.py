"""Scores of captions, classic and learned, and the training of a learned score. The package knows no captioner.

    from metric import Example, Embedder, load_clip, evaluate, train_metric, judge, audit

A name is imported when it is first used, so `import metric` is fast and loads no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metric.runtime.lazy import front_door

if TYPE_CHECKING:
    from metric.api import audit, judge, train_metric
    from metric.clip.embedder import Embedder
    from metric.clip.load import load_clip
    from metric.evaluation import evaluate
    from metric.example import Example
    from metric.scores.result import Scores
    from metric.training.config import MetricConfig
else:
    __getattr__, __dir__ = front_door(
        __name__,
        {
            "Embedder": "metric.clip.embedder",
            "Example": "metric.example",
            "MetricConfig": "metric.training.config",
            "Scores": "metric.scores.result",
            "audit": "metric.api",
            "evaluate": "metric.evaluation",
            "judge": "metric.api",
            "load_clip": "metric.clip.load",
            "train_metric": "metric.api",
        },
    )

__all__ = [
    "Embedder",
    "Example",
    "MetricConfig",
    "Scores",
    "audit",
    "evaluate",
    "judge",
    "load_clip",
    "train_metric",
]
