"""Warnings about settings that work but are almost always a mistake: one line each, with a better value."""

from __future__ import annotations

from metric.runtime.schedule import long_warmup
from metric.training.config import MetricConfig, PretrainConfig

NEGATIVES = 32  # pictures a step; a contrastive loss over fewer is easy: at most ln 32 = 3.5 nats
USUAL_BATCH = 256  # of the authors of PAC-S++ (arXiv 2410.07336)
LARGE = 20_000_000  # weights; CLIPs that were trained on the web have 100 million and more
HIGH_RATE, USUAL_RATE = 1e-4, 5e-6  # of all weights of such a CLIP; the usual one is FSC-CLIP's (arXiv 2410.05210)


def few_pictures(config: PretrainConfig | MetricConfig, pictures: int) -> list[str]:
    """The warning about data with so few pictures that the batches are smaller than the flag says."""
    if pictures >= min(config.batch_size, NEGATIVES):
        return []
    return [
        f"the data have {pictures} pictures, so a batch has {pictures} and not {config.batch_size}: each text is told "
        f"from {pictures - 1} wrong pictures; train on {NEGATIVES} pictures or more"
    ]


def high_rate(config: MetricConfig, learned: int) -> list[str]:
    """The warning about all weights of a large CLIP, of which `learned` learn, at the rate of a small one."""
    if config.method != "all" or learned < LARGE or config.lr < HIGH_RATE:
        return []
    return [
        f"--lr {config.lr:g} is meant for the small embedded CLIP, and all {learned:,} weights of {config.clip} learn: "
        f"what it knows is lost; type --lr {USUAL_RATE:g}, or --method lora --rank 16 --lr {HIGH_RATE:g}"
    ]


def contrastive(config: PretrainConfig | MetricConfig) -> list[str]:
    """Warnings about the training of a CLIP. A batch is that of all processes together, which share embeddings."""
    few = []
    if config.batch_size < NEGATIVES:
        few = [
            f"--batch-size {config.batch_size} gives each text {config.batch_size - 1} wrong pictures to be told from, "
            f"over all processes; type --batch-size {USUAL_BATCH}, with --chunk {NEGATIVES} where memory is short"
        ]
    return [*few, *long_warmup("warmup", config.warmup)]
