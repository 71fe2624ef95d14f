"""How a CLIP becomes a PAC-S++ (arXiv 2410.07336) or a PAC-S (arXiv 2303.12112).

Axes: b pairs, d features.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from peft import PeftModel
from torch import Tensor, nn

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.clip.tuning import remember_base
from metric.example import Example, data_fingerprint
from metric.negatives.drawing import kinds_of
from metric.positives.sources import Positives
from metric.runtime.ahead import helpers, made_ahead
from metric.runtime.console import say, tell
from metric.runtime.device import sent
from metric.runtime.precision import autocast, refuse_precision
from metric.runtime.processes import rank, refuse_unlike, shared, wait
from metric.storage.atomic_files import write_json
from metric.storage.one_at_a_time import alone_in
from metric.storage.run_files import REPORT
from metric.training.authors_lora import add_authors_lora, merged
from metric.training.cautions import few_pictures, high_rate
from metric.training.checkpoint import refuse_place
from metric.training.clip_quality import appraise, table
from metric.training.config import MetricConfig
from metric.training.found_file import keep
from metric.training.loop import Loss, check, train
from metric.training.lora import add_adapter, save_adapter
from metric.training.lora_layers import TOWERS
from metric.training.losses import LOSSES, Made, PairLoss, positive_augmented
from metric.training.negative_guards import guard, preferred, told, told_preferred
from metric.training.negative_losses import Negatives, negative_loss
from metric.training.negatives import Spoiled, check_captions, check_negatives, found_of, tell_few
from metric.training.own_weights import train_all, train_projections
from metric.training.pairs import PairEncoder, loss_name, pair_loss, usable, validation
from metric.training.preparation import MadeFor, Preparation, Prepared

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
    before = shared(lambda: figures(Embedder(clip), held_out, config))
    model = METHODS[config.method](clip, config).train()
    freeze_statistics(clip.model)
    if rank() == 0 and not resume:
        tell(high_rate(config, sum(p.numel() for p in model.parameters() if p.requires_grad)))
    keep(config, out, resume)
    encoder, make = parts_of(clip, config, training, positives)
    with made_ahead(make, config.steps, helpers(clip.device)) as prepared, alone_in(out):
        loss = augmented_loss(encoder, config, agree, prepared)
        train(model, loss, config, out, resume, validation(clip, held_out, agree))
    if rank() == 0:
        write(model, clip, fingerprint, config, out)
    after, still = shared(lambda: outcome(Embedder(load_clip(str(out), device)), held_out, config))
    report = {"before": before, "after": after}
    say(table(report))
    if config.negatives:
        report["preferred"] = still
        say(f"{told(after)}\n{told_preferred(still)}")
    if rank() == 0:
        write_json(out / REPORT, report)
    wait()
    return report


def figures(embedder: Embedder, held_out: Sequence[Example], config: MetricConfig) -> dict[str, float]:
    """What a CLIP is worth on validation pictures. With negatives, the guard against the blind shortcut too."""
    found = appraise(embedder, held_out)
    return found | guard(embedder, held_out) if config.negatives else found


def outcome(
    embedder: Embedder, held_out: Sequence[Example], config: MetricConfig
) -> tuple[dict[str, float], dict[str, float]]:
    """The figures of the trained CLIP, and with negatives the share of each kind that it still prefers to captions."""
    kinds = kinds_of(config.negative_kinds) if config.negatives else {}
    return figures(embedder, held_out, config), preferred(embedder, held_out, kinds) if kinds else {}


def check_method(config: MetricConfig) -> None:
    for name, value, choices in (
        ("method", config.method, METHODS),
        ("tower", config.tower, TOWERS),
        ("loss", config.loss, ("auto", *LOSSES)),
    ):
        if value not in choices:
            raise ValueError(f"--{name} must be one of {', '.join(choices)}, got {value!r}")
    if config.method == "projections" and config.tower != "both":
        raise ValueError(f"--tower {config.tower} does nothing with --method projections; leave it out")


def write(model: nn.Module, clip: Clip, fingerprint: str, config: MetricConfig, out: Path) -> None:
    if isinstance(model, PeftModel) and config.method != "authors":
        save_adapter(model, fingerprint, out / "adapter")
        return
    save_clip(merged(model, config) if isinstance(model, PeftModel) else clip, out / "clip")
    remember_base(out / "clip", config.clip, fingerprint)


def parts_of(
    clip: Clip, config: MetricConfig, training: Sequence[Example], positives: Positives
) -> tuple[PairEncoder, Preparation]:
    """The two parts of a step: what encodes on the device, and what prepares on the host."""
    encoder = PairEncoder(clip, [example.image for example in training], config.chunk)
    found = found_of(config, training)
    make = Preparation(config, training, positives, found, clip.tokenizer, clip.preprocess, encoder.too_large)
    return encoder, make


def augmented_loss(
    encoder: PairEncoder, config: MetricConfig, agree: PairLoss, prepared: Callable[[int], Prepared]
) -> Loss:
    """The loss as a function of the step: the step's batch, its positives, its negatives, and their terms."""
    clip = encoder.clip
    apart = negative_loss(clip, config.negatives_form, loss_name(clip, config.loss))

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        given = prepared(step)
        b = len(given.rows)
        image = encoder.images(given.rows) if given.images is None else encoder.pictures(given.images, b)
        text = encoder.texts(given.texts)
        made_image = made(given.made_images, lambda made_for: encoder.pictures(made_for.numbers, len(made_for.rows)))
        made_text = made(given.made_texts, lambda made_for: encoder.texts(made_for.numbers))
        wrong = spoiled(given.wrong, encoder) if given.wrong else None
        if step == 0 and rank() == 0:
            tell_missing(config, made_image, made_text, b)
            tell_few(config, wrong, b)
        with autocast(clip.device, torch.float32):
            total, terms = positive_augmented(
                image, text, made_image, made_text, agree, config.lambda_v, config.lambda_t
            )
            if wrong is None:
                return total, terms
            term = apart(image, text, wrong)
            return total + config.lambda_n * term, {**terms, "loss_negatives": term.detach()}

    return loss


def spoiled(wrong: Spoiled, encoder: PairEncoder) -> Negatives | None:
    """The embeddings of the step's negatives; None where no caption of the batch has a negative."""
    if not wrong.rows:
        return None
    embedding = encoder.texts(wrong.tokens)
    rows, right = (sent(values, embedding.device) for values in (torch.tensor(wrong.rows), wrong.right))
    return Negatives(embedding, rows, right)


def made(positives: MadeFor | None, encode: Callable[[MadeFor], Tensor]) -> Made | None:
    """The embeddings of positives. None without any."""
    if positives is None:
        return None
    embedding = encode(positives)
    return Made(embedding, sent(torch.tensor(positives.rows), embedding.device))


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
