"""Captioned pictures a second: from a folder, from shards, by kept features, and by a plain loop over the files.

Command: `.venv/bin/python -m experiments.benchmarks.captioning --model RUN --images ../shared/flickr8k/Images`
Cost: about a minute of two cores.
The plain loop opens, prepares, encodes and captions one batch after the other with open_clip's own transform. The time
to load the model is not counted.
Expect: all four ways give the same captions. The last column counts equal captions. Kept features are the fastest.
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

import torch

from captioner.captioning.candidates import CandidateSettings
from captioner.captioning.worker import ModelSource, Worker
from captioner.config import Decode
from captioner.data import parts
from captioner.data.blocks import blocks
from captioner.decoding.generate import generate
from captioner.features.patch_features import grid_features
from captioner.features.store import FeatureStore
from metric.example import Example, open_image
from metric.runtime.work_share import WHOLE

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="run folder, model folder or hub id")
    parser.add_argument("--images", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--count", type=int, default=256, help="number of pictures (256)")
    args = parser.parse_args()
    model = ModelSource(args.model)
    decode = model.decode()
    worker = Worker(model, CandidateSettings(decode.max_length, candidates=decode.beams), "", "test")
    files = sorted(args.images.glob("*.jpg"))[: args.count]
    with tempfile.TemporaryDirectory() as made:
        places = laid_out(files, Path(made))
        FeatureStore.build([Example(path.name, path) for path in files], worker.clip, Path(made) / "features")
        featured = Worker(replace(model, features=str(Path(made) / "features")), worker.settings, "", "test")
        ways: dict[str, Callable[[], dict[str, str]]] = {
            "plain loop": lambda: plain(worker, files, decode),
            "JPEG folder": lambda: streamed(worker, str(places["folder"])),
            "shards": lambda: streamed(worker, str(places["shards"])),
            "kept features": lambda: streamed(featured, str(places["folder"])),
        }
        report(ways, args.count)


def report(ways: dict[str, Callable[[], dict[str, str]]], count: int) -> None:
    """Prints the speed of each way, and the number of captions that equal the captions of the first way."""
    expected: dict[str, str] = {}
    for name, way in ways.items():
        started = time.perf_counter()
        captions = way()
        seconds = time.perf_counter() - started
        expected = expected or captions
        same = sum(captions[key] == text for key, text in expected.items())
        print(f"{name:14} {count / seconds:7.1f} pictures a second, {same} of {count} captions as the plain loop's")


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


def plain(worker: Worker, files: list[Path], decode: Decode) -> dict[str, str]:
    """File name -> caption, by a loop that prepares, encodes and captions one batch after another."""
    captions: dict[str, str] = {}
    remaining = iter(files)
    while batch := list(islice(remaining, BATCH)):
        pixels = torch.stack([worker.clip.preprocess(open_image(path)) for path in batch])
        features = grid_features(worker.clip, pixels).half().float()
        generated = generate(worker.captioner, features, k=decode.beams, max_length=decode.max_length)
        captions |= {path.name: beams[0] for path, beams in zip(batch, generated.captions)}
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
