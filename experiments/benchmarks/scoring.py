"""Scoring one caption a picture by CLIP: our embedder, a plain open_clip loop, and the limit of both.

Command: `.venv/bin/python -m experiments.benchmarks.scoring --images ../shared/flickr8k/Images`
Cost: about a minute of one core.
The limit is the work that nobody can leave out without another digit: reading and resizing each picture, the image
tower on prepared pixels, the text tower on tokens. Each part is timed alone. Times are CPU seconds of one thread, the
best of three rounds in turn, so other work on the machine changes them little.
Expect: reading and resizing is most of it. The embedder is within a tenth of the limit, and its scores are the loop's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import open_image

WORDS = "dog man woman child ball water street grass".split()
BATCH, ROUNDS = 64, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--clip", default="scenes-clip", help="scenes-clip, a folder, or ARCH:TAG")
    parser.add_argument("--count", type=int, default=256, help="number of pictures (256)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(args.images.glob("*.jpg"))[: args.count]
    captions = [f"a {WORDS[i % 8]} and a {WORDS[i // 8 % 8]} in picture {i}" for i in range(len(files))]
    report(load_clip(args.clip), files, captions)


def report(clip: Clip, files: list[Path], captions: list[str]) -> None:
    """Prints pictures a second of each way and each part, and the largest difference of the scores."""
    with torch.no_grad():
        seconds, scores = timed(ways(clip, files, captions))
    limit = sum(seconds[part] for part in ("reading and resizing", "image tower", "text tower"))
    for name, used in [*seconds.items(), ("limit, the three parts", limit)]:
        print(f"{name:24} {len(files) / used:8.1f} pictures a second, {used / limit:6.1%} of the limit's time")
    apart = (scores["open_clip loop"] - scores["our embedder"]).abs().max()
    print(f"largest difference of two scores: {apart:.1e}")


def ways(clip: Clip, files: list[Path], captions: list[str]) -> dict[str, Callable[[], Tensor]]:
    """Name -> the work, which returns its scores or its tensors."""
    pixels = torch.stack([clip.preprocess(open_image(path)) for path in files])
    tokens = clip.tokenizer(captions)

    def loop() -> Tensor:
        scores = []
        for start in range(0, len(files), BATCH):
            part = files[start : start + BATCH]
            images = clip.model.encode_image(torch.stack([clip.preprocess(open_image(path)) for path in part]))
            texts = clip.model.encode_text(clip.tokenizer(captions[start : start + BATCH]))
            scores.append((F.normalize(images, dim=-1) * F.normalize(texts, dim=-1)).sum(-1))
        return torch.cat(scores)

    def ours() -> Tensor:
        embedder = Embedder(clip)
        return (embedder.images(files) * embedder.texts(captions)).sum(-1)

    return {
        "open_clip loop": loop,
        "our embedder": ours,
        "reading and resizing": lambda: torch.stack([clip.preprocess(open_image(path)) for path in files]),
        "image tower": lambda: torch.cat([clip.model.encode_image(part) for part in pixels.split(BATCH)]),
        "text tower": lambda: torch.cat([clip.model.encode_text(part) for part in tokens.split(BATCH)]),
    }


def timed(works: dict[str, Callable[[], Tensor]]) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Name -> the best CPU seconds of ROUNDS rounds, and the results of the last round."""
    seconds: dict[str, float] = {}
    results = {}
    for _ in range(ROUNDS):
        for name, work in works.items():
            began = time.process_time()
            results[name] = work()
            seconds[name] = min(seconds.get(name, torch.inf), time.process_time() - began)
    return seconds, results


if __name__ == "__main__":
    main()
