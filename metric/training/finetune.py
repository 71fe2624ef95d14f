"""How a CLIP becomes a PAC-S++ (arXiv 2410.07336) or a PAC-S (arXiv 2303.12112).

Axes: b pairs, d features.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from torch import Tensor, nn

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.example import Example, Picture, data_fingerprint
from metric.negatives.pool import Caption
from metric.positives.sources import Positives
from metric.runtime.console import say, tell
from metric.runtime.device import sent
from metric.runtime.precision import autocast, refuse_precision
from metric.runtime.processes import rank, refuse_unlike, shared, wait
from metric.storage.atomic_files import write_json
from metric.storage.run_files import REPORT
from metric.training.authors_lora import add_authors_lora, merged
from metric.training.batches import Batches
from metric.training.blind_guard import guard, told
from metric.training.cautions import few_pictures, high_rate
from metric.training.checkpoint import refuse_place
from metric.training.clip_quality import appraise, table
from metric.training.config import MetricConfig
from metric.training.found_file import Found, keep
from metric.training.loop import Loss, check, train
from metric.training.lora import add_adapter, save_adapter
from metric.training.lora_layers import TOWERS
from metric.training.losses import LOSSES, Made, PairLoss, positive_augmented
from metric.training.negative_losses import Negatives, negative_loss
from metric.training.negatives import check_captions, check_negatives, found_of, said_of, spoil, tell_few
from metric.training.own_weights import train_all, train_projections
from metric.training.pairs import PairEncoder, loss_name, pair_loss, usable, validation

log = logging.getLogger(__name__)

# method -> function that prepares a CLIP and returns the module whose parameters are trained
METHODS: dict[str, Callable[[Clip, MetricConfig], nn.Module]] = {
    "lora": add_adapter,
    "authors": add_authors_lora,
    "projections": lambda clip, config: train_projections(clip),
    "all": train_all,
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
    """Positive-augmented training of LoRA, projections or all weights. -> figures `before` and `after`.

    Writes the PEFT folder out/adapter, or the CLIP folder out/clip. The temperature of the CLIP does not change. Raises
    ValueError for settings and data that cannot be used.
    """
    check(config)
    refuse_precision(config.precision, torch.device(device))
    check_method(config)
    check_negatives(config)
    refuse_place(out, resume)
    training, held_out = usable(training, val)
    if rank() == 0 and not resume:
        tell(few_pictures(config, len(training)))
    refuse_unlike("training data", data_fingerprint(training))
    clip = load_clip(config.clip, device)
    check_captions(config, training, clip, resume)
    agree = pair_loss(clip, config.loss)
    fingerprint = clip.fingerprint
    before = shared(lambda: figures(clip, held_out, config))
    model = METHODS[config.method](clip, config).train()
    freeze_statistics(clip.model)
    if rank() == 0 and not resume:
        tell(high_rate(config, sum(p.numel() for p in model.parameters() if p.requires_grad)))
    keep(config, out, resume)
    loss = augmented_loss(clip, config, training, positives, agree)
    train(model, loss, config, out, resume, validation(clip, held_out, agree))
    if rank() == 0:
        write(model, clip, fingerprint, config, out)
    after = shared(lambda: figures(load_clip(str(out), device), held_out, config))
    report = {"before": before, "after": after}
    if rank() == 0:
        write_json(out / REPORT, report)
    say(table(report))
    if config.negatives:
        say(told(after))
    wait()
    return report


def figures(clip: Clip, held_out: Sequence[Example], config: MetricConfig) -> dict[str, float]:
    """What a CLIP is worth on validation pictures. With negatives, the guard against the blind shortcut too."""
    embedder = Embedder(clip)
    found = appraise(embedder, held_out)
    return found | guard(embedder, held_out) if config.negatives else found


def check_method(config: MetricConfig) -> None:
    for name, value, choices in (
        ("method", config.method, METHODS),
        ("tower", config.tower, TOWERS),
        ("loss", config.loss, ("auto", *LOSSES)),
    ):
        if value not in choices:
            raise ValueError(f"--{name} must be one of {', '.join(choices)}, got {value!r}")
    if config.rank < 1:
        raise ValueError(f"--rank must be at least 1, got {config.rank}")
    if config.method == "projections" and config.tower != "both":
        raise ValueError(f"--tower {config.tower} does nothing with --method projections; leave it out")


def write(model: nn.Module, clip: Clip, fingerprint: str, config: MetricConfig, out: Path) -> None:
    if isinstance(model, PeftModel) and config.method == "authors":
        save_clip(merged(model, config), out / "clip")
    elif isinstance(model, PeftModel):
        save_adapter(model, fingerprint, out / "adapter")
    else:
        save_clip(clip, out / "clip")


@dataclass(frozen=True)
class Drawn:
    """The data of a step: rows of pictures, texts, and the positives made for them, or None for each without."""

    rows: list[int]
    texts: list[str]
    made_images: list[Path | Picture | None]
    made_texts: list[str | None]
    captions: list[Caption]
    """the texts without their prefix, and what else is said of their pictures"""


def draw(
    step: int,
    batches: Batches,
    config: MetricConfig,
    training: Sequence[Example],
    positives: Positives,
    found: Found,
) -> Drawn:
    """The data of a step. All processes draw the same, and each encodes its share."""
    rows, rng = batches.order.indices(step), batches.order.rng(step)
    captions = [batches.caption(row, rng) for row in rows]
    pairs = list(zip((training[row] for row in rows), captions))
    pictures = [positives.image(*pair, rng) for pair in pairs] if config.lambda_v else []
    wordings = [positives.text(*pair, rng) for pair in pairs] if config.lambda_t else []
    texts = [batches.prefixed(caption, rng) for caption in captions]
    said = [said_of(training[row], caption, found) for row, caption in zip(rows, captions)]
    return Drawn(rows, texts, pictures, [text and batches.prefixed(text, rng) for text in wordings], said)


def augmented_loss(
    clip: Clip, config: MetricConfig, training: Sequence[Example], positives: Positives, agree: PairLoss
) -> Loss:
    """The loss as a function of the step: the step's batch, its positives, its negatives, and their terms."""
    batches = Batches(training, config.batch_size, config.seed, config.prefix)
    encoder = PairEncoder(clip, [example.image for example in training], config.chunk)
    found = found_of(config, training)
    apart = negative_loss(clip, config.negatives_form, loss_name(clip, config.loss))

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        drawn = draw(step, batches, config, training, positives, found)
        image, text = encoder.images(drawn.rows), encoder.texts(drawn.texts)
        made_image = embed_positives(drawn.made_images, encoder.made_images)
        made_text = embed_positives(drawn.made_texts, encoder.texts)
        wrong = spoiled(drawn, batches.order.rng(step, "negatives"), config, encoder) if config.negatives else None
        if step == 0 and rank() == 0:
            tell_missing(config, made_image, made_text, len(drawn.rows))
            tell_few(config, wrong, len(drawn.rows))
        with autocast(clip.device, torch.float32):
            total, terms = positive_augmented(
                image, text, made_image, made_text, agree, config.lambda_v, config.lambda_t
            )
            if wrong is None:
                return total, terms
            term = apart(image, text, wrong)
            return total + config.lambda_n * term, {**terms, "loss_negatives": term.detach()}

    return loss


