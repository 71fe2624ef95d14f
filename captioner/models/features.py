"""What a captioner sees of a picture: the patch features of a frozen CLIP, computed once and kept on disk.

Axes: n or b pictures, p patches, f features, c h w pixels or grid.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from captioner.models.shelf import MemoryShelf, disk_shelf
from metric.clip import Clip
from metric.example import Example, UnreadableImage, image_key, open_image


@torch.no_grad()
def grid_features(clip: Clip, pixels: Tensor) -> Tensor:
    """The last layer's features of each patch, `n c h w` -> `n p f`: before any pooling, no class token."""
    tower = clip.model.visual
    for kind, read in TOWERS.items():
        if isinstance(tower, kind):
            return read(tower, pixels.to(clip.device))
    known = ", ".join(kind.__name__ for kind in TOWERS)
    raise ValueError(f"{clip.name} has an image tower of type {type(tower).__name__}, expected {known}")


def vit_features(tower: VisionTransformer, pixels: Tensor) -> Tensor:
    """After the tower's last LayerNorm, which tames a few huge channels; CoCa's fits pooled tokens only."""
    found = tower.forward_intermediates(
        pixels,
        indices=1,
        normalize_intermediates=tower.attn_pool is None,
        intermediates_only=True,
        output_fmt="NLC",
    )
    return found["image_intermediates"][-1]


def resnet_features(tower: ModifiedResNet, pixels: Tensor) -> Tensor:
    """The grid that enters the attention pool."""
    grid = tower.forward_intermediates(pixels, indices=1, intermediates_only=True)["image_intermediates"][-1]
    return rearrange(grid, "n c h w -> n (h w) c")


def timm_features(tower: TimmModel, pixels: Tensor) -> Tensor:
    """A grid, or tokens behind class and register tokens: timm marks its exceptions by these attributes."""
    found = tower.trunk.forward_features(pixels)
    if found.ndim == 3:
        return found[:, getattr(tower.trunk, "num_prefix_tokens", 0) :]
    channels_last = getattr(tower.trunk, "output_fmt", "NCHW") == "NHWC"
    return rearrange(found, "n h w c -> n (h w) c" if channels_last else "n c h w -> n (h w) c")


TOWERS = {VisionTransformer: vit_features, ModifiedResNet: resnet_features, TimmModel: timm_features}


def feature_dim(clip: Clip) -> int:
    """Size f of a patch's features."""
    return grid_features(clip, clip.preprocess(Image.new("RGB", (64, 64)))[None]).shape[-1]


PLANNED = 10_000  # pictures to compute from which on a plan is printed first
MEASURED = 64  # pictures it is made from


class FeatureStore:
    """Features by example id, fp16 in memory or mapped; `skipped` says which examples have none, and why."""

    def __init__(self, features: np.ndarray, rows: dict[str, int], skipped: dict[str, str]) -> None:
        self.features, self.rows, self.skipped = features, rows, skipped

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, ids: Sequence[str]) -> Tensor:
        """`b p f` fp32."""
        return torch.from_numpy(self.features[[self.rows[name] for name in ids]]).float()

    @classmethod
    def build(cls, examples: Sequence[Example], clip: Clip, folder: Path | None, batch_size: int = 64) -> FeatureStore:
        """Computes what `folder` (None: memory) does not hold yet; killed half-way, it goes on from there.

        Pictures are known by content, so that splits and runs share a folder, which only ever grows.
        """
        keys, skipped = content_keys(examples)
        faults: dict[str, str] = {}
        with nullcontext(MemoryShelf()) if folder is None else disk_shelf(Path(folder), clip) as shelf:
            todo = {keys[e.id]: e for e in examples if e.id in keys and keys[e.id] not in shelf.known}
            if len(todo) >= PLANNED:
                tqdm.write(plan(todo, clip))
            for found, features, faulty in computed(todo, clip, batch_size):
                shelf.append(found, features)
                faults |= faulty
            rows = {name: shelf.known[key] for name, key in keys.items() if key not in faults}
            skipped |= {name: faults[key] for name, key in keys.items() if key in faults}
            return cls(shelf.array(), rows, skipped)


def plan(todo: Mapping[str, Example], clip: Clip) -> str:
    """What is ahead on disk and in time, from the rate of a few pictures that are looked at first."""
    few = dict(islice(todo.items(), MEASURED))
    started = time.perf_counter()
    ((_, features, _),) = features_of_batches([few], clip)
    rate = len(few) / (time.perf_counter() - started)
    _, p, f = features.shape
    size = 2 * p * f * len(todo) / 1e9  # fp16
    return (
        f"features of {len(todo):,} pictures: {p} x {f} each, {size:.1f} GB, about {len(todo) / rate / 3600:.1f} hours "
        f"at {rate:.0f} pictures a second"
    )


def content_keys(examples: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:
    """Of each example id the picture's key, or why it has none."""
    keys, skipped = {}, {}
    for example in examples:
        try:
            keys[example.id] = image_key(example.image)
        except OSError as error:
            skipped[example.id] = f"{example.image}: {error.strerror}"
    return keys, skipped


Computed = tuple[list[str], np.ndarray, dict[str, str]]  # keys, features `n p f`, faults by key


def computed(todo: Mapping[str, Example], clip: Clip, batch_size: int) -> Iterator[Computed]:
    """Batch by batch, with a bar."""
    keys = list(todo)
    batches = ({key: todo[key] for key in keys[at : at + batch_size]} for at in range(0, len(keys), batch_size))
    with tqdm(total=len(todo), desc="features", unit="picture", disable=None if todo else True) as bar:
        for found in features_of_batches(batches, clip):
            yield found
            bar.update(len(found[0]) + len(found[2]))


def features_of_batches(batches: Iterable[Mapping[str, Example]], clip: Clip) -> Iterator[Computed]:
    """The next batch's pictures are read while the caller and the tower work on this one's."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        reading: Reading | None = None
        for batch in batches:
            before, reading = reading, submit(pool, batch, clip)
            if before is not None:
                yield features_of(before, clip)
        if reading is not None:
            yield features_of(reading, clip)


Reading = dict[str, Future[Tensor]]


def submit(pool: ThreadPoolExecutor, batch: Mapping[str, Example], clip: Clip) -> Reading:
    return {key: pool.submit(lambda image: clip.preprocess(open_image(image)), batch[key].image) for key in batch}


def features_of(batch: Reading, clip: Clip) -> Computed:
    pixels, faults = {}, {}
    for key, picture in batch.items():
        try:
            pixels[key] = picture.result()
        except UnreadableImage as error:
            faults[key] = str(error)
    if not pixels:
        return [], np.zeros((0, 0, 0), np.float16), faults
    largest = torch.finfo(torch.float16).max
    features = grid_features(clip, torch.stack(list(pixels.values()))).clamp(-largest, largest)
    return list(pixels), features.half().cpu().numpy(), faults
