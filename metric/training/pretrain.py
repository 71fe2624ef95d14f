"""Plain contrastive training of a CLIP on pictures and texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip, new_clip, save_clip
from metric.clip.model import Clip
from metric.example import Example, data_fingerprint
from metric.runtime.console import say, tell
from metric.runtime.precision import autocast, refuse_precision
from metric.runtime.processes import rank, refuse_unlike, shared, wait, world
from metric.similarity import PREFIX
from metric.storage.atomic_files import write_json
from metric.storage.one_at_a_time import alone_in
from metric.storage.run_files import REPORT
from metric.training.batches import Batches
from metric.training.cautions import few_pictures
from metric.training.checkpoint import refuse_place
from metric.training.clip_quality import appraise, table
from metric.training.config import PretrainConfig
from metric.training.loop import check, train
from metric.training.pairs import PairEncoder, pair_loss, trunk, usable, validation


def pretrain(
    config: PretrainConfig,
    training: Sequence[Example],
    val: Sequence[Example],
    out: Path,
    resume: bool = False,
    vocabulary: Iterable[str] | None = None,
    device: str | torch.device = "cpu",
) -> dict[str, float]:
    """Plain contrastive training. Writes the CLIP folder out/clip. -> retrieval figures on `val`.

    The tokenizer of an untrained CLIP is made from `vocabulary`, by default from the texts of `training`. Raises
    ValueError for settings and data that cannot be used.
    """
    check(config)
    refuse_precision(config.precision, torch.device(device))
    refuse_place(out, resume)
    training, held_out = usable(training, val)
    if rank() == 0 and not resume:
        tell(few_pictures(config, len(training)))
    refuse_unlike("training data", data_fingerprint(training))
    clip = begin(config, training, vocabulary).to(device)
    clip.model = whole_batch_statistics(clip.model, torch.device(device), config.chunk)
    agree = pair_loss(clip, "auto")
    encoder = PairEncoder(clip, [example.image for example in training], config.chunk)
    batches = Batches(training, config.batch_size, config.seed, config.prefix)

    def loss(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        rows, rng = batches.order.indices(step), batches.order.rng(step)
        texts = [batches.prefixed(batches.caption(row, rng), rng) for row in rows]
        image, text = encoder.images(rows), encoder.texts(clip.tokenizer(texts))
        with autocast(clip.device, torch.float32):
            return agree(image, text), {"scale": clip.model.logit_scale.detach().exp()}

    with alone_in(out):
        train(clip.model, loss, config, out, resume, validation(clip, held_out, agree))
    clip.model.eval().requires_grad_(False)
    if rank() == 0:
        save_clip(clip, out / "clip")
    figures = shared(lambda: appraise(Embedder(clip), held_out))
    if rank() == 0:
        write_json(out / REPORT, figures)
    say(table({"trained": figures}))
    wait()
    return figures


def whole_batch_statistics(model: nn.Module, device: torch.device, chunk: int = 0) -> nn.Module:
    """The model with batch normalisation over the shares of all processes.

    Raises ValueError on CPUs, for which PyTorch has no such layer, and for a `chunk`, whose pictures would be
    normalised apart from the others of the batch.
    """
    normalised = any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training for m in model.modules())
    if normalised and chunk:
        raise ValueError(
            f"this CLIP's trunk learns with batch normalisation, and --chunk {chunk} would normalise parts of a batch; "
            "type --freeze-trunk, or leave --chunk out"
        )
    if world() == 1 or not normalised:
        return model
    if device.type == "cpu":
        raise ValueError(
            f"this CLIP's trunk learns with batch normalisation, which {world()} processes on CPUs cannot share; "
            "type --freeze-trunk, or start one process"
        )
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


def begin(config: PretrainConfig, training: Sequence[Example], vocabulary: Iterable[str] | None) -> Clip:
    """The CLIP that training starts from, with gradients except in the parts that are kept."""
    torch.manual_seed(config.seed)
    if config.init:
        clip = load_clip(config.init)
    else:
        texts = vocabulary or (text for example in training for text in example.references)
        clip = new_clip(config.config, (PREFIX + text for text in texts))
    if config.trunk:
        from metric.clip.imagenet_trunk import load_trunk

        load_trunk(clip, config.trunk)
    clip.model.requires_grad_(True).train()
    if config.image_tower:
        take_image_tower(clip, load_clip(config.image_tower))
    if config.freeze_trunk:
        trunk(clip).requires_grad_(False).eval()
    return clip


def take_image_tower(clip: Clip, source: Clip) -> None:
    """Copy the image tower of another CLIP and freeze it. Raises ValueError for a tower of another kind.

    The activation, the width of the embeddings and the preparation of pictures belong to the tower.
    """
    mine, others = (tower_of(one) for one in (clip, source))
    if unlike := [name for name in mine if mine[name] != others[name]]:
        raise ValueError(
            f"--image-tower {source.name} has another kind of tower than --config, by {', '.join(unlike)}; give the "
            "configuration of that CLIP"
        )
    clip.model.visual.load_state_dict(source.model.visual.state_dict())
    clip.model.visual.requires_grad_(False).eval()


def tower_of(clip: Clip) -> dict[str, Any]:
    """What the features of an image tower depend on beside its weights."""
    model = clip.config["model_cfg"]
    named = {name: model.get(name, default) for name, default in (("embed_dim", None), ("quick_gelu", False))}
    return {"vision_cfg": model["vision_cfg"], **named, "preprocess_cfg": {**clip.model.visual.preprocess_cfg}}