def spoiled(drawn: Drawn, rng: random.Random, config: MetricConfig, encoder: PairEncoder) -> Negatives | None:
    """The embeddings of the step's negatives; None where no caption of the batch has a negative."""
    negatives = spoil(drawn.captions, drawn.texts, config, rng, encoder.clip.tokenizer)
    if not negatives.texts:
        return None
    embedding = encoder.texts(negatives.texts)
    rows, right = (sent(values, embedding.device) for values in (torch.tensor(negatives.rows), negatives.right))
    return Negatives(embedding, rows, right)


def embed_positives(positives: Sequence, encode: Callable[[list], Tensor]) -> Made | None:
    """The embeddings of the positives that are not None. None without any positive."""
    rows = [row for row, positive in enumerate(positives) if positive is not None]
    if not rows:
        return None
    embedding = encode([positives[row] for row in rows])
    return Made(embedding, sent(torch.tensor(rows), embedding.device))


def tell_missing(config: MetricConfig, made_image: Made | None, made_text: Made | None, b: int) -> None:
    """Warn when a term of the loss has fewer positives than the batch has pictures."""
    for kind, weight, present in (("picture", config.lambda_v, made_image), ("caption", config.lambda_t, made_text)):
        count = 0 if present is None else len(present.rows)
        if weight and count < b:
            log.warning("made %ss: %d for the first batch's %d pictures; their term sees only those", kind, count, b)


def freeze_statistics(model: nn.Module) -> None:
    """Put batch normalisation into eval mode, so that it keeps the averages of its pre-training."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
