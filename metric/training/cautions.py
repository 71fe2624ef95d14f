"""Warnings about settings that work but are almost always a mistake: one line each, with a better value."""

from __future__ import annotations

from metric.runtime.schedule import long_warmup
from metric.training.config import MetricConfig, PretrainConfig

NEGATIVES = 32  # pictures a step; a contrastive loss over fewer is easy: at most ln 32 = 3.5 nats
USUAL_BATCH = 256  # of the authors of PAC-S++ (arXiv 2410.07336)
LARGE = 20_000_000  # weights; CLIPs that were trained on the web have 100 million and more
# the highest rate of all weights of such a CLIP and of a smaller one, and what to type in their places: FSC-CLIP's
# (arXiv 2410.05210), and that of --preset pacspp_hard
HIGHEST, USUAL = {True: 1e-4, False: 2e-3}, {True: 5e-6, False: 5e-4}


def few_pictures(config: PretrainConfig | MetricConfig, pictures: int) -> list[str]:
    """The warning about data with so few pictures that the batches are smaller than the flag says."""
    if pictures >= min(config.batch_size, NEGATIVES):
        return []
    return [
        f"the data have {pictures} pictures, so a batch has {pictures} and not {config.batch_size}: each text is told "
        f"from {pictures - 1} wrong pictures; train on {NEGATIVES} pictures or more"
    ]


def high_rate(config: MetricConfig, learned: int) -> list[str]:
    """The warning about a rate at which a CLIP, all `learned` weights of which are trained, forgets what it knows."""
    large = learned >= LARGE
    if config.method != "all" or config.lr < HIGHEST[large]:
        return []
    other = ", or --method lora --rank 16 --alpha 4 --lr 1e-4" if large else ""
    return [
        f"--lr {config.lr:g} is high for all {learned:,} weights of {config.clip}, which may lose what it knows; type "
        f"--lr {USUAL[large]:g}{other}"
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
