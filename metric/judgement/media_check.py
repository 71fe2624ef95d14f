"""A check of the pictures and videos of a benchmark before hours of scoring."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from metric.example import Picture
from metric.images import UnreadableImage, decode_all
from metric.judgement.benchmark import Benchmark
from metric.runtime.progress import watched
from metric.video import Video, frames

THREADS = 4


def with_pictures(benchmark: Benchmark) -> Benchmark:
    """The benchmark without the items whose picture is absent or broken. `left_out` has their names."""
    complete = benchmark.without("picture is not there", lost(benchmark, absent))
    return complete.without("picture cannot be read", lost(complete, broken))


def lost(benchmark: Benchmark, check: Callable[[Path | Picture], str]) -> dict[int, str]:
    """Number of an item -> the fault that `check` finds in its picture. Each picture is checked once."""
    images = {item.example.image: "" for item in benchmark.items}
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(watched(pool.map(check, images), "check of picture", len(images), part=True))
    faults = dict(zip(images, results))
    return {n: fault for n, item in enumerate(benchmark.items) if (fault := faults[item.example.image])}


def absent(image: Path | Picture) -> str:
    path = image.path if isinstance(image, Video) else image
    return str(path) if isinstance(path, Path) and not path.exists() else ""


def broken(image: Path | Picture) -> str:
    """The fault of a picture or a video that cannot be read, "" for one that can."""
    try:
        if isinstance(image, Path):
            decode_all(image, str(image))
        elif isinstance(image, Video):
            frames(image, 1)
        else:
            image.draw()
    except UnreadableImage as error:
        return str(error)
    except (OSError, ValueError) as error:
        return f"{image.path if isinstance(image, Video) else image}: {error}"
    return ""
