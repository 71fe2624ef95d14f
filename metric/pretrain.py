"""How a CLIP is made from pictures and texts: plain contrastive training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from metric.appraise import appraise, table
from metric.batches import Batches
from metric.clip import Clip, load_clip, new_clip, save_clip
from metric.config import PretrainConfig
from metric.embed import Embedder
from metric.example import Example
from metric.pairs import VAL_PICTURES, captioned, image_side, pair_loss, trunk, validation
from metric.processes import world
from metric.similarity import PREFIX
from metric.training import check, train


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
    if world() > 1:
        raise ValueError(f"pretraining runs in one process, got {world()}: start it without torchrun")
    training = captioned(training)
    clip = begin(config, training, vocabulary).to(device)
    agree = pair_loss(clip, "auto")
    encode, source = image_side(clip, [example.image for example in training])
    held_out = captioned(val)[:VAL_PICTURES]
    batches = Batches(training, config.batch_size, config.seed, config.prefix)

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        rows, rng = batches.indices(step), batches.rng(step)
        image = encode(source[rows])
        text = clip.encode_text([batches.prefixed(batches.caption(row, rng), rng) for row in rows])
        with torch.autocast(clip.device.type, enabled=False):
            return agree(image, text), {"scale": clip.model.logit_scale.detach().exp()}

    train(clip.model, loss, config, out, resume, validation(clip, held_out, agree))
    clip.model.eval().requires_grad_(False)
    save_clip(clip, out / "clip")
    figures = appraise(Embedder(clip), held_out)
    (out / "report.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(table({"trained": figures}))
    return figures


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
