"""The memory, the disk and the steps of a training, told before the training begins.

Data, CLIPs and rewards are opened for a plan, and no feature is computed. Memory is the memory of this process then,
and what a run adds: features, moments of AdamW, gradients and activations. Activations are measured on one picture with
captions of full length, so a real step needs less of them.

Axes: n pictures, p patches, f features, k captions of a picture, t tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from captioner.config import Run
from captioner.features.patch_features import grid_features
from captioner.features.store import ONLINE, folder_of, known_ids
from captioner.model.encoder_decoder import Captioner
from captioner.runs.places import placed
from captioner.runs.stages import settings_of, stages
from captioner.training.needs import FLOAT, MOMENTS, Need, kept, refuse_what_does_not_fit, told
from captioner.training.opening import Opened, opened

SMALLER = "--features DIR to keep features on disk, --accumulate N for smaller parts of a step, or a smaller --model.d"


def lasting(start: Opened) -> list[Need]:
    """What the whole run needs, whatever its batches: features, weights, and the files of the model."""
    run, weights = start.run, FLOAT * sum(weight.numel() for weight in start.captioner.parameters())
    models = run.keep + 1 + (len(stages(run)) if run.keep_best else 0)  # the new checkpoint is written beside the old
    return [
        features(start),
        Need("gradients and moments of AdamW", memory=(1 + MOMENTS) * weights),
        Need("checkpoints", disk=(run.keep + 1) * (1 + MOMENTS) * weights + (models - run.keep - 1) * weights),
        *([Need("model before the reward stage", weights, weights)] if "reward" in stages(run) else []),
    ]


def features(start: Opened) -> Need:
    """The features `n p f` in fp16 that are still to compute. They lie in memory, or in the folder of --features."""
    run = start.run
    _, p, f = blank(start).shape
    kept = start.val if run.features == ONLINE else [*start.train, *start.val]
    known = known_ids(run.features)
    size = 2 * p * f * sum(example.id not in known for example in kept)
    what = f"features of {len(kept):,} pictures, {p} x {f} each"
    return Need(what, disk=size) if folder_of(run.features) else Need(what, host=size)


def blank(start: Opened) -> Tensor:
    """The features of an empty picture, `1 p f`."""
    return grid_features(start.clip, start.clip.preprocess(Image.new("RGB", (64, 64)))[None]).float()


def activations(start: Opened) -> Need:
    """What the backward pass of the larger stage needs."""
    run, look = start.run, blank(start)
    captions = {"xe": 1, "reward": run.rl.samples}
    sizes = [
        pictures_of(start, name) * of_a_picture(start.captioner, look, run, captions[name]) for name in stages(run)
    ]
    return Need("activations of a step at most", memory=max(sizes) // run.accumulate)


def of_a_picture(captioner: Captioner, look: Tensor, run: Run, k: int) -> int:
    """Bytes of the activations of `k` captions `1 k t` of one picture."""
    tokens = torch.zeros(1, k, run.decode.max_length, dtype=torch.long, device=look.device)
    return kept(lambda: captioner(look, tokens).log_softmax(-1).sum(), captioner)


def plan(run: Run, out: Path) -> Iterator[str]:
    """The lines of the plan of a run, of which the last raises ValueError when the run does not fit."""
    start = opened(placed(run))
    needs = [*lasting(start), activations(start)]
    yield from told(needs, out, start.device, "program, data, CLIP and rewards")
    yield from (steps(start, stage) for stage in stages(run))
    refuse_what_does_not_fit(needs, out, start.device, SMALLER)


def pictures_of(start: Opened, stage: str) -> int:
    """The pictures of a step of a stage: no more than there are."""
    return min(settings_of(start.run, stage).batch_size, len(start.train))


def steps(start: Opened, stage: str) -> str:
    """The steps of a stage: `xe: 600 steps of 50 pictures, each of the 4,000 pictures 7.5 times`."""
    settings, count, size = settings_of(start.run, stage), len(start.train), pictures_of(start, stage)
    looks = ceil(settings.steps / start.run.val_every)
    return (
        f"{stage}: {settings.steps:,} steps of {size} pictures, each of the {count:,} pictures "
        f"{settings.steps * size / count:.1f} times; {looks} evaluations on {len(start.val):,} pictures"
    )
