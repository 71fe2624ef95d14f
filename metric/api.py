"""The functions behind `from metric import train_metric, judge, audit`.

Each function puts the parts of one task together. PyTorch is imported when a function is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metric.example import Example
    from metric.judgement.audit import Audit
    from metric.judgement.judge import Judgement, Scorer
    from metric.training.config import MetricConfig


def train_metric(
    config: MetricConfig,
    training: Sequence[Example],
    val: Sequence[Example],
    out: str | Path,
    positives: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
) -> dict[str, dict[str, float]]:
    """Tunes a CLIP with positive-augmented contrastive loss: the learned metric PAC-S++ (arXiv 2410.07336).

    The folder `out` gets the adapter and the checkpoints. `load_clip` and `pac_spp:checkpoint=OUT` read the folder.

    Args:
        config: the settings, such as `MetricConfig(steps=150)`.
        training: pictures with captions.
        val: pictures with captions, for the figures before and after the training.
        out: folder of the run.
        positives: folder of shards that `captioner metric positives` made. None takes the renderer for scenes, and for
            photographs the other references of the picture.
        resume: whether the training continues from the last checkpoint in `out`.
        device: auto, cpu, cuda, cuda:N, mps or xpu.

    Returns:
        Two rows of figures, `before` and `after`: retrieval and mean scores of the validation pictures.

    Raises:
        ValueError: a setting, a picture or the folder cannot be used. The message names the reason.
    """
    from metric.positives.sources import positives_for
    from metric.runtime.device import device_of
    from metric.runtime.processes import joined
    from metric.training import finetune

    with joined():
        made = positives_for(Path(positives) if positives else None, training)
        return finetune.train_metric(config, training, val, made, Path(out), resume, device_of(device))


def judge(
    benchmark: str,
    root: str | Path,
    metrics: Sequence[str] = (),
    scorers: Iterable[Scorer] = (),
    references: int = 0,
    resamples: int = 200,
    clip: str = "scenes-clip",
    device: str = "auto",
    protocol: str = "",
    ties: str = "",
) -> Judgement:
    """Compares metrics with human judgement on a benchmark, by the benchmark's published protocol.

    Args:
        benchmark: flickr8k-expert, flickr8k-cf, composite, pascal-50s, foil, polaris, nebula, thumb, vatex-eval or
            activitynet-foil. The last two hold videos. `captioner metric judge` computes EMScore for videos.
        root: folder with the files of the benchmark, as its authors publish them.
        metrics: names of scores, such as `cider` or `clip_s:clip=ViT-B-32-quickgelu:openai`.
        scorers: other metrics, each a function `(examples, captions) -> {name: one number a caption}`.
        references: at most this many references an item. 0 keeps all.
        resamples: rounds of the bootstrap over pictures. 0 computes no intervals.
        clip: the CLIP of scores that name none.
        device: auto, cpu, cuda, cuda:N, mps or xpu.
        protocol: version of the protocol, for composite, nebula and thumb. "" takes the usual one.
        ties: worth of a tie of a pair: half, lot or error. "" takes the benchmark's own.

    Returns:
        The agreement of each metric (`.metrics`), its 95 % intervals, the paired differences (`.pairs`), ours beside
        the published figures (`.check`), and the facts to print beside the numbers.

    Raises:
        ValueError: no benchmark or score has the name, a file is absent, or a score cannot be computed.
    """
    from metric.judgement import judge as judgement
    from metric.judgement.benchmarks import load_benchmark

    named, facts = as_scorers(metrics, clip, device)
    items = load_benchmark(benchmark, Path(root), references, needs_pictures(metrics), protocol, ties)
    return judgement.judge(items, [*named, *scorers], resamples, facts)


def audit(
    examples: Sequence[Example],
    metrics: Sequence[str] = (),
    scorers: Iterable[Scorer] = (),
    seed: int = 0,
    clip: str = "scenes-clip",
    device: str = "auto",
) -> Audit:
    """Counts how often a metric prefers a caption that was made worse by rule, such as one with repeated words.

    One reference of each example is the caption. The other references stay references.

    Args:
        examples: pictures with references.
        metrics: names of scores, such as `cider` or `clip_s`.
        scorers: other metrics, each a function `(examples, captions) -> {name: one number a caption}`.
        seed: seed of the choice of the caption and of the corruptions.
        clip: the CLIP of scores that name none.
        device: auto, cpu, cuda, cuda:N, mps or xpu.

    Returns:
        A row for each corruption and metric (`.rows`), with the share of pairs that fooled the metric.

    Raises:
        ValueError: an example has no reference, or a score cannot be computed.
    """
    from metric.judgement import audit as corruption

    named, _ = as_scorers(metrics, clip, device)
    return corruption.audit(examples, [*named, *scorers], seed)


def as_scorers(metrics: Sequence[str], clip: str, device: str) -> tuple[list[Scorer], dict[str, str]]:
    """The scores as a list of at most one scorer, and the facts that the scorer adds while it works."""
    from metric.evaluation import evaluate_each
    from metric.runtime.device import device_of

    place = str(device_of(device))
    facts: dict[str, str] = {}

    def scorer(examples: Sequence[Example], captions: Sequence[str]) -> dict[str, list[float]]:
        scores = evaluate_each(captions, examples, metrics, clip, place)
        facts.update(scores.facts)
        return {score: list(values.values()) for score, values in scores.per_caption.items()}

    return [scorer] if metrics else [], facts


def needs_pictures(metrics: Sequence[str]) -> bool:
    """Whether a score of the list reads pictures. The pictures of a benchmark must then exist."""
    from metric.scores.catalogue import SCORES, request

    return any(SCORES[name].family == "clip" for name in request(metrics).names) if metrics else False
