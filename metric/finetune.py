"""How a CLIP is made from pictures and texts, and how it becomes a PAC-S++ (arXiv 2410.07336).

Axes: b pairs, n pictures, m texts, d features.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from metric.adapters import add_adapter, save_adapter
from metric.appraise import appraise, table
from metric.batches import Batches
from metric.clip import Clip, load_clip, new_clip, save_clip
from metric.config import MetricConfig, PretrainConfig
from metric.contrastive import Made, info_nce, positive_augmented
from metric.embed import Embedder
from metric.example import Example
from metric.pixels import Pixels, prepare
from metric.positives import Positives
from metric.retrieval import retrieval
from metric.similarity import PREFIX
from metric.training import check, train

VAL_PICTURES = 1000
log = logging.getLogger(__name__)


def pretrain(
    config: PretrainConfig,
    training: Sequence[Example],
    val: Sequence[Example],
    out: Path,
    resume: bool = False,
    vocabulary: Iterable[str] | None = None,
    device: str | torch.device = "cpu",
) -> dict[str, float]:
    """Plain contrastive training. Writes the CLIP folder out/clip; returns retrieval figures on `val`.

    The tokenizer of an untrained CLIP is made from `vocabulary`, by default the texts of `training`.
    """
    check(config)
    training = captioned(training)
    clip = begin(config, training, vocabulary).to(device)
    encode, source = image_side(clip, [example.image for example in training])
    held_out = captioned(val)[:VAL_PICTURES]
    batches = Batches(training, config.batch_size, config.seed, config.prefix)

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        rows, rng = batches.indices(step), batches.rng(step)
        image = encode(source[rows])
        text = clip.encode_text([batches.prefixed(batches.caption(row, rng), rng) for row in rows])
        scale = clip.model.logit_scale.exp()
        with torch.autocast(clip.device.type, enabled=False):
            return info_nce(image, text, scale), {"scale": scale.detach()}

    train(clip.model, loss, config, out, resume, validation(clip, held_out))
    clip.model.eval().requires_grad_(False)
    save_clip(clip, out / "clip")
    figures = appraise(Embedder(clip), held_out)
    (out / "report.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(table({"trained": figures}))
    return figures


def train_metric(
    config: MetricConfig,
    training: Sequence[Example],
    val: Sequence[Example],
    positives: Positives,
    out: Path,
    resume: bool = False,
    device: str | torch.device = "cpu",
) -> dict[str, dict[str, float]]:
    """LoRA with positive-augmented loss. Writes the PEFT folder out/adapter; returns figures before, after.

    The temperature stays the CLIP's own.
    """
    check(config)
    training, held_out = captioned(training), captioned(val)[:VAL_PICTURES]
    clip = load_clip(config.clip, device)
    fingerprint = clip.fingerprint
    before = appraise(Embedder(clip), held_out)
    adapter = add_adapter(clip, config).train()
    freeze_statistics(clip.model)
    loss = augmented_loss(clip, config, training, positives)
    train(adapter, loss, config, out, resume, validation(clip, held_out))
    save_adapter(adapter, fingerprint, out / "adapter")
    report = {"before": before, "after": appraise(Embedder(load_clip(str(out), device)), held_out)}
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(table(report))
    return report


def augmented_loss(
    clip: Clip, config: MetricConfig, training: Sequence[Example], positives: Positives
) -> Callable[[int], tuple[Tensor, dict[str, Tensor]]]:
    """The loss of a step: its batch, what is made for it, and the three terms."""
    batches = Batches(training, config.batch_size, config.seed, config.prefix)
    encode, source = image_side(clip, [example.image for example in training])
    scale = clip.model.logit_scale.exp()

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        rows, rng = batches.indices(step), batches.rng(step)
        examples = [training[row] for row in rows]
        captions = [batches.caption(row, rng) for row in rows]
        pairs = list(zip(examples, captions))
        pictures = [positives.image(*pair, rng) for pair in pairs] if config.lambda_v else []
        wordings = [positives.text(*pair, rng) for pair in pairs] if config.lambda_t else []

        def encode_text(texts: list[str]) -> Tensor:
            return clip.encode_text([batches.prefixed(text, rng) for text in texts])

        image, text = encode(source[rows]), encode_text(captions)
        made_image = made(pictures, lambda there: clip.encode_image(prepare(there, clip.preprocess)))
        made_text = made(wordings, encode_text)
        if step == 0:
            tell_missing({"picture": made_image, "caption": made_text}, len(rows))
        with torch.autocast(clip.device.type, enabled=False):
            weights = config.lambda_v, config.lambda_t
            return positive_augmented(image, text, made_image, made_text, scale, *weights)

    return loss


def made(positives: Sequence, encode: Callable[[list], Tensor]) -> Made | None:
    """The embeddings of those that are there; None without any."""
    rows = [row for row, positive in enumerate(positives) if positive is not None]
    return Made(encode([positives[row] for row in rows]), torch.tensor(rows)) if rows else None


def tell_missing(positives: dict[str, Made | None], b: int) -> None:
    for what, some in positives.items():
        count = 0 if some is None else len(some.rows)
        if count < b:
            log.warning("made %ss: %d for the first batch's %d pictures; their term sees only those", what, count, b)


def freeze_statistics(model: nn.Module) -> None:
    """Batch normalisation keeps the averages of its pre-training."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def captioned(examples: Sequence[Example]) -> list[Example]:
    kept = [example for example in examples if example.references]
    if len(kept) < 2:
        raise ValueError(f"contrastive training needs two pictures with captions or more, got {len(kept)}")
    return kept


