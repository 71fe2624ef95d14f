"""Captioned pictures a second: from a folder, from shards, by kept features, by a plain loop, and the limit of all.

Command: `.venv/bin/python -m experiments.benchmarks.captioning --model RUN --images ../shared/flickr8k/Images`
Cost: about a minute of two cores.
The plain loop opens, prepares, encodes and captions one batch after the other with open_clip's own transform. The time
to load the model is not counted. The limit is the sum of three parts, each timed alone: reading and resizing, the image
tower on prepared pixels, and the search for captions. Speeds are by CPU seconds of one thread.
Expect: all four ways give the same captions. Kept features are the fastest. A folder is within a tenth of the limit.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from captioner.captioning.worker import Worker
from captioner.config import Decode
from captioner.data import parts
from captioner.data.blocks import blocks
from captioner.decoding.generate import generate
from captioner.features.patch_features import grid_features
from captioner.features.store import FeatureStore
from captioner.sources.own import OwnCaptions, OwnSource
from captioner.sources.settings import CandidateSettings
from metric.example import Example, open_image
from metric.runtime.work_share import WHOLE

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="run folder, model folder or hub id")
    parser.add_argument("--images", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--count", type=int, default=256, help="number of pictures (256)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = OwnSource(args.model)
    decode = model.decode()
    settings = CandidateSettings(decode.max_length, candidates=decode.beams)
    own, worker = model.load(settings), Worker(model, settings, "", "test")
    files = sorted(args.images.glob("*.jpg"))[: args.count]
    with tempfile.TemporaryDirectory() as made:
        places = laid_out(files, Path(made))
        FeatureStore.build([Example(path.name, path) for path in files], own.tower, Path(made) / "features")
        featured = Worker(replace(model, features=str(Path(made) / "features")), settings, "", "test")
        ways: dict[str, Callable[[], dict[str, str]]] = {
            "plain loop": lambda: plain(own, files, decode),
            "JPEG folder": lambda: streamed(worker, str(places["folder"])),
            "shards": lambda: streamed(worker, str(places["shards"])),
            "kept features": lambda: streamed(featured, str(places["folder"])),
        }
        report(ways, len(files))
        limits(own, files, decode)


def report(ways: dict[str, Callable[[], dict[str, str]]], count: int) -> None:
    """Prints the speed of each way, and the number of captions that equal the captions of the first way."""
    expected: dict[str, str] = {}
    for name, way in ways.items():
        captions, seconds = timed(way)
        expected = expected or captions
        same = sum(captions[key] == text for key, text in expected.items())
        print(f"{name:20} {count / seconds:7.1f} pictures a second, {same} of {count} captions as the plain loop's")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result of the work, and its CPU seconds, the better of two rounds."""
    seconds = []
    for _ in range(2):
        began = time.process_time()
        result = work()
        seconds.append(time.process_time() - began)
    return result, min(seconds)


def limits(own: OwnCaptions, files: list[Path], decode: Decode) -> None:
    """Prints the speed of each part of the work alone, and of their sum."""
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    pixels, reading = timed(lambda: [torch.stack([own.tower.preprocess(open_image(p)) for p in b]) for b in batches])
    features, looking = timed(lambda: [grid_features(own.tower, part).half().float() for part in pixels])
    _, searching = timed(lambda: [captioned(own, part, decode) for part in features])
    parts = {"reading and resizing": reading, "image tower": looking, "search": searching}
    for name, seconds in [*parts.items(), ("limit, the sum", sum(parts.values()))]:
        print(f"{name:20} {len(files) / seconds:7.1f} pictures a second")


def captioned(own: OwnCaptions, features: Tensor, decode: Decode) -> list[list[str]]:
    """The captions of features `b p f`, `decode.beams` a picture."""
    return generate(own.captioner, features, k=decode.beams, max_length=decode.max_length).captions


def laid_out(files: list[Path], folder: Path) -> dict[str, Path]:
    """Puts the pictures into a folder of links and into two shards. Returns the places by name."""
    places = {"folder": folder / "folder", "shards": folder / "shards"}
    for place in places.values():
        place.mkdir()
    for path in files:
        (places["folder"] / path.name).symlink_to(path.resolve())
    for number, part in enumerate((files[: len(files) // 2], files[len(files) // 2 :])):
        with tarfile.open(places["shards"] / f"{number}.tar", "w") as tar:
            for path in part:
                entry = tarfile.TarInfo(path.name)
                entry.size = path.stat().st_size
                tar.addfile(entry, io.BytesIO(path.read_bytes()))
    return places


def plain(own: OwnCaptions, files: list[Path], decode: Decode) -> dict[str, str]:
    """File name -> caption, by a loop that prepares, encodes and captions one batch after another."""
    captions: dict[str, str] = {}
    remaining = iter(files)
    while batch := list(islice(remaining, BATCH)):
        pixels = torch.stack([own.tower.preprocess(open_image(path)) for path in batch])
        features = grid_features(own.tower, pixels).half().float()
        captions |= {path.name: beams[0] for path, beams in zip(batch, captioned(own, features, decode))}
    return captions


def streamed(worker: Worker, images: str) -> dict[str, str]:
    """Picture id -> caption, by the worker of `captioner caption`."""
    return {row.id: row.captions[0] for row in rows(worker, images)}


def rows(worker: Worker, images: str) -> Iterator:
    """The rows of captions, as the worker gives them."""
    captioned = worker.rows(blocks(parts(images, "test"), BATCH, WHOLE, images))
    return (row for block in captioned for row in block)


if __name__ == "__main__":
    main()
