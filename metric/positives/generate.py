"""Make the positives of a data set, shard by shard. Several processes share the shards, and a later call goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import torch

from metric.clip.load import load_clip
from metric.example import Example
from metric.positives.config import FilterConfig, GenerationConfig
from metric.positives.contact_sheet import contact_sheet
from metric.positives.filter import read_about, select, write_about
from metric.positives.make_batch import BatchMaker
from metric.positives.shards import join, pack, part_path, read, shard_path, shards_in, tidy
from metric.positives.units import ImageMaker, TextMaker, Unit, units_of
from metric.runtime.progress import Progress
from metric.runtime.work_share import WHOLE, Share
from metric.storage.atomic_files import write_bytes

Makers = tuple[TextMaker | None, ImageMaker | None]


def generate(
    config: GenerationConfig,
    filtering: FilterConfig,
    examples: Sequence[Example],
    data: str,
    out: Path,
    makers: Callable[[], Makers],
    device: torch.device,
    share: Share = WHOLE,
) -> None:
    """Make this process's share of the shards. The process that finds all shards there filters them.

    Models are loaded when there is a shard to make. `data` is written into the provenance of every sample. Raises
    ValueError for a folder that was begun with other settings or captions.
    """
    units = units_of(examples, config.per_picture, config.seed)
    shards = [units[start : start + config.shard_size] for start in range(0, len(units), config.shard_size)]
    begin(out, config, examples, data, len(shards))
    todo = [number for number in share.of(range(len(shards))) if not shard_path(out, number).exists()]
    if todo:
        clip = load_clip(config.clip, device) if config.clip else None
        maker = BatchMaker(*makers(), clip, config, data)
        count = sum(len(shards[number]) for number in todo)
        with Progress("positives of caption", count, shown=share.speaks) as progress:
            for number in todo:
                fill(out, number, shards[number], maker, config.batch_size, progress)
    missing = sum(not shard_path(out, number).exists() for number in range(len(shards)))
    if missing:
        print(f"{out}: {missing} of {len(shards)} shards are other processes'; the last one filters")
    else:
        finish(out, filtering, {example.id: example for example in examples})


def begin(out: Path, config: GenerationConfig, examples: Sequence[Example], data: str, shards: int) -> None:
    """Write the settings, or raise ValueError when the folder was begun with others."""
    identity = sha256(json.dumps([(example.id, example.references) for example in examples]).encode()).hexdigest()[:12]
    settings, known = asdict(config), read_about(out)
    if not known:
        if shards_in(out):
            raise ValueError(f"{out} holds shards that are not of this command: choose another --out")
        write_about(out, {"settings": settings, "data": data, "examples": identity, "shards": shards})
        return
    before = {**known["settings"], "data's captions": known["examples"]}
    now = {**settings, "data's captions": identity}
    changed = ", ".join(f"{name} {before.get(name)!r}" for name in now if before.get(name) != now[name])
    if changed:
        raise ValueError(f"{out} was begun with {changed}: go on with the same or choose another --out")


def fill(out: Path, number: int, units: Sequence[Unit], maker: BatchMaker, b: int, progress: Progress) -> None:
    """Make the batches of a shard that are not there yet, then the shard."""
    batches = [units[start : start + b] for start in range(0, len(units), b)]
    for place, batch in enumerate(batches):
        part = part_path(out, number, place)
        if not part.exists():
            write_bytes(part, pack(maker(batch)))
        progress.advance(len(batch))
    join(out, number, len(batches))


def finish(out: Path, filtering: FilterConfig, examples: dict[str, Example]) -> None:
    """Write the filter and the contact sheet. Both can be made anew at any time."""
    about = {**read_about(out), "filtering": asdict(filtering), "filter": select(read(shards_in(out)), filtering)}
    write_about(out, about)
    for kind, what in (("text", "captions t'"), ("image", "pictures v'")):
        facts = about["filter"][kind]
        if facts["made"] or facts["skipped"]:
            limit = "no filter" if facts["threshold"] is None else f"less similar than {facts['threshold']:.3f}"
            reasons = "".join(f", {count} not made: {reason}" for reason, count in facts["skipped"].items())
            share = f"{facts['dropped']} dropped ({100 * facts['share']:.1f} %; {limit})"
            print(f"{what}: {facts['made']} made, {share}{reasons}")
    tidy(out)
    contact_sheet(out, examples)