def begin(config: PretrainConfig, training: Sequence[Example], vocabulary: Iterable[str] | None) -> Clip:
    """The CLIP that training starts from, asking for gradients except in what is kept."""
    torch.manual_seed(config.seed)
    if config.init:
        clip = load_clip(config.init)
    else:
        texts = vocabulary or (text for example in training for text in example.references)
        clip = new_clip(config.config, (PREFIX + text for text in texts))
    if config.trunk:
        from metric.trunks import load_trunk

        load_trunk(clip, config.trunk)
    clip.model.requires_grad_(True).train()
    if config.image_tower:
        take_image_tower(clip, load_clip(config.image_tower))
    if config.freeze_trunk:
        trunk(clip).requires_grad_(False).eval()
    return clip


def take_image_tower(clip: Clip, source: Clip) -> None:
    """The other CLIP's image tower, never to be trained here."""
    if clip.config["model_cfg"]["vision_cfg"] != source.config["model_cfg"]["vision_cfg"]:
        raise ValueError(
            f"--image_tower {source.name} is another kind of tower than --config has; give its own --config"
        )
    clip.model.visual.load_state_dict(source.model.visual.state_dict())
    clip.model.visual.requires_grad_(False).eval()


def trunk(clip: Clip) -> nn.Module:
    if not is_timm(clip):
        raise ValueError(f"--freeze_trunk needs a timm image tower, {clip.name} has none; leave it out")
    return clip.model.visual.trunk


def is_timm(clip: Clip) -> bool:
    return "timm_model_name" in clip.config["model_cfg"]["vision_cfg"]


def kept_part(clip: Clip) -> tuple[nn.Module, nn.Module] | None:
    """The part of the image tower that no step changes, and what comes after it; None when all of it is trained."""
    if not trains(clip.model.visual):
        return clip.model.visual, nn.Identity()
    if is_timm(clip) and not trains(trunk(clip)):
        return trunk(clip), clip.model.visual.head
    return None


def trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def image_side(clip: Clip, images: Sequence) -> tuple[Callable[[Tensor], Tensor], Pixels | Tensor]:
    """What encodes rows of pictures, and the rows: pixels, or what a kept part makes of them, computed once."""
    pixels, kept = Pixels(images, clip.preprocess), kept_part(clip)
    if kept is None:
        return clip.encode_image, pixels
    body, head = kept
    batches = torch.arange(len(pixels)).split(64)
    with torch.no_grad():
        features = [
            body(pixels[rows.tolist()].to(clip.device))
            for rows in tqdm(batches, desc="pictures", unit="batch", disable=None, leave=False)
        ]
    return lambda rows: F.normalize(head(rows).float(), dim=-1), torch.cat(features)


def validation(clip: Clip, examples: Sequence[Example]) -> Callable[[], dict[str, float]]:
    """Retrieval among `examples`, first captions with the scoring prefix; the pictures are prepared once."""
    encode, source = image_side(clip, [example.image for example in examples])
    texts = [PREFIX + example.references[0] for example in examples]
    own = torch.arange(len(examples))

    @torch.no_grad()
    def report() -> dict[str, float]:
        trained = [module for module in clip.model.modules() if module.training]
        clip.model.eval()
        image = torch.cat([encode(source[rows.tolist()]).cpu() for rows in own.split(256)])
        text = torch.cat([clip.encode_text([texts[row] for row in rows]).cpu() for rows in own.split(256)])
        for module in trained:
            module.training = True
        return {f"val_{name}": figure for name, figure in retrieval(image, text, own).items()}

    return report
