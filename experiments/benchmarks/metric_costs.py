"""The costs of the learned metric: the training step, the memory of a large batch, and scoring.

Command: `.venv/bin/python -m experiments.benchmarks.metric_costs --out runs/metric-costs` for scenes-clip, or
`--clip ViT-B-32` for that architecture with random weights.
Cost: about ten minutes of one core for scenes-clip.
Step: a LoRA step on `--step-batch` pairs, against the forward pass of the frozen model over the same pairs. The step
has the plain loss, and then a made picture and a made caption for each pair. Memory: the peak of one step on `--batch`
pairs, at once and in chunks, each in a process of its own. Scoring: pairs a second by our Embedder and by a plain loop
of open_clip, with one and with five captions a picture. Both read the pictures from files.
Times on a CPU are seconds of one core, which other work does not change. Times on a GPU are by the clock.
Expect: a step costs three to four forward passes. Chunks need a fraction of the memory for a third more time. Scoring
gains where pictures repeat or captions are short.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import torch
from PIL import Image

from captioner.data import load
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.clip.pixels import prepare
from metric.example import Example, open_image
from metric.positives.sources import ScenePositives
from metric.runtime.device import device_of
from metric.runtime.gradients import data_parallel
from metric.similarity import PREFIX, pac_s
from metric.storage.provenance import commit, hardware
from metric.training.checkpoint import Patience, Training
from metric.training.config import MetricConfig
from metric.training.finetune import augmented_loss, parts_of
from metric.training.loop import optimiser, update
from metric.training.lora import add_adapter
from metric.training.pairs import pair_loss

REPEATS = 3  # rounds of each measurement; the fastest counts
PLAIN = MetricConfig(lambda_v=0.0, lambda_t=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/overheads"))
    parser.add_argument("--clip", default="scenes-clip", help="scenes-clip, a folder, or an open_clip architecture")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--step-batch", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--chunk", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=256, help="number of scored pictures")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    name, device = clip_name(args.clip, args.out), device_of(args.device)
    costs: dict[str, Any] = {"clip": args.clip, "commit": commit(), "hardware": hardware()}
    parts: list[Callable[[], dict[str, Any]]] = [
        lambda: step_costs(name, device, args.step_batch),
        lambda: {"memory_whole": apart(name, device, args.batch, 0)},
        lambda: {"memory_in_chunks": apart(name, device, args.batch, args.chunk)},
        lambda: scoring(name, device, args.pictures, args.out),
    ]
    for part in parts:  # a killed call keeps the finished parts
        costs |= part()
        (args.out / f"overheads-{Path(args.clip).name}.json").write_text(json.dumps(costs, indent=2) + "\n")
    print(json.dumps(costs, indent=2))


def clip_name(name: str, out: Path) -> str:
    """The name of a CLIP to load. An architecture gets random weights, since no cost depends on the weights."""
    folder = out / name
    if name in open_clip.list_models() and not folder.exists():
        model, _, preprocess = open_clip.create_model_and_transforms(name)
        config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": dict(model.visual.preprocess_cfg)}
        save_clip(Clip(name, model, preprocess, open_clip.get_tokenizer(name), config), folder)
    return str(folder) if folder.exists() else name


def scenes(count: int) -> list[Example]:
    return load(f"scenes:count={count}", "train")


def clock(device: torch.device) -> float:
    """Seconds: by the clock for a GPU, of this process for a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def best(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of REPEATS rounds, after a round that warms up."""
    seconds = []
    for _ in range(REPEATS + 1):
        began = clock(device)
        work()
        seconds.append(clock(device) - began)
    return min(seconds[1:])


def training(name: str, device: torch.device, config: MetricConfig) -> Callable[[], object]:
    """A function that does one LoRA step. The first call prepares the pictures."""
    clip = load_clip(name, device)
    model = add_adapter(clip, config).train()
    encoder, make = parts_of(clip, config, scenes(config.batch_size), ScenePositives())
    loss = augmented_loss(encoder, config, pair_loss(clip, config.loss), make)
    run = Training(model, optimiser(model, config), torch.amp.GradScaler(enabled=False), Patience(0))
    return lambda: update(run, data_parallel(model), loss, config, 0)


def step_costs(name: str, device: torch.device, batch: int) -> dict[str, float]:
    """Seconds of a forward pass and of LoRA steps on `batch` pairs."""
    clip, examples = load_clip(name, device), scenes(batch)
    pixels = prepare([example.image for example in examples], clip.preprocess)
    texts = [PREFIX + example.references[0] for example in examples]

    @torch.no_grad()
    def forward() -> None:
        clip.encode_image(pixels)
        clip.encode_text(texts)

    plain = replace(PLAIN, clip=name, batch_size=batch)
    seconds = {
        "forward_seconds": best(forward, device),
        "lora_step_seconds": best(training(name, device, plain), device),
        "lora_step_in_chunks_seconds": best(training(name, device, replace(plain, chunk=max(1, batch // 4))), device),
        "augmented_step_seconds": best(training(name, device, MetricConfig(clip=name, batch_size=batch)), device),
    }
    return {
        "step_batch": batch,
        **seconds,
        "step_per_forward": seconds["lora_step_seconds"] / seconds["forward_seconds"],
    }


def apart(name: str, device: torch.device, batch: int, chunk: int) -> dict[str, float]:
    """The result of `memory`, measured in a process that does nothing else."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(memory, (name, str(device), batch, chunk))


def memory(name: str, device: str, batch: int, chunk: int) -> dict[str, float]:
    """MiB that one step on `batch` pairs adds to the loaded model, pictures included, and the seconds of the step."""
    here = torch.device(device)
    warm = training(name, here, replace(PLAIN, clip=name, batch_size=2))
    warm()
    step = training(name, here, replace(PLAIN, clip=name, batch_size=batch, chunk=chunk))
    before = peak(here)
    began = clock(here)
    step()
    return {"batch": batch, "chunk": chunk, "step_mb": peak(here) - before, "seconds": clock(here) - began}


def peak(device: torch.device) -> float:
    """Peak memory so far, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # kilobytes on Linux


def scoring(name: str, device: torch.device, count: int, out: Path) -> dict[str, float]:
    """Pairs a second that get a PAC-S, by our Embedder and by a plain loop. The pictures are files."""
    clip, examples = load_clip(name, device), scenes(count)
    files = [save_picture(example, out / "pictures") for example in examples]
    speeds: dict[str, float] = {"pictures": count}
    for captions in 1, 5:
        pairs = [(file, text) for file, example in zip(files, examples) for text in example.references[:captions]]
        ours = best(partial(embedded, clip, pairs), device)
        loop = best(partial(looped, clip, pairs), device)
        torch.testing.assert_close(embedded(clip, pairs), looped(clip, pairs), rtol=0, atol=1e-5)
        speeds |= {
            f"pairs_per_second_{captions}": len(pairs) / ours,
            f"loop_pairs_per_second_{captions}": len(pairs) / loop,
        }
    return speeds


def save_picture(example: Example, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{example.id.replace('/', '-')}.png"
    open_image(example.image).resize((224, 224), Image.Resampling.NEAREST).save(path)
    return path


def embedded(clip: Clip, pairs: list[tuple[Path, str]]) -> torch.Tensor:
    """PAC-S of each pair, by our Embedder."""
    embedder, (files, texts) = Embedder(clip), zip(*pairs)
    return pac_s((embedder.images(files) * embedder.texts([PREFIX + text for text in texts])).sum(-1))


@torch.no_grad()
def looped(clip: Clip, pairs: list[tuple[Path, str]], size: int = 64) -> torch.Tensor:
    """PAC-S of each pair, by a loop as in the examples of open_clip."""
    scores = []
    for start in range(0, len(pairs), size):
        files, texts = zip(*pairs[start : start + size])
        pixels = torch.stack([clip.preprocess(Image.open(file)) for file in files]).to(clip.device)
        image = clip.model.encode_image(pixels, normalize=True)
        text = clip.model.encode_text(clip.tokenizer([PREFIX + one for one in texts]).to(clip.device), normalize=True)
        scores.append(2 * (image * text).sum(-1).clamp(min=0).cpu())
    return torch.cat(scores)


if __name__ == "__main__":
    main()
