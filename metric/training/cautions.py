"""Settings that can be run and hardly ever should: one line each, with the number to use."""

from __future__ import annotations

from metric.runtime.schedule import long_warmup
from metric.training.config import MetricConfig, PretrainConfig

NEGATIVES = 32  # pictures a step below which a contrastive loss has little to tell apart: at most ln 32 = 3.5 nats
USUAL_BATCH = 256  # of the authors of PAC-S++ (arXiv 2410.07336)


def contrastive(config: PretrainConfig | MetricConfig) -> list[str]:
    """Of the training of a CLIP. Its batch is that of all processes together, whose embeddings all see."""
    few = []
    if config.batch_size < NEGATIVES:
        few = [
            f"--batch-size {config.batch_size} gives each text {config.batch_size - 1} wrong pictures to be told from, "
            f"over all processes; type --batch-size {USUAL_BATCH}, with --chunk {NEGATIVES} where memory is short"
        ]
    return [*few, *long_warmup("warmup", config.warmup)]
