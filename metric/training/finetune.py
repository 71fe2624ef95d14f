"""How a CLIP becomes a PAC-S++ (arXiv 2410.07336) or a PAC-S (arXiv 2303.12112).

Axes: b pairs, d features.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.clip.pixels import prepare
from metric.example import Example, Picture, data_fingerprint
from metric.positives.sources import Positives
from metric.runtime.console import say
from metric.runtime.gradients import spread
from metric.runtime.processes import rank, refuse_unlike, shared, wait
from metric.training.batches import Batches
from metric.training.clip_quality import appraise, table
from metric.training.config import MetricConfig
from metric.training.gradient_cache import in_parts
from metric.training.loop import Loss, check, train
from metric.training.lora import add_adapter, save_adapter
from metric.training.lora_layers import TOWERS
from metric.training.losses import LOSSES, Made, PairLoss, positive_augmented
from metric.training.pairs import VAL_PICTURES, captioned, image_side, pair_loss, validation
from metric.training.projections import train_projections

log = logging.getLogger(__name__)

# what learns: put into the CLIP, and the module whose trained parameters the loop moves
METHODS: dict[str, Callable[[Clip, MetricConfig], nn.Module]] = {
    "lora": add_adapter,
    "projections": lambda clip, config: train_projections(clip),
}


def train_metric(
    config: MetricConfig,
    training: Sequence[Example],
    val: Sequence[Example],
    positives: Positives,
    out: Path,
    resume: bool = False,
    device: str | torch.device = "cpu",
) -> dict[str, dict[str, float]]:
    """Positive-augmented training, of LoRA matrices or of the projections; returns figures before, after.

    Writes the PEFT folder out/adapter, or the CLIP folder out/clip. The temperature stays the CLIP's own.
    """
    check(config)
    check_method(config)
    training, held_out = captioned(training), captioned(val)[:VAL_PICTURES]
    refuse_unlike("training data", data_fingerprint(training))
    clip = load_clip(config.clip, device)
    agree = pair_loss(clip, config.loss)
    fingerprint = clip.fingerprint
    before = shared(lambda: appraise(Embedder(clip), held_out))
    model = METHODS[config.method](clip, config).train()
    freeze_statistics(clip.model)
    loss = augmented_loss(clip, config, training, positives, agree)
    train(model, loss, config, out, resume, validation(clip, held_out, agree))
    if rank() == 0:
        write(model, clip, fingerprint, out)
    after = shared(lambda: appraise(Embedder(load_clip(str(out), device)), held_out))
    report = {"before": before, "after": after}
    if rank() == 0:
        (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    say(table(report))
    wait()
    return report


def check_method(config: MetricConfig) -> None:
    for name, value, known in (
        ("method", config.method, METHODS),
        ("tower", config.tower, TOWERS),
        ("loss", config.loss, ("auto", *LOSSES)),
    ):
        if value not in known:
            raise ValueError(f"--{name} is one of {', '.join(known)}, got {value!r}")
    if config.rank < 1:
        raise ValueError(f"--rank is at least 1, got {config.rank}")


def write(model: nn.Module, clip: Clip, fingerprint: str, out: Path) -> None:
    if isinstance(model, PeftModel):
        save_adapter(model, fingerprint, out / "adapter")
    else:
        save_clip(clip, out / "clip")


@dataclass(frozen=True)
class Drawn:
    """What a step trains on: rows of pictures, texts, and what was made for them or None."""

    rows: list[int]
    texts: list[str]
    made_images: list[Path | Picture | None]
    made_texts: list[str | None]


def draw(step: int, batches: Batches, config: MetricConfig, training: Sequence[Example], positives: Positives) -> Drawn:
    """The same in every process, whatever share of it each encodes."""
    rows, rng = batches.order.indices(step), batches.order.rng(step)
    captions = [batches.caption(row, rng) for row in rows]
    pairs = list(zip((training[row] for row in rows), captions))
    pictures = [positives.image(*pair, rng) for pair in pairs] if config.lambda_v else []
    wordings = [positives.text(*pair, rng) for pair in pairs] if config.lambda_t else []
    texts = [batches.prefixed(caption, rng) for caption in captions]
    return Drawn(rows, texts, pictures, [text and batches.prefixed(text, rng) for text in wordings])


def augmented_loss(
    clip: Clip, config: MetricConfig, training: Sequence[Example], positives: Positives, agree: PairLoss
) -> Loss:
    """The loss of a step: its batch, what is made for it, and the three terms."""
    batches = Batches(training, config.batch_size, config.seed, config.prefix)
    encode, source = image_side(clip, [example.image for example in training])

    def parts(encode: Callable[[Any], Tensor], items: Any) -> Tensor:
        return in_parts(encode, items, config.chunk, clip.device)

    def texts(some: list[str]) -> Tensor:
        return spread(lambda share: parts(clip.encode_text, share), some)

    def pictures(some: list[Path | Picture]) -> Tensor:
        return spread(lambda share: parts(clip.encode_image, prepare(share, clip.preprocess)), some)

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        drawn = draw(step, batches, config, training, positives)
        image, text = spread(lambda share: parts(encode, source[share]), drawn.rows), texts(drawn.texts)
        made_image, made_text = made(drawn.made_images, pictures), made(drawn.made_texts, texts)
        if step == 0 and rank() == 0:
            tell_missing(config, made_image, made_text, len(drawn.rows))
        with torch.autocast(clip.device.type, enabled=False):
            return positive_augmented(image, text, made_image, made_text, agree, config.lambda_v, config.lambda_t)

    return loss


def made(positives: Sequence, encode: Callable[[list], Tensor]) -> Made | None:
    """The embeddings of those that are there; None without any."""
    rows = [row for row, positive in enumerate(positives) if positive is not None]
    return Made(encode([positives[row] for row in rows]), torch.tensor(rows)) if rows else None


def tell_missing(config: MetricConfig, made_image: Made | None, made_text: Made | None, b: int) -> None:
    """Positives that a term was to have and are not there."""
    for what, weight, some in (("picture", config.lambda_v, made_image), ("caption", config.lambda_t, made_text)):
        count = 0 if some is None else len(some.rows)
        if weight and count < b:
            log.warning("made %ss: %d for the first batch's %d pictures; their term sees only those", what, count, b)


def freeze_statistics(model: nn.Module) -> None:
    """Batch normalisation keeps the averages of its pre-training."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
